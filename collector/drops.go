package collector

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

// A DropReader is an engine that knows what is lost. Drops may be called from several
// goroutines.
type DropReader interface {
	Drops() (stack.Drops, error)
}

// NewDrops returns the collector "drops": what is lost, why and where. Its series have
// the limits of st.
func NewDrops(reader DropReader, st *Stack) Collector { return drops{reader, st} }

type drops struct {
	reader DropReader
	stack  *Stack
}

// Name implements Collector.
func (drops) Name() string { return metric.CollectorDrops }

// Update implements Collector.
func (c drops) Update(ch chan<- prometheus.Metric) error {
	d, err := c.reader.Drops()
	if err != nil {
		return err
	}
	e := emitter{limits: c.stack.limits, since: c.stack.since, ch: ch}
	emitDrops(d.Packets, e)

	hooks := newGroup[count](metric.NetfilterDrops, len(d.Netfilter))
	for _, h := range d.Netfilter {
		hooks.add(count(h.Packets), h.Family, h.Hook)
	}
	emit(e, hooks)
	errors := newGroup[count](metric.ICMPErrorsSent, len(d.ICMPErrors))
	for _, x := range d.ICMPErrors {
		errors.add(count(x.Errors), icmpNumber(x.Type), icmpNumber(x.Code))
	}
	emit(e, errors)
	emitCounts(e, metric.SocketOverflows, d.Overflows)
	emitCounts(e, metric.NeighborFailures, d.NeighborFailures)

	// The kernel has counted these since before there was an engine.
	e.since = time.Time{}
	emitCounts(e, metric.RouteLookupFailures, d.RouteFailures)
	devices := newGroup[count](metric.DeviceDrops, len(d.Devices))
	for _, x := range d.Devices {
		devices.add(count(x.Packets), x.Device, x.Direction.String(), x.Kind)
	}
	emit(e, devices)
	return nil
}

func emitDrops(rows []stack.Drop, e emitter) {
	packets := newGroup[count](metric.Drops, len(rows))
	locations := newGroup[count](metric.DropLocations, len(rows))
	for _, d := range rows {
		packets.add(count(d.Packets), d.Reason, d.Layer.String(), d.Direction.String(),
			d.Kind.Family(), d.Kind.Protocol(), d.Severity.String())
		locations.add(count(d.Packets), d.Function, d.Reason)
	}
	emit(e, packets)
	emit(e, locations)
}

// icmpNumber returns a type or code; negative ones are what did not fit anywhere.
func icmpNumber(n int) string {
	if n < 0 {
		return "other"
	}
	return strconv.Itoa(n)
}
