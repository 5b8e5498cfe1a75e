package collector

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/tracer"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// pathMapReader is a sampler that always reports the same.
type pathMapReader struct{ snapshot pathmap.Snapshot }

func (r pathMapReader) Snapshot() (pathmap.Snapshot, error) { return r.snapshot, nil }

// brokenPathMap is a sampler that had to end.
type brokenPathMap struct{}

var errEnded = errors.New("attach path_netif_rx: operation not permitted")

func (brokenPathMap) Snapshot() (pathmap.Snapshot, error) { return fullPathMap(), errEnded }

// seenAt is an event in the innermost of some functions of a softirq.
func seenAt(when time.Duration, hook tracer.Hook, functions ...string) tracer.Event {
	return tracer.Event{Time: when, Hook: hook, Context: tracer.Softirq, Stack: append([]string{"net_rx_action"}, functions...)}
}

// ipv4 is a frame of a protocol.
func ipv4(protocol byte) []byte {
	return append(make([]byte, 12), 0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol)
}

// fullPathMap has a datagram that was delivered and one that was dropped, each three times.
func fullPathMap() pathmap.Snapshot {
	var m pathmap.Map
	for range 3 {
		seen := seenAt(1000, "netif_receive_skb", "__netif_receive_skb_one_core", "__netif_receive_skb_core")
		seen.Frame = ipv4(17)
		drop := seenAt(2500, "kfree_skb", "__netif_receive_skb_one_core", "__udp4_lib_rcv")
		drop.Reason = "NO_SOCKET"
		m.Add(&tracer.Packet{Events: []tracer.Event{seen, drop}})
		m.Add(&tracer.Packet{Events: []tracer.Event{seen, seenAt(3000, "sk_data_ready", "__netif_receive_skb_one_core", "udp_queue_rcv_one_skb", "sock_def_readable")}})
	}
	return pathmap.Snapshot{
		Graph: m.Graph(0), Chance: 8, Last: since.Add(time.Minute), Hooks: []tracer.Hook{"kfree_skb", "netif_receive_skb"}, Missing: []tracer.Hook{"sk_data_ready"},
		Counts: pathmap.Counts{
			Turns: 7, Spent: 3, Attached: 1500 * time.Millisecond, Runs: 5003, Offered: 1009, Chosen: 126, Drops: 5, Events: 612, Lost: 2, Unnamed: 1,
		},
	}
}

// hostPathMap has as many steps, functions and ends as a host.
func hostPathMap(h Host) pathMapReader {
	var g pathmap.Graph
	for i := range h.PathEdges {
		s := pathmap.Step{Samples: uint64(i + 1)}
		s.Source, s.Target, s.Direction, s.Protocol = fmt.Sprint("f", i), fmt.Sprint("f", i+1), pathmap.Receive, pathmap.ProtocolTCP
		if i < h.PathTimes {
			s.Times = pathmap.Times{Count: 1, Sum: time.Microsecond}
		}
		g.Steps = append(g.Steps, s)
	}
	for i := range h.PathFunctions {
		g.Functions = append(g.Functions, pathmap.Visited{Function: pathmap.Function{Name: fmt.Sprint("f", i)}, Packets: 1})
	}
	for i := range h.PathFates {
		g.Ends = append(g.Ends, pathmap.Ended{End: pathmap.End{Fate: fmt.Sprint("dropped: REASON_", i), Protocol: pathmap.ProtocolUDP}, Packets: 1})
	}
	return pathMapReader{pathmap.Snapshot{Graph: g, Chance: 1, Last: since}}
}

func pathMapLines(t *testing.T, set *Set) (got []string) {
	t.Helper()
	for _, line := range samples(expose(t, set)) {
		if rest, ok := strings.CutPrefix(line, "packetscope_stack_path_"); ok {
			got = append(got, rest)
		}
	}
	slices.Sort(got)
	return got
}

// TestStepsBeyondTheLimitAreAddedUp: the two steps with the most samples have series of their
// own, and no sample is lost.
func TestStepsBeyondTheLimitAreAddedUp(t *testing.T) {
	var g pathmap.Graph
	for i := range uint64(5) {
		g.Steps = append(g.Steps, pathmap.Step{
			Edge:    pathmap.Edge{Source: "ip_rcv", Target: fmt.Sprint("f", i), Direction: pathmap.Receive, Protocol: pathmap.ProtocolUDP},
			Samples: 10 + i,
		})
	}
	set := NewSet(quiet, stopped, NewPathMap(pathMapReader{pathmap.Snapshot{Graph: g}}, NewStack(reader{}, StackOptions{SeriesLimit: 3})))
	want := []string{
		`samples_total{direction="other",protocol="other",source="other",target="other"} 33`,
		`samples_total{direction="receive",protocol="udp",source="ip_rcv",target="f3"} 13`,
		`samples_total{direction="receive",protocol="udp",source="ip_rcv",target="f4"} 14`,
	}
	got := slices.DeleteFunc(pathMapLines(t, set), func(line string) bool { return !strings.HasPrefix(line, "samples_total") })
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("series (-want +got):\n%s", diff)
	}
}

func TestPathMapThatEndedIsNoCalm(t *testing.T) {
	set := NewSet(quiet, stopped, NewPathMap(brokenPathMap{}, NewStack(reader{}, StackOptions{})))
	if got := pathMapLines(t, set); len(got) != 0 {
		t.Errorf("series of a sampler that ended: %q", got)
	}
}
