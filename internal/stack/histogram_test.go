package stack

import (
	"math"
	"testing"
)

// slotOf finds the slot of a duration as the kernel half does (duration_slot).
func slotOf(bounds [Slots]uint64, ns uint64) int {
	slot := 0
	for step := Slots / 2; step > 0; step /= 2 {
		if ns > bounds[(slot+step-1)&(Slots-1)] {
			slot += step
		}
	}
	return slot
}

func TestBoundsAreNativeBuckets(t *testing.T) {
	for i := range Slots - 1 {
		// Four to an octave: schema 2.
		if got, want := UpperBound(i), math.Pow(2, float64(i+SlotOffset)/(1<<SlotSchema)); math.Abs(got-want) > want*1e-12 {
			t.Errorf("UpperBound(%d) = %v, want %v", i, got, want)
		}
	}
	if got := UpperBound(-SlotOffset); got != 1 {
		t.Errorf("the bound with index 0 is %v, want 1 s", got)
	}
	if !math.IsInf(UpperBound(Slots-1), 1) {
		t.Errorf("the last bound is %v, want +Inf", UpperBound(Slots-1))
	}
}

func TestEveryDurationIsInItsSlot(t *testing.T) {
	bounds := durationBounds()
	for i := range Slots - 1 {
		if bounds[i] >= bounds[i+1] {
			t.Fatalf("bound %d is %d ns, the next %d ns", i, bounds[i], bounds[i+1])
		}
		for _, ns := range []uint64{bounds[i], bounds[i] + 1} {
			slot := slotOf(bounds, ns)
			seconds := float64(ns) / 1e9
			if seconds > UpperBound(slot) || slot > 0 && seconds <= UpperBound(slot-1) {
				t.Errorf("%d ns is in slot %d, from %v to %v s", ns, slot, UpperBound(slot-1), UpperBound(slot))
			}
		}
	}
	for ns, want := range map[uint64]int{0: 0, 1: 0, math.MaxUint64: Slots - 1, 1e9: -SlotOffset, 1e9 + 1: 1 - SlotOffset} {
		if got := slotOf(bounds, ns); got != want {
			t.Errorf("%d ns is in slot %d, want %d", ns, got, want)
		}
	}
}

func TestCountIsTheSumOfBuckets(t *testing.T) {
	h := Histogram{Buckets: [Slots]uint64{0: 3, 50: 20, Slots - 1: 1}}
	if got := h.Count(); got != 24 {
		t.Errorf("count %d, want 24", got)
	}
}
