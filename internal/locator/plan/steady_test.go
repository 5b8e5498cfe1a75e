package plan

import (
	"fmt"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/sim"
)

// 64 targets behind default Linux routers: from their start on no second has more
// than 100 packets, and not one answer is refused.
func TestDefaultRoutersAnswerAll(t *testing.T) {
	for seed := range uint64(2) {
		r := newRun(Config{Seed: seed}, seed)
		routers := r.fleet(64, 15, 5)
		r.until(start.Add(3 * time.Minute))
		t.Logf("seed %d, start:", seed)
		logPlan(t, r, 180)
		if n := refused(routers); n != 0 {
			t.Errorf("seed %d: %d answers refused at the start", seed, n)
		}
		if most := r.busiest(); most > 100 {
			t.Errorf("seed %d: %d packets in a second of the start", seed, most)
		}
		r.sent = nil
		clear(r.got)
		clear(r.lost)
		r.until(start.Add(13 * time.Minute))
		t.Logf("seed %d, 10 minutes of rounds:", seed)
		logPlan(t, r, 600)
		if most := r.busiest(); most > 100 {
			t.Errorf("seed %d: %d packets in a second", seed, most)
		}
		if n := refused(routers); n != 0 {
			t.Errorf("seed %d: %d answers refused", seed, n)
		}
		for name := range r.dests {
			// 15 TTLs and the end once per round of 10 s, the 16th in each tenth.
			if n := r.got[name]; n < 59*16 || r.lost[name] > 0 {
				t.Errorf("seed %d: %s has %d results in 60 rounds, %d lost", seed, name, n, r.lost[name])
			}
			if r.Length(name) != 15 {
				t.Errorf("seed %d: %s is %d hops away, want 15", seed, name, r.Length(name))
			}
		}
	}
}

// The same without the plan's care: what other programs measure. It shows that the
// routers of the test do refuse.
func TestCarelessProbingIsRefused(t *testing.T) {
	r := newRun(Config{Router: Rate{1000, 1000}, Verify: 1}, 1)
	routers := r.fleet(64, 15, 5)
	r.until(start.Add(3 * time.Minute))
	logPlan(t, r, 180)
	if refused(routers) < 1000 {
		t.Errorf("%d answers refused", refused(routers))
	}
}

// Long paths that share nothing do not fit into rounds of 10 s: they become longer,
// and nothing is left out.
func TestIntervalGrowsWithTheRounds(t *testing.T) {
	r := newRun(Config{}, 7)
	routers := r.fleet(64, 25, 0)
	r.until(start.Add(3 * time.Minute))
	r.sent = nil
	before := r.Counts().Skipped["global"]
	r.until(start.Add(10 * time.Minute))
	logPlan(t, r, 420)
	if most := r.busiest(); most > 100 {
		t.Errorf("%d packets in a second", most)
	}
	if want := 20800 * ms; r.Interval() < want || r.Interval() > want*11/10 {
		t.Errorf("interval %v, want 64*26 packets at 80/s", r.Interval())
	}
	if refused(routers) > 0 || r.Counts().Skipped["global"] != before {
		t.Errorf("%d refused, skipped %v", refused(routers), r.Counts().Skipped)
	}
}

// A router with a stricter limit is asked less, until it answers what is asked.
func TestLimitedRoutersAreAskedLess(t *testing.T) {
	r := newRun(Config{}, 3)
	r.fleet(1, 6, 0)
	strict := linux(9, 9, 9)
	strict.Limits = []*sim.Limit{{Every: 25 * time.Second, Burst: 1}}
	var stages [][]*sim.Router
	for i, at := range r.net.Path(r.dests["target00"], 0) {
		if i == 2 {
			at = strict
		}
		stages = append(stages, []*sim.Router{at})
	}
	r.net.Chain(stages...)
	var asked, answered int
	r.each = func(_ string, result Result) {
		if result.TTL == 3 {
			asked++
			if result.Hop.IsValid() {
				answered++
			}
		}
	}
	share := func(minutes int) float64 {
		asked, answered = 0, 0
		r.until(r.now.Add(time.Duration(minutes) * time.Minute))
		return float64(answered) / float64(asked)
	}
	if s := share(10); s > 0.5 {
		t.Errorf("%.2f answered before a verdict", s)
	}
	// 1/s, and each verdict halves that: 1/32 is less than 1/25.
	for range 5 {
		r.Limited(strict.Addr, r.now)
		r.Limited(strict.Addr, r.now) // of the same probes
		r.until(r.now.Add(verdictAge))
	}
	if s := share(20); s < 0.99 {
		t.Errorf("%.2f answered at %v per second", s, r.RouterRate(strict.Addr, r.now))
	}
	r.until(r.now.Add(4 * time.Hour))
	if rate := r.RouterRate(strict.Addr, r.now); rate != 1 {
		t.Errorf("after hours without a verdict its rate is %v", rate)
	}
}

