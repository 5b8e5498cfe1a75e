package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/posture"
)

// A PostureReader tells how exposed the host is. Report may be called from several
// goroutines.
type PostureReader interface {
	Report() (posture.Report, error)
}

// NewPosture returns the collector "posture". The number of its series is bounded by the
// reader: see [posture.MaxDevices].
func NewPosture(reader PostureReader) Collector { return postureCollector{reader} }

type postureCollector struct{ reader PostureReader }

// Name implements Collector.
func (postureCollector) Name() string { return metric.CollectorPosture }

// Update implements Collector.
func (c postureCollector) Update(ch chan<- prometheus.Metric) error {
	r, err := c.reader.Report()
	if err != nil {
		return err
	}
	for _, f := range r.Findings {
		ch <- metric.PostureState.Gauge(1, f.Check.Name, f.Device, f.State.String())
		// The value of one device says nothing about others under the same name.
		if f.Reason == "" && f.Device == f.Example {
			ch <- metric.PostureValue.Gauge(float64(f.Value), f.Check.Name, f.Device)
		}
	}
	sendExceptions(ch, "ipv4", r.IPv4)
	sendExceptions(ch, "ipv6", r.IPv6)
	return nil
}

func sendExceptions(ch chan<- prometheus.Metric, family string, e *posture.Exceptions) {
	if e == nil {
		return
	}
	ch <- metric.PosturePMTUExceptions.Gauge(float64(e.Floor), family, "floor")
	ch <- metric.PosturePMTUExceptions.Gauge(float64(e.All-e.Floor), family, "above")
}

// postureNames returns how many pairs of a check and a device a host has at the most.
func postureNames(devices int) int {
	n := 0
	for _, c := range posture.Checks() {
		if c.Scope == posture.Whole {
			n++
		} else {
			n += min(devices, posture.MaxDevices+2) // "veth" and "other"
		}
	}
	return n
}
