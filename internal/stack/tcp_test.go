package stack

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cilium/ebpf/btf"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
)

func TestTCPLabelsAreInTheOrderOfTheKernelHalf(t *testing.T) {
	for enum, labels := range map[string][]string{
		"retransmit": retransmitNames,
		"role":       roleNames,
		"result":     resultNames,
		"side":       sideNames,
		"congestion": congestionStates,
	} {
		var names []string
		for _, label := range labels {
			names = append(names, spell(enum, label))
		}
		if diff := cmp.Diff(enumOf(t, enum), names); diff != "" {
			t.Errorf("enum %s (-C +Go):\n%s", enum, diff)
		}
	}
}

// TestTCPTablesArePlacedWhole gives each entry of the tables another value and finds all
// of them, each in its place.
func TestTCPTablesArePlacedWhole(t *testing.T) {
	reasons := map[int]string{0: "NOT_SPECIFIED", 1: "NO_SOCKET"}
	got := TCP{
		RoundTrips: map[string]Histogram{}, ZeroWindows: map[string]uint64{}, ZeroWindowTimes: map[string]Histogram{},
		Congestion: map[string]uint64{}, DuplicateAcks: map[string]uint64{}, BadChecksums: map[string]uint64{},
	}
	for entry := range bpf.TCPCounts {
		got.addCount(entry, uint64(entry+1), reasons, func(string) bool { return false })
	}
	placed := len(got.Retransmits) + len(got.Resets) + len(got.ZeroWindows) + len(got.Congestion) + len(got.DuplicateAcks) + len(got.BadChecksums)
	if placed != bpf.TCPCounts {
		t.Errorf("%d entries are placed, of %d", placed, bpf.TCPCounts)
	}
	for what, c := range map[string]struct{ got, entry uint64 }{
		"peer's zero windows":      {got.ZeroWindows["peer"], uint64(bpf.TCPCountZeroWindow + 1)},
		"recovery":                 {got.Congestion["recovery"], uint64(bpf.TCPCountCongestion + 3)},
		"IPv6's duplicates":        {got.DuplicateAcks["ipv6"], uint64(bpf.TCPCountDuplicateAck + 1)},
		"IPv4's wrong checksums":   {got.BadChecksums["ipv4"], uint64(bpf.TCPCountBadChecksum)},
		"IPv6's loss probes":       {segments(got, Retransmit{Family: "ipv6", Kind: "tlp"}), uint64(bpf.Retransmits + 2)},
		"IPv4's resets, no socket": {resets(got, Reset{Family: "ipv4", Direction: Transmit, Reason: "NO_SOCKET"}), uint64(bpf.TCPCountResetSent + 1)},
		"an unknown reason":        {resets(got, Reset{Family: "ipv6", Direction: Transmit, Reason: "reason_40"}), uint64(bpf.TCPCountResetSent + bpf.ResetReasons + 40)},
		"reasons beyond the table": {resets(got, Reset{Family: "ipv4", Direction: Transmit, Reason: "other"}), uint64(bpf.TCPCountResetSent + bpf.ResetReasons - 1)},
		"IPv6's resets received":   {resets(got, Reset{Family: "ipv6", Direction: Receive}), uint64(bpf.TCPCountResetReceived + 1)},
	} {
		if c.got != c.entry+1 {
			t.Errorf("%s: %d, want that of entry %d", what, c.got, c.entry)
		}
	}
	for entry := range bpf.TCPDurations {
		got.addDurations(entry, Histogram{SumSeconds: float64(entry)})
	}
	if n := len(got.RoundTrips) + len(got.Connects) + len(got.ZeroWindowTimes); n != bpf.TCPDurations {
		t.Errorf("%d histograms are placed, of %d", n, bpf.TCPDurations)
	}
	want := Connect{"ipv6", "passive", "timeout", Histogram{SumSeconds: float64(bpf.TCPDurationConnect + 3*bpf.Results + 2)}}
	if !slices.Contains(got.Connects, want) {
		t.Errorf("connects %v lack %v", got.Connects, want)
	}
}

func segments(t TCP, r Retransmit) uint64 {
	for _, x := range t.Retransmits {
		if x.Family == r.Family && x.Kind == r.Kind {
			return x.Segments
		}
	}
	return 0
}

func resets(t TCP, r Reset) uint64 {
	for _, x := range t.Resets {
		if x.Family == r.Family && x.Direction == r.Direction && x.Reason == r.Reason {
			return x.Segments
		}
	}
	return 0
}

// TestTCPListsZerosOfAttachedProbes: none differs from unknown.
func TestTCPListsZerosOfAttachedProbes(t *testing.T) {
	for _, attached := range []bool{false, true} {
		got := TCP{ZeroWindows: map[string]uint64{}, Congestion: map[string]uint64{}, DuplicateAcks: map[string]uint64{}, BadChecksums: map[string]uint64{}}
		for entry := range bpf.TCPCounts {
			got.addCount(entry, 0, nil, func(string) bool { return attached })
		}
		counts := []int{len(got.Retransmits), len(got.Resets), len(got.ZeroWindows), len(got.Congestion), len(got.DuplicateAcks), len(got.BadChecksums)}
		want := []int{0, 0, 0, 0, 0, 0}
		if attached {
			want = []int{10, 2, 2, 5, 2, 2} // no kind "other", no reset sent
		}
		if diff := cmp.Diff(want, counts); diff != "" {
			t.Errorf("attached is %v: rows (-want +got):\n%s", attached, diff)
		}
	}
}

