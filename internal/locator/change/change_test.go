package change

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/sim"
)

// An act changes the world, and says which changes are to be told.
type act struct {
	name string
	do   func(w *world, stage int)
	want []Level
}

// replace puts other routers into a stage, of the network of its old ones plus as.
func (w *world) replace(stage int, as byte) {
	old := w.stages[stage]
	w.stages[stage] = w.routers(len(old), old[0].Addr.As4()[1]+as)
	w.route()
}

// acts are what happens to paths. Stage is one of those between the first and the
// destination.
var acts = []act{
	{"flows are balanced anew", func(w *world, _ int) {
		for _, stage := range w.stages {
			for _, r := range stage {
				r.Salt = w.rng.Uint64()
			}
		}
		w.rounds(60)
	}, nil},
	{"another branch", func(w *world, stage int) {
		if len(w.stages[stage]) < 5 {
			w.stages[stage] = append(w.stages[stage], w.routers(1, w.stages[stage][0].Addr.As4()[1])...)
			w.route()
		}
		w.rounds(60)
	}, nil},
	{"a branch less", func(w *world, stage int) {
		if n := len(w.stages[stage]); n > 1 {
			w.stages[stage] = slices.Delete(w.stages[stage], n-1, n)
			w.route()
		}
		w.rounds(60)
	}, nil},
	{"silence of a stage", func(w *world, stage int) {
		silent := func(is bool) {
			for _, r := range w.stages[stage] {
				r.Silent = is
			}
		}
		silent(true)
		w.rounds(40)
		silent(false)
		w.rounds(20)
	}, nil},
	{"loss of 30 %", func(w *world, stage int) {
		for _, r := range w.stages[stage] {
			r.ForwardLoss = 0.3
		}
		w.rounds(60)
		for _, r := range w.stages[stage] {
			r.ForwardLoss = 0.001
		}
		w.rounds(20)
	}, nil},
	{"limited answers", func(w *world, stage int) {
		for _, r := range w.stages[stage] {
			r.AnswerLoss = 0.8
		}
		w.rounds(60)
		for _, r := range w.stages[stage] {
			r.AnswerLoss = 0.01
		}
	}, nil},
	{"other routers", func(w *world, stage int) { w.replace(stage, 0); w.rounds(60) }, []Level{IP}},
	{"another network", func(w *world, stage int) {
		w.stages[stage+1] = w.routers(len(w.stages[stage+1]), w.stages[stage+1][0].Addr.As4()[1])
		w.next += 3 // fresh addresses, and a network that no stage has had
		as := w.stages[stage][0].Addr.As4()[1]
		w.stages[stage] = w.routers(len(w.stages[stage]), as/10*10+9)
		w.route()
		w.rounds(60)
		w.stages[stage] = w.routers(len(w.stages[stage]), as)
		w.route()
		w.rounds(80)
	}, []Level{IP | AS, IP | AS}},
	{"another country", func(w *world, stage int) {
		w.replace(stage, 20)
		w.rounds(60)
		w.replace(stage, 256-20)
		w.rounds(80)
	}, []Level{IP | AS | Country, IP | AS | Country}},
	{"two hops more", func(w *world, stage int) {
		as := w.stages[stage][0].Addr.As4()[1]
		w.stages = slices.Insert(w.stages, stage, w.routers(1, as), w.routers(2, as))
		w.route()
		w.rounds(80)
		w.stages = slices.Delete(w.stages, stage, stage+2)
		w.route()
		// The plan goes on to probe as far as the destination was.
		w.rounds(80)
	}, []Level{IP | Length, IP | Length}},
	{"outage", func(w *world, stage int) {
		for _, r := range w.stages[stage] {
			r.ForwardLoss = 1
		}
		w.rounds(30)
		for _, r := range w.stages[stage] {
			r.ForwardLoss = 0.001
		}
		w.rounds(30)
	}, []Level{Reach, Reach}},
	{"20 ms more", func(w *world, stage int) {
		for _, r := range w.stages[stage] {
			r.Delay += 10 * ms
		}
		w.rounds(150)
		for _, r := range w.stages[stage] {
			r.Delay -= 10 * ms
		}
		w.rounds(150)
	}, nil},
	{"there and back", func(w *world, stage int) {
		old := w.stages[stage]
		w.replace(stage, 0)
		w.rounds(20)
		w.stages[stage] = old
		w.route()
		w.rounds(80)
	}, []Level{IP, Flap}},
}

