//go:build unix

package annotator

import (
	"math"
	"time"
)

// HistogramSlots, HistogramSchema and HistogramFirst say how times fall into slots: four per
// octave from 2^-24 s, 60 ns, to 2^7.75 s. They are those of all durations in the collector.
const (
	HistogramSlots  = 128
	HistogramSchema = 2
	HistogramFirst  = -24 << HistogramSchema
)

// A Histogram counts times.
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

func (h *Histogram) add(t time.Duration) {
	seconds := max(t.Seconds(), 0)
	h.SumSeconds += seconds
	for slot := range h.Buckets {
		if seconds <= UpperBound(slot) {
			h.Buckets[slot]++
			return
		}
	}
}
