// Package collector exposes what the engines know as Prometheus metrics.
//
// A [Collector] reads one subject from an engine and sends its metrics, all or
// none. A [Set] runs several of them side by side for each scrape, times them,
// and keeps the failure of one from touching the others; it is what is
// registered with Prometheus. The engines are behind the Reader interfaces, and
// the names and meanings of the metrics are in package metric.
//
// # How many series there can be
//
// Labels come from closed lists, except for the names of devices and watches,
// which the engine bounds. On top of that every family has a hard limit of
// series: label sets beyond it are folded into one whose labels are all "other",
// see [StackOptions.SeriesLimit]. Flows, whose labels are addresses and ports, have
// series for the busiest few: see [FlowOptions.Top]; and paths, whose labels are addresses
// and names of routers, for the destinations of the configuration: see [NewPath]. Posture
// has those of a fixed list of checks, and of few devices: see [NewPosture].
// [SeriesBound] is the resulting worst case.
//
// # Thread Safety
//
// Everything here may be used from any goroutine; scrapes may overlap.
package collector

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
)

// ErrNoData is returned by a reader or a [Collector] that has nothing to report
// yet, which is not worth an error in the log.
var ErrNoData = errors.New("no data")

// A Collector reads one subject.
type Collector interface {
	// Name is the label value in the metrics about collectors, and the name by
	// which users switch it on and off. A [Set] knows from it which families of
	// package metric the collector emits.
	Name() string
	// Update sends the metrics of one scrape. What it has sent does not count if
	// it then returns an error, so it need not prepare everything first. It does
	// not close the channel.
	Update(ch chan<- prometheus.Metric) error
}

// A Switch is a collector as users see it.
type Switch struct {
	Name string
	// Default is whether it is on unless the user says otherwise.
	Default bool
	// Help completes "Collect ...".
	Help string
}

// Switches lists the collectors of this package for flags and documentation.
var Switches = []Switch{
	{metric.CollectorStack, true, "packets, bytes, crossings and latency by layer of the network stack"},
	{metric.CollectorSocket, true, "how long readable data waits for the application"},
	{metric.CollectorDevice, true, "queueing, transmission and polling by network device"},
	{metric.CollectorSoftirq, true, "delay and duration of the network softirqs"},
	{metric.CollectorNetfilter, false, "time in the netfilter hooks; it adds two programs to each hook"},
	{metric.CollectorFlows, true, "the busiest flows by remote network and service"},
	{metric.CollectorSockets, true, "sockets by state, their queues, and the connections of listening ports"},
	{metric.CollectorTCP, true, "retransmits, resets, round trips, connects, windows and accept queues of TCP"},
	{metric.CollectorDrops, true, "what is lost, why and where: drops, devices, sockets, ICMP errors, routes, neighbours"},
	{metric.CollectorPosture, false, "which settings of the kernel leave the host exposed to attacks on its network stack, and path MTUs that forged ICMP leaves behind"},
	{metric.CollectorPathMap, true, "by which functions of the kernel sampled packets go, how long that takes and where they end; it attaches programs for a part of the time, and has hundreds of series"},
	{metric.CollectorProbe, true, "how the probes are attached, what they cost and what they lose"},
}

// NewFailed returns a collector in the place of one whose engine could not be opened: it
// fails at each scrape with the reason, so that nobody takes silence for calm.
func NewFailed(name string, err error) Collector { return failed{name, err} }

type failed struct {
	name string
	err  error
}

// Name implements Collector.
func (f failed) Name() string { return f.name }

// Update implements Collector.
func (f failed) Update(chan<- prometheus.Metric) error { return f.err }
