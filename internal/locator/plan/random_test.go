package plan

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/sim"
)

// Random paths that lose packets, with silent routers and branches of unequal length: the
// distance of each flow is found, and that of the way is told right again after it changed.
func TestRandomPathsAreFound(t *testing.T) {
	const runs = 150
	var sentPerMinute int
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 11))
		r := newRun(Config{Seed: seed}, seed)
		dest := &sim.Router{Addr: netip.AddrFrom4([4]byte{10, 99, 0, 1}), Delay: ms}
		r.dests["t"] = dest.Addr
		var routers []*sim.Router
		build := func() {
			n := 2 + rng.IntN(20)
			short := 1 + rng.IntN(n)            // where one branch leaves
			skip := rng.IntN(min(4, n-short+1)) // how many hops it saves
			routers = routers[:0]
			for i := range n {
				at := linux(6, int(seed%250), i+1)
				at.ForwardLoss, at.Silent = float64(rng.IntN(3))/200, rng.IntN(8) == 0
				at.Salt = rng.Uint64()
				routers = append(routers, at)
			}
			way := append(append([]*sim.Router{nil}, routers...), dest)
			for i := range n + 1 {
				next := []*sim.Router{way[i+1]}
				if i == short && skip > 0 {
					next = append(next, way[i+1+skip])
				}
				r.net.Route(way[i], dest.Addr, next...)
			}
		}
		build()
		known := path.New()
		r.each = func(_ string, result Result) {
			s := path.Sample{Sent: result.Sent, TTL: result.TTL, Flow: result.Flow, Hop: result.Hop, RTT: result.RTT, Final: result.Final}
			if result.TTL == End {
				known.AddEnd(s)
			} else {
				known.Add(s)
			}
		}
		flows := []int{1, 2, 3}
		r.Add(Target{Name: "t", Class: "udp4", Flows: flows}, r.now)
		check := func(when string) {
			for _, flow := range flows {
				want := len(r.net.Path(dest.Addr, flow))
				if got := int(r.targets["t"].lengths[flow]); got != want {
					t.Errorf("seed %d, %s: flow %d is %d hops long, want %d", seed, when, flow, got, want)
				}
				if got := int(known.LengthOf(flow)); got != want {
					t.Errorf("seed %d, %s: flow %d is %d hops long for package path, want %d", seed, when, flow, got, want)
				}
			}
		}
		r.until(start.Add(10 * time.Minute))
		check("at first")
		build()
		r.until(start.Add(25 * time.Minute))
		check("after a change")
		sentPerMinute += len(r.sent) / 25
		if n := refused(routers); n > 0 {
			t.Errorf("seed %d: %d answers refused", seed, n)
		}
	}
	t.Logf("seeds 0 to %d: %d packets per minute and target", runs-1, sentPerMinute/runs)
}
