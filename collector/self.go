package collector

import (
	"slices"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

// A SelfReader is an engine that reports on its own probes. Self may be called
// from several goroutines.
type SelfReader interface {
	Self() (stack.Self, error)
}

// NewSelf returns the collector "probe": how the probes of an engine are
// attached, what they cost and what did not fit. It also reports the series that
// st had to fold.
//
// It does not read st's snapshot, so it tells why there is none when there is
// none. Sockets may be nil; else its way of reading is shown as a probe too.
func NewSelf(reader SelfReader, st *Stack, sockets SocketsReader) Collector {
	return self{reader, st, sockets}
}

type self struct {
	reader  SelfReader
	stack   *Stack
	sockets SocketsReader
}

// Name implements Collector.
func (self) Name() string { return metric.CollectorProbe }

// Update implements Collector.
func (c self) Update(ch chan<- prometheus.Metric) error {
	s, err := c.reader.Self()
	if err != nil {
		return err
	}
	if c.sockets != nil {
		r, err := c.sockets.Report()
		if err != nil {
			return err
		}
		s.Probes = append(slices.Clip(s.Probes), stack.Probe{
			Name: metric.CollectorSockets, Hook: r.Hook, Attached: r.Attached, Runs: r.Runs, RunTime: r.RunTime,
		})
	}
	c.sendProbes(s, ch)
	for name, fill := range s.Maps {
		ch <- metric.MapEntries.Gauge(float64(fill.Entries), name)
		ch <- metric.MapCapacity.Gauge(float64(fill.Capacity), name)
	}
	ch <- metric.NetworkNamespaces.Gauge(float64(s.NamespacesCovered), "covered")
	ch <- metric.NetworkNamespaces.Gauge(float64(s.NamespacesUncovered), "uncovered")
	ch <- metric.SamplingRatio.Gauge(1 / float64(max(1, s.SampleEvery)))
	for _, f := range limited() {
		folded := c.stack.limits.folded(f)
		ch <- metric.SeriesLimited.Counter(float64(folded), c.stack.since, f.Name)
	}
	return nil
}

func (c self) sendProbes(s stack.Self, ch chan<- prometheus.Metric) {
	since := c.stack.since
	for _, p := range s.Probes {
		attached := 0.0
		if p.Attached {
			attached = 1
		}
		ch <- metric.ProbeAttached.Gauge(attached, p.Name, p.Hook)
		ch <- metric.ProbeRuns.Counter(float64(p.Runs), since, p.Name)
		ch <- metric.ProbeRunSeconds.Counter(p.RunTime.Seconds(), since, p.Name)
	}
	ch <- metric.ProbeStatsWindow.Counter(s.StatsWindow.Seconds(), since)
}

// limited returns the families that have a limit of series: all that depend on
// the traffic of the host or on its services.
func limited() []*metric.Family {
	var fs []*metric.Family
	for _, name := range append(stackCollectors, metric.CollectorTCP, metric.CollectorDrops) {
		fs = append(fs, metric.Of(name)...)
	}
	return append(fs, metric.ListenerConnections, metric.ListenerQueueBytes,
		metric.GuarderRulePackets, metric.GuarderPackets, metric.GuarderAttached, metric.GuarderSetEntries, metric.GuarderICMPPackets,
		metric.GuarderCountryPackets, metric.StackPathSamples, metric.StackPathTimed, metric.StackPathStep, metric.StackPathFunction, metric.StackPathPackets)
}
