// Package metric names every metric of PacketScope once: what it is called,
// what it counts, in which unit and by which labels.
//
// The collectors build their metrics from this table, and whatever queries them
// (dashboards, recording and alerting rules) is checked against it with
// [Lookup], so that a metric cannot be renamed in one place only.
//
// # Labels
//
// A label means the same in every family that has it, and an empty value means
// that there is none: a packet that no watch matches has watch="". A packet that
// matches a watch is counted under that watch only, so that a sum over the label
// counts each packet once. The values of layer, direction, from, to, family,
// protocol, device_class and cause are the names in package stack; sockets have
// those of package sockets. Only source has two meanings: Grafana's network layer wants
// the ends of links to be called source and target.
//
// # Histograms
//
// A histogram is exposed twice in one metric: as a native histogram with
// exponential buckets and as a classic one with about a dozen. Every classic
// bound is also a boundary of the native buckets, so the two agree exactly: see
// [Scale] and [Family.Histogram].
//
// # Thread Safety
//
// Families and the metrics made from them are never changed after they are made,
// and may be used from any goroutine.
package metric

import (
	"slices"
	"sort"

	"github.com/prometheus/client_golang/prometheus"
)

// A Type is the Prometheus type of a metric.
type Type uint8

// The types in use.
const (
	Counter Type = iota
	Gauge
	Histogram
	Summary
)

var typeNames = []string{"counter", "gauge", "histogram", "summary"}

// String returns the type as it stands in the exposition, such as "counter".
func (t Type) String() string { return typeNames[t] }

// A Family is one row of the table: all series with one metric name.
type Family struct {
	// Name includes the unit and, for a counter, "_total".
	Name string
	Type Type
	// Unit is the OpenMetrics unit: the last word of Name before "_total", or ""
	// if the metric has none.
	Unit string
	// Help says what one unit of the metric is, for someone who has not read the
	// source.
	Help string
	// Labels are in the order in which the constructors of metrics take values.
	Labels []string
	// Collector is the name of the collector that emits the family. It is "set"
	// for what the set of collectors reports about each of them, and "" for what
	// the command itself exposes.
	Collector string
	// MostSeries is the limit of series whatever the general one is; 0 for none.
	MostSeries int
	// Scale is how values fall into buckets; nil unless Type is Histogram.
	Scale *Scale
	// Quantiles are from 0 to 1, in increasing order; nil unless Type is Summary.
	Quantiles []float64

	desc *prometheus.Desc
	// sorted[i] is the index in Labels of the i-th label in the order of names,
	// which is the order that the exposition must have.
	sorted []int
}

// define completes a row of the table with what follows from it.
func define(f Family) *Family {
	f.sorted = make([]int, len(f.Labels))
	for i := range f.sorted {
		f.sorted[i] = i
	}
	sort.Slice(f.sorted, func(i, j int) bool {
		return f.Labels[f.sorted[i]] < f.Labels[f.sorted[j]]
	})
	f.desc = prometheus.V2.NewDesc(f.Name, f.Help,
		prometheus.UnconstrainedLabels(f.Labels), nil, prometheus.WithUnit(f.Unit))
	return &f
}

// Desc returns the descriptor to register. It is the same one on every call.
func (f *Family) Desc() *prometheus.Desc { return f.desc }

// HasLabel tells whether the series of f carry the label, not counting the "le"
// of classic buckets and the "quantile" of summaries.
func (f *Family) HasLabel(name string) bool { return slices.Contains(f.Labels, name) }

// SeriesPerSet returns how many classic series one set of label values has: 1,
// or for a histogram one per bound, the "+Inf" bucket, the sum and the count, and for a
// summary one per quantile, the sum and the count.
//
// A server that ingests native histograms alone stores one series instead.
func (f *Family) SeriesPerSet() int {
	switch f.Type {
	case Histogram:
		return len(f.Scale.Bounds) + 3
	case Summary:
		return len(f.Quantiles) + 2
	}
	return 1
}