// withoutRTT leaves shifts of the RTT out, and counts them: when they are told depends on
// the noise.
func withoutRTT(levels []Level) (rest []Level, rtt int) {
	for _, l := range levels {
		if l == RTT {
			rtt++
		} else {
			rest = append(rest, l)
		}
	}
	return rest, rtt
}

// Random histories of random paths: what is told is what happened.
func TestHistories(t *testing.T) {
	events, probes, wrong := 0, 0, 0
	for seed := range uint64(40) {
		for _, enumerated := range []bool{true, false} {
			w := newWorld(seed, 1, 1+int(seed%2), 1+int(seed/2%4), 1, 1+int(seed/8%3), 1)
			w.learn(enumerated)
			w.rounds(90)
			if got := w.happened(); len(got) > 0 {
				t.Errorf("seed %d: %v while learning", seed, got)
			}
			for range 12 {
				a := acts[w.rng.IntN(len(acts))]
				stage := 1 + w.rng.IntN(4)
				a.do(w, stage)
				got, rtt := withoutRTT(w.happened())
				events += len(got)
				if fmt.Sprint(got) != fmt.Sprint(a.want) {
					wrong++
					t.Errorf("seed %d, enumerated %v: %s at TTL %d: told %v, want %v", seed, enumerated, a.name, stage+1, got, a.want)
				}
				shifts := 0
				if a.name == "20 ms more" || a.name == "two hops more" {
					shifts = 2 // there and back
				}
				if rtt != shifts {
					t.Errorf("seed %d: %s at TTL %d: %d shifts of the RTT, want %d", seed, a.name, stage+1, rtt, shifts)
				}
				w.rounds(70) // older than a flap
				if got := w.happened(); len(got) > 0 {
					t.Errorf("seed %d: %v after %s", seed, got, a.name)
				}
			}
			probes += w.asked
		}
	}
	t.Logf("seeds 0 to 39: 960 acts, %d changes told, %d wrong, %d probes to be certain", events, wrong, probes)
}

// Each act for itself, so that none is left out by chance.
func TestEachAct(t *testing.T) {
	for _, a := range acts {
		for seed := range uint64(5) {
			w := newWorld(seed+100, 1, 2, 3, 1, 2, 1)
			w.learn(true)
			w.happened()
			w.rounds(30)
			a.do(w, 2)
			if got, _ := withoutRTT(w.happened()); fmt.Sprint(got) != fmt.Sprint(a.want) {
				t.Errorf("%s, seed %d: told %v, want %v", a.name, seed, got, a.want)
			}
		}
	}
}

// A balancer of packets makes no change, whether or not it was enumerated, and whether it
// was there from the start or not.
func TestPerPacketBalancersAreNoChange(t *testing.T) {
	for seed := range uint64(40) {
		for _, enumerated := range []bool{true, false} {
			w := newWorld(seed, 1, 3, 1, 2, 1)
			w.stages[0][0].PerPacket = seed%2 == 0
			w.learn(enumerated)
			w.rounds(100)
			w.stages[0][0].PerPacket = true
			w.rounds(300)
			if got := w.happened(); len(got) > 0 {
				t.Errorf("seed %d, enumerated %v: %v", seed, enumerated, got)
			}
		}
	}
}

