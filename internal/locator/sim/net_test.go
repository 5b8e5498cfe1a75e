package sim

import (
	"net/netip"
	"testing"
	"time"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A default Linux router that is asked 20 times a second leaves 82.5 % unanswered, as
// mtr shows of it in a lab.
func TestLinuxLimit(t *testing.T) {
	n := New(1)
	r := &Router{Addr: netip.MustParseAddr("192.0.2.1"), Limits: []*Limit{LinuxGlobal(), LinuxPeer()}}
	d := &Router{Addr: netip.MustParseAddr("198.51.100.1")}
	dest := n.Chain([]*Router{r}, []*Router{d})
	answered, reached := 0, 0
	for i := range 40 {
		now := start.Add(time.Duration(i) * 50 * time.Millisecond)
		if n.Send(now, Probe{dest, 1, 0}).From == r.Addr {
			answered++
		}
		if n.Send(now, Probe{dest, 2, 0}).Final {
			reached++
		}
	}
	if answered != 7 || reached != 40 {
		t.Errorf("%d of the router, %d of the destination, want 7 (82.5 %% lost) and 40", answered, reached)
	}
}

func TestFlowsAreBalanced(t *testing.T) {
	n := New(2)
	var branches []*Router
	for i := range 3 {
		branches = append(branches, &Router{Addr: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)})})
	}
	first := &Router{Addr: netip.MustParseAddr("192.0.2.100"), Salt: 5}
	d := &Router{Addr: netip.MustParseAddr("198.51.100.1")}
	dest := n.Chain([]*Router{first}, branches, []*Router{d})
	count := map[netip.Addr]int{}
	for flow := range 300 {
		a, b := n.Send(start, Probe{dest, 2, flow}), n.Send(start, Probe{dest, 2, flow})
		if a.From != b.From {
			t.Fatalf("flow %d takes two ways", flow)
		}
		count[a.From]++
	}
	for _, b := range branches {
		if count[b.Addr] < 70 || count[b.Addr] > 130 {
			t.Errorf("flows per branch: %v", count)
		}
	}
	first.PerPacket = true
	seen := map[netip.Addr]bool{}
	for range 30 {
		seen[n.Send(start, Probe{dest, 2, 0}).From] = true
	}
	if len(seen) != 3 {
		t.Errorf("one flow, balanced by packet, is answered by %d routers", len(seen))
	}
}
