package collector

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/sockets"
)

// A SocketsReader counts sockets and tells how. Both methods may be called from
// several goroutines.
type SocketsReader interface {
	Snapshot() (sockets.Snapshot, error)
	Report() (sockets.Report, error)
}

// MaxListenerPorts is how many listening ports have series of their own.
const MaxListenerPorts = 256

// NewSockets returns the collector "sockets". It shares the limits of st.
func NewSockets(reader SocketsReader, st *Stack) Collector {
	return socketsCollector{reader, st.limits}
}

type socketsCollector struct {
	reader SocketsReader
	limits *limits
}

// Name implements Collector.
func (socketsCollector) Name() string { return metric.CollectorSockets }

// Update implements Collector.
func (c socketsCollector) Update(ch chan<- prometheus.Metric) error {
	s, err := c.reader.Snapshot()
	if err != nil {
		return err
	}
	type kind struct{ family, protocol string }
	queues := make(map[kind][2]uint64)
	for _, n := range s.Counts {
		k := kind{n.Family.String(), n.Protocol.String()}
		ch <- metric.Sockets.Gauge(float64(n.Sockets), k.family, k.protocol, n.Protocol.StateName(n.State))
		sum := queues[k]
		queues[k] = [2]uint64{sum[0] + n.ReceiveBytes, sum[1] + n.TransmitBytes}
	}
	for k, bytes := range queues {
		ch <- metric.SocketQueueBytes.Gauge(float64(bytes[0]), k.family, k.protocol, "receive")
		ch <- metric.SocketQueueBytes.Gauge(float64(bytes[1]), k.family, k.protocol, "transmit")
	}
	ch <- metric.SocketNamespaces.Gauge(float64(s.NamespacesCovered), "covered")
	ch <- metric.SocketNamespaces.Gauge(float64(s.NamespacesUncovered), "uncovered")
	for port, l := range c.fold(metric.ListenerConnections, s.Listeners) {
		ch <- metric.ListenerConnections.Gauge(float64(l.Connections), port)
	}
	for port, l := range c.fold(metric.ListenerQueueBytes, s.Listeners) {
		ch <- metric.ListenerQueueBytes.Gauge(float64(l.ReceiveBytes), port, "receive")
		ch <- metric.ListenerQueueBytes.Gauge(float64(l.TransmitBytes), port, "transmit")
	}
	return nil
}

// seriesPerPort is how many series of a family one port has.
func seriesPerPort(f *metric.Family) int {
	if f.HasLabel("queue") {
		return 2
	}
	return 1
}

// fold returns the listeners by port, those beyond the limit of the family under
// "other". Both families weigh a port by its connections, so that they keep the
// same ones.
func (c socketsCollector) fold(f *metric.Family, listeners []sockets.Listener) map[string]sockets.Listener {
	rows := make(map[string]sockets.Listener)
	weights := make([]weighted, 0, len(listeners))
	for _, l := range listeners {
		port := strconv.Itoa(int(l.Port))
		rows[port] = l
		weights = append(weights, weighted{labels(port), l.Connections})
	}
	perPort := seriesPerPort(f)
	for _, folded := range c.limits.foldWithin(f, weights, (MaxListenerPorts+1)*perPort, perPort) {
		port := folded.set[0]
		l, sum := rows[port], rows["other"]
		delete(rows, port)
		sum.Connections += l.Connections
		sum.ReceiveBytes += l.ReceiveBytes
		sum.TransmitBytes += l.TransmitBytes
		rows["other"] = sum
	}
	return rows
}
