package metric

import (
	"math"
	"sort"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Observations is what a histogram has seen.
type Observations struct {
	// Counts has one element per slot of the family's [Scale].
	Counts []uint64
	// Sum is the sum of all values, in the unit of the family.
	Sum float64
	// Exemplar is one of the values, or nil.
	Exemplar *Exemplar
}

// histogram is a native and a classic histogram in one metric.
//
// client_golang has constant metrics for either (NewConstNativeHistogram and
// NewConstHistogram) but none for both, while the protobuf exposition and the
// servers take both from one message.
type histogram struct {
	family *Family
	labels []*dto.LabelPair
	data   *dto.Histogram
}

// Histogram returns a histogram of the observations, which are not kept. Created
// and values are as for [Family.Counter], and it panics in the same cases.
func (f *Family) Histogram(o Observations, created time.Time, values ...string) prometheus.Metric {
	f.check(Histogram, values)
	var count uint64
	for _, c := range o.Counts {
		count += c
	}
	h := &dto.Histogram{
		SampleCount:      &count,
		SampleSum:        &o.Sum,
		CreatedTimestamp: timestamp(created),
	}
	f.Scale.fillNative(h, o.Counts)
	f.Scale.fillClassic(h, o.Counts)
	if o.Exemplar != nil {
		f.Scale.attach(h, o.Exemplar.message())
	}
	return &histogram{family: f, labels: f.pairs(values), data: h}
}

// Desc implements prometheus.Metric.
func (h *histogram) Desc() *prometheus.Desc { return h.family.desc }

// Write implements prometheus.Metric.
func (h *histogram) Write(out *dto.Metric) error {
	out.Label, out.Histogram = h.labels, h.data
	return nil
}

// maxGap is the longest run of empty buckets that is written out instead of
// starting a new span. A span costs about as much as two empty buckets;
// client_golang draws the line at the same place.
const maxGap = 2

// fillNative sets the exponential buckets.
//
// Buckets are spans of neighbours: the offset of the first span is the index of
// its first bucket, that of a later one the gap to the span before. Counts are
// differences to the bucket before.
func (s *Scale) fillNative(h *dto.Histogram, counts []uint64) {
	h.Schema, h.ZeroThreshold, h.ZeroCount = &s.Schema, &s.ZeroThreshold, &counts[0]
	used := 0
	for _, c := range counts[1:] {
		if c != 0 {
			used++
		}
	}
	h.PositiveDelta = make([]int64, 0, used+used/2)

	next, last := 0, int64(0) // the index after the last span, and the count before
	for i := 1; i < len(counts); i++ {
		if counts[i] == 0 {
			continue
		}
		index := s.First + i
		gap := index - next
		if len(h.PositiveSpan) == 0 || gap > maxGap {
			h.PositiveSpan = append(h.PositiveSpan, span(gap, 0))
			gap = 0
		}
		open := h.PositiveSpan[len(h.PositiveSpan)-1]
		for range gap {
			h.PositiveDelta = append(h.PositiveDelta, -last)
			last = 0
		}
		*open.Length += uint32(gap + 1)
		h.PositiveDelta = append(h.PositiveDelta, int64(counts[i])-last)
		next, last = index+1, int64(counts[i])
	}
	if len(h.PositiveSpan) == 0 {
		// A histogram without buckets and with a zero threshold of 0 would be
		// taken for a classic one; an empty span says that it is native.
		h.PositiveSpan = append(h.PositiveSpan, span(0, 0))
	}
}

func span(offset int, length uint32) *dto.BucketSpan {
	o := int32(offset)
	return &dto.BucketSpan{Offset: &o, Length: &length}
}

// fillClassic sets the cumulative buckets. The +Inf bucket is left out: the
// encoders add it from the count.
func (s *Scale) fillClassic(h *dto.Histogram, counts []uint64) {
	sums := make([]uint64, len(s.Bounds))
	buckets := make([]dto.Bucket, len(s.Bounds))
	h.Bucket = make([]*dto.Bucket, len(s.Bounds), len(s.Bounds)+1)
	slot, sum := 0, uint64(0)
	for i, end := range s.slots {
		for ; slot <= end; slot++ {
			sum += counts[slot]
		}
		sums[i] = sum
		buckets[i].UpperBound = &s.Bounds[i]
		buckets[i].CumulativeCount = &sums[i]
		h.Bucket[i] = &buckets[i]
	}
}

// attach gives the exemplar to the native histogram and to the classic bucket
// that its value falls in.
func (s *Scale) attach(h *dto.Histogram, e *dto.Exemplar) {
	h.Exemplars = []*dto.Exemplar{e}
	i := sort.SearchFloat64s(s.Bounds, e.GetValue())
	if i == len(s.Bounds) {
		inf := math.Inf(1)
		h.Bucket = append(h.Bucket, &dto.Bucket{UpperBound: &inf, CumulativeCount: h.SampleCount})
	}
	h.Bucket[i].Exemplar = e
}
