package model

import (
	"crypto/sha256"
	"sync"
	"time"
)

// Breaker says when a provider that fails is left out. After that time one request tries it.
type Breaker struct {
	// Failures in a row open it. If zero they are 5.
	Failures int
	// Open is for how long. If zero it is 2 minutes.
	Open time.Duration
	// AuthOpen is for how long after a key was refused, or nothing was left to spend. If zero
	// it is 30 minutes. Another key ends it at once.
	AuthOpen time.Duration
}

func (b Breaker) withDefaults() Breaker {
	if b.Failures == 0 {
		b.Failures = 5
	}
	if b.Open == 0 {
		b.Open = 2 * time.Minute
	}
	if b.AuthOpen == 0 {
		b.AuthOpen = 30 * time.Minute
	}
	return b
}

// A refusal says why a request may not be made.
type refusal struct {
	skip Skip // "": it may
	// again is when it may. If zero nobody knows.
	again time.Time
	// lasting: waiting is no cure.
	lasting bool
}

// A gate lets requests to one provider through, or not.
type gate struct {
	config Breaker

	mu       sync.Mutex
	failures int // in a row
	closed   refusal
	keyed    bool              // a matter of the key
	key      [sha256.Size]byte // of the key that it was closed for
	trying   bool              // one request is finding out
}

// enter reports whether a provider may be asked. Who may is to call leave.
func (g *gate) enter(key string, now time.Time) refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.keyed && g.key != sha256.Sum256([]byte(key)) {
		g.open()
	}
	if now.Before(g.closed.again) {
		return g.closed
	}
	if g.failures >= g.config.Failures || g.keyed {
		if g.trying {
			return refusal{skip: SkipBreaker, lasting: g.closed.lasting}
		}
		g.trying = true
	}
	return refusal{}
}

// leave takes note of how the last request ended, "" if there was none, or if the caller gave
// up, which says nothing of the provider.
func (g *gate) leave(class Class, retryAfter time.Duration, key string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.trying = false
	switch {
	case class == "":
	case class.said():
		g.open()
	case class == Auth, class == Quota:
		g.keyed, g.key = true, sha256.Sum256([]byte(key))
		g.close(refusal{SkipBreaker, now.Add(g.config.AuthOpen), true})
	case class == RateLimited && retryAfter > 0: // that is no failure
		g.close(refusal{SkipRate, now.Add(retryAfter), false})
	default:
		g.failures++
		if g.failures >= g.config.Failures {
			g.close(refusal{SkipBreaker, now.Add(g.config.Open), !class.Transient()})
		}
		if retryAfter > 0 {
			g.close(refusal{SkipRate, now.Add(retryAfter), false})
		}
	}
}

func (g *gate) open() { g.failures, g.keyed, g.closed = 0, false, refusal{} }

// close keeps the gate closed, if it is not closed for longer.
func (g *gate) close(r refusal) {
	if r.again.After(g.closed.again) {
		g.closed = r
	}
}

// state returns why the gate is closed, or the zero refusal.
func (g *gate) state(now time.Time) refusal {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !now.Before(g.closed.again) {
		return refusal{}
	}
	return g.closed
}