// Flaps every few minutes are one change and many flaps, and the path's id is one of two.
func TestFlaps(t *testing.T) {
	w := newWorld(1, 1, 2, 1)
	w.learn(true)
	home, ids := w.ID(), map[uint64]bool{}
	a, b := w.stages[2], w.routers(1, 11)
	for range 6 {
		for _, stage := range [][]*sim.Router{b, a} {
			w.stages[2] = stage
			w.route()
			w.rounds(25)
			ids[w.ID()] = true
		}
	}
	want := []Level{IP}
	for range 11 {
		want = append(want, Flap)
	}
	if got := w.happened(); !slices.Equal(got, want) {
		t.Errorf("told %v\nwant %v", got, want)
	}
	if len(ids) != 2 || !ids[home] || w.ID() != home {
		t.Errorf("ids %v, at home %d, now %d", ids, home, w.ID())
	}
}

func TestEventTellsThePath(t *testing.T) {
	w := newWorld(3, 1, 1, 1, 1)
	w.learn(true)
	before := []netip.Addr{w.stages[0][0].Addr, w.stages[1][0].Addr, w.stages[2][0].Addr, w.stages[3][0].Addr, w.dest}
	since := w.now
	w.stages[1], w.stages[2] = w.routers(1, 10), w.routers(1, 11)
	w.stages[2][0].Silent = true // the new one says nothing
	w.route()
	w.rounds(40)
	after := slices.Clone(before)
	after[1], after[2] = w.stages[1][0].Addr, netip.Addr{}
	if len(w.events) != 1 {
		t.Fatalf("%d events", len(w.events))
	}
	e := w.events[0]
	if e.Levels != IP || e.First != 2 || e.Last != 2 || !slices.Equal(e.Before, before) || !slices.Equal(e.After, after) {
		t.Errorf("%+v\nwant %v\n  to %v", e, before, after)
	}
	// Three rounds of the flow, every other one, and 40 s to settle.
	if e.Since.Sub(since) > time.Minute || e.At.Sub(since) > 3*time.Minute {
		t.Errorf("changed %v, since %v, told %v", since, e.Since, e.At)
	}
	if e.Levels.String() != "ip" || (IP|AS|Flap).String() != "ip+as+flap" {
		t.Error("names of levels")
	}
}

// A change while the process was away is told, and nothing else.
func TestBaselineOutlivesTheProcess(t *testing.T) {
	for _, change := range []bool{false, true} {
		w := newWorld(4, 1, 3, 2, 1)
		w.learn(true)
		state, ok := w.State()
		text, err := json.Marshal(state)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		var restored State
		if err := json.Unmarshal(text, &restored); err != nil {
			t.Fatal(err)
		}
		w.Detector = New(Config{}, place)
		w.Restore(restored)
		if again, _ := w.State(); fmt.Sprint(again) != fmt.Sprint(state) {
			t.Errorf("restored %v\nwant     %v", again, state)
		}
		var want []Level
		if change {
			w.replace(1, 0)
			want = []Level{IP}
		}
		w.rounds(60)
		if got := w.happened(); !slices.Equal(got, want) {
			t.Errorf("changed %v: told %v", change, got)
		}
	}
}

// Loss alone makes no outage: for a day each, at any rate that leaves something.
func TestLossIsNoOutage(t *testing.T) {
	for _, loss := range []float64{0.1, 0.3, 0.5} {
		w := newWorld(5, 1, 1)
		w.learn(true)
		w.stages[1][0].ForwardLoss = loss
		w.rounds(8640)
		if got := w.happened(); len(got) > 0 {
			t.Errorf("loss %v: %v", loss, got)
		}
	}
}

func TestNeverAnsweredIsNoOutage(t *testing.T) {
	w := newWorld(6, 1, 1, 1)
	w.stages[3][0].Silent = true
	w.learn(true)
	w.rounds(200)
	if _, known := w.Reached(); known || len(w.happened()) > 0 {
		t.Error("a destination that never answered is known")
	}
}

