//go:build unix

package annotator

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/store"
)

// work does steps until ctx ends.
func (e *Engine) work(ctx, work context.Context) error {
	for {
		job, err := e.Store.Next(ctx)
		if ctx.Err() != nil {
			if err == nil {
				e.Store.Release(job)
			}
			return nil
		}
		if err != nil {
			return err
		}
		if job.Do == store.Asked {
			// A model takes its time: what is urgent must not wait behind it.
			e.asking.start(ctx, work, job.Episode.ID, func(ctx, work context.Context) { e.queueToAsk(ctx, work, job) })
			continue
		}
		if err := e.step(ctx, work, job); err != nil {
			return err
		}
	}
}

// later is the error of a step that cannot be done yet.
type later struct {
	wait time.Duration
	err  error
}

func (l later) Error() string { return l.err.Error() }
func (l later) Unwrap() error { return l.err }

// errNews ends a question that news have overtaken.
var errNews = errors.New("news of the episode came")

// step does a step and gives it back. The error is of a store that is of no use any more.
func (e *Engine) step(ctx, work context.Context, job store.Job) error {
	began := e.Store.Time()
	e.between("before " + job.Do.String())
	result, after, err := e.do(work, job)
	e.between("done " + job.Do.String())
	took := e.Store.Time().Sub(began)
	var wait later
	switch {
	case err == nil:
		if err = e.untilRoom(work, func() error { return e.Store.Done(job, result) }); err == nil {
			e.Tally.job(job.Do, "done", took)
			after()
			e.between("kept " + job.Do.String())
			return nil
		}
	case work.Err() != nil:
		e.Store.Release(job)
		e.Tally.job(job.Do, "released", took)
		return nil
	case errors.As(err, &wait):
		e.Tally.job(job.Do, "postponed", took)
		err = e.untilRoom(work, func() error { return e.Store.Postpone(job, wait.wait) })
	default:
		e.Tally.job(job.Do, "failed", took)
		e.Logger.Warn("step failed", "step", job.Do.String(), "episode", job.Episode.ID, "tries", job.Tries+1, "err", err)
		var dead bool
		reason, pause := err.Error(), grow(time.Second, job.Tries, time.Minute)
		err = e.untilRoom(work, func() (err error) { dead, err = e.Store.Fail(job, reason, pause); return err })
		if dead {
			e.Tally.job(job.Do, "dead", took)
		}
	}
	return e.storeFault(ctx, job, err)
}

// storeFault judges what the store said when a step was given back.
func (e *Engine) storeFault(ctx context.Context, job store.Job, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrStale):
		e.Tally.job(job.Do, "stale", 0)
		return nil
	case errors.Is(err, store.ErrBroken), errors.Is(err, store.ErrCorrupt):
		return err
	}
	if errors.Is(err, store.ErrFull) {
		e.Store.Release(job) // it is still held
	}
	e.Logger.Error("step not kept", "step", job.Do.String(), "episode", job.Episode.ID, "err", err)
	rest(ctx, time.Second)
	return nil
}

// untilRoom keeps how something ended, again and again while the disk is full: what was told and
// asked is not to be told and asked once more for that. The error is ErrFull if ctx ends first.
func (e *Engine) untilRoom(ctx context.Context, write func() error) error {
	for first := true; ; first = false {
		err := write()
		if !errors.Is(err, store.ErrFull) {
			return err
		}
		if first {
			e.Logger.Error("what was done is kept when there is room on the disk", "err", err)
		}
		if !rest(ctx, time.Second) {
			return err
		}
	}
}

// do does a step. What it returns as after is to be called when the result is kept. A panic is
// the error of the step: if it ended the process, the next one would begin with the same step.
func (e *Engine) do(ctx context.Context, job store.Job) (r store.Result, after func(), err error) {
	defer recovered(&err)
	after = func() {}
	switch job.Do {
	case store.Gathered:
		r, after, err = e.gather(ctx, job)
	case store.Explained:
		r, after, err = e.explain(ctx, job)
	case store.Asked:
		r, err = e.ask(ctx, job)
	case store.Validated:
		r, after, err = e.validate(ctx, job)
	case store.Resolved:
		r, err = e.resolve(ctx, job)
	default:
		err = fmt.Errorf("there is no work for step %s", job.Do)
	}
	return r, after, err
}

// mostPanic is how much is kept of a panic, in bytes: the reason of a dead letter is shown in
// lists.
const mostPanic = 4 << 10

// recovered, when deferred, makes an error of a panic.
func recovered(err *error) {
	if what := recover(); what != nil {
		text := fmt.Sprintf("panic: %v\n%s", what, debug.Stack())
		*err = errors.New(strings.ToValidUTF8(text[:min(len(text), mostPanic)], ""))
	}
}

// grow doubles a pause with each try, up to a limit.
func grow(first time.Duration, tries int, most time.Duration) time.Duration {
	for ; tries > 0 && first < most; tries-- {
		first *= 2
	}
	return min(first, most)
}

// asking are the questions to the model that are under way or wait for their turn.
type asking struct {
	sync.Mutex
	cancels map[string]context.CancelCauseFunc
	wait    sync.WaitGroup
}

// start runs fn with contexts that end when the episode is interrupted. In a storm only few
// episodes are asked about, so there are never more goroutines than open episodes make one.
func (a *asking) start(ctx, work context.Context, id string, fn func(ctx, work context.Context)) {
	mine, cancel := context.WithCancelCause(work)
	a.Lock()
	a.cancels[id] = cancel
	a.Unlock()
	a.wait.Go(func() {
		defer cancel(nil)
		defer func() {
			a.Lock()
			delete(a.cancels, id)
			a.Unlock()
		}()
		fn(ctx, mine)
	})
}

// interrupt ends the question about an episode, if there is one.
func (a *asking) interrupt(id string) {
	a.Lock()
	defer a.Unlock()
	if cancel := a.cancels[id]; cancel != nil {
		cancel(errNews)
	}
}

// overtaken tells whether news of an episode came before its question could be interrupted.
func (e *Engine) overtaken(job store.Job) bool {
	p, err := e.Store.Episode(job.Episode.ID)
	return err == nil && (p.Messages != job.Episode.Messages || p.Open() != job.Episode.Open())
}

// queueToAsk waits for its turn and does the step. What is critical has a place of its own: its
// time would be over before the end of a queue that it shares with many warnings.
func (e *Engine) queueToAsk(ctx, work context.Context, job store.Job) {
	var reserved chan struct{} // never ready while nil
	if rank(job.Episode.Severity) == 0 {
		reserved = e.reserved
	}
	select {
	case e.askers <- struct{}{}:
		defer func() { <-e.askers }()
	case reserved <- struct{}{}:
		defer func() { <-reserved }()
	case <-work.Done():
	case <-ctx.Done():
	}
	if ctx.Err() != nil || work.Err() != nil || e.overtaken(job) {
		e.Store.Release(job)
		return
	}
	if err := e.step(ctx, work, job); err != nil {
		e.Logger.Error("question not kept", "episode", job.Episode.ID, "err", err)
	}
}