func TestRoundsAreSplayed(t *testing.T) {
	r := newRun(Config{}, 4)
	r.fleet(40, 10, 4)
	r.until(start.Add(5 * time.Minute))
	r.sent = nil
	r.until(r.now.Add(10 * time.Second))
	perSecond := map[int]int{}
	for _, at := range r.sent {
		perSecond[at.Second()]++
	}
	mean := float64(len(r.sent)) / 10
	for second, n := range perSecond {
		if float64(n) > 2*mean {
			t.Errorf("%d packets in second %d, %.1f in the mean", n, second, mean)
		}
	}
}

func TestSamePlanEachTime(t *testing.T) {
	plan := func() string {
		r := newRun(Config{Seed: 5}, 5)
		r.fleet(20, 8, 3)
		var log []byte
		r.each = func(name string, result Result) {
			log = fmt.Appendf(log, "%s %d %v %v\n", name, result.TTL, result.Sent, result.Hop)
		}
		r.until(start.Add(2 * time.Minute))
		return string(log)
	}
	if a, b := plan(), plan(); a != b {
		t.Error("two runs differ")
	}
}

// One path of 30 hops: 2 packets per second to one destination do not suffice for rounds of
// 10 s, so its own are longer.
func TestLongPathKeepsToTheRateOfItsDestination(t *testing.T) {
	r := newRun(Config{}, 6)
	routers := r.fleet(1, 30, 0)
	r.until(start.Add(time.Minute))
	r.sent = nil
	r.until(start.Add(11 * time.Minute))
	if rate := float64(len(r.sent)) / 600; rate > 2 || rate < 1.7 {
		t.Errorf("%.2f packets/s", rate)
	}
	if c := r.Counts(); len(c.Skipped) > 0 || refused(routers) > 0 || r.lost["target00"] > 0 {
		t.Errorf("skipped %v, %d refused, %d lost", c.Skipped, refused(routers), r.lost["target00"])
	}
}

// Flows that an enumeration chose are as long as the path, as far as anybody knows: it is
// not looked for again, and no round is without its end.
func TestNewFlowsAreNoNewPath(t *testing.T) {
	r, _, _ := single(6, nothing)
	r.until(start.Add(30 * time.Second))
	before := r.Counts().Sent[Discovery]
	far := map[uint8]int{}
	r.each = func(_ string, result Result) {
		if result.Purpose == Round {
			far[result.TTL]++
		}
	}
	r.SetFlows("t", []int{100, 101})
	for range 60 {
		r.until(r.now.Add(time.Second))
		if r.Length("t") != 6 || r.Discovering("t") {
			t.Fatalf("length %d, discovering %v", r.Length("t"), r.Discovering("t"))
		}
	}
	if sent := r.Counts().Sent[Discovery] - before; sent > 0 || far[6] < 6 || far[6] != far[1] {
		t.Errorf("%d probes of another discovery; rounds by TTL %v", sent, far)
	}
}

// Extra probes of those that are known take nothing from the discovery of the others: 32
// paths behind the same three routers, which are asked once per second, are known as
// soon as they can be.
func TestDiscoveryIsBeforeExtraProbes(t *testing.T) {
	r := newRun(Config{}, 9)
	routers := r.fleet(32, 8, 3)
	var ask []Probe
	for flow := range 100 {
		ask = append(ask, Probe{TTL: uint8(1 + flow%3), Flow: flow + 100})
	}
	asked := map[string]bool{}
	for range 45 {
		r.until(r.now.Add(time.Second))
		for name := range r.dests {
			if !r.Discovering(name) && !asked[name] {
				asked[name] = r.Ask(name, ask, r.now)
			}
		}
	}
	for name := range r.dests {
		if r.Discovering(name) || r.Length(name) != 8 {
			t.Errorf("%s: length %d, discovering %v", name, r.Length(name), r.Discovering(name))
		}
	}
	r.until(r.now.Add(10 * time.Minute))
	if n := r.Counts().Sent[Extra]; n < 1000 || refused(routers) > 0 {
		t.Errorf("%d extra probes in ten minutes, %d refused", n, refused(routers))
	}
}
