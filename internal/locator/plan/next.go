package plan

import "time"

// Next returns what is due at a time that never goes back. The probes are to be sent
// at once, and each has a Result later, answered or not.
func (s *Scheduler) Next(now time.Time) Batch {
	var b Batch
	s.sweep(now)
	for {
		t := s.earliest()
		if t == nil {
			return b
		}
		due := t.due()
		if due.After(now) {
			b.Wake = due
			return b
		}
		if len(t.slots) == 0 || t.discovery == nil && !t.roundAt.After(t.slots[0].due) {
			s.startRound(t)
			continue
		}
		if ready := s.global.ready(now); ready.After(now) {
			b.Wake = ready
			return b
		}
		sl := t.slots[0]
		t.slots = t.slots[1:]
		s.process(t, sl, now, &b)
	}
}

// earliest returns the target that has been due for longest, nil if none has a plan.
func (s *Scheduler) earliest() *target {
	var first *target
	var when time.Time
	for _, t := range s.order {
		if due := t.due(); !due.IsZero() && (first == nil || due.Before(when)) {
			first, when = t, due
		}
	}
	return first
}

// process sends a slot's probe, defers it, leaves it out, or lets another's serve.
func (s *Scheduler) process(t *target, sl slot, now time.Time, b *Batch) {
	if !sl.expires.IsZero() && now.After(sl.expires) {
		s.counts.Skipped["global"]++
		return
	}
	var n *node
	if sl.why == Round {
		n = s.node(t, sl.ttl, now)
		if n != nil && !sl.own && s.reuse(t, sl, n, now, b) {
			return
		}
	}
	single := t.ends != nil && (t.reaches(sl.ttl) || sl.search != nil && sl.search.ditch)
	if single {
		if ready := t.ends.ready(now); ready.After(now) {
			s.postpone(t, sl, ready, "destination")
			return
		}
	}
	if ready := t.bucket.ready(now); sl.why != Extra && ready.After(now) {
		s.postpone(t, sl, ready, "destination")
		return
	}
	addr := s.asked(t, sl.ttl)
	budget := s.budget(addr, classTTL{t.class, sl.ttl}, now)
	ready := budget.ready(now)
	if sl.why == Extra {
		// Or those of one target would hold up the discovery of all that come behind it.
		ready = budget.spare(now)
	}
	if ready.After(now) {
		s.postpone(t, sl, ready, "router")
		return
	}
	budget.take(now)
	if sl.why != Extra { // those have a rate of their own
		t.bucket.take(now)
	}
	s.global.take(now)
	if single {
		t.ends.take(now)
	}
	t.sent++
	s.counts.Sent[sl.why]++
	s.counts.Lag = now.Sub(sl.planned)
	if n != nil {
		if n.inFlight && now.Sub(n.sent) < s.interval {
			n = nil // others wait for the result that is under way
		} else {
			n.by, n.sent, n.inFlight = t.name, now, true
		}
	}
	b.Probes = append(b.Probes, Probe{t.name, sl.ttl, sl.flow, sl.why, n, sl.search, addr})
}

// postpone plans a slot for later, or leaves it out if that is too late for the round.
func (s *Scheduler) postpone(t *target, sl slot, to time.Time, reason string) {
	if !sl.expires.IsZero() && to.After(sl.expires) {
		s.counts.Skipped[reason]++
		return
	}
	sl.due = to
	t.push(sl)
}

// startRound plans the round that is due.
func (s *Scheduler) startRound(t *target) {
	if t.round > 0 {
		t.cost = t.sent
		s.fit()
	}
	t.sent = 0
	begin := t.roundAt
	flow := t.flows[t.round%len(t.flows)]
	own := (uint64(t.round)+t.hash>>32)%uint64(s.config.Verify) == 0
	last := t.lengthOf(flow)
	// That to the end is first, apart from the other ones that reach it.
	slots := []slot{{ttl: End, flow: flow, why: ToEnd, own: true}}
	for ttl := uint8(1); ttl <= last; ttl++ {
		slots = append(slots, slot{ttl: ttl, flow: flow, why: Round, own: own})
	}
	if t.round%s.config.Beyond == s.config.Beyond-1 && int(last) < maxLength {
		slots = append(slots, slot{ttl: last + 1, flow: flow, why: Beyond, own: true})
	}
	// A long path takes longer, within the rate of its destination.
	long := time.Duration(1.1 * float64(len(slots)) / s.config.Destination.PerSecond * 1e9)
	interval := max(s.interval, long)
	t.roundAt = begin.Add(interval)
	for i, sl := range slots {
		sl.due = begin.Add(interval * time.Duration(i) / time.Duration(len(slots)))
		sl.expires = t.roundAt
		t.push(sl)
	}
	t.round++
}

// Result takes what became of a probe, once. It returns for which other targets it
// counts.
func (s *Scheduler) Result(r Result, now time.Time) []Shared {
	var shared []Shared
	if r.node != nil {
		shared = s.settle(r.node, r, now)
	}
	t := s.targets[r.Target]
	if t == nil {
		return shared
	}
	if r.Hop.IsValid() && r.Hop != r.charged {
		s.router(r.Hop, now).take(now) // who answered was asked, whoever was expected
	}
	from := int(t.lengthOf(r.Flow)) + 1
	gone := t.gone(r)
	var longer bool
	if r.Hop.IsValid() && r.Purpose != Extra {
		longer = t.measure(r)
		if r.TTL < End {
			t.see(r)
		}
		if !r.Final {
			s.common[classTTL{t.class, r.TTL}] = r.Hop
		}
	}
	switch unknown := t.length == 0; {
	case r.search != nil:
		s.found(t, r, now)
	case t.discovery != nil:
	case gone:
		s.discover(t, r.Flow, from, now)
	case longer, r.Purpose == Beyond && r.Hop.IsValid() && !r.Final && unknown:
		s.discover(t, r.Flow, int(r.TTL)+1, now)
	case r.Purpose == ToEnd && r.Final && unknown:
		// It can be reached again: where is it?
		s.discover(t, r.Flow, int(t.top)+1, now)
	}
	return shared
}
