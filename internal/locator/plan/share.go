package plan

import (
	"net/netip"
	"time"
)

// node is a router at the end of a chain of routers from the host on. Targets
// whose ways begin with the same chain share it.
type node struct {
	parent *node
	addr   netip.Addr
	// used is when a target last had it on its way.
	used time.Time

	// by sent the newest probe, at sent. Until its result is there others wait
	// for it.
	by       string
	sent     time.Time
	inFlight bool
	result   Result
	has      bool
	waiting  []waiter
}

// waiter is a target that waits for another's result, with the flow of its own slot.
type waiter struct {
	target string
	flow   int
}

type nodeKey struct {
	class  string // of a first hop
	parent *node
	addr   netip.Addr
}

// node returns the shared node of a target at a TTL, nil if its way up to there is not
// one router at each TTL.
func (s *Scheduler) node(t *target, ttl uint8, now time.Time) *node {
	var at *node
	for n := uint8(1); n <= ttl; n++ {
		known := t.seen[n]
		if !known.addr.IsValid() || known.several(now) || known.addr == t.final {
			return nil
		}
		key := nodeKey{parent: at, addr: known.addr}
		if at == nil {
			key.class = t.class
		}
		next := s.nodes[key]
		if next == nil {
			next = &node{parent: at, addr: known.addr}
			s.nodes[key] = next
		}
		next.used = now
		at = next
	}
	return at
}

// reuse reports whether another target's probe serves for the slot. If its result is
// there it is in the batch, else it comes with that.
func (s *Scheduler) reuse(t *target, sl slot, n *node, now time.Time, b *Batch) bool {
	fresh := now.Sub(n.sent) < s.interval*9/10 && n.by != t.name
	switch {
	case !fresh || !n.inFlight && !n.has:
		return false
	case n.inFlight:
		n.waiting = append(n.waiting, waiter{t.name, sl.flow})
	default:
		b.Shared = append(b.Shared, n.result.sharedBy(waiter{t.name, sl.flow}))
	}
	s.counts.Shared++
	return true
}

// settle hands a result to those that wait for it. If another router answered than
// the one they share, it says nothing about them: they probe themselves.
func (s *Scheduler) settle(n *node, r Result, now time.Time) []Shared {
	waiting := n.waiting
	n.waiting, n.inFlight = nil, false
	r.node = nil
	n.result, n.has = r, !r.Hop.IsValid() || r.Hop == n.addr
	var shared []Shared
	for _, w := range waiting {
		t := s.targets[w.target]
		switch {
		case t == nil:
		case n.has:
			shared = append(shared, r.sharedBy(w))
		default:
			s.counts.Shared--
			t.push(slot{due: now, ttl: r.TTL, flow: w.flow, why: Round, own: true, expires: t.roundAt})
		}
	}
	return shared
}

// sharedBy returns the result as it counts for another target: as if its own flow had
// been sent, which would have passed the same routers.
func (r Result) sharedBy(w waiter) Shared {
	r.Flow = w.flow
	return Shared{w.target, r}
}

// sweep drops routers that are on nobody's way any more.
func (s *Scheduler) sweep(now time.Time) {
	if now.Before(s.swept.Add(time.Minute)) {
		return
	}
	s.swept = now
	old := now.Add(-time.Hour)
	for key, n := range s.nodes {
		if n.used.Before(old) && !n.inFlight {
			delete(s.nodes, key)
		}
	}
	for addr, r := range s.routers {
		// A full one of the usual rate is as good as a new one, and a verdict from
		// yesterday is outdated.
		r.refill(now)
		usual := r.rate == s.config.Router
		if usual && r.tokens >= r.rate.Burst || !usual && now.Sub(r.halved) > 24*time.Hour {
			delete(s.routers, addr)
		}
	}
}
