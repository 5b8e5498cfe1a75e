package metric

import (
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestClassicBoundsAreSlotBoundaries(t *testing.T) {
	for name, s := range map[string]*Scale{"durations": Durations, "stages": Stages, "round trips": RoundTrips, "poll sizes": PollSizes} {
		var got []float64
		for _, slot := range s.slots {
			got = append(got, s.UpperBound(slot))
		}
		if diff := cmp.Diff(s.Bounds, got); diff != "" {
			t.Errorf("%s: bounds of the slots (-classic +native):\n%s", name, diff)
		}
		if !math.IsInf(s.UpperBound(s.Slots-1), 1) {
			t.Errorf("%s: last slot ends at %v", name, s.UpperBound(s.Slots-1))
		}
	}
}

func TestClassicBounds(t *testing.T) {
	// 1 µs to 4 s, four times wider each.
	durations := []float64{
		1.0 / (1 << 20), 1.0 / (1 << 18), 1.0 / (1 << 16), 1.0 / (1 << 14), 1.0 / (1 << 12), 1.0 / (1 << 10),
		1.0 / (1 << 8), 1.0 / (1 << 6), 1.0 / (1 << 4), 1.0 / (1 << 2), 1, 4,
	}
	if diff := cmp.Diff(durations, Durations.Bounds); diff != "" {
		t.Errorf("durations (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(durations[:10], Stages.Bounds); diff != "" {
		t.Errorf("stages (-want +got):\n%s", diff)
	}
	roundTrips := []float64{
		1.0 / (1 << 13), 1.0 / (1 << 11), 1.0 / (1 << 9), 1.0 / (1 << 8), 1.0 / (1 << 7), 1.0 / (1 << 6),
		1.0 / (1 << 5), 1.0 / (1 << 4), 1.0 / (1 << 3), 1.0 / (1 << 2), 1.0 / (1 << 1), 1,
	}
	if diff := cmp.Diff(roundTrips, RoundTrips.Bounds); diff != "" {
		t.Errorf("round trips (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]float64{0, 1, 2, 4, 8, 16, 32, 64, 128}, PollSizes.Bounds); diff != "" {
		t.Errorf("poll sizes (-want +got):\n%s", diff)
	}
}

func TestSeriesPerSet(t *testing.T) {
	for _, c := range []struct {
		family *Family
		want   int
	}{{Packets, 1}, {ProbeAttached, 1}, {QdiscWait, 15}, {StageDuration, 13}, {NAPIPollPackets, 12}, {LocatorRTT, 15}, {LocatorHopRTT, 5}} {
		if got := c.family.SeriesPerSet(); got != c.want {
			t.Errorf("%s: %d series per set, want %d", c.family.Name, got, c.want)
		}
	}
}
