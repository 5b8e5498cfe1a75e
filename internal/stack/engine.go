package stack

import (
	"errors"
	"log/slog"
)

// ErrNothingAttached is returned by [Open] if not one probe could be attached.
var ErrNothingAttached = errors.New("no probe could be attached")

// An Engine is a set of attached probes and their maps.
type Engine struct{}

// Open loads and attaches the probes that cfg asks for and the kernel allows.
//
// A probe that cannot be attached does not stop the others; [Engine.Self] says
// why. Open fails only if nothing could be attached ([ErrNothingAttached]
// wrapped with the causes), leaving nothing behind. The caller must call
// [Engine.Close]; if the process dies instead, the kernel detaches everything.
func Open(cfg Config, logger *slog.Logger) (*Engine, error) {
	return nil, ErrNothingAttached
}

// Snapshot reads all counters and histograms.
func (e *Engine) Snapshot() (Snapshot, error) { return Snapshot{}, nil }

// Self reports on the probes themselves.
func (e *Engine) Self() (Self, error) { return Self{}, nil }

// SetWatches replaces the watches. A watch whose name and filter are unchanged
// keeps its counts; those of removed and changed ones are forgotten. On error
// the old watches stay in force.
func (e *Engine) SetWatches(watches []Watch) error { return nil }

// Close detaches all probes and frees the maps.
func (e *Engine) Close() error { return nil }
