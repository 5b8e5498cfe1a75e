package otlp

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"os"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/tracer"
	"github.com/packetscope/packetscope/internal/tracer/filter"
)

const (
	// period is how often packets are sampled. To attach the Tracer costs 0.2 to 0.3 s of a CPU,
	// so it is attached once for all packets of a period.
	period = time.Minute
	// choosing is for how long packets are chosen, and settling is how long nothing is heard
	// of the chosen ones until they are told.
	choosing = time.Second
	settling = 500 * time.Millisecond
	// MostSampled is how many packets a minute may be sampled.
	MostSampled = 100
)

// A Session is what the sampler needs of a [tracer.Session].
type Session interface {
	Next() (tracer.Event, error)
	SetDeadline(time.Time)
	Counts() (tracer.Counts, error)
	Close() error
}

// A SamplerConfig says what to sample.
type SamplerConfig struct {
	// Packets is how many packets a minute become traces at most, from 1 to [MostSampled].
	Packets int
	// Filter chooses among packets; nil: all.
	Filter *filter.Filter
	// Open attaches the Tracer; nil for [tracer.Open].
	Open func(tracer.Config) (Session, error)
}

// A Sampler has an exporter told of a few packets each minute: those that come first in parts
// of one second, which begins at a random time in the minute. Nothing is attached for the rest.
// The first sample is taken at once, so that it is soon seen to work.
//
// It is a sample of time, not of packets: one that comes alone is as likely to be in it as one
// of a thousand, if each comes at a time of its own, but of a burst it has the first.
type Sampler struct {
	config SamplerConfig
	to     *Exporter
	logger *slog.Logger
	// wait and random are as in Exporter.
	wait   func(ctx context.Context, d time.Duration) error
	random func() float64
	// now is the clock of events.
	now func() time.Duration

	mu      sync.Mutex
	samples Samples
}

// Samples count what was sampled.
type Samples struct {
	// Taken is how often packets were looked for, and Failed how often that could not be, or
	// events were lost and nothing was told.
	Taken, Failed uint64
}

// NewSampler returns a sampler, which samples while Run runs.
func NewSampler(c SamplerConfig, to *Exporter, logger *slog.Logger) *Sampler {
	if c.Open == nil {
		c.Open = func(c tracer.Config) (Session, error) {
			s, err := tracer.Open(c)
			if err != nil {
				return nil, err // a nil *tracer.Session would be a Session
			}
			return s, nil
		}
	}
	return &Sampler{config: c, to: to, logger: logger, wait: sleep, random: rand.Float64, now: monotonic}
}

// Run samples until the end of ctx.
func (s *Sampler) Run(ctx context.Context) {
	failing := false
	for offset := time.Duration(0); ; {
		began := time.Now()
		err := s.sample(ctx)
		s.mu.Lock()
		if err != nil {
			s.samples.Failed++
		} else {
			s.samples.Taken++
		}
		s.mu.Unlock()
		switch {
		case err != nil && !failing:
			s.logger.Error("packets cannot be sampled for traces", "err", err)
		case err == nil && failing:
			s.logger.Info("packets can be sampled again")
		}
		failing = err != nil
		// The rest of this period, and a part of the next.
		next := time.Duration(s.random() * float64(period-2*choosing))
		if s.wait(ctx, period-offset+next-time.Since(began)) != nil {
			return
		}
		offset = next
	}
}

// errLost is returned if packets would be told with holes.
var errLost = errors.New("events of packets were lost")

// sample attaches the Tracer, follows some packets, and has them told.
func (s *Sampler) sample(ctx context.Context) (err error) {
	session, err := s.config.Open(tracer.Config{Filter: s.config.Filter, Stacks: true, Every: choosing / time.Duration(s.config.Packets)})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, session.Close()) }()
	packets, err := follow(ctx, session, s.now(), s.config.Packets)
	if err != nil {
		return err
	}
	counts, err := session.Counts()
	if err == nil && counts.Lost > 0 {
		err = errLost
	}
	if err != nil {
		return err
	}
	for _, p := range packets {
		s.to.Put(p)
	}
	return nil
}

// follow reads events of the first packets that are chosen, until they are quiet. Packets from
// before all hooks were attached are left out: they were at some that did not tell.
func follow(ctx context.Context, session Session, attached time.Duration, most int) ([]*tracer.Packet, error) {
	var all tracer.Packets
	heard := time.Now()
	for end := heard.Add(choosing); ; {
		// Others may be chosen on and on.
		now := time.Now()
		until := heard.Add(settling)
		if len(all.List()) < most && until.Before(end) {
			until = end
		}
		if !now.Before(until) || now.Sub(end) > choosing || ctx.Err() != nil {
			return chosen(all.List(), most), nil
		}
		session.SetDeadline(now.Add(min(until.Sub(now), settling/5)))
		e, err := session.Next()
		if errors.Is(err, os.ErrDeadlineExceeded) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if e.Packet.First < uint64(attached) {
			continue
		}
		if p := all.Add(e); p.Number <= most {
			heard = time.Now()
		}
	}
}

func chosen(list []*tracer.Packet, most int) []*tracer.Packet { return list[:min(len(list), most)] }

// State returns what was sampled.
func (s *Sampler) State() Samples {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.samples
}
