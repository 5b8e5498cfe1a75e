package config

import (
	"sync"
	"time"
)

// A Reloader keeps the last good [Config] and remembers how the last attempt to
// replace it went. Its methods may be called from any goroutine.
type Reloader struct {
	load  func() (Config, error)
	apply func(before, after Config) error
	now   func() time.Time

	mu      sync.Mutex
	current Config
	status  ReloadStatus
}

// A ReloadStatus tells how the last load went.
type ReloadStatus struct {
	Successful bool
	// LastSuccess is when the config in force was loaded.
	LastSuccess time.Time
}

// NewReloader returns a Reloader for a first config that was just loaded and
// is in force.
//
// Reload reads the next one with load and puts it in force with apply, which
// must leave the old one in force if it returns an error. Now is normally
// [time.Now].
func NewReloader(first Config, load func() (Config, error), apply func(before, after Config) error, now func() time.Time) *Reloader {
	return &Reloader{
		load: load, apply: apply, now: now,
		current: first,
		status:  ReloadStatus{Successful: true, LastSuccess: now()},
	}
}

// Reload replaces the config in force. On error the old one stays in force.
// Concurrent calls wait for each other, so the file that is read last wins.
func (r *Reloader) Reload() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.status.Successful = false
	next, err := r.load()
	if err != nil {
		return err
	}
	if err := r.apply(r.current, next); err != nil {
		return err
	}
	r.current = next
	r.status = ReloadStatus{Successful: true, LastSuccess: r.now()}
	return nil
}

// Current returns the config in force; it must not be modified.
func (r *Reloader) Current() Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// Status tells how the last call of Reload went, or the first load.
func (r *Reloader) Status() ReloadStatus {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}
