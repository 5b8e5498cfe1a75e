package stack

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// A FlowTable is who talks to whom, as of one moment.
type FlowTable struct {
	// Time is when the table was read.
	Time time.Time
	// Flows are those in the table of the kernel, in no order. When that is full,
	// one of the least recently active makes room for a new one.
	Flows []Flow
	// Total is the sum over all flows since the probes were attached, including those
	// that are not in the table any more.
	Total FlowCounts
	// Evicted is how many flows had to leave the table. One that comes back begins
	// at zero, and can be evicted again.
	Evicted uint64
	// Capacity is the greatest length of Flows.
	Capacity int
}

// A Flow is what one service exchanged with one remote network, both directions
// together.
type Flow struct {
	FlowKey
	FlowCounts
	// RTT is the smoothed round-trip time of the TCP connection that sent the last
	// packet that was sampled; 0 if not known, as for everything but TCP.
	RTT time.Duration
	// FirstSeen and LastSeen are when its first and last packet were counted, to the
	// tick of the kernel (1 to 10 ms).
	FirstSeen, LastSeen time.Time
	// Address is one of the remote addresses in Remote: one to trace or to name.
	Address netip.Addr
	// Socket is the inode number of the local socket that sent the last sampled
	// packet, and Cgroup the number of the control group (version 2) that the
	// socket belongs to; 0 if not known, as where nothing was sent. Package owner
	// tells their names.
	Socket, Cgroup uint64
}

// A FlowKey tells flows apart.
type FlowKey struct {
	// Remote is the network of the other end, as long as FlowConfig says.
	Remote netip.Prefix
	// ServicePort is the port at the end that offers the service, 0 for protocols
	// without ports: see [FlowRole].
	ServicePort uint16
	// Protocol is an IP protocol number such as unix.IPPROTO_TCP; see
	// [FlowKey.ProtocolName].
	Protocol uint8
	Role     FlowRole
}

// FlowCounts is what flows carried. Packets are socket buffers (skbs), bytes count
// from the network header on; as in [Traffic] of the layer Transport.
type FlowCounts struct {
	// Received is from the remote end, Sent to it.
	ReceivedBytes, ReceivedPackets uint64
	SentBytes, SentPackets         uint64
	// Retransmits are TCP segments that this host sent again.
	Retransmits uint64
}

// Bytes returns those of both directions.
func (c FlowCounts) Bytes() uint64 { return c.ReceivedBytes + c.SentBytes }

// Packets returns those of both directions.
func (c FlowCounts) Packets() uint64 { return c.ReceivedPackets + c.SentPackets }

// Plus returns the sum.
func (c FlowCounts) Plus(d FlowCounts) FlowCounts {
	return c.Zip(d, func(x, y uint64) uint64 { return x + y })
}

// Since returns what was added to before, an older count of the same flow. A flow
// that left the table in between began anew: then all of c is new.
func (c FlowCounts) Since(before FlowCounts) FlowCounts {
	if c.ReceivedBytes < before.ReceivedBytes || c.ReceivedPackets < before.ReceivedPackets ||
		c.SentBytes < before.SentBytes || c.SentPackets < before.SentPackets || c.Retransmits < before.Retransmits {
		return c
	}
	return c.Zip(before, func(x, y uint64) uint64 { return x - y })
}

// Zip returns what f makes of each pair of counts.
func (c FlowCounts) Zip(d FlowCounts, f func(x, y uint64) uint64) FlowCounts {
	return FlowCounts{
		f(c.ReceivedBytes, d.ReceivedBytes), f(c.ReceivedPackets, d.ReceivedPackets),
		f(c.SentBytes, d.SentBytes), f(c.SentPackets, d.SentPackets),
		f(c.Retransmits, d.Retransmits),
	}
}

