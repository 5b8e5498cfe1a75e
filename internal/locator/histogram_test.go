package locator

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
)

func TestTimesFallBetweenTheBoundsOfTheirSlot(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	times := []time.Duration{0, 1, 7629, 7630, time.Millisecond, time.Second, 8 * time.Second, time.Hour}
	for range 10_000 {
		times = append(times, time.Duration(math.Exp(rng.Float64()*25)))
	}
	for _, rtt := range times {
		var h Histogram
		h.Add(rtt)
		if h.Count() != 1 || h.SumSeconds != rtt.Seconds() {
			t.Fatalf("%v: count %d, sum %v", rtt, h.Count(), h.SumSeconds)
		}
		for slot, n := range h.Buckets {
			below := slot > 0 && rtt.Seconds() <= UpperBound(slot-1)
			if n == 1 && (below || rtt.Seconds() > UpperBound(slot)) {
				t.Errorf("%v is in slot %d, which ends at %v s", rtt, slot, UpperBound(slot))
			}
		}
	}
}

func TestBoundsArePowers(t *testing.T) {
	for slot, want := range map[int]float64{0: math.Exp2(-17), 8: math.Exp2(-16), 136: 1, 160: 8, HistogramSlots - 1: math.Inf(1)} {
		if got := UpperBound(slot); got != want {
			t.Errorf("slot %d ends at %v, want %v", slot, got, want)
		}
	}
}
