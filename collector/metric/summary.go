package metric

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// RoundTripQuantiles are the quantiles of round trips that are exposed.
var RoundTripQuantiles = []float64{0.5, 0.95, 0.99}

// A Distribution is what a summary has seen. Its values are in the unit of the family.
type Distribution struct {
	// Count and Sum are of all values, and never fall.
	Count uint64
	Sum   float64
	// Quantiles has one element per quantile of the family, in the same order. They may
	// be of the newest values alone.
	Quantiles []float64
}

// summary is a summary as it is at one scrape.
type summary struct {
	family *Family
	labels []*dto.LabelPair
	data   *dto.Summary
}

// Summary returns a summary of the distribution, which is not kept. Created and values
// are as for [Family.Counter], and it panics in the same cases, and if there is another
// number of quantiles than the family has.
func (f *Family) Summary(d Distribution, created time.Time, values ...string) prometheus.Metric {
	f.check(Summary, values)
	if len(d.Quantiles) != len(f.Quantiles) {
		panic(f.Name + ": other quantiles than in the table")
	}
	quantiles := make([]dto.Quantile, len(d.Quantiles))
	pointers := make([]*dto.Quantile, len(d.Quantiles))
	for i, v := range d.Quantiles {
		quantiles[i].Quantile, quantiles[i].Value = &f.Quantiles[i], &v
		pointers[i] = &quantiles[i]
	}
	return &summary{family: f, labels: f.pairs(values), data: &dto.Summary{
		SampleCount:      &d.Count,
		SampleSum:        &d.Sum,
		Quantile:         pointers,
		CreatedTimestamp: timestamp(created),
	}}
}

// Desc implements prometheus.Metric.
func (s *summary) Desc() *prometheus.Desc { return s.family.desc }

// Write implements prometheus.Metric.
func (s *summary) Write(out *dto.Metric) error {
	out.Label, out.Summary = s.labels, s.data
	return nil
}
