package stack

import "time"

// A Snapshot is everything that the probes have counted since they were
// attached. Only combinations that occurred are listed, in a fixed order.
type Snapshot struct {
	Traffic   []Traffic
	Crossings []Crossing
	Unmatched []Unmatched
	// Stages are the waits between layers, by packet.
	Stages []Stage
	// ReadWaits are the waits of readable data for its reader, by socket.
	ReadWaits []ReadWait
	// QdiscWaits and DriverXmits are by device name. Devices of other network
	// namespaces, and those beyond the limit, are under "other".
	QdiscWaits, DriverXmits map[string]Histogram
	// SoftirqWaits and SoftirqRuns are by vector, "net_rx" or "net_tx".
	SoftirqWaits, SoftirqRuns map[string]Histogram
	// Polls is by device name; the backlog of the loopback and virtual devices
	// is "backlog".
	Polls map[string]Polls
	// NetfilterHooks is empty unless Config.NetfilterTiming is set.
	NetfilterHooks []NetfilterHook
	// LostUpdates counts what could not be stored because a map was full, by map.
	LostUpdates map[string]uint64
}

// Traffic counts the packets that one layer handled.
//
// A packet is a socket buffer (skb); with GRO and GSO one skb carries many wire
// packets. At the socket layer it is a read or a write that moved data.
type Traffic struct {
	Layer     Layer
	Direction Direction
	Kind      Kind
	Class     DeviceClass
	// Watch is the name of the first watch that the packet matched, or "".
	Watch string

	Packets, Bytes uint64
	// WirePackets counts the segments that GRO merged or that GSO will cut;
	// only at Link on receive and at Driver on transmit, else 0.
	WirePackets uint64
}

// A Span is the way between two layers.
type Span struct {
	Direction Direction
	From, To  Layer
}

// A Crossing counts the packets that were seen in both layers of a span.
type Crossing struct {
	Span
	Kind    Kind
	Class   DeviceClass
	Watch   string
	Packets uint64
}

// Unmatched counts the packets that were seen in only one layer of a span.
type Unmatched struct {
	Span
	Cause   Cause
	Packets uint64
}

// A Stage is the time that packets took between the layers of a span. With
// Config.SampleEvery above 1 it holds one packet in so many.
type Stage struct {
	Span
	Kind  Kind
	Class DeviceClass
	Watch string
	Histogram
}

// A ReadWait is the time from data being ready in a socket that had none ready
// to the application reading it.
type ReadWait struct {
	Kind  Kind
	Watch string
	Histogram
}

// Polls counts the NAPI polls of one device.
type Polls struct {
	// Buckets[0] counts polls that found no packet, Buckets[i] those that
	// found at most 2^(i-1) packets and more than 2^(i-2).
	Buckets [PollSlots]uint64
	// Packets is the sum over all polls.
	Packets uint64
	// Exhausted counts the polls that used up their budget.
	Exhausted uint64
}

// PollSlots is the number of buckets in [Polls]: 0, 1, 2, 4, ... 1024, more.
const PollSlots = 13

// A NetfilterHook is the time that packets spent in the rules of one hook.
type NetfilterHook struct {
	// Family is "ipv4" or "ipv6"; Hook is "prerouting", "input", "forward",
	// "output" or "postrouting".
	Family, Hook string
	Histogram
}

// A Probe tells how one measurement point is attached.
type Probe struct {
	// Name is the point, such as "network_receive".
	Name string
	// Hook is the kernel hook in use or, if none is attached, the first that
	// was tried: "tp_btf:netif_receive_skb", "fentry:ip_local_deliver".
	Hook string
	// Family is the hook family of Hook.
	Family HookFamily
	// Attached is whether the point delivers.
	Attached bool
	// Reason tells why it is not attached, or why a better hook was passed
	// over, with the cure if there is one; "" if all is well.
	Reason string
	// Runs and RunTime are the kernel's own accounting of the programs behind
	// the point, over the time that accounting was on (see Self.StatsWindow).
	Runs    uint64
	RunTime time.Duration
}

// Self is what the engine knows about itself.
type Self struct {
	// Probes is in a fixed order.
	Probes []Probe
	// StatsWindow is for how long the kernel accounted for the programs' run time.
	StatsWindow time.Duration
	// Maps is the fill of the maps that can become full, by map name.
	Maps map[string]MapFill
	// NamespacesCovered and NamespacesUncovered count the network namespaces
	// whose traffic the netfilter and TCX hooks see and do not see. Both are 0
	// if no such hook is in use: then all namespaces are seen.
	NamespacesCovered, NamespacesUncovered int
	// SampleEvery is Config.SampleEvery in force.
	SampleEvery int
}

// MapFill is how full a map is.
type MapFill struct {
	Entries, Capacity int
}
