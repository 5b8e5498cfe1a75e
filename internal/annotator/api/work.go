package api

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// mostWorks is how many can be asked for.
const mostWorks = 50

// A Work is an explanation on demand.
type Work struct {
	ID    string `json:"id"`
	State string `json:"state"` // running, done or failed
	// Asked is when, Actor by whom, and Ended when it was done or failed.
	Asked    time.Time `json:"asked"`
	Actor    string    `json:"actor"`
	Ended    time.Time `json:"ended,omitzero"`
	Question Question  `json:"question"`
	// Explained is there if it is done, Error if it failed.
	Explained *Explained  `json:"explained,omitempty"`
	Error     *FaultError `json:"error,omitempty"`
}

// works are the explanations on demand. They do not outlive the process: who asked can ask
// again.
type works struct {
	explain func(context.Context, annotator.Request) (annotator.Explained, error)
	limits  Limits
	now     func() time.Time
	// name returns a name for one that cannot be guessed.
	name func() string

	ctx    context.Context
	cancel context.CancelFunc
	group  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	running int
	all     []*work // the oldest first
}

// work is a Work that may be running.
type work struct {
	ended chan struct{} // closed when it is

	mu   sync.Mutex
	work Work
}

func (w *work) read() Work {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.work
}

func newWorks(explain func(context.Context, annotator.Request) (annotator.Explained, error), limits Limits, now func() time.Time) *works {
	ctx, cancel := context.WithCancel(context.Background())
	return &works{explain: explain, limits: limits, now: now, name: rand.Text, ctx: ctx, cancel: cancel}
}

// begin begins to explain.
func (s *works) begin(q Question, asked annotator.Request, actor string) (*work, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return nil, store.ErrClosed
	case s.running == s.limits.Works:
		return nil, fault{http.StatusServiceUnavailable, "too many explanations are under way: come again"}
	}
	w := &work{
		ended: make(chan struct{}),
		work:  Work{ID: s.name(), State: "running", Asked: s.now().UTC(), Actor: actor, Question: q},
	}
	if len(s.all) == mostWorks {
		// One that has ended is there: fewer than mostWorks run.
		oldest := slices.IndexFunc(s.all, func(w *work) bool { return w.read().State != "running" })
		s.all = slices.Delete(s.all, oldest, oldest+1)
	}
	s.all = append(s.all, w)
	s.running++
	s.group.Go(func() { s.run(w, asked) })
	return w, nil
}

// run explains, whether somebody waits or not.
func (s *works) run(w *work, asked annotator.Request) {
	ctx, cancel := context.WithTimeout(s.ctx, s.limits.Work)
	defer cancel()
	e, err := s.explain(ctx, asked)
	w.mu.Lock()
	w.work.Ended = s.now().UTC()
	if err == nil {
		w.work.State, w.work.Explained = "done", explainedOf(e)
	} else {
		f := workFault(err)
		w.work.State, w.work.Error = "failed", &f
	}
	w.mu.Unlock()
	s.mu.Lock()
	s.running--
	s.mu.Unlock()
	close(w.ended)
}

// workFault says why a work failed.
func workFault(err error) FaultError {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return FaultError{"unavailable", "it took too long"}
	case errors.Is(err, context.Canceled):
		return FaultError{"unavailable", "shutting down"}
	}
	f, _ := classify(err)
	return f.reply().Error
}

func (s *works) find(id string) (*work, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range s.all {
		if w.read().ID == id {
			return w, nil
		}
	}
	return nil, store.ErrUnknown
}

// await waits for a work to end and returns what is known of it then.
func (s *works) await(ctx context.Context, w *work, wait time.Duration) any {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-w.ended:
	case <-timer.C:
	case <-ctx.Done():
	}
	now := w.read()
	if now.State == "running" {
		return accepted{now}
	}
	return now
}

// close ends what is running and waits for it.
func (s *works) close() {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.group.Wait()
}
