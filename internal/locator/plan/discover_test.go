package plan

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/sim"
)

// single returns a run with one target behind a chain of n-1 routers of default
// Linux, and notes who answers at each TTL.
func single(n int, change func(chain []*sim.Router)) (*run, []*sim.Router, map[uint8]netip.Addr) {
	r := newRun(Config{}, 1)
	var stages [][]*sim.Router
	var chain []*sim.Router
	for i := range n {
		chain = append(chain, linux(2, 0, i+1))
		stages = append(stages, []*sim.Router{chain[i]})
	}
	change(chain)
	r.dests["t"] = r.net.Chain(stages...)
	r.Add(Target{Name: "t", Class: "udp4", Flows: []int{7}}, r.now)
	found := map[uint8]netip.Addr{}
	r.each = func(_ string, result Result) {
		if result.Hop.IsValid() && result.TTL < End {
			found[result.TTL] = result.Hop
		}
	}
	return r, chain, found
}

func nothing([]*sim.Router) {}

// One path of 15 hops is known within 2 s, also over links of 10 ms, and with routers
// that never answer.
func TestPathIsKnownSoon(t *testing.T) {
	for name, change := range map[string]func([]*sim.Router){
		"all answer":     nothing,
		"three silent":   func(c []*sim.Router) { c[3].Silent, c[4].Silent, c[11].Silent = true, true, true },
		"150 ms":         func(c []*sim.Router) { c[5].Delay = 65 * ms },
		"first silent":   func(c []*sim.Router) { c[0].Silent = true },
		"six in a row":   func(c []*sim.Router) { silence(c[4:10]) },
		"before its end": func(c []*sim.Router) { c[13].Silent = true },
	} {
		r, chain, found := single(15, change)
		r.until(start.Add(2 * time.Second))
		want := map[uint8]netip.Addr{}
		for i, at := range chain {
			if !at.Silent {
				want[uint8(i+1)] = at.Addr
			}
		}
		delete(found, 16) // copies that the destination got
		delete(found, 17)
		delete(found, 18)
		delete(found, 19)
		if diff := cmp.Diff(want, found, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s: found after 2 s (-want +got):\n%s", name, diff)
		}
		if r.Length("t") != 15 || refused(chain) > 0 {
			t.Errorf("%s: length %d, want 15; %d answers refused", name, r.Length("t"), refused(chain))
		}
	}
}

func silence(c []*sim.Router) {
	for _, at := range c {
		at.Silent = true
	}
}

// Behind more silent routers than the gap the destination is found by the last
// ditch and its distance by bisection; its limit of 6 at once is not met.
func TestLastDitch(t *testing.T) {
	for length := 14; length <= 30; length++ {
		r, chain, _ := single(length, func(c []*sim.Router) { silence(c[3 : len(c)-1]) })
		r.until(start.Add(15 * time.Second))
		if r.Length("t") != uint8(length) || r.Discovering("t") || refused(chain) > 0 {
			t.Errorf("length %d, want %d; %d refused", r.Length("t"), length, refused(chain))
		}
	}
}

func TestSilentDestination(t *testing.T) {
	r, chain, found := single(9, func(c []*sim.Router) { c[8].Silent = true })
	r.until(start.Add(time.Minute))
	if r.Length("t") != 0 || r.Discovering("t") || len(found) != 8 {
		t.Errorf("length %d, %d hops", r.Length("t"), len(found))
	}
	if n := len(r.sent); n > 100 {
		t.Errorf("%d packets in a minute for a destination that never answers", n)
	}
	// It wakes up: the next probe to it begins a new search.
	chain[8].Silent = false
	r.until(start.Add(100 * time.Second))
	if r.Length("t") != 9 {
		t.Errorf("length %d after it woke up, want 9", r.Length("t"))
	}
}

