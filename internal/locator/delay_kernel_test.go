//go:build kernel && linux

package locator

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// disturbed measures a path by UDP whose second router disturbs packets, until so many
// probes were sent to the destination. See is called after each 16 of them. Nothing runs
// beside it, as that would delay packets, too.
func disturbed(t *testing.T, there, back testnet.Disturbance, probes uint64, see func([]Path)) []Path {
	t.Helper()
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	if there != (testnet.Disturbance{}) {
		p.Stages[1][0].Disturb(t, testnet.ToDest, there)
		p.Stages[1][0].Disturb(t, testnet.ToHost, back)
	}
	cfg := frequent(to(p, wire.UDP)...)
	cfg.Interval, cfg.NoBranches, cfg.NoMTU = 100*time.Millisecond, true, true
	e := probe(t, p, cfg, Parts{})
	var next uint64
	return until(t, e, 150*time.Second, func(at Path) string {
		if now := e.Snapshot().Paths; at.Name == now[0].Name && now[0].End.Sent >= next {
			next = now[0].End.Sent + 16
			see(now)
		}
		if at.End.Sent < probes {
			return fmt.Sprintf("%d sent", at.End.Sent)
		}
		return ""
	}).Paths
}

func ignore([]Path) {}

// What a machine itself takes to pass packets on is measured first, on an undisturbed path.
func TestDelaysAreTheTruth(t *testing.T) {
	const there, back = 20 * time.Millisecond, 10 * time.Millisecond
	got := disturbed(t, testnet.Disturbance{Delay: there}, testnet.Disturbance{Delay: back}, 100, ignore)
	bare := disturbed(t, testnet.Disturbance{}, testnet.Disturbance{}, 100, ignore)
	tolerance := 500 * time.Microsecond
	if testnet.InVM() { // whose timers, by which packets are delayed, are late
		tolerance = 2 * time.Millisecond
	}
	for i, at := range got {
		near := func(what string, got, bare, want time.Duration) {
			t.Helper()
			t.Logf("%s: %s %v, undisturbed %v", at.Name, what, got, bare)
			if d := got - bare - want; d.Abs() > tolerance {
				t.Errorf("%s: %s is %v, want %v and %v of the machine's own", at.Name, what, got, want, bare)
			}
		}
		near("the least time", at.End.RTTMin, bare[i].End.RTTMin, there+back)
		near("the time to the router before the delays", at.TTLs[0].PathRTT, bare[i].TTLs[0].PathRTT, 0)
		near("the time to the router between them", at.TTLs[1].PathRTT, bare[i].TTLs[1].PathRTT, back)
		near("the time to the router behind them", at.TTLs[2].PathRTT, bare[i].TTLs[2].PathRTT, there+back)
	}
}

// The delay is spread evenly over 80 ms: two packets differ by a third of that on average.
// The jitter of a moment is that of the last dozen of pairs, so many are looked at; their
// median, as a machine that stands still for a second has jitter, too.
func TestJitterIsTheTruth(t *testing.T) {
	var seen []time.Duration
	paths := disturbed(t, testnet.Disturbance{Delay: 60 * time.Millisecond, Jitter: 40 * time.Millisecond},
		testnet.Disturbance{Delay: time.Millisecond}, 500, func(paths []Path) {
			for _, p := range paths {
				if p.End.Sent > 64 { // it begins at 0
					seen = append(seen, p.End.Jitter)
				}
			}
		})
	const want = 80 * time.Millisecond / 3
	slices.Sort(seen)
	got := seen[len(seen)/2]
	t.Logf("jitter %v as the median of %d, round trips %v and %v", got, len(seen), paths[0].End.RTTMedian, paths[1].End.RTTMedian)
	// Of a median of this many a tenth is three standard deviations, a sixth almost five.
	if (got - want).Abs() > want/6 {
		t.Errorf("jitter %v as the median of %v, want %v", got, seen, want)
	}
}

func TestLossAndReorderingAreTheTruth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		there, back testnet.Disturbance
		loss        float64
	}{
		"loss":       {testnet.Disturbance{Loss: 10}, testnet.Disturbance{Loss: 10}, 1 - 0.9*0.9},
		"reordering": {testnet.Disturbance{Delay: 400 * time.Millisecond, Reorder: 30}, testnet.Disturbance{Duplicate: 20}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
			p.Stages[1][0].Disturb(t, testnet.ToDest, c.there)
			p.Stages[1][0].Disturb(t, testnet.ToHost, c.back)
			cfg := frequent(to(p, wire.UDP, wire.ICMP)...)
			cfg.NoBranches, cfg.NoMTU = true, true
			e := probe(t, p, cfg, Parts{})
			s := until(t, e, 120*time.Second, func(at Path) string {
				if at.End.Sent < 250 {
					return fmt.Sprintf("%d sent", at.End.Sent)
				}
				if c.loss == 0 {
					return is(at, p.Hops(family(at)))
				}
				return ""
			})
			for _, at := range s.Paths {
				if r := path.Wilson(int(at.End.Lost), int(at.End.Sent), 4); c.loss < r.Low || c.loss > r.High {
					t.Errorf("%s: %d of %d lost, want %.2f", at.Name, at.End.Lost, at.End.Sent, c.loss)
				}
				if len(at.Events) > 0 && c.loss > 0 {
					t.Errorf("%s: events %v", at.Name, levels(at))
				}
			}
			if name == "reordering" && s.Self.Duplicates == 0 {
				t.Error("no duplicate was counted")
			}
		})
	}
}
