package collector

import (
	"errors"
	"log/slog"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/stack"
)

// reader is an engine that always reports the same.
type reader struct {
	snapshot stack.Snapshot
	self     stack.Self
	tcp      stack.TCP
	drops    stack.Drops
}

func (r reader) Snapshot() (stack.Snapshot, error) { return r.snapshot, nil }
func (r reader) Self() (stack.Self, error)         { return r.self, nil }
func (r reader) TCP() (stack.TCP, error)           { return r.tcp, nil }
func (r reader) Drops() (stack.Drops, error)       { return r.drops, nil }

// brokenReader is an engine that fails.
type brokenReader struct{}

var errBroken = errors.New("read map \"traffic\": broken")

// Snapshot returns data beside the error, which must not be shown.
func (brokenReader) Snapshot() (stack.Snapshot, error) { return fullSnapshot(), errBroken }
func (brokenReader) Self() (stack.Self, error)         { return fullSelf(), errBroken }
func (brokenReader) TCP() (stack.TCP, error)           { return fullTCP(), errBroken }
func (brokenReader) Drops() (stack.Drops, error)       { return fullDrops(), errBroken }

// since is when the engine of the tests began to count.
var since = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// stopped is a clock that stands still.
func stopped() time.Time { return since.Add(time.Hour) }

var quiet = slog.New(slog.DiscardHandler)

// otherReaders are those that an engine is beside a StackReader.
type otherReaders interface {
	TCPReader
	SelfReader
}

// newFullSet returns every collector of the package over one engine.
func newFullSet(snapshots StackReader, others otherReaders, opts StackOptions) *Set {
	st := NewStack(snapshots, opts)
	r := socketsReader{fullSockets()}
	return NewSet(quiet, stopped, append(st.Collectors(), newFlowsFor(snapshots, opts), NewSockets(r, st), NewTCP(others, st), newDropsFor(snapshots, st), NewPosture(postureReader{report: fullPosture()}), NewPathMap(pathMapReader{fullPathMap()}, st), newGuarderAt(since, guarderReader{fullGuarder(), fullHits}, st, whereFull), NewPath(&pathReader{fullPath()}, st), NewAnnotator(annotatorReader{fullAnnotator(), nil}), NewSelf(others, st, r))...)
}

// histogram returns counts in the given slots, adding n to each time it occurs.
func histogram(sum float64, slots ...int) stack.Histogram {
	h := stack.Histogram{SumSeconds: sum}
	for _, s := range slots {
		h.Buckets[s]++
	}
	return h
}

func withSlowest(h stack.Histogram, d time.Duration) stack.Histogram {
	h.Slowest = &stack.Exemplar{
		Source:      netip.MustParseAddrPort("192.0.2.1:40000"),
		Destination: netip.MustParseAddrPort("192.0.2.2:443"),
		Duration:    d,
		Time:        since.Add(time.Minute),
	}
	return h
}

