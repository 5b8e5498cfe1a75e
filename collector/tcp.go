package collector

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

// A TCPReader is an engine that watches TCP. TCP may be called from several
// goroutines.
type TCPReader interface {
	TCP() (stack.TCP, error)
}

// NewTCP returns the collector "tcp": how TCP fares. It shares the limits of st.
func NewTCP(reader TCPReader, st *Stack) Collector { return tcp{reader, st} }

type tcp struct {
	reader TCPReader
	stack  *Stack
}

// Name implements Collector.
func (tcp) Name() string { return metric.CollectorTCP }

// Update implements Collector.
func (c tcp) Update(ch chan<- prometheus.Metric) error {
	t, err := c.reader.TCP()
	if err != nil {
		return err
	}
	e := emitter{limits: c.stack.limits, since: c.stack.since, ch: ch}
	emitTCPEvents(t, e)
	emitTCPDurations(t, e)
	emitTCPCounters(t, e)
	emitAcceptQueues(t.AcceptQueues, e)
	return nil
}

func emitTCPEvents(t stack.TCP, e emitter) {
	retransmits := newGroup[count](metric.TCPRetransmits, len(t.Retransmits))
	for _, r := range t.Retransmits {
		retransmits.add(count(r.Segments), r.Family, r.Kind)
	}
	emit(e, retransmits)
	resets := newGroup[count](metric.TCPResets, len(t.Resets))
	for _, r := range t.Resets {
		resets.add(count(r.Segments), r.Direction.String(), r.Reason, r.Family)
	}
	emit(e, resets)
	emitCounts(e, metric.TCPZeroWindowEvents, t.ZeroWindows)
	emitCounts(e, metric.TCPCongestion, t.Congestion)
	emitCounts(e, metric.TCPDuplicateAcks, t.DuplicateAcks)
	emitCounts(e, metric.TCPBadChecksums, t.BadChecksums)
}

func emitTCPDurations(t stack.TCP, e emitter) {
	emitDurations(e, metric.TCPRoundTrip, t.RoundTrips)
	emitDurations(e, metric.TCPZeroWindow, t.ZeroWindowTimes)
	connects := newGroup[durations](metric.TCPConnectDuration, len(t.Connects))
	for i := range t.Connects {
		c := &t.Connects[i]
		connects.add(durations{Histogram: &c.Histogram}, c.Family, c.Role, c.Result)
	}
	emit(e, connects)
}

// emitTCPCounters shows what the kernel counts, unless no namespace could be read:
// then the counters stand still for a reason that zero would hide.
func emitTCPCounters(t stack.TCP, e emitter) {
	namespaces := newGroup[level](metric.TCPNetworkNamespaces, 2)
	namespaces.add(level(t.NamespacesRead), "covered")
	namespaces.add(level(t.NamespacesUnread), "uncovered")
	emit(e, namespaces)
	if t.NamespacesRead == 0 {
		return
	}
	c := t.Counters
	for f, n := range map[*metric.Family]uint64{
		metric.TCPOutOfOrder:      c.OutOfOrder,
		metric.TCPListenOverflows: c.ListenOverflows,
		metric.TCPListenDrops:     c.ListenDrops,
		metric.TCPChallengeAcks:   c.ChallengeAcks,
	} {
		g := newGroup[count](f, 1)
		g.add(count(n))
		emit(e, g)
	}
	emitCounts(e, metric.TCPSYNCookies, map[string]uint64{
		"sent": c.CookiesSent, "received": c.CookiesReceived, "failed": c.CookiesFailed,
	})
}

func emitAcceptQueues(queues []stack.AcceptQueue, e emitter) {
	lengths := newGroup[level](metric.TCPAcceptQueueLength, len(queues))
	limits := newGroup[level](metric.TCPAcceptQueueLimit, len(queues))
	for _, q := range queues {
		port := "other"
		if q.Port != 0 {
			port = strconv.Itoa(int(q.Port))
		}
		lengths.add(level(q.Length), port)
		limits.add(level(q.Limit), port)
	}
	emit(e, lengths)
	emit(e, limits)
}

// emitCounts shows counters with one label.
func emitCounts(e emitter, f *metric.Family, byLabel map[string]uint64) {
	g := newGroup[count](f, len(byLabel))
	for label, n := range byLabel {
		g.add(count(n), label)
	}
	emit(e, g)
}

// level is the value of a gauge that can be added up.
type level uint64

func (l level) plus(m level) level { return l + m }
func (l level) weight() uint64     { return uint64(l) }

func (l level) metric(f *metric.Family, _ time.Time, labels []string) prometheus.Metric {
	return f.Gauge(float64(l), labels...)
}
