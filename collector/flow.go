package collector

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/stack"
)

// A FlowReader is an engine that knows who talks to whom. Flows may be called from
// several goroutines; a table belongs to who asked for it.
type FlowReader interface {
	// Flows returns an error that matches [stack.ErrNoFlows] if it does not count
	// them.
	Flows() (stack.FlowTable, error)
}

// DefaultTopFlows is the default of FlowOptions.Top, and MaxTopFlows the greatest.
const (
	DefaultTopFlows = 20
	MaxTopFlows     = 100
)

// FlowOptions are the choices for [NewFlows]. The zero value is useful.
type FlowOptions struct {
	// Top is how many flows have series of their own; 0 stands for DefaultTopFlows.
	Top int
	// Since is when the engine began to count, or zero if it is not known.
	Since time.Time
}

// NewFlows returns the collector "flows": the busiest flows by themselves, and all
// others together.
//
// Which ones those are is decided at each scrape by what they carried, where what is
// older counts less: see ledger. The same collector must answer all scrapes.
func NewFlows(reader FlowReader, opts FlowOptions) Collector {
	top := opts.Top
	if top == 0 {
		top = DefaultTopFlows
	}
	return &flows{reader: reader, since: opts.Since, ledger: newFlowLedger(top, opts.Since), rtts: make(map[stack.FlowKey]time.Duration)}
}

type flowLedger = ledger[stack.FlowKey, stack.FlowCounts]

func newFlowLedger(top int, since time.Time) *flowLedger {
	return newLedger[stack.FlowKey](top, since, stack.FlowCounts.Bytes)
}

type flows struct {
	reader FlowReader
	since  time.Time

	// mu is held while the table is read, too: an older one must not be entered
	// after a newer one.
	mu     sync.Mutex
	ledger *flowLedger
	// rtts are those of listed flows.
	rtts    map[stack.FlowKey]time.Duration
	evicted uint64
}

// Name implements Collector.
func (*flows) Name() string { return metric.CollectorFlows }

// Update implements Collector.
func (c *flows) Update(ch chan<- prometheus.Metric) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	table, err := c.reader.Flows()
	if errors.Is(err, stack.ErrNoFlows) {
		return fmt.Errorf("%w: %w", ErrNoData, err)
	}
	if err != nil {
		return err
	}
	c.enter(table)
	c.evicted = max(c.evicted, table.Evicted)
	ch <- metric.Flows.Gauge(float64(len(table.Flows)))
	ch <- metric.FlowEvictions.Counter(float64(c.evicted), c.since)
	for key, l := range c.ledger.listed {
		port := ""
		if key.ServicePort != 0 {
			port = strconv.Itoa(int(key.ServicePort))
		}
		tcp := key.ProtocolName() == "tcp"
		sendFlow(ch, l.counts, l.created, tcp, key.Remote.String(), port, key.ProtocolName(), key.Role.String())
		if rtt := c.rtts[key]; tcp && rtt > 0 {
			ch <- metric.FlowRTT.Gauge(rtt.Seconds(), key.Remote.String(), port, key.ProtocolName(), key.Role.String())
		}
	}
	sendFlow(ch, c.ledger.other, c.since, true, "other", "other", "other", "other")
	return nil
}

// enter brings the ledger up to a table.
func (c *flows) enter(t stack.FlowTable) {
	c.ledger.enter(t.Time, func(yield func(stack.FlowKey, stack.FlowCounts) bool) {
		for i := range t.Flows {
			if !yield(t.Flows[i].FlowKey, t.Flows[i].FlowCounts) {
				return
			}
		}
	}, t.Total)
	for i := range t.Flows {
		if key := t.Flows[i].FlowKey; c.ledger.listed[key] != nil {
			c.rtts[key] = t.Flows[i].RTT
		}
	}
	maps.DeleteFunc(c.rtts, func(key stack.FlowKey, _ time.Duration) bool { return c.ledger.listed[key] == nil })
}

// sendFlow sends the counters of one flow, whose labels are values.
func sendFlow(ch chan<- prometheus.Metric, n stack.FlowCounts, created time.Time, tcp bool, values ...string) {
	for direction, count := range map[stack.Direction][2]uint64{
		stack.Receive:  {n.ReceivedBytes, n.ReceivedPackets},
		stack.Transmit: {n.SentBytes, n.SentPackets},
	} {
		all := append(values[:len(values):len(values)], direction.String())
		ch <- metric.FlowBytes.Counter(float64(count[0]), created, all...)
		ch <- metric.FlowPackets.Counter(float64(count[1]), created, all...)
	}
	if tcp {
		ch <- metric.FlowRetransmits.Counter(float64(n.Retransmits), created, values...)
	}
}
