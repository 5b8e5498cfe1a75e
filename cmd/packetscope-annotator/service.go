package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/access"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
)

// A service runs an engine on a store, and another one in its place when the config changes.
// What is at hand then is given back to the store, which resumes it.
type service struct {
	*store.Store
	logger *slog.Logger
	now    func() time.Time
	tally  *annotator.Tally // over all engines
	// engine is the one in force. It is asked through its methods, and not kept.
	engine atomic.Pointer[engine]
	// failed gets the error of an engine that ended by itself.
	failed chan error

	mu     sync.Mutex // over ending and beginning, which take their time
	closed atomic.Bool
}

// An engine is one that runs, with what it was made of.
type engine struct {
	*annotator.Engine
	config config.Config
	parts  annotator.Parts
	cancel context.CancelFunc
	ended  chan struct{}
}

// newService begins to run an engine.
func newService(cfg config.Config, s *store.Store, now func() time.Time, logger *slog.Logger) (*service, error) {
	service := &service{Store: s, logger: logger, now: now, tally: annotator.NewTally(now()), failed: make(chan error, 1)}
	next, err := service.make(cfg)
	if err != nil {
		return nil, err
	}
	service.begin(next)
	return service, nil
}

// make makes an engine that does not run yet.
func (s *service) make(cfg config.Config) (*engine, error) {
	parts, err := newParts(cfg, s.Store, s.logger)
	if err != nil {
		return nil, err
	}
	parts.Now, parts.Tally = s.now, s.tally
	e, err := annotator.New(limits(cfg), parts)
	if err != nil {
		return nil, err
	}
	return &engine{Engine: e, config: cfg, parts: parts, ended: make(chan struct{})}, nil
}

// begin puts an engine in force.
func (s *service) begin(e *engine) {
	if e.config.Alertmanager == nil {
		s.logger.Warn("alertmanager is not configured", "effect", lostEnds)
	}
	ctx, cancel := context.WithCancel(context.Background())
	e.cancel = cancel
	s.engine.Store(e)
	go func() {
		defer close(e.ended)
		if err := e.Run(ctx); err != nil {
			select {
			case s.failed <- err:
			default: // one is enough to end the process
			}
		}
	}()
}

// lostEnds is what follows from a config without alertmanager. It is no fault: whoever sends
// to us may be of another kind, or out of reach.
const lostEnds = "an episode whose end is lost on the way stays open, is never removed, and counts for storms"

// end waits for what an engine has at hand.
func (e *engine) end() {
	e.cancel()
	<-e.ended
}

// apply puts a config in force.
func (s *service) apply(before, after config.Config) error {
	if keys := config.NeedsRestart(before, after); keys != nil {
		return fmt.Errorf("change %s: it is read at the start only: restart the annotator", strings.Join(keys, ", "))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed.Load() {
		return store.ErrClosed
	}
	next, err := s.make(after)
	if err != nil {
		return err
	}
	s.engine.Load().end()
	s.begin(next)
	return nil
}

// run returns when an engine fails, or nil when ctx ends.
func (s *service) run(ctx context.Context) error {
	select {
	case err := <-s.failed:
		return err
	case <-ctx.Done():
		return nil
	}
}

// close ends the engine in force for good.
func (s *service) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed.Store(true)
	s.engine.Load().end()
}

// Judge implements api.Auth by the tokens in force.
func (s *service) Judge(r *http.Request, needed access.Scope) (string, error) {
	return s.engine.Load().config.Tokens.Judge(r, needed)
}

// Put implements webhook.Inbox.
func (s *service) Put(ctx context.Context, d webhook.Delivery) (bool, error) {
	return s.engine.Load().Inbox().Put(ctx, d)
}

// report counts what the webhook answered.
func (s *service) report(o webhook.Outcome) {
	s.engine.Load().Report(o)
	if o.Err != nil {
		s.logger.Warn("message refused", "code", o.Code, "err", o.Err)
	}
}

// Explain and what follows implement api.Engine.
func (s *service) Explain(ctx context.Context, r annotator.Request) (annotator.Explained, error) {
	return s.engine.Load().Explain(ctx, r)
}

// Storm implements api.Engine.
func (s *service) Storm() (bool, error) { return s.engine.Load().Storm() }

// Episodes implements api.Engine.
func (s *service) Episodes(most int) ([]annotator.EpisodeView, error) {
	return s.engine.Load().Episodes(most)
}

// Episode implements api.Engine.
func (s *service) Episode(id string) (annotator.EpisodeView, error) {
	return s.engine.Load().Episode(id)
}

// Prompt implements api.Engine.
func (s *service) Prompt(id string) (annotator.Prompt, error) { return s.engine.Load().Prompt(id) }

// Proposals implements api.Engine.
func (s *service) Proposals() ([]annotator.Proposal, error) { return s.engine.Load().Proposals() }

// Decide implements api.Engine.
func (s *service) Decide(id, actor string, d annotator.Decision) error {
	return s.engine.Load().Decide(id, actor, d)
}

// Feedback implements api.Engine.
func (s *service) Feedback(id, actor string, useful bool, verdict, note string) error {
	return s.engine.Load().Feedback(id, actor, useful, verdict, note)
}

// Status implements api.Models.
func (s *service) Status() []model.Status {
	if m := s.engine.Load().parts.Model; m != nil {
		return m.Status()
	}
	return nil
}

// TokensLeft implements api.Models.
func (s *service) TokensLeft() (int64, bool) {
	if m := s.engine.Load().parts.Model; m != nil {
		return m.TokensLeft()
	}
	return 0, false
}

// ready returns why no message can be taken, or nil.
func (s *service) ready() error {
	if s.closed.Load() {
		return errors.New("shutting down")
	}
	return s.Takes()
}
