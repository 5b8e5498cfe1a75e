// Package reload puts the next content of a config file in force, if it is good.
package reload

import (
	"sync"
	"time"
)

// A Reloader keeps the last good config and remembers how the last attempt to
// replace it went. Its methods may be called from any goroutine.
type Reloader[Config any] struct {
	load  func() (Config, error)
	apply func(before, after Config) error
	now   func() time.Time

	mu      sync.Mutex
	current Config
	status  Status
}

// A Status tells how the last load went.
type Status struct {
	Successful bool
	// LastSuccess is when the config in force was loaded.
	LastSuccess time.Time
}

// New returns a Reloader for a first config that was just loaded and
// is in force.
//
// Reload reads the next one with load and puts it in force with apply, which
// must leave the old one in force if it returns an error. Now is normally
// [time.Now].
func New[Config any](first Config, load func() (Config, error), apply func(before, after Config) error, now func() time.Time) *Reloader[Config] {
	return &Reloader[Config]{
		load: load, apply: apply, now: now,
		current: first,
		status:  Status{Successful: true, LastSuccess: now()},
	}
}

// Reload replaces the config in force. On error the old one stays in force.
// Concurrent calls wait for each other, so the file that is read last wins.
func (r *Reloader[Config]) Reload() error {
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
	r.status = Status{Successful: true, LastSuccess: r.now()}
	return nil
}

// Current returns the config in force; it must not be modified.
func (r *Reloader[Config]) Current() Config {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.current
}

// Status tells how the last call of Reload went, or the first load.
func (r *Reloader[Config]) Status() Status {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.status
}
