package otlp

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/tracer"
)

// A script is a session that tells events that were made up.
type script struct {
	events   []tracer.Event
	lost     uint64
	deadline time.Time
	closed   bool
}

func (s *script) Next() (tracer.Event, error) {
	if len(s.events) == 0 {
		time.Sleep(time.Until(s.deadline))
		return tracer.Event{}, os.ErrDeadlineExceeded
	}
	e := s.events[0]
	s.events = s.events[1:]
	return e, nil
}

func (s *script) SetDeadline(t time.Time)        { s.deadline = t }
func (s *script) Counts() (tracer.Counts, error) { return tracer.Counts{Lost: s.lost}, nil }
func (s *script) Close() error                   { s.closed = true; return nil }

// attached is when all hooks are.
const attached = 10

// events returns those of n packets, numbered from one on, which come at the same time.
func events(t *testing.T, from, n int) (all []tracer.Event) {
	for step := range 4 {
		for i := range n {
			e := packet(t, false).Events[step]
			e.Packet.First = uint64(attached + from + i)
			all = append(all, e)
		}
	}
	return all
}

// sampled runs a sampler over sessions, one a minute, and returns how long it waited.
func sampled(t *testing.T, r *receiver, packets int, sessions ...*script) (waits []time.Duration, opened []tracer.Config, samples Samples, log string) {
	t.Helper()
	b := start(t, r.URL)
	var text strings.Builder
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	s := NewSampler(SamplerConfig{Packets: packets, Open: func(c tracer.Config) (Session, error) {
		opened = append(opened, c)
		session := sessions[n]
		n++
		if session == nil {
			return nil, errors.New("no BTF")
		}
		return session, nil
	}}, b.Exporter, slog.New(slog.NewTextHandler(&text, nil)))
	var mu sync.Mutex
	s.random, s.now = func() float64 { return 0.25 }, func() time.Duration { return attached }
	s.wait = func(_ context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		waits = append(waits, d)
		if n == len(sessions) {
			return context.Canceled
		}
		return nil
	}
	s.Run(ctx)
	b.end()
	for _, session := range sessions {
		if session != nil && !session.closed {
			t.Error("a session stays attached")
		}
	}
	return waits, opened, s.State(), text.String()
}

func TestSamplerKeepsToItsBudget(t *testing.T) {
	r := newReceiver(t)
	waits, opened, samples, _ := sampled(t, r, 5, &script{events: events(t, 0, 23)}, &script{events: events(t, 100, 3)[:6]}, &script{})
	// Each of three minutes has one sample: the first one at once, the others at a quarter.
	want := []time.Duration{period + (period-2*choosing)/4, period, period}
	for i, w := range waits {
		// Less the time that the sample took.
		if len(waits) != len(want) || w > want[i] || w < want[i]-3*choosing {
			t.Errorf("it waited %v, want %v", waits, want)
		}
	}
	if opened[0].Every != 200*time.Millisecond || !opened[0].Stacks {
		t.Errorf("it opened %+v", opened[0])
	}
	if samples != (Samples{Taken: 3}) {
		t.Errorf("samples %+v", samples)
	}
	fates := map[any]int{}
	for _, spans := range r.traces() {
		fates[values(spans[0].Attributes)["packetscope.fate"]]++
	}
	if fates["delivered"] != 5 || fates["not seen again"] != 3 || len(fates) != 2 {
		t.Errorf("fates %v", fates)
	}
}

// TestPacketsOfBeforeAreNotTold has three packets that came while hooks were being attached.
func TestPacketsOfBeforeAreNotTold(t *testing.T) {
	r := newReceiver(t)
	sampled(t, r, 5, &script{events: events(t, -3, 5)})
	if got := len(r.traces()); got != 2 {
		t.Errorf("%d packets are told, want 2", got)
	}
}

func TestPacketsWithHolesAreNotTold(t *testing.T) {
	r := newReceiver(t)
	_, _, samples, log := sampled(t, r, 5, &script{events: events(t, 0, 3), lost: 1}, nil, nil, &script{})
	if samples != (Samples{Taken: 1, Failed: 3}) || len(r.spans) != 0 {
		t.Errorf("samples %+v, %d spans", samples, len(r.spans))
	}
	if strings.Count(log, "cannot be sampled") != 1 || !strings.Contains(log, "were lost") || !strings.Contains(log, "can be sampled again") {
		t.Errorf("the log is\n%s", log)
	}
}
