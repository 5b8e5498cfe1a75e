package metric

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	model "github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser/posrange"
)

// sampleCounts are slot counts of every kind: full, sparse, at the ends, with
// gaps on both sides of the length at which a new span begins.
func sampleCounts(slots int) map[string][]uint64 {
	counts := map[string][]uint64{
		"none": make([]uint64, slots), "first": make([]uint64, slots), "second": make([]uint64, slots),
		"last": make([]uint64, slots), "all": make([]uint64, slots), "falling": make([]uint64, slots),
		"gap of 2": make([]uint64, slots), "gap of 3": make([]uint64, slots), "large": make([]uint64, slots),
	}
	counts["first"][0] = 23
	counts["second"][1] = 23
	counts["last"][slots-1] = 23
	for i := range slots {
		counts["all"][i] = uint64(i + 1)
		counts["falling"][i] = uint64(slots - i)
	}
	counts["gap of 2"][4], counts["gap of 2"][7] = 11, 12
	counts["gap of 3"][4], counts["gap of 3"][8] = 11, 12
	counts["large"][3], counts["large"][4] = 1<<52, 1
	random := rand.New(rand.NewPCG(1, 2))
	for n := range 50 {
		c := make([]uint64, slots)
		for range random.IntN(2 * slots) {
			c[random.IntN(slots)] += random.Uint64N(1000)
		}
		counts[fmt.Sprintf("random %d", n)] = c
	}
	return counts
}

var histogramFamilies = []*Family{SoftirqRun, NAPIPollPackets}

func TestNativeAndClassicAgree(t *testing.T) {
	for _, f := range histogramFamilies {
		for name, counts := range sampleCounts(f.Scale.Slots) {
			t.Run(f.Name+"/"+name, func(t *testing.T) {
				got := scrape(t, acceptProtobuf, f.Histogram(Observations{Counts: counts, Sum: 12.5}, since, "x"))
				native := got.Natives[key(f.Name, f.Labels[0], "x")]
				if native == nil {
					t.Fatal("no native histogram")
				}
				if native.Schema != f.Scale.Schema || native.ZeroThreshold != f.Scale.ZeroThreshold {
					t.Errorf("schema %d with zero threshold %v, want %d with %v",
						native.Schema, native.ZeroThreshold, f.Scale.Schema, f.Scale.ZeroThreshold)
				}
				want := make(map[string]series)
				start := since.UnixMilli()
				for _, bound := range append(f.Scale.Bounds, math.Inf(1)) {
					want[bucketKey(f, bound)] = series{Value: below(native, bound), Start: start}
				}
				want[key(f.Name+"_count", f.Labels[0], "x")] = series{Value: native.Count, Start: start}
				want[key(f.Name+"_sum", f.Labels[0], "x")] = series{Value: native.Sum, Start: start}
				if diff := cmp.Diff(want, got.Series); diff != "" {
					t.Errorf("classic series (-native +classic):\n%s", diff)
				}
				if got := got.NativeStarts[key(f.Name, f.Labels[0], "x")]; got != start {
					t.Errorf("native histogram starts at %d, want %d", got, start)
				}
				if diff := cmp.Diff(counts, slotCounts(f.Scale, native)); diff != "" {
					t.Errorf("native buckets by slot (-want +got):\n%s", diff)
				}
			})
		}
	}
}

// below adds up the native buckets that end at or below a bound.
func below(h *model.FloatHistogram, bound float64) float64 {
	sum := h.ZeroCount
	for it := h.PositiveBucketIterator(); it.Next(); {
		if b := it.At(); b.Upper <= bound {
			sum += b.Count
		}
	}
	return sum
}

// slotCounts turns a native histogram back into slots.
func slotCounts(s *Scale, h *model.FloatHistogram) []uint64 {
	counts := make([]uint64, s.Slots)
	counts[0] = uint64(h.ZeroCount)
	for it := h.PositiveBucketIterator(); it.Next(); {
		b := it.At()
		counts[int(b.Index)-s.First] = uint64(b.Count)
	}
	return counts
}