func TestPathGetsLongerAndShorter(t *testing.T) {
	r, chain, found := single(6, nothing)
	r.until(start.Add(time.Minute))
	longer := append(append([]*sim.Router{}, chain[:4]...), linux(3, 0, 1), linux(3, 0, 2), chain[4], chain[5])
	r.net.Chain(stagesOf(longer)...)
	r.until(start.Add(2 * time.Minute))
	if r.Length("t") != 8 || found[7] != chain[4].Addr {
		t.Errorf("length %d, want 8", r.Length("t"))
	}
	r.net.Chain(stagesOf(chain[1:])...)
	r.until(start.Add(3 * time.Minute))
	if r.Length("t") != 5 {
		t.Errorf("length %d, want 5", r.Length("t"))
	}
	if refused(longer) > 0 {
		t.Errorf("%d refused", refused(longer))
	}
}

func stagesOf(chain []*sim.Router) (stages [][]*sim.Router) {
	for _, r := range chain {
		stages = append(stages, []*sim.Router{r})
	}
	return stages
}

// Flows of different length are each probed to their own end.
func TestFlowsOfDifferentLength(t *testing.T) {
	r := newRun(Config{}, 2)
	a, b, c, d := linux(4, 0, 1), linux(4, 0, 2), linux(4, 0, 3), linux(4, 0, 4)
	d.Limits = nil
	dest := d.Addr
	r.net.Route(nil, dest, a)
	r.net.Route(a, dest, b, d) // a - d and a - b - c - d
	r.net.Route(b, dest, c)
	r.net.Route(c, dest, d)
	flows := []int{-1, -1}
	for flow := range 40 {
		flows[(len(r.net.Path(dest, flow))-2)/2] = flow
	}
	r.dests["t"] = dest
	r.Add(Target{Name: "t", Class: "udp4", Flows: flows}, r.now)
	seen := map[int]uint8{}
	r.each = func(_ string, result Result) {
		if result.Purpose == Round && r.now.After(start.Add(time.Minute)) {
			seen[result.Flow] = max(seen[result.Flow], result.TTL)
		}
	}
	r.until(start.Add(5 * time.Minute))
	if want := map[int]uint8{flows[0]: 2, flows[1]: 4}; !cmp.Equal(seen, want) {
		t.Errorf("probed up to %v by flow, want %v", seen, want)
	}
}

// Two targets share their first routers until the way of one changes there.
func TestChangeEndsSharing(t *testing.T) {
	r := newRun(Config{}, 6)
	r.fleet(2, 8, 4)
	at := map[string]map[uint8]netip.Addr{"target00": {}, "target01": {}}
	r.each = func(name string, result Result) {
		if result.Hop.IsValid() && result.TTL < End {
			at[name][result.TTL] = result.Hop
		}
	}
	r.until(start.Add(5 * time.Minute))
	if r.Counts().Shared == 0 {
		t.Fatal("nothing is shared")
	}
	// A new first router for target00 alone, and the old rest.
	fresh := linux(5, 0, 1)
	rest := r.net.Path(r.dests["target00"], 0)
	r.net.Chain(stagesOf(append([]*sim.Router{fresh}, rest[1:]...))...)
	old := rest[0].Addr
	r.until(start.Add(5*time.Minute + 220*time.Second)) // Verify rounds of 10 s, and two
	if at["target00"][1] != fresh.Addr || at["target01"][1] != old {
		t.Errorf("first routers %v and %v, want %v and %v", at["target00"][1], at["target01"][1], fresh.Addr, old)
	}
	for range 100 {
		r.until(r.now.Add(time.Second))
		if at["target00"][1] != fresh.Addr || at["target01"][1] != old {
			t.Fatalf("first routers mixed up: %v and %v", at["target00"][1], at["target01"][1])
		}
	}
}

