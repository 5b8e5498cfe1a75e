package collector

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

// count is the value of a counter.
type count uint64

func (c count) plus(d count) count { return c + d }
func (c count) weight() uint64     { return uint64(c) }

func (c count) metric(f *metric.Family, created time.Time, labels []string) prometheus.Metric {
	return f.Counter(float64(c), created, labels...)
}

// durations is a histogram of durations, never nil. It is part of the snapshot
// unless it is own, which is the sum of several.
type durations struct {
	*stack.Histogram
	own bool
}

func (d durations) plus(e durations) durations {
	if !d.own {
		sum := *d.Histogram
		d = durations{&sum, true}
	}
	for i, c := range e.Buckets {
		d.Buckets[i] += c
	}
	d.SumSeconds += e.SumSeconds
	if d.Slowest == nil || e.Slowest != nil && e.Slowest.Duration > d.Slowest.Duration {
		d.Slowest = e.Slowest
	}
	return d
}

func (d durations) weight() uint64 { return d.Count() }

func (d durations) metric(f *metric.Family, created time.Time, labels []string) prometheus.Metric {
	o := metric.Observations{Counts: d.Buckets[:], Sum: d.SumSeconds}
	if s := d.Slowest; s != nil {
		o.Exemplar = &metric.Exemplar{
			Source: s.Source, Destination: s.Destination,
			Value: s.Duration.Seconds(), Time: s.Time,
		}
	}
	return f.Histogram(o, created, labels...)
}

// polls is a histogram of packets per poll.
type polls struct{ *stack.Polls }

func (p polls) plus(q polls) polls {
	sum := *p.Polls
	for i, c := range q.Buckets {
		sum.Buckets[i] += c
	}
	sum.Packets += q.Packets
	sum.Exhausted += q.Exhausted
	return polls{&sum}
}

func (p polls) weight() uint64 {
	var n uint64
	for _, c := range p.Buckets {
		n += c
	}
	return n
}

func (p polls) metric(f *metric.Family, created time.Time, labels []string) prometheus.Metric {
	return f.Histogram(metric.Observations{Counts: p.Buckets[:], Sum: float64(p.Packets)}, created, labels...)
}
