package collector

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/tracer"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// A PathMapReader samples the ways of packets through the kernel. Snapshot may be called from
// several goroutines.
type PathMapReader interface {
	Snapshot() (pathmap.Snapshot, error)
}

// NewPathMap returns the collector "pathmap". Its series have the limits of st.
func NewPathMap(reader PathMapReader, st *Stack) Collector { return pathsInKernel{reader, st} }

type pathsInKernel struct {
	reader PathMapReader
	stack  *Stack
}

// Name implements Collector.
func (pathsInKernel) Name() string { return metric.CollectorPathMap }

// Update implements Collector.
func (c pathsInKernel) Update(ch chan<- prometheus.Metric) error {
	s, err := c.reader.Snapshot()
	if err != nil {
		return err
	}
	e := emitter{limits: c.stack.limits, since: c.stack.since, ch: ch}
	emitPathSteps(s.Graph.Steps, e)
	emitPathFunctions(s.Graph.Functions, e)
	emitPathEnds(s.Graph.Ends, e)
	emitPathSelf(s, e)
	return nil
}

func emitPathSteps(steps []pathmap.Step, e emitter) {
	samples := newGroup[count](metric.StackPathSamples, len(steps))
	// By the same weights, so that the same steps keep series of their own.
	timed := newGroup[elapsed](metric.StackPathTimed, len(steps))
	times := newGroup[elapsed](metric.StackPathStep, len(steps))
	for _, s := range steps {
		samples.add(count(s.Samples), s.Source, s.Target, string(s.Direction), s.Protocol)
		if s.Times.Count > 0 {
			d := elapsed{s.Times.Count, s.Times.Sum}
			timed.add(d, s.Source, s.Target, string(s.Direction), s.Protocol)
			times.add(d, s.Source, s.Target, string(s.Direction), s.Protocol)
		}
	}
	emit(e, samples)
	emit(e, timed)
	emit(e, times)
}

func emitPathFunctions(functions []pathmap.Visited, e emitter) {
	nodes := newGroup[presence](metric.StackPathFunction, len(functions))
	for _, f := range functions {
		nodes.add(presence(f.Packets), f.Name, string(pathmap.LayerOf(f.Name)))
	}
	emit(e, nodes)
}

func emitPathEnds(ends []pathmap.Ended, e emitter) {
	packets := newGroup[count](metric.StackPathPackets, len(ends))
	for _, end := range ends {
		fate, reason, _ := strings.Cut(end.Fate, ": ")
		if fate == string(tracer.Unseen) {
			fate = "unseen"
		}
		packets.add(count(end.Packets), fate, reason, end.Protocol)
	}
	emit(e, packets)
}

func emitPathSelf(s pathmap.Snapshot, e emitter) {
	c := s.Counts
	for f, n := range map[*metric.Family]uint64{
		metric.StackPathOffered: c.Offered, metric.StackPathChosen: c.Chosen, metric.StackPathTurns: c.Turns,
		metric.StackPathSpent: c.Spent, metric.StackPathRuns: c.Runs,
	} {
		e.ch <- f.Counter(float64(n), e.since)
	}
	e.ch <- metric.StackPathAttached.Counter(c.Attached.Seconds(), e.since)
	e.ch <- metric.StackPathRatio.Gauge(1 / float64(max(s.Chance, 1)))
	e.ch <- metric.StackPathLost.Counter(float64(c.Lost), e.since, "full")
	e.ch <- metric.StackPathLost.Counter(float64(c.Unnamed), e.since, "unnamed")
	e.ch <- metric.StackPathHooks.Gauge(float64(len(s.Hooks)), "usable")
	e.ch <- metric.StackPathHooks.Gauge(float64(len(s.Missing)), "missing")
	if !s.Last.IsZero() {
		e.ch <- metric.StackPathLastTurn.Gauge(float64(s.Last.UnixMilli()) / 1e3)
	}
}

// elapsed is a number of durations and their sum.
type elapsed struct {
	times uint64
	sum   time.Duration
}

func (d elapsed) plus(e elapsed) elapsed { return elapsed{d.times + e.times, d.sum + e.sum} }
func (d elapsed) weight() uint64         { return d.times }

func (d elapsed) metric(f *metric.Family, created time.Time, labels []string) prometheus.Metric {
	if f == metric.StackPathTimed {
		return f.Counter(float64(d.times), created, labels...)
	}
	return f.Counter(d.sum.Seconds(), created, labels...)
}

// presence says that something is there; as a number it tells what there is more of.
type presence uint64

func (p presence) plus(q presence) presence { return p + q }
func (p presence) weight() uint64           { return uint64(p) }

func (p presence) metric(f *metric.Family, _ time.Time, labels []string) prometheus.Metric {
	return f.Gauge(1, labels...)
}
