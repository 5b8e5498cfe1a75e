package alert

import (
	"context"
	"log/slog"
	"sync"
)

const (
	// queueLength is how many alerts wait for an Alertmanager at most.
	queueLength = 1024
	// batch is how many are sent at once, as in Prometheus.
	batch = 64
)

// A Poster sends alerts; [Client] is one.
type Poster interface {
	Post(ctx context.Context, alerts []Alert) error
}

// Outcomes count what became of alerts that were to be told. Resent ones count each time.
type Outcomes struct{ Sent, Failed, Dropped uint64 }

// A Queue tells one Alertmanager. What cannot be sent is not tried again: it is told a
// minute later anyway, if it still is so.
type Queue struct {
	to     Poster
	logger *slog.Logger
	wake   chan struct{}

	mu       sync.Mutex
	waiting  []Alert
	outcomes Outcomes
	// failing tells that the last attempt failed, so that it is logged once.
	failing bool
}

// NewQueue returns a queue, which sends while Run runs.
func NewQueue(to Poster, logger *slog.Logger) *Queue {
	return &Queue{to: to, logger: logger, wake: make(chan struct{}, 1)}
}

// Put has alerts sent, and never waits. If there are too many the oldest are dropped.
func (q *Queue) Put(alerts []Alert) {
	if len(alerts) == 0 {
		return
	}
	q.mu.Lock()
	q.waiting = append(q.waiting, alerts...)
	if over := len(q.waiting) - queueLength; over > 0 {
		q.outcomes.Dropped += uint64(over)
		q.waiting = append([]Alert(nil), q.waiting[over:]...)
	}
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// Run sends until the end of ctx.
func (q *Queue) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-q.wake:
		}
		for alerts := q.take(); len(alerts) > 0 && ctx.Err() == nil; alerts = q.take() {
			q.sent(len(alerts), q.to.Post(ctx, alerts))
		}
	}
}

// take returns the oldest alerts.
func (q *Queue) take() []Alert {
	q.mu.Lock()
	defer q.mu.Unlock()
	n := min(len(q.waiting), batch)
	alerts := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	return alerts
}

// sent notes how it went.
func (q *Queue) sent(n int, err error) {
	q.mu.Lock()
	was := q.failing
	q.failing = err != nil
	if err != nil {
		q.outcomes.Failed += uint64(n)
	} else {
		q.outcomes.Sent += uint64(n)
	}
	q.mu.Unlock()
	switch {
	case err != nil && !was:
		q.logger.Error("alertmanager cannot be told", "err", err)
	case err == nil && was:
		q.logger.Info("alertmanager can be told again")
	}
}

// State returns how many alerts wait, and what became of the others.
func (q *Queue) State() (waiting int, outcomes Outcomes) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.waiting), q.outcomes
}
