package collector

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/stack"
)

// fullTCP has something in every field, and a reset twice in one series.
func fullTCP() stack.TCP {
	return stack.TCP{
		Retransmits: []stack.Retransmit{
			{Family: "ipv4", Kind: "fast", Segments: 23},
			{Family: "ipv6", Kind: "synack", Segments: 1},
		},
		Resets: []stack.Reset{
			{Family: "ipv4", Direction: stack.Transmit, Reason: "NO_SOCKET", Segments: 5},
			{Family: "ipv4", Direction: stack.Transmit, Reason: "NO_SOCKET", Segments: 2},
			{Family: "ipv6", Direction: stack.Receive, Segments: 3},
		},
		RoundTrips: map[string]stack.Histogram{"ipv4": histogram(0.05, 79)},
		Connects: []stack.Connect{
			{Family: "ipv4", Role: "active", Result: "timeout", Histogram: withSlowest(histogram(3.1, 105), 3100000000)},
			{Family: "ipv6", Role: "passive", Result: "established", Histogram: histogram(0.002, 61)},
		},
		ZeroWindows:     map[string]uint64{"local": 7, "peer": 0},
		ZeroWindowTimes: map[string]stack.Histogram{"local": histogram(0.5, 91)},
		Congestion:      map[string]uint64{"recovery": 11},
		DuplicateAcks:   map[string]uint64{"ipv4": 13},
		BadChecksums:    map[string]uint64{"ipv6": 17},
		Counters: stack.TCPCounters{
			OutOfOrder: 1, ListenOverflows: 2, ListenDrops: 3,
			CookiesSent: 4, CookiesReceived: 5, CookiesFailed: 6, ChallengeAcks: 7,
		},
		AcceptQueues:   []stack.AcceptQueue{{Port: 22, Length: 1, Limit: 128}, {Length: 4, Limit: 4096}},
		NamespacesRead: 2, NamespacesUnread: 1,
	}
}

// hostTCP is what a host can have at most.
func hostTCP(h Host) stack.TCP {
	busy := busyHistogram()
	t := fullTCP()
	t.Retransmits, t.Resets, t.Connects = nil, nil, nil
	t.RoundTrips = map[string]stack.Histogram{"ipv4": busy, "ipv6": busy}
	t.ZeroWindows = map[string]uint64{"local": 1, "peer": 2}
	t.ZeroWindowTimes = map[string]stack.Histogram{"local": busy, "peer": busy}
	t.Congestion = map[string]uint64{"open": 1, "disorder": 1, "cwr": 1, "recovery": 1, "loss": 1}
	t.DuplicateAcks = map[string]uint64{"ipv4": 1, "ipv6": 1}
	t.BadChecksums = t.DuplicateAcks
	for _, family := range []string{"ipv4", "ipv6"} {
		for _, kind := range []string{"fast", "rto", "tlp", "syn", "synack", "other"} {
			t.Retransmits = append(t.Retransmits, stack.Retransmit{Family: family, Kind: kind, Segments: 1})
		}
		t.Resets = append(t.Resets, stack.Reset{Family: family, Direction: stack.Receive, Segments: 1})
		for i := range h.ResetReasons {
			t.Resets = append(t.Resets, stack.Reset{Family: family, Direction: stack.Transmit, Reason: fmt.Sprint("reason_", i), Segments: 1})
		}
		t.Connects = append(t.Connects, stack.Connect{Family: family, Role: "passive", Result: "established", Histogram: busy})
		for _, result := range []string{"established", "refused", "timeout", "unreachable", "aborted"}[:h.ConnectResults] {
			t.Connects = append(t.Connects, stack.Connect{Family: family, Role: "active", Result: result, Histogram: busy})
		}
	}
	t.AcceptQueues = nil
	for port := range h.Ports { // the first stands for others
		t.AcceptQueues = append(t.AcceptQueues, stack.AcceptQueue{Port: uint16(port), Limit: 1})
	}
	return t
}

// TestCountersAreAbsentWhereNoneWereRead: zero would say that nothing happened.
func TestCountersAreAbsentWhereNoneWereRead(t *testing.T) {
	r := reader{tcp: stack.TCP{NamespacesUnread: 1}}
	want := []string{
		`packetscope_tcp_network_namespaces{state="covered"} 0`,
		`packetscope_tcp_network_namespaces{state="uncovered"} 1`,
	}
	var got []string
	for _, line := range samples(expose(t, newFullSet(r, r, StackOptions{}))) {
		if strings.HasPrefix(line, "packetscope_tcp_") {
			got = append(got, line)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}