// fullSnapshot has something in every field. Where metrics add rows up, there
// are two rows to add.
func fullSnapshot() stack.Snapshot {
	rx := stack.Span{Direction: stack.Receive, From: stack.Link, To: stack.Network}
	tx := stack.Span{Direction: stack.Transmit, From: stack.Qdisc, To: stack.Driver}
	return stack.Snapshot{
		Traffic: []stack.Traffic{
			{Layer: stack.Link, Direction: stack.Receive, Kind: stack.TCP4, Class: stack.Physical, Packets: 23, Bytes: 34567, WirePackets: 29},
			{Layer: stack.Link, Direction: stack.Receive, Kind: stack.TCP4, Class: stack.Physical, Watch: "web", Packets: 7, Bytes: 700, WirePackets: 11},
			{Layer: stack.Network, Direction: stack.Forward, Kind: stack.UDP6, Class: stack.Virtual, Packets: 5, Bytes: 405},
			{Layer: stack.Driver, Direction: stack.Transmit, Kind: stack.ICMP6, Class: stack.Loopback, Packets: 3, Bytes: 303, WirePackets: 3},
			{Layer: stack.Socket, Direction: stack.Transmit, Kind: stack.SCTP4, Class: stack.NoDevice, Packets: 1, Bytes: 99},
		},
		Crossings: []stack.Crossing{
			{Span: rx, Kind: stack.TCP4, Class: stack.Physical, Packets: 21},
			{Span: tx, Kind: stack.TCP6, Class: stack.Physical, Watch: "web", Packets: 13},
		},
		Unmatched: []stack.Unmatched{
			{Span: rx, Cause: stack.Dropped, Packets: 2},
			{Span: tx, Cause: stack.Missed, Packets: 1},
		},
		Stages: []stack.Stage{
			{Span: rx, Kind: stack.TCP4, Class: stack.Physical, Histogram: withSlowest(histogram(0.0021, 0, 30, 60), 2*time.Millisecond)},
			{Span: rx, Kind: stack.TCP6, Class: stack.Physical, Histogram: withSlowest(histogram(4.5, 30, 105), 4500*time.Millisecond)},
			{Span: tx, Kind: stack.UDP4, Class: stack.Physical, Watch: "web", Histogram: histogram(0.000001, 17)},
		},
		ReadWaits: []stack.ReadWait{
			{Kind: stack.TCP4, Histogram: histogram(0.05, 79)},
			{Kind: stack.UDP6, Watch: "web", Histogram: histogram(0.00002, 34)},
		},
		QdiscWaits:   map[string]stack.Histogram{"eth0": histogram(0.001, 57), "other": histogram(0.002, 61)},
		DriverXmits:  map[string]stack.Histogram{"eth0": histogram(0.000002, 21)},
		SoftirqWaits: map[string]stack.Histogram{"net_rx": histogram(0.000004, 25), "net_tx": histogram(0.000008, 29)},
		SoftirqRuns:  map[string]stack.Histogram{"net_rx": histogram(0.0001, 43)},
		Polls:        map[string]stack.Polls{"eth0": {Buckets: [stack.PollSlots]uint64{1, 2, 0, 3, 7: 4, 12: 1}, Packets: 2500, Exhausted: 5}},
		LostUpdates:  map[string]uint64{"traffic": 17},
		NetfilterHooks: []stack.NetfilterHook{
			{Family: "ipv4", Hook: "prerouting", Histogram: histogram(0.000001, 17)},
			{Family: "ipv6", Hook: "output", Histogram: histogram(0.000002, 21)},
		},
	}
}

func fullSelf() stack.Self {
	return stack.Self{
		Probes: []stack.Probe{
			{Name: "link_receive", Hook: "tp_btf:netif_receive_skb", Family: stack.Tracepoint, Attached: true, Runs: 1000, RunTime: 95 * time.Microsecond},
			{Name: "network_receive", Hook: "fentry:ip_local_deliver", Family: stack.Trampoline, Reason: "fentry needs Linux 6.0 on arm64"},
		},
		StatsWindow:         1500 * time.Millisecond,
		Maps:                map[string]stack.MapFill{"traffic": {Entries: 12, Capacity: 1024}},
		NamespacesCovered:   3,
		NamespacesUncovered: 1,
		SampleEvery:         4,
	}
}

// fullDrops has something in every field, too. Where metrics add rows up, there are two
// rows to add.
func fullDrops() stack.Drops {
	return stack.Drops{
		Packets: []stack.Drop{
			{Reason: "NETFILTER_DROP", Severity: stack.Policy, Layer: stack.Network, Kind: stack.TCP4, Function: "nft_do_chain", Packets: 31},
			{Reason: "NO_SOCKET", Severity: stack.Benign, Layer: stack.Transport, Kind: stack.UDP4, Function: "__udp4_lib_rcv", Packets: 5},
			{Reason: "NO_SOCKET", Severity: stack.Benign, Layer: stack.Transport, Kind: stack.UDP4, Function: "__udp4_lib_mcast_deliver", Packets: 2},
			{Reason: "NO_SOCKET", Severity: stack.Benign, Layer: stack.Transport, Kind: stack.UDP6, Function: "__udp6_lib_rcv", Packets: 3},
			{Reason: "reason_200", Layer: stack.Driver, Direction: stack.Transmit, Kind: stack.NonIP, Function: "unknown", Packets: 1},
		},
		Netfilter:        []stack.NetfilterDrops{{Family: "ipv4", Hook: "input", Packets: 31}},
		Devices:          []stack.DeviceDrops{{Device: "eth0", Direction: stack.Receive, Kind: "missed", Packets: 19}},
		Overflows:        map[string]uint64{"udp_buffer": 7, "backlog": 0},
		ICMPErrors:       []stack.ICMPErrors{{Type: 3, Code: 3, Errors: 7}, {Type: -1, Code: -1, Errors: 1}},
		RouteFailures:    map[string]uint64{"ipv4": 9},
		NeighborFailures: map[string]uint64{"ipv4": 2, "ipv6": 0},
	}
}

// newDropsFor returns the collector over the same engine as those of the stack.
func newDropsFor(snapshots StackReader, st *Stack) Collector {
	if r, ok := snapshots.(DropReader); ok {
		return NewDrops(r, st)
	}
	return NewDrops(reader{}, st)
}