// TestResetReasonsAreThoseOfTheKernel takes names from types that no kernel has.
func TestResetReasonsAreThoseOfTheKernel(t *testing.T) {
	if got := resetReason(nil, 0); got != "" {
		t.Errorf("a kernel without reasons has reason %q", got)
	}
	b, err := btf.NewBuilder([]btf.Type{&btf.Enum{Name: "sk_rst_reason", Size: 4, Values: []btf.EnumValue{
		{Name: "SK_RST_REASON_MOON", Value: 0}, {Name: "SK_RST_REASON_TIDE", Value: 7}, {Name: "SK_RST_REASON_MAX", Value: 8},
	}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	blob, err := b.Marshal(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	types, err := btf.LoadSpecFromReader(strings.NewReader(string(blob)))
	if err != nil {
		t.Fatal(err)
	}
	want := map[int]string{0: "MOON", 7: "TIDE"}
	if diff := cmp.Diff(want, resetReasons(types)); diff != "" {
		t.Errorf("reasons (-want +got):\n%s", diff)
	}
}

func TestTCPProgramsKnowTheArguments(t *testing.T) {
	for args, want := range map[int]bool{0: false, 2: false, 3: true, 4: true} {
		spec, err := bpf.LoadTCP()
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		err = tcpArguments(spec, func(string) (int, bool) { asked++; return args, args > 0 })
		if err != nil || asked != 2 {
			t.Fatalf("%d tracepoints asked for, %v", asked, err)
		}
		for _, name := range []string{"retransmit_has_error", "reset_has_reason"} {
			var got uint32
			if err := spec.Variables[name].Get(&got); err != nil || got != bit(want) {
				t.Errorf("%d arguments: %s is %d, %v", args, name, got, err)
			}
		}
	}
}

const netstatText = `TcpExt: SyncookiesSent SyncookiesRecv SyncookiesFailed Pruned ListenOverflows ListenDrops TCPOFOQueue TCPChallengeACK
TcpExt: 2 3 5 999 7 11 13 17
IpExt: InNoRoutes ListenDrops
IpExt: 1 1
`

func TestNetstatIsParsed(t *testing.T) {
	want := TCPCounters{
		CookiesSent: 2, CookiesReceived: 3, CookiesFailed: 5, ListenOverflows: 7, ListenDrops: 11, OutOfOrder: 13, ChallengeAcks: 17,
	}
	got, err := parseNetstat(strings.NewReader(netstatText))
	if err != nil || got != want {
		t.Errorf("parsed %+v, %v, want %+v", got, err, want)
	}
	for text, want := range map[string]string{
		"":                                  "parse netstat: no line TcpExt",
		"TcpExt: ListenDrops\n":             "parse netstat: no line TcpExt",
		"TcpExt: ListenDrops\nTcpExt:\n":    "parse netstat: 2 names and 1 values",
		"TcpExt: ListenDrops\nTcpExt: -1\n": `parse netstat: ListenDrops: strconv.ParseUint: parsing "-1": invalid syntax`,
	} {
		if _, err := parseNetstat(strings.NewReader(text)); message(err) != want {
			t.Errorf("%q: error %q, want %q", text, message(err), want)
		}
	}
}

// TestSumsOfNamespacesNeverFall follows namespaces that come, go, and give their
// number to others.
func TestSumsOfNamespacesNeverFall(t *testing.T) {
	s := namespaceSums{last: make(map[uint64]TCPCounters)}
	s.begin(1, TCPCounters{ListenDrops: 100})
	for i, step := range []struct {
		inode uint64
		drops uint64
		want  uint64
	}{
		{1, 103, 3},  // since the start
		{2, 5, 8},    // a new one counts whole
		{1, 103, 8},  // nothing new
		{2, 6, 9},    // goes after this
		{1, 104, 10}, // alone
		{2, 2, 12},   // its number, taken by another
		{2, 4, 14},   // which counts on
	} {
		s.add(step.inode, TCPCounters{ListenDrops: step.drops})
		if s.total.ListenDrops != step.want {
			t.Errorf("step %d: sum is %d, want %d", i, s.total.ListenDrops, step.want)
		}
	}
}

func TestAcceptQueuesAreBounded(t *testing.T) {
	queues := make(map[uint16]AcceptQueue)
	for port := uint16(1); port <= MaxAcceptQueues+3; port++ {
		for range 2 { // two sockets on each port
			m := make([]byte, diagMessageSize)
			binary.BigEndian.PutUint16(m[4:], port)
			binary.NativeEndian.PutUint32(m[56:], 1)
			binary.NativeEndian.PutUint32(m[60:], 10)
			if err := addAcceptQueue(queues, m); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := boundAcceptQueues(queues)
	if len(got) != MaxAcceptQueues+1 {
		t.Fatalf("%d queues, want %d", len(got), MaxAcceptQueues+1)
	}
	for i, q := range got {
		want := AcceptQueue{Port: uint16(i + 1), Length: 2, Limit: 20}
		if i == MaxAcceptQueues {
			want = AcceptQueue{Length: 6, Limit: 60}
		}
		if q != want {
			t.Errorf("queue %d is %+v, want %+v", i, q, want)
		}
	}
	if err := addAcceptQueue(queues, make([]byte, diagMessageSize-1)); err == nil {
		t.Error("a short message is taken")
	}
	if n := fmt.Sprint(boundAcceptQueues(nil)); n != "[]" {
		t.Errorf("queues of no port are %s", n)
	}
}