// RTTs as they are in nature, with a heavy tail, for a month without an event.
func TestNoisyTimesAreNoShift(t *testing.T) {
	w := newWorld(7, 1)
	s := &shift{}
	for range 3 * 86400 {
		rtt := 20*ms + time.Duration(w.rng.ExpFloat64()*float64(3*ms))
		if w.rng.IntN(50) == 0 {
			rtt += time.Duration(w.rng.ExpFloat64() * float64(200*ms))
		}
		s.add(rtt)
		if e, ok := s.tick(start); ok {
			t.Fatalf("shift %v", e)
		}
	}
}

// Somebody who answers from another address each time makes no change, needs no more
// than some room, and few probes.
func TestHostileAnswersAreBounded(t *testing.T) {
	for _, enumerated := range []bool{true, false} {
		w := newWorld(9, 1, 1, 1)
		w.learn(enumerated)
		hostile := 0
		for range 3000 {
			for range 2 { // the same address up to enough times
				hostile++
				hop := netip.AddrFrom4([4]byte{10, 10, byte(hostile / 5 >> 8), byte(hostile / 5)})
				w.Observe(path.Sample{Sent: w.now, TTL: 5, Flow: 0, Hop: hop})
			}
			asks, events := w.Tick(w.now)
			w.events = append(w.events, events...)
			for _, a := range asks {
				w.asked++
				hostile++
				w.Seen(a, netip.AddrFrom4([4]byte{10, 11, byte(hostile >> 8), byte(hostile)}))
			}
			w.now = w.now.Add(round)
		}
		if got := w.happened(); len(got) > 0 {
			t.Errorf("enumerated %v: told %v", enumerated, got)
		}
		if n := len(w.known[5]); n > most {
			t.Errorf("%d responders kept", n)
		}
		if state, _ := w.State(); len(state.Hops) > 2*most {
			t.Errorf("%d members to store", len(state.Hops))
		}
		// No more than a target may ask for.
		hours := w.now.Sub(start).Hours()
		t.Logf("enumerated %v: %d probes in %.1f hours", enumerated, w.asked, hours)
		if float64(w.asked) > 300*hours {
			t.Errorf("enumerated %v: %d probes in %.1f hours", enumerated, w.asked, hours)
		}
	}
}

// New flows come into the rounds at the same time as other routers: what they learn is
// not taken for the old path.
func TestChangeWithNewFlows(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(seed, 1, 2, 1, 3, 1)
		w.learn(true)
		w.rounds(50)
		w.flows = []int{0, 7, 8}
		w.replace(3, 0)
		w.rounds(80)
		if got, _ := withoutRTT(w.happened()); !slices.Equal(got, []Level{IP}) {
			t.Errorf("seed %d: told %v", seed, got)
		}
	}
}

// Flows that are not used any more leave nothing.
func TestUnusedFlowsAreForgotten(t *testing.T) {
	w := newWorld(10, 1, 2, 1)
	w.learn(true)
	for flow := range 50 {
		w.flows = []int{1000 * flow, 1000*flow + 1}
		w.rounds(100)
	}
	if cells, rtts := len(w.cells), len(w.rtts); cells > 16*4*2 || rtts > 16*2 {
		t.Errorf("%d cells and %d flows kept", cells, rtts)
	}
	if got, _ := withoutRTT(w.happened()); len(got) > 0 {
		t.Errorf("told %v", got)
	}
}

// Extra probes, answers that nobody waits for, and a stray answer now and then do not
// disturb, nor cost a probe.
func TestForeignSamples(t *testing.T) {
	w := newWorld(8, 1, 1)
	w.learn(true)
	stranger := netip.MustParseAddr("203.0.113.1")
	for range 10 {
		w.Observe(path.Sample{Sent: w.now, TTL: 2, Flow: 0, Hop: stranger, Extra: true})
		w.Observe(path.Sample{Sent: w.now, TTL: 2, Flow: 0, Hop: stranger})
		w.Seen(Ask{2, 5}, stranger)
		w.rounds(1)
	}
	if got := w.happened(); len(got) > 0 || w.asked > 0 {
		t.Errorf("%v, %d asked", got, w.asked)
	}
}
