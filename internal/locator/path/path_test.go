package path

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func addr(i int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, byte(i >> 8), byte(i)}) }

// at returns a sample of second n.
func at(n int, ttl uint8, flow int, hop netip.Addr, rtt time.Duration) Sample {
	return Sample{Sent: start.Add(time.Duration(n) * time.Second), TTL: ttl, Flow: flow, Hop: hop, RTT: rtt}
}

func jitterOf(p *Path, ttl uint8, hop int) time.Duration {
	for _, h := range p.Hops(ttl) {
		if h.Addr == addr(hop) {
			j, _ := h.Jitter()
			return j
		}
	}
	return -1
}

func TestWhatBreaksAPair(t *testing.T) {
	for _, c := range []struct {
		name    string
		between []Sample
		want    time.Duration
	}{
		{"nothing", nil, 1 * ms},
		{"a loss", []Sample{at(1, 3, 0, netip.Addr{}, 0)}, 0},
		{"another responder", []Sample{at(1, 3, 0, addr(2), 90*ms)}, 0},
		{"a loss of another flow does not", []Sample{at(1, 3, 1, netip.Addr{}, 0)}, 1 * ms},
		{"another flow does not", []Sample{at(1, 3, 1, addr(1), 90*ms)}, 1 * ms},
		{"another TTL does not", []Sample{at(1, 4, 0, netip.Addr{}, 0)}, 1 * ms},
		{"an old sample does not", []Sample{at(-1, 3, 0, addr(1), 90*ms)}, 1 * ms},
	} {
		p := New()
		p.Add(at(0, 3, 0, addr(1), 10*ms))
		for _, s := range c.between {
			p.Add(s)
		}
		p.Add(at(2, 3, 0, addr(1), 26*ms))
		if got := jitterOf(p, 3, 1); got != c.want {
			t.Errorf("%s between: jitter %v, want %v", c.name, got, c.want)
		}
	}
}

func TestWindowKeepsTheNewest(t *testing.T) {
	p := New()
	for i := range 1000 {
		p.Add(at(i, 2, 0, addr(1), time.Duration(i)*ms))
	}
	times := p.Times(2, addr(1), time.Time{})
	if len(times) != WindowSize || times[0] != 744*ms || times[255] != 999*ms {
		t.Errorf("%d times from %v to %v, want 256 from 744 to 999 ms", len(times), times[0], times[len(times)-1])
	}
	if times = p.Times(2, addr(1), start.Add(990*time.Second)); len(times) != 10 {
		t.Errorf("%d times since second 990, want 10", len(times))
	}
	if h := p.Hops(2); len(h) != 1 || h[0].Count != 1000 || h[0].Min != 0 {
		t.Errorf("all 1000 should count: %+v", h)
	}
	if diff := cmp.Diff([]TTL{{2, 1000, 1000}}, p.TTLs()); diff != "" {
		t.Error(diff)
	}
}

func TestHopsAreBounded(t *testing.T) {
	p := New()
	for i := range 50 {
		p.Add(at(i, 2, i, addr(i), ms))
	}
	hops := p.Hops(2)
	if len(hops) != MaxHops+1 || hops[MaxHops].Addr.IsValid() || hops[MaxHops].Count != 34 {
		t.Fatalf("%d hops, the last %+v; want 16 and 34 others", len(hops), hops[len(hops)-1])
	}
	if flows := len(p.ttls[2].last); flows != MaxFlows {
		t.Errorf("%d flows kept for jitter", flows)
	}
	if _, newest := p.ttls[2].last[49]; !newest {
		t.Error("the newest flow has no jitter")
	}
}

func TestForgottenHopsMakeRoom(t *testing.T) {
	p := New()
	for i := range MaxHops {
		p.Add(at(i, 2, 0, addr(i), ms))
	}
	gone := p.Forget(start.Add(10 * time.Second))
	if len(gone) != 10 || gone[9].Addr != addr(9) {
		t.Fatalf("forgot %d", len(gone))
	}
	p.Add(at(20, 2, 0, addr(100), 7*ms))
	hops := p.Hops(2)
	if len(hops) != 7 || hops[0].Addr != addr(100) || hops[0].Count != 1 {
		t.Errorf("hops %+v", hops)
	}
	if times := p.Times(2, addr(100), time.Time{}); !cmp.Equal(times, []time.Duration{7 * ms}) {
		t.Errorf("the new hop has the times %v, also those of its predecessor", times)
	}
	// What was answered stays so.
	if l := p.Loss(time.Time{}); l[1].Sent != 17 || l[1].Answered != 17 {
		t.Errorf("loss %+v", l[1])
	}
}

func TestLengthFollowsThePath(t *testing.T) {
	p := New()
	final := func(n int, ttl uint8, flow int) Sample {
		s := at(n, ttl, flow, addr(99), ms)
		s.Final = true
		return s
	}
	step := func(what string, want uint8, s Sample) {
		t.Helper()
		p.Add(s)
		if got := p.Length(); got != want {
			t.Errorf("%s: length %d, want %d", what, got, want)
		}
	}
	step("a router", 0, at(0, 3, 0, addr(3), ms))
	step("beyond the destination", 6, final(1, 6, 0))
	step("the destination", 5, final(2, 5, 0))
	step("again from further", 5, final(3, 6, 0))
	step("silence there", 5, at(4, 5, 0, netip.Addr{}, 0))
	step("a longer flow", 6, final(5, 6, 1))
	step("a router at 5", 6, at(6, 5, 0, addr(5), ms))
	step("a router at 6", 0, at(7, 6, 1, addr(6), ms))
	step("the end of the new path", 7, final(8, 7, 0))
	for i := range 4 {
		step("silence", 7, at(9+2*i, 7, 0, netip.Addr{}, 0))
		if i < 3 {
			step("an answer from further on", 7, final(10+2*i, 8, 0))
		}
	}
	step("an answer from further on after all", 8, final(17, 8, 0))
	step("an answer from where it was", 7, final(18, 7, 0))
	if p.LengthOf(0) != 7 || p.LengthOf(1) != 0 || p.Farthest() != 8 {
		t.Errorf("flows: %d and %d, farthest %d", p.LengthOf(0), p.LengthOf(1), p.Farthest())
	}
}

// A flow that is no longer used has no say in the length.
func TestUnusedFlowsAreForgotten(t *testing.T) {
	p := New()
	for flow, ttl := range []uint8{5, 8} {
		s := at(100-flow, ttl, flow, addr(99), ms)
		s.Final = true
		p.Add(s)
	}
	if p.Forget(start.Add(100 * time.Second)); p.Length() != 5 {
		t.Errorf("length %d, want 5 of flow 0", p.Length())
	}
}