func TestExtraProbesHaveTheirBudget(t *testing.T) {
	r, chain, _ := single(5, nothing)
	r.until(start.Add(10 * time.Second))
	var ask []Probe
	for flow := range 100 {
		ask = append(ask, Probe{TTL: 3, Flow: flow + 100})
	}
	extras := 0
	r.each = func(_ string, result Result) {
		if result.Purpose == Extra {
			extras++
		}
	}
	for i, want := range []bool{true, true, true, false} {
		if got := r.Ask("t", ask, r.now); got != want {
			t.Errorf("request %d of 100 in the same hour: %v", i, got)
		}
	}
	r.until(start.Add(400 * time.Second))
	if extras != 300 || refused(chain) > 0 {
		t.Errorf("%d extra probes, %d refused", extras, refused(chain))
	}
	if r.Ask("nobody", ask, r.now) {
		t.Error("probes for a target that is not there")
	}
}

func TestRemovedTargets(t *testing.T) {
	r := newRun(Config{}, 8)
	r.fleet(3, 6, 3)
	r.until(start.Add(25 * time.Second))
	r.Remove("target01")
	before := r.got["target01"]
	sent := 0
	r.each = func(name string, result Result) {
		if name == "target01" && result.Sent.After(start.Add(25*time.Second)) {
			sent++
		}
	}
	r.until(start.Add(2 * time.Minute))
	if sent > 0 || r.got["target01"] > before+20 {
		t.Errorf("%d probes of a removed target", sent)
	}
	r.Remove("target00")
	r.Remove("target02")
	if b := r.Next(r.now); len(b.Probes) > 0 || !b.Wake.IsZero() {
		t.Errorf("without targets: %+v", b)
	}
}

// A SYN leaves state with its destination: one per second at most reaches it, from the
// discovery on, and the path is known soon all the same.
func TestSingleProbesReachTheDestination(t *testing.T) {
	for name, change := range map[string]func([]*sim.Router){
		"all answer": nothing, "two silent": func(c []*sim.Router) { silence(c[3:5]) }, "ten silent": func(c []*sim.Router) { silence(c[2:12]) },
	} {
		r, chain, _ := single(15, change)
		r.Remove("t")
		r.Add(Target{Name: "t", Class: "tcp4", Flows: []int{1, 2}, Single: true}, r.now)
		var reached []time.Time
		r.each = func(_ string, result Result) {
			if result.Final {
				reached = append(reached, result.Sent)
			}
		}
		r.until(start.Add(4 * time.Second))
		if name != "ten silent" && r.Length("t") != 15 {
			t.Errorf("%s: length %d after 4 s", name, r.Length("t"))
		}
		r.until(start.Add(5 * time.Minute))
		if r.Length("t") != 15 || refused(chain) > 0 {
			t.Errorf("%s: length %d, %d refused", name, r.Length("t"), refused(chain))
		}
		if len(reached) < 55 || len(r.Counts().Skipped) > 0 {
			t.Errorf("%s: %d probes reached it in 5 minutes, skipped %v", name, len(reached), r.Counts().Skipped)
		}
		for i := 1; i < len(reached); i++ {
			if gap := reached[i].Sub(reached[i-1]); gap < time.Second-time.Millisecond {
				t.Errorf("%s: probes reach it at %v and %v", name, reached[i-1].Sub(start), reached[i].Sub(start))
			}
		}
	}
}

// A router that answers each probe from another address takes no room for long.
func TestHostileAnswersAreBounded(t *testing.T) {
	s := New(Config{})
	s.Add(Target{Name: "t", Class: "udp4", Flows: []int{0}}, start)
	now, n := start, 0
	for range 40000 {
		b := s.Next(now)
		for _, p := range b.Probes {
			n++
			hop := netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
			s.Result(Result{Probe: p, Sent: now, Hop: hop, RTT: ms}, now)
		}
		if b.Wake.After(now) {
			now = b.Wake
		}
	}
	if n < 4000 || len(s.routers) > 1000 || len(s.nodes) > 1000 || len(s.targets["t"].slots) > 100 {
		t.Errorf("after %d answers %d routers, %d nodes and %d slots", n, len(s.routers), len(s.nodes), len(s.targets["t"].slots))
	}
}
