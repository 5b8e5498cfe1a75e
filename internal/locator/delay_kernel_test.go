//go:build kernel && linux

package locator

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// netem delays the way there by 20 ms and up to 5 more or less, evenly, and the way back by
// 10 ms: the least round trip is 25 ms, two of them differ by 10/3 ms on average.
//
// Nothing runs beside it, as that would delay packets, too.
func TestDelaysAreTheTruth(t *testing.T) {
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	p.Stages[1][0].Disturb(t, testnet.ToDest, testnet.Disturbance{Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond})
	p.Stages[1][0].Disturb(t, testnet.ToHost, testnet.Disturbance{Delay: 10 * time.Millisecond})
	cfg := frequent(to(p, wire.UDP)...)
	cfg.NoBranches, cfg.NoMTU = true, true
	e := probe(t, p, cfg, Parts{})
	// The jitter is that of the last dozen of pairs; its mean over many is the truth.
	sums := make(map[string]time.Duration)
	rounds, seen := 0, uint64(0)
	s := until(t, e, 90*time.Second, func(at Path) string {
		if at.End.Sent >= seen+16 && at.Name == e.Snapshot().Paths[0].Name {
			seen = at.End.Sent
			rounds++
			for _, p := range e.Snapshot().Paths {
				sums[p.Name] += p.End.Jitter
			}
		}
		if at.End.Sent < 250 {
			return fmt.Sprintf("%d sent", at.End.Sent)
		}
		return ""
	})
	const ms = float64(time.Millisecond)
	for _, at := range s.Paths {
		if d := at.End.RTTMin - 25*time.Millisecond; d < -100*time.Microsecond || d > 500*time.Microsecond {
			t.Errorf("%s: least time %v, want 25ms", at.Name, at.End.RTTMin)
		}
		if d := at.End.RTTMedian - 30*time.Millisecond; d.Abs() > time.Millisecond {
			t.Errorf("%s: median %v, want 30ms", at.Name, at.End.RTTMedian)
		}
		jitter := float64(sums[at.Name]) / float64(rounds) / ms
		if math.Abs(jitter-10./3) > 1./3 {
			t.Errorf("%s: jitter %.2f ms on average of %d, want 3.33", at.Name, jitter, rounds)
		}
		if near := at.TTLs[0].PathRTT; near > 2*time.Millisecond {
			t.Errorf("%s: the router before the delays is %v away", at.Name, near)
		}
		if middle := at.TTLs[1].PathRTT; (middle - 10*time.Millisecond).Abs() > 500*time.Microsecond {
			t.Errorf("%s: the router between the delays is %v away", at.Name, middle)
		}
		if far := at.TTLs[2].PathRTT; (far - 25*time.Millisecond).Abs() > 500*time.Microsecond {
			t.Errorf("%s: the router behind the delays is %v away", at.Name, far)
		}
		t.Logf("%s: min %v, median %v, jitter %.2f ms", at.Name, at.End.RTTMin, at.End.RTTMedian, jitter)
	}
}

func TestLossAndReorderingAreTheTruth(t *testing.T) {
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
