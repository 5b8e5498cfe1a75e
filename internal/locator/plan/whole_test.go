package plan

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/mda"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/sim"
)

// watched is a target with all that is concluded about it.
type watched struct {
	name   string
	path   *path.Path
	change *change.Detector
	mda    *mda.Enumerator // until it is done
	levels []string
}

// whole runs the plan with all that uses its results.
type whole struct {
	*run
	targets map[string]*watched
}

func newWhole(seed uint64) *whole {
	w := &whole{newRun(Config{Seed: seed}, seed), map[string]*watched{}}
	w.each = w.sample
	return w
}

func (w *whole) sample(name string, r Result) {
	t := w.targets[name]
	s := path.Sample{Sent: r.Sent, TTL: r.TTL, Flow: r.Flow, Hop: r.Hop, RTT: r.RTT, Final: r.Final, Extra: r.Purpose == Extra}
	switch {
	case r.Purpose == Extra && r.Flow >= 1000:
		t.path.Add(s)
		t.change.Seen(change.Ask{TTL: r.TTL, Flow: r.Flow}, r.Hop)
	case r.Purpose == Extra:
		t.path.Add(s)
		t.mda.Seen(mda.Ask{TTL: r.TTL, Flow: r.Flow}, r.Hop)
	case r.TTL == End:
		t.path.AddEnd(s)
		t.change.ObserveEnd(s)
	default:
		t.path.Add(s)
		t.change.Observe(s)
	}
}

// minutes runs, with a look at each target every 10 s.
func (w *whole) minutes(n int) {
	for range 6 * n {
		w.until(w.now.Add(10 * time.Second))
		for _, t := range w.targets {
			w.enumerate(t)
			asks, events := t.change.Tick(w.now)
			for _, e := range events {
				t.levels = append(t.levels, e.Levels.String())
			}
			for _, a := range asks {
				if !w.Ask(t.name, []Probe{{TTL: a.TTL, Flow: a.Flow}}, w.now) {
					panic("no probes left in this hour")
				}
			}
		}
	}
}

func (w *whole) enumerate(t *watched) {
	if t.change.Learned() || w.Discovering(t.name) {
		return
	}
	if t.mda == nil {
		t.mda = mda.New(mda.Config{FirstFlow: 100}, 1, w.Length(t.name))
	}
	for _, a := range t.mda.Next() {
		w.Ask(t.name, []Probe{{TTL: a.TTL, Flow: a.Flow}}, w.now)
	}
	if !t.mda.Done() {
		return
	}
	for ttl := uint8(1); ttl <= w.Length(t.name); ttl++ {
		t.change.Known(ttl, t.mda.Hops(ttl), t.mda.PerPacket(ttl))
	}
	t.change.Complete()
	w.SetFlows(t.name, t.mda.Cover(3))
}

// The whole model on 20 targets behind default Linux routers, 4 of which are common, and
// with three branches each: all paths are found, nothing is lossy, changes are told where
// they are, of a common router by all, and nobody is asked for more than he answers.
func TestTheWholeModel(t *testing.T) {
	for seed := range uint64(2) {
		w := newWhole(seed)
		common := [][]*sim.Router{{linux(0, 0, 1)}, {linux(0, 0, 2)}, {linux(0, 0, 3)}, {linux(0, 0, 4)}}
		all := slices.Concat(common...)
		own := map[string][][]*sim.Router{}
		for i := range 20 {
			name := fmt.Sprintf("target%02d", i)
			w.targets[name] = &watched{name: name, path: path.New(), change: change.New(change.Config{}, nil)}
			stages := [][]*sim.Router{{linux(1, i, 5)}, {linux(1, i, 6), linux(1, i, 7), linux(1, i, 8)}, {linux(1, i, 9)}, {linux(1, i, 10)}}
			own[name] = stages
			all = append(all, slices.Concat(stages...)...)
			w.dests[name] = w.net.Chain(slices.Concat(common, stages)...)
			w.Add(Target{Name: name, Class: "udp4", Flows: []int{0}}, w.now)
		}
		expect := func(when string, want func(i int) []string) {
			t.Helper()
			for i := range 20 {
				at := w.targets[fmt.Sprintf("target%02d", i)]
				if !slices.Equal(at.levels, want(i)) {
					t.Errorf("seed %d, %s: %s was told %v, want %v", seed, when, at.name, at.levels, want(i))
				}
				at.levels = nil
			}
		}
		w.minutes(60)
		expect("at rest", func(int) []string { return nil })
		for name, at := range w.targets {
			if !at.change.Learned() || len(at.mda.Hops(6)) != 3 || at.mda.Width() != 3 || w.Length(name) != 8 {
				t.Errorf("seed %d: %s is %d hops away, %d branches at TTL 6, enumerated %v", seed, name, w.Length(name), len(at.mda.Hops(6)), at.change.Learned())
			}
			for _, l := range at.path.Loss(w.now.Add(-10 * time.Minute)) {
				if l.Class != path.None || l.Answered != l.Sent || l.Sent < 55 {
					t.Errorf("seed %d: %s at TTL %d: %+v", seed, name, l.TTL, l)
				}
			}
		}
		for i := range 5 { // other routers at TTL 7
			name := fmt.Sprintf("target%02d", i)
			own[name][2] = []*sim.Router{linux(2, i, 1)}
			all = append(all, own[name][2]...)
			w.net.Chain(slices.Concat(common, own[name])...)
		}
		w.minutes(20)
		expect("after changes of five", func(i int) []string {
			if i < 5 {
				return []string{"ip"}
			}
			return nil
		})
		common[2] = []*sim.Router{linux(3, 0, 1)}
		all = append(all, common[2]...)
		for name := range w.targets {
			w.net.Chain(slices.Concat(common, own[name])...)
		}
		w.minutes(20)
		expect("after a change of a common router", func(int) []string { return []string{"ip"} })
		logPlan(t, w.run, 6000)
		if n := refused(all); n > 0 || w.busiest() > 100 {
			t.Errorf("seed %d: %d answers refused, %d packets in the busiest second", seed, n, w.busiest())
		}
	}
}