// TestQuantilesAgree takes quantiles as histogram_quantile does and compares both
// with the slot that the wanted observation is in.
func TestQuantilesAgree(t *testing.T) {
	for _, f := range histogramFamilies {
		for name, counts := range sampleCounts(f.Scale.Slots) {
			got := scrape(t, acceptProtobuf, f.Histogram(Observations{Counts: counts, Sum: 1}, since, "x"))
			native := got.Natives[key(f.Name, f.Labels[0], "x")]
			for _, q := range []float64{0.01, 0.25, 0.5, 0.9, 0.99, 0.999} {
				var buckets promql.Buckets
				for _, bound := range append(f.Scale.Bounds, math.Inf(1)) {
					buckets = append(buckets, promql.Bucket{UpperBound: bound, Count: got.Series[bucketKey(f, bound)].Value})
				}
				classic, _, _, _, _, _ := promql.BucketQuantile(q, buckets)
				exact, _ := promql.HistogramQuantile(q, native, f.Name, posrange.PositionRange{})
				if native.Count == 0 {
					if !math.IsNaN(classic) || !math.IsNaN(exact) {
						t.Errorf("%s %s: quantile %v of nothing is %v (classic) and %v (native)", f.Name, name, q, classic, exact)
					}
					continue
				}
				slot := slotOf(counts, q)
				low, high := slotBounds(f.Scale, slot)
				if exact < low || exact > high {
					t.Errorf("%s %s: native quantile %v is %v, not in (%v, %v]", f.Name, name, q, exact, low, high)
				}
				low, high = classicBounds(f.Scale, slot)
				if classic < low || classic > high {
					t.Errorf("%s %s: classic quantile %v is %v, not in [%v, %v]", f.Name, name, q, classic, low, high)
				}
			}
		}
	}
}

// slotOf returns the slot of the observation with the given rank.
func slotOf(counts []uint64, q float64) int {
	var total, sum float64
	for _, c := range counts {
		total += float64(c)
	}
	for slot, c := range counts {
		sum += float64(c)
		if c > 0 && sum >= q*total {
			return slot
		}
	}
	return len(counts) - 1
}

// slotBounds returns what a native quantile in the slot can be. The last slot is
// open, but its native bucket has a bound like the others. In a histogram that
// has observations in the zero bucket only, a server takes that bucket to reach
// as far below zero as above.
func slotBounds(s *Scale, slot int) (low, high float64) {
	width := math.Exp2(1 / math.Exp2(float64(s.Schema)))
	switch slot {
	case 0:
		return -s.ZeroThreshold, s.ZeroThreshold
	case s.Slots - 1:
		low = math.Exp2(float64(s.First+slot-1) / math.Exp2(float64(s.Schema)))
	default:
		low = s.UpperBound(slot) / width
	}
	const rounding = 1e-9
	return low * (1 - rounding), low * width * (1 + rounding)
}

// classicBounds returns what a classic quantile in the slot can be: beyond the
// last bound it is that bound.
func classicBounds(s *Scale, slot int) (low, high float64) {
	for i, end := range s.slots {
		if slot <= end {
			return low, s.Bounds[i]
		}
		low = s.Bounds[i]
	}
	return low, low
}

func TestTextExpositionHasTheClassicHistogram(t *testing.T) {
	counts := sampleCounts(Durations.Slots)["all"]
	m := SoftirqRun.Histogram(Observations{Counts: counts, Sum: 12.5}, since, "x")
	want := scrape(t, acceptProtobuf, m)
	for name, accept := range map[string]string{"text": acceptText, "openmetrics": acceptOpenMetrics} {
		got := scrape(t, accept, m)
		if len(got.Natives) != 0 {
			t.Errorf("%s: has native histograms", name)
		}
		for s, w := range want.Series {
			if g := got.Series[s]; g.Value != w.Value {
				t.Errorf("%s: %s is %v, want %v", name, s, g.Value, w.Value)
			}
		}
		if len(got.Series) != len(want.Series) {
			t.Errorf("%s: %d series, want %d", name, len(got.Series), len(want.Series))
		}
	}
}

func TestUnknownStartIsLeftOut(t *testing.T) {
	got := scrape(t, acceptProtobuf,
		SoftirqRun.Histogram(Observations{Counts: make([]uint64, Durations.Slots)}, time.Time{}, "x"),
		LostEvents.Counter(23, time.Time{}, "x"))
	if start := got.NativeStarts[key(SoftirqRun.Name, "vector", "x")]; start != 0 {
		t.Errorf("histogram starts at %d", start)
	}
	want := series{Value: 23}
	if diff := cmp.Diff(want, got.Series[key(LostEvents.Name, "source", "x")]); diff != "" {
		t.Errorf("counter (-want +got):\n%s", diff)
	}
}

func key(name string, pairs ...string) string {
	return labels.FromStrings(append([]string{"__name__", name}, pairs...)...).String()
}

func bucketKey(f *Family, bound float64) string {
	le := labels.FormatOpenMetricsFloat(bound)
	return key(f.Name+"_bucket", f.Labels[0], "x", "le", le)
}