// A FlowRole tells what this host is in a flow.
//
// A port that TCP listens on here is the service. Otherwise a port outside of the
// kernel's ephemeral range is the service to one inside. If both are on one side of
// it, TCP's service is at the remote end, because nobody listens here, and that of
// other protocols has the lower port.
type FlowRole uint8

// The roles, in the order of the C enum in bpf/include/abi.h.
const (
	// Peer is for protocols without ports, such as ICMP.
	Peer FlowRole = iota
	// Client has the service at the remote end.
	Client
	// Server has the service at this host.
	Server
	// Forwarder passes packets on: Remote is the client, if that can be told, and
	// what came from it counts as received.
	Forwarder
)

// FlowRoles lists every role.
var FlowRoles = []FlowRole{Peer, Client, Server, Forwarder}

var flowRoleNames = []string{"peer", "client", "server", "forward"}

// String returns the label value, such as "client".
func (r FlowRole) String() string { return nameOf(flowRoleNames, int(r)) }

var flowProtocolNames = map[uint8]string{1: "icmp", 6: "tcp", 17: "udp", 58: "icmpv6", 132: "sctp"}

// ProtocolName returns the label value, as [Kind.Protocol] does.
func (k FlowKey) ProtocolName() string {
	if name, ok := flowProtocolNames[k.Protocol]; ok {
		return name
	}
	return "other"
}

// Compare orders keys, so that equals can be listed in one order.
func (k FlowKey) Compare(l FlowKey) int {
	return cmp.Or(
		k.Remote.Addr().Compare(l.Remote.Addr()), cmp.Compare(k.Remote.Bits(), l.Remote.Bits()),
		cmp.Compare(k.ServicePort, l.ServicePort), cmp.Compare(k.Protocol, l.Protocol), cmp.Compare(k.Role, l.Role))
}

// A FlowOrder is what flows are sorted by, greatest first.
type FlowOrder uint8

// The orders.
const (
	ByBytes FlowOrder = iota
	ByPackets
	// ByRate is by bytes since an older table.
	ByRate
	ByRetransmits
	ByRTT
)

// FlowOrders are the names of the orders, by number.
var FlowOrders = []string{"bytes", "packets", "rate", "retransmits", "rtt"}

// String returns the name.
func (o FlowOrder) String() string { return nameOf(FlowOrders, int(o)) }

// TopFlows returns the first n flows in the order, or all if n is negative; equal ones
// by bytes and then by key. Before is the older table that ByRate compares with, by
// key; may be nil. It does not change flows.
func TopFlows(flows []Flow, order FlowOrder, before map[FlowKey]FlowCounts, n int) []Flow {
	type measured struct {
		flow    *Flow
		measure uint64
	}
	all := make([]measured, len(flows))
	for i := range flows {
		f := &flows[i]
		all[i] = measured{f, f.measure(order, before[f.FlowKey])}
	}
	slices.SortFunc(all, func(x, y measured) int {
		return cmp.Or(cmp.Compare(y.measure, x.measure),
			cmp.Compare(y.flow.Bytes(), x.flow.Bytes()), x.flow.Compare(y.flow.FlowKey))
	})
	if n < 0 || n > len(all) {
		n = len(all)
	}
	top := make([]Flow, n)
	for i := range top {
		top[i] = *all[i].flow
	}
	return top
}

func (f Flow) measure(order FlowOrder, before FlowCounts) uint64 {
	switch order {
	case ByPackets:
		return f.Packets()
	case ByRate:
		return f.FlowCounts.Since(before).Bytes()
	case ByRetransmits:
		return f.Retransmits
	case ByRTT:
		return uint64(f.RTT)
	}
	return f.Bytes()
}

// CountsByKey returns the counts of flows, for a later [TopFlows].
func CountsByKey(flows []Flow) map[FlowKey]FlowCounts {
	counts := make(map[FlowKey]FlowCounts, len(flows))
	for _, f := range flows {
		counts[f.FlowKey] = f.FlowCounts
	}
	return counts
}
