package plan

import (
	"net/netip"
	"time"
)

// router is the budget of errors of one router.
type router struct {
	bucket
	halved time.Time
}

// A router that was found to limit is judged anew only when the probes are gone from
// which that was found. Without a new verdict for longer it is trusted more again.
const (
	verdictAge  = 5 * time.Minute
	forgiveness = 30 * time.Minute
	// slowest is once per minute and router: less measures nothing.
	slowest = 1.0 / 60
)

func (s *Scheduler) router(addr netip.Addr, now time.Time) *router {
	r := s.routers[addr]
	if r == nil {
		r = &router{bucket: *newBucket(s.config.Router, now)}
		s.routers[addr] = r
	}
	if r.rate.PerSecond < s.config.Router.PerSecond && now.Sub(r.halved) >= forgiveness {
		r.refill(now)
		r.rate.PerSecond *= 2
		r.halved = now
		if r.rate.PerSecond >= s.config.Router.PerSecond {
			r.rate = s.config.Router
		}
	}
	return r
}

// Limited tells that a router leaves out answers. It is asked half as often from now on;
// further calls within 5 minutes are about the same probes and change nothing.
func (s *Scheduler) Limited(addr netip.Addr, now time.Time) {
	r := s.router(addr, now)
	if !r.halved.IsZero() && now.Sub(r.halved) < verdictAge {
		return
	}
	r.refill(now)
	r.rate = Rate{max(slowest, r.rate.PerSecond/2), 1}
	r.tokens = min(r.tokens, 1)
	r.halved = now
}

// RouterRate returns how often per second a router is asked at most.
func (s *Scheduler) RouterRate(addr netip.Addr, now time.Time) float64 {
	return s.router(addr, now).rate.PerSecond
}

// asked returns the router that will probably answer a slot: the one that did, or else the
// one that last did for another target at this TTL. It returns an invalid address if there is none.
func (s *Scheduler) asked(t *target, ttl uint8) netip.Addr {
	if t.reaches(ttl) {
		return t.final
	}
	if known := t.seen[ttl].addr; known.IsValid() {
		return known
	}
	return s.common[classTTL{t.class, ttl}]
}

// budget returns the bucket of a router or, as long as nobody knows who answers at a
// TTL, that of all its probes: they may all ask one router.
func (s *Scheduler) budget(addr netip.Addr, at classTTL, now time.Time) *bucket {
	if addr.IsValid() {
		return &s.router(addr, now).bucket
	}
	if s.strangers[at] == nil {
		s.strangers[at] = newBucket(s.config.Router, now)
	}
	return s.strangers[at]
}

type classTTL struct {
	class string
	ttl   uint8
}
