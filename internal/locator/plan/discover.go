package plan

import "time"

// discovery is the search for the routers of a path.
type discovery struct {
	flow int
	// begin is the first TTL to probe, sent the last one that a slot exists for.
	begin, sent int
	// top is the farthest router that answered, final the least TTL from which the
	// destination did (0: none).
	top, final int
	// open counts the probes whose result is missing.
	open int
	// After the last ditch: the destination is further than low and answered at
	// high.
	ditch     bool
	low, high int
	next      time.Time
}

// discover begins a search from a TTL on.
func (s *Scheduler) discover(t *target, flow, from int, now time.Time) {
	t.slots = keep(t.slots, func(sl slot) bool { return sl.why == Extra })
	t.discovery = &discovery{flow: flow, begin: from, sent: from - 1, top: from - 1, next: now}
	s.advance(t, now)
}

// advance plans what the search can ask for now, and ends it if there is nothing left.
func (s *Scheduler) advance(t *target, now time.Time) {
	d := t.discovery
	for limit := d.limit(s.config, t.ends != nil); d.sent < limit; {
		d.sent++
		s.search(t, d.sent, Discovery, now)
	}
	if d.open > 0 {
		return
	}
	switch {
	case d.final > 0 && !d.ditch:
		s.settled(t, now)
	case !d.ditch:
		d.ditch, d.low = true, d.sent
		s.search(t, End, LastDitch, now)
	case d.high == 0 || d.high-d.low <= 1:
		s.settled(t, now)
	default:
		s.search(t, (d.low+d.high)/2, Discovery, now)
	}
}

// limit is the TTL up to which may be probed now.
func (d *discovery) limit(c Config, single bool) int {
	ahead := c.Window
	if d.open == 0 {
		ahead = c.Gap // all in the window are silent
	}
	limit := min(c.MaxTTL, d.top+ahead)
	if d.final > 0 || d.ditch || single && d.open > 0 {
		return d.sent
	}
	if single {
		return min(limit, d.sent+1)
	}
	return limit
}

func (s *Scheduler) search(t *target, ttl int, why Purpose, now time.Time) {
	d := t.discovery
	if d.next.Before(now) {
		d.next = now
	}
	t.push(slot{due: d.next, ttl: uint8(ttl), flow: d.flow, why: why, own: true, search: d})
	d.next = d.next.Add(s.config.Spacing)
	d.open++
}

// found takes the result of a probe of the search.
func (s *Scheduler) found(t *target, r Result, now time.Time) {
	d := t.discovery
	if d == nil || r.search != d {
		return // of a search that was given up
	}
	d.open = max(0, d.open-1)
	ttl := int(r.TTL)
	switch {
	case r.Final && d.ditch:
		d.high = ttl
	case r.Final && (d.final == 0 || ttl < d.final):
		d.final = ttl
		// Copies for TTLs that lie beyond are not needed.
		before := len(t.slots)
		t.slots = keep(t.slots, func(sl slot) bool { return sl.why != Discovery || int(sl.ttl) < ttl })
		d.open = max(0, d.open-(before-len(t.slots)))
	case d.ditch && r.Purpose == Discovery:
		d.low = max(d.low, ttl) // silence counts as a router: the rounds correct it
	}
	if r.Hop.IsValid() && !r.Final {
		d.top = max(d.top, ttl)
	}
	s.advance(t, now)
}

// settled ends the search; the rounds begin at a time of the target's own.
func (s *Scheduler) settled(t *target, now time.Time) {
	t.discovery = nil
	t.cost = int(t.lengthOf(t.flows[0])) + 1
	s.fit()
	t.roundAt = now.Add(time.Duration(t.hash % uint64(s.interval)))
}

func keep(slots []slot, f func(slot) bool) []slot {
	kept := slots[:0]
	for _, sl := range slots {
		if f(sl) {
			kept = append(kept, sl)
		}
	}
	return kept
}
