package guarder

import (
	"errors"
	"sync"
	"time"
)

// A Trial is a change that is undone unless it is confirmed in time, as on routers
// whose administrator may cut the very line that the change came by.
//
// Its zero value has nothing on trial. Methods may be called from any goroutine.
type Trial struct {
	mu    sync.Mutex
	undo  func() error
	ends  time.Time
	timer *time.Timer
	// generation tells a timer of an older trial that it is late.
	generation int
	// After is replaced by tests; nil stands for [time.AfterFunc].
	After func(time.Duration, func()) *time.Timer
	// Undone, if not nil, is told what a rollback by time returned.
	Undone func(error)
}

// ErrNoTrial is returned if nothing is waiting to be confirmed.
var ErrNoTrial = errors.New("nothing is waiting to be confirmed")

// Begin puts a change on trial: undo is called after d, unless [Trial.Confirm] is
// called before. It takes the place of a trial that was under way, which is not undone:
// that is left to the undo of this one.
func (t *Trial) Begin(now time.Time, d time.Duration, undo func() error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.stop()
	t.generation++
	mine := t.generation
	after := t.After
	if after == nil {
		after = time.AfterFunc
	}
	t.undo, t.ends = undo, now.Add(d)
	t.timer = after(d, func() { t.expire(mine) })
}

// expire undoes a change whose time is over.
func (t *Trial) expire(generation int) {
	t.mu.Lock()
	undo := t.undo
	if undo == nil || t.generation != generation {
		t.mu.Unlock()
		return
	}
	t.stop()
	t.mu.Unlock()
	err := undo()
	if t.Undone != nil {
		t.Undone(err)
	}
}

// Confirm keeps the change. It returns [ErrNoTrial] if there is none.
func (t *Trial) Confirm() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.undo == nil {
		return ErrNoTrial
	}
	t.stop()
	return nil
}

// Rollback undoes the change now. It returns [ErrNoTrial] if there is none, or what
// undoing it returned.
func (t *Trial) Rollback() error {
	t.mu.Lock()
	undo := t.undo
	t.stop()
	t.mu.Unlock()
	if undo == nil {
		return ErrNoTrial
	}
	return undo()
}

// Ends returns when the change will be undone, or false if none is on trial.
func (t *Trial) Ends() (time.Time, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.ends, t.undo != nil
}

// stop forgets the trial; the lock is held.
func (t *Trial) stop() {
	if t.timer != nil {
		t.timer.Stop()
	}
	t.undo, t.timer, t.ends = nil, nil, time.Time{}
}
