package alert

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/guarder"
)

// DefaultInterval is how often the counters are looked at.
const DefaultInterval = 5 * time.Second

// A Config says whom to tell.
type Config struct {
	Identity
	// Targets are the Alertmanagers, each of which is told all.
	Targets []Target
	// State is the file of what outlives a restart; "" has alerts begin anew then.
	State string
	// Interval is how often the counters are looked at; 0 means [DefaultInterval].
	Interval time.Duration
	// ResendDelay is after which time an alert is told again; 0 means [DefaultResendDelay].
	ResendDelay time.Duration
}

// An Agent is what is asked of that of Guarder. Its errors may match [guarder.ErrNotTold].
type Agent interface {
	Alerts() (guarder.AlertList, error)
	Hits() (guarder.HitList, error)
	Samples() (guarder.SampleList, error)
}

// A Service tells Alertmanagers.
type Service struct {
	interval time.Duration
	agent    Agent
	now      func() time.Time
	logger   *slog.Logger
	queues   []*Queue
	file     File

	// mu is held while the alerts are looked at or change.
	mu      sync.Mutex
	machine *Machine
	locate  Locate
	// said is what was last logged of the agent, the file, and the evidence, or "".
	saidAgent, saidFile, saidEvidence string
}

// NewService reads the certificates, and the alerts that there were. It asks nobody.
func NewService(c Config, agent Agent, now func() time.Time, logger *slog.Logger) (*Service, error) {
	interval, resend := cmp.Or(c.Interval, DefaultInterval), cmp.Or(c.ResendDelay, DefaultResendDelay)
	s := &Service{interval: interval, agent: agent, now: now, logger: logger, file: File{Path: c.State}, machine: NewMachine(c.Identity, max(resend, interval))}
	for _, t := range c.Targets {
		client, err := NewClient(t)
		if err != nil {
			return nil, fmt.Errorf("alertmanager %s: %w", t.URL, err)
		}
		s.queues = append(s.queues, NewQueue(client, logger.With("alertmanager", t.URL)))
	}
	if err := s.file.Load(s.machine); err != nil {
		logger.Error("alerts begin anew", "err", err)
	}
	return s, nil
}

// Locate has places of addresses told from now on.
func (s *Service) Locate(locate Locate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locate = locate
}

// Run looks and tells until the end of ctx.
func (s *Service) Run(ctx context.Context) {
	var queues sync.WaitGroup
	defer queues.Wait()
	for _, q := range s.queues {
		queues.Go(func() { q.Run(ctx) })
	}
	ticker := time.NewTicker(s.interval)
	defer ticker.Stop()
	for {
		s.look()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// look does what is due.
func (s *Service) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	var rules []guarder.RuleStatus // nil: nobody knows
	list, err := s.agent.Alerts()
	if err == nil && list.InForce == guarder.InForcePolicy {
		rules = append([]guarder.RuleStatus{}, list.Rules...)
	}
	s.log(&s.saidAgent, "rules of guarder not read, alerts run out", err)
	var evidence *Evidence
	due := s.machine.Eval(s.now(), rules, func(r *guarder.RuleStatus, a *Alert) map[string]string {
		if evidence == nil {
			evidence = s.gather()
		}
		return evidence.Annotate(r, a)
	})
	for _, q := range s.queues {
		q.Put(due)
	}
	s.log(&s.saidFile, "alerts not kept over a restart", s.file.Save(s.machine))
}

// gather asks the agent for what an alert tells beside its counters. What it does not tell
// is left out.
func (s *Service) gather() *Evidence {
	e := &Evidence{Locate: s.locate}
	var err error
	if e.Hits, err = s.agent.Hits(); err == nil {
		var list guarder.SampleList
		list, err = s.agent.Samples()
		e.Samples = list.Samples
	}
	s.log(&s.saidEvidence, "alerts name no sources or show no packet", err)
	return e
}

// log tells an error once.
func (s *Service) log(said *string, message string, err error) {
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != *said {
		s.logger.Warn(message, "err", err)
	}
	*said = text
}

// A Report is how the service does.
type Report struct {
	// Alerts counts them by state.
	Alerts map[State]int
	// Queues are those of the targets, in their order.
	Queues []QueueReport
}

// A QueueReport is of one Alertmanager.
type QueueReport struct {
	Waiting int
	Outcomes
}

// Report returns it.
func (s *Service) Report() Report {
	s.mu.Lock()
	r := Report{Alerts: s.machine.Alerts()}
	s.mu.Unlock()
	for _, q := range s.queues {
		waiting, outcomes := q.State()
		r.Queues = append(r.Queues, QueueReport{waiting, outcomes})
	}
	return r
}
