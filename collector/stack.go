package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

// A StackReader is the Analyzer's engine. Snapshot may be called from several
// goroutines; the result is read by several and changed by none.
type StackReader interface {
	Snapshot() (stack.Snapshot, error)
}

// DefaultSeriesLimit is the default of StackOptions.SeriesLimit. A host without
// watches stays below it in every family, unless it has every protocol on every
// class of device.
const DefaultSeriesLimit = 2000

// StackOptions are the choices for [NewStack]. The zero value is useful.
type StackOptions struct {
	// SeriesLimit is the greatest number of series that one family may have; 0
	// stands for DefaultSeriesLimit. A histogram counts with each of its buckets,
	// see [metric.Family.SeriesPerSet]. A limit that is too low for even one label
	// set leaves the one that everything is folded into.
	//
	// When a family would exceed it, the label sets that were exposed before stay,
	// then come the ones with the most observations, and the others are added up
	// in one more label set whose values are all "other". A label set that was
	// once exposed stays exposed and one that was once folded stays folded for as
	// long as the engine reports it, so that no counter goes backwards.
	SeriesLimit int
	// Since is when the engine began to count, the created timestamp of counters
	// and histograms, or zero if it is not known. Series of a watch have none,
	// because a watch may be added later.
	Since time.Time
}

// A Stack makes the collectors of one Analyzer. They share one snapshot per
// scrape.
type Stack struct {
	reader StackReader
	since  time.Time
	limits *limits
}

// NewStack returns the collectors that read from reader.
func NewStack(reader StackReader, opts StackOptions) *Stack {
	limit := opts.SeriesLimit
	if limit == 0 {
		limit = DefaultSeriesLimit
	}
	return &Stack{reader: reader, since: opts.Since, limits: newLimits(limit)}
}

// stackCollectors are the names of the collectors of a [Stack].
var stackCollectors = []string{
	metric.CollectorStack, metric.CollectorSocket, metric.CollectorDevice,
	metric.CollectorSoftirq, metric.CollectorNetfilter,
}

// Collectors returns the collectors "stack", "socket", "device", "softirq" and
// "netfilter". They are the same on every call, so that what each has exposed is
// remembered whichever scrape asks.
func (s *Stack) Collectors() []Collector {
	return []Collector{
		part{s, metric.CollectorStack, collectStack},
		part{s, metric.CollectorSocket, collectSocket},
		part{s, metric.CollectorDevice, collectDevice},
		part{s, metric.CollectorSoftirq, collectSoftirq},
		part{s, metric.CollectorNetfilter, collectNetfilter},
	}
}

// part is a collector that shows a part of the snapshot.
type part struct {
	stack   *Stack
	name    string
	collect func(stack.Snapshot, emitter)
}

// Name implements Collector.
func (p part) Name() string { return p.name }

// Update implements Collector, with a snapshot of its own.
func (p part) Update(ch chan<- prometheus.Metric) error {
	return p.updateIn(newScrape(), ch)
}

func (p part) updateIn(s *scrape, ch chan<- prometheus.Metric) error {
	snapshot, err := s.snapshot(p.stack)
	if err != nil {
		return err
	}
	p.collect(snapshot, emitter{limits: p.stack.limits, since: p.stack.since, ch: ch})
	return nil
}
