//go:build unix

package store

import (
	"time"
)

// A Clock tells the time. Tests have clocks that jump.
type Clock struct {
	// Now is the time of the day, which may be wrong and may jump.
	Now func() time.Time
	// Elapsed is the time since any moment, and never jumps.
	Elapsed func() time.Duration
}

// systemClock is the clock of the machine.
func systemClock() Clock {
	start := time.Now()
	return Clock{Now: time.Now, Elapsed: func() time.Duration { return time.Since(start) }}
}

// steady is a time that starts as that of the day and then only follows the time elapsed.
type steady struct {
	clock   Clock
	opened  time.Time
	elapsed time.Duration
}

func newSteady(c Clock) steady {
	return steady{c, c.Now().UTC().Round(0), c.Elapsed()}
}

func (s steady) now() time.Time { return s.opened.Add(s.clock.Elapsed() - s.elapsed) }

// wall returns the time of the day, for people.
func (s steady) wall() time.Time { return s.clock.Now().UTC().Round(0) }

// past returns the time by which things grow old: the earlier one of both, so that no jump
// makes everything old at once.
func (s steady) past() time.Time {
	if wall := s.wall(); wall.Before(s.now()) {
		return wall
	}
	return s.now()
}

// longest is how long anything waits at most.
const longest = 24 * time.Hour

// A due time says when something is to be done.
type due struct {
	At  time.Time `json:"at"`  // steady
	Set time.Time `json:"set"` // steady, when At was chosen
}

func (s steady) due(wait time.Duration) due {
	now := s.now()
	return due{now.Add(min(max(wait, 0), longest)), now}
}

// rebase returns the due time of a former steady clock as one of this, which may be of quite
// another time of the day. What was to wait waits for what is left, and never longer than
// it was told to.
func (s steady) rebase(d due) due {
	passed := max(s.now().Sub(d.Set), 0)
	return s.due(d.At.Sub(d.Set) - passed)
}

// earliest returns the earlier time; a zero time is none.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// latest returns the later time.
func latest(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
