package locator

import (
	"math"
	"time"
)

// HistogramSlots, HistogramSchema and HistogramFirst say how round trips fall into slots:
// eight per octave (a factor of 1.09 from bound to bound) from 2^-17 s, 7.6 µs, to 8 s.
// Slot 0 is all below.
const (
	HistogramSlots  = 162
	HistogramSchema = 3
	HistogramFirst  = -17 << HistogramSchema
)

// A Histogram counts round trips.
type Histogram struct {
	// Buckets[i] counts times t with UpperBound(i-1) < t <= UpperBound(i).
	Buckets    [HistogramSlots]uint64
	SumSeconds float64
}

// UpperBound returns the upper bound of a slot in seconds, +Inf for the last one.
func UpperBound(slot int) float64 {
	if slot >= HistogramSlots-1 {
		return math.Inf(1)
	}
	return math.Exp2(float64(HistogramFirst+slot) / (1 << HistogramSchema))
}

// Add counts a round trip.
func (h *Histogram) Add(rtt time.Duration) {
	seconds := rtt.Seconds()
	h.SumSeconds += seconds
	slot := 0
	if seconds > UpperBound(0) {
		slot = min(int(math.Ceil(math.Log2(seconds)*(1<<HistogramSchema)))-HistogramFirst, HistogramSlots-1)
	}
	// The logarithm may be off by the last bit at a bound.
	for slot > 0 && seconds <= UpperBound(slot-1) {
		slot--
	}
	for seconds > UpperBound(slot) {
		slot++
	}
	h.Buckets[slot]++
}

// Count returns the number of round trips.
func (h *Histogram) Count() uint64 {
	var n uint64
	for _, c := range h.Buckets {
		n += c
	}
	return n
}
