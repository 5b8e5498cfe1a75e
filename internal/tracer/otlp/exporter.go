package otlp

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	collector "go.opentelemetry.io/proto/slim/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/slim/otlp/common/v1"
	trace "go.opentelemetry.io/proto/slim/otlp/trace/v1"

	"github.com/packetscope/packetscope/internal/tracer"
)

const (
	// mostWaiting is how many events of packets wait at most: some 30 MB, with their stacks.
	mostWaiting = 20_000
	// batch is how many events are told at once: with some 15 spans each of 200 bytes, half of
	// the 4 MB that receivers take that have gRPC's limit.
	batch = 600
	// attempts is how often a batch is tried, with pauses of 1, 2, 4, 8 and 16 seconds.
	attempts   = 6
	firstPause = time.Second
	// grace is for what waits when the exporter is told to stop.
	grace = 5 * time.Second
)

// Outcomes count what became of packets that were to be told.
type Outcomes struct {
	// Sent were taken by the receiver. Failed were not, and are not tried any more. Dropped
	// were never sent, as too much waited.
	Sent, Failed, Dropped uint64
	// RejectedSpans are of packets that were sent: the receiver refused them.
	RejectedSpans uint64
	// Retries counts attempts after the first.
	Retries uint64
}

// An Exporter tells one receiver of packets.
type Exporter struct {
	client *client
	logger *slog.Logger
	boot   string
	wake   chan struct{}
	// wait returns early, with an error, at the end of ctx.
	wait   func(ctx context.Context, d time.Duration) error
	random func() float64
	// room is mostWaiting, but in tests.
	room int

	mu       sync.Mutex
	waiting  []item
	events   int // of waiting
	outcomes Outcomes
	// failing tells that the last attempt failed, and rejecting that spans were refused, so
	// that it is logged once.
	failing, rejecting bool
}

// An item is a packet and the clocks at the time when it was put.
type item struct {
	packet *tracer.Packet
	zero   time.Time
}

// New returns an exporter, which sends while Run runs.
func New(c Config, logger *slog.Logger) (*Exporter, error) {
	if c.Endpoint == nil {
		return nil, errors.New("there is no endpoint to tell")
	}
	boot, err := readBoot()
	if err != nil {
		return nil, err
	}
	return &Exporter{client: newClient(c), logger: logger, boot: boot, wake: make(chan struct{}, 1), wait: sleep, random: rand.Float64, room: mostWaiting}, nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// Put has a packet told, and never waits: if too much waits already the packet is dropped.
// The packet must not grow any more. One without events is none.
func (e *Exporter) Put(p *tracer.Packet) {
	if len(p.Events) == 0 {
		return
	}
	now := zero()
	e.mu.Lock()
	if e.events+len(p.Events) > e.room {
		e.outcomes.Dropped++
		e.mu.Unlock()
		return
	}
	e.waiting = append(e.waiting, item{p, now})
	e.events += len(p.Events)
	e.mu.Unlock()
	select {
	case e.wake <- struct{}{}:
	default:
	}
}

// Run sends until the end of ctx, and then for a few seconds what waits still. What cannot be
// sent by then is dropped.
func (e *Exporter) Run(ctx context.Context) {
	sending, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	stop := context.AfterFunc(ctx, func() {
		if e.wait(sending, grace) == nil {
			cancel()
		}
	})
	defer stop()
	for {
		items := e.take()
		switch {
		case len(items) > 0 && sending.Err() == nil:
			e.send(sending, items)
			continue
		case len(items) > 0:
			e.mu.Lock()
			e.outcomes.Dropped += uint64(len(items))
			e.mu.Unlock()
			continue
		case ctx.Err() != nil:
			return
		}
		select {
		case <-ctx.Done():
		case <-e.wake:
		}
	}
}

// take returns the oldest packets, at least one if there is any.
func (e *Exporter) take() []item {
	e.mu.Lock()
	defer e.mu.Unlock()
	n, events := 0, 0
	for n < len(e.waiting) && (n == 0 || events+len(e.waiting[n].packet.Events) <= batch) {
		events += len(e.waiting[n].packet.Events)
		n++
	}
	items := e.waiting[:n:n]
	e.waiting, e.events = e.waiting[n:], e.events-events
	if len(e.waiting) == 0 {
		e.waiting = nil // lets go of the packets that were sent
	}
	return items
}

// request makes the message about some packets.
func (e *Exporter) request(items []item) *collector.ExportTraceServiceRequest {
	var spans []*trace.Span
	for _, i := range items {
		spans = append(spans, Spans(i.packet, Origin{e.boot, i.zero})...)
	}
	resource := e.client.config.Resource
	return &collector.ExportTraceServiceRequest{ResourceSpans: []*trace.ResourceSpans{{
		Resource: resource.message(),
		ScopeSpans: []*trace.ScopeSpans{{
			Scope: &common.InstrumentationScope{Name: "packetscope.tracer", Version: resource.Version},
			Spans: spans,
		}},
	}}}
}

// send tells of packets, and tries again as the protocol has it.
func (e *Exporter) send(ctx context.Context, items []item) {
	body, err := e.client.encode(e.request(items))
	if err != nil {
		e.sent(len(items), verdict{}, err)
		return
	}
	pause := firstPause
	for n := 1; ; n++ {
		v, err := e.client.post(ctx, body)
		after, again := retriable(err)
		if !again || n == attempts || ctx.Err() != nil {
			e.sent(len(items), v, err)
			return
		}
		e.failed(err)
		if after == 0 {
			// Apart from others who had to wait at the same time.
			after = time.Duration(float64(pause) * (0.5 + e.random()))
			pause *= 2
		}
		if e.wait(ctx, after) != nil {
			e.sent(len(items), v, err)
			return
		}
		e.mu.Lock()
		e.outcomes.Retries++
		e.mu.Unlock()
	}
}

// failed logs the first of several failures.
func (e *Exporter) failed(err error) {
	e.mu.Lock()
	was := e.failing
	e.failing = true
	e.mu.Unlock()
	if !was {
		e.logger.Error("traces cannot be told", "endpoint", e.String(), "err", err)
	}
}

// sent notes how it ended.
func (e *Exporter) sent(n int, v verdict, err error) {
	if err != nil {
		e.failed(err)
		e.mu.Lock()
		e.outcomes.Failed += uint64(n)
		e.mu.Unlock()
		return
	}
	e.mu.Lock()
	failing, rejecting := e.failing, e.rejecting
	e.failing, e.rejecting = false, v.rejected > 0
	e.outcomes.Sent += uint64(n)
	e.outcomes.RejectedSpans += uint64(v.rejected)
	e.mu.Unlock()
	if failing {
		e.logger.Info("traces can be told again", "endpoint", e.String())
	}
	if v.rejected > 0 && !rejecting || v.rejected == 0 && v.message != "" {
		e.logger.Warn("the receiver does not take all spans", "rejected_spans", v.rejected, "says", v.message)
	}
}

// String returns where packets are told, without a password.
func (e *Exporter) String() string { return e.client.config.String() }

// State returns how many packets wait, and what became of the others.
func (e *Exporter) State() (waiting int, outcomes Outcomes) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.waiting), e.outcomes
}
