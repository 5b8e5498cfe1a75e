package locator

import (
	"hash/fnv"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/mda"
	"github.com/packetscope/packetscope/internal/locator/plan"
)

const (
	// forgetAfter is when a hop that does not answer any more is forgotten. An outage
	// that is shorter counts as loss of the destination.
	forgetAfter = time.Hour
	// patience is how long an extra probe waits for room in the budget of an hour.
	patience = 90 * time.Minute
)

// tick looks at the models of a destination, once per round.
func (e *Engine) tick(d *destination, now time.Time) {
	d.tickAt = now.Add(e.plan.Interval())
	if !e.cfg.NoBranches {
		e.enumerate(d, now)
	}
	asks, events := d.detector.Tick(now)
	for _, a := range asks {
		d.ask(a.TTL, a.Flow)
	}
	for _, event := range events {
		e.happened(d, event, now)
	}
	for _, l := range d.path.Loss(now.Add(-e.window())) {
		if hop := d.primary(l.TTL); l.Limited && hop.IsValid() {
			e.plan.Limited(hop, now)
		}
	}
	if !e.cfg.NoMTU {
		e.size(d, now)
	}
	e.askWaiting(d, now)
	d.path.Forget(now.Add(-forgetAfter))
	for at, seen := range d.recent {
		if now.Sub(seen.at) > forgetAfter {
			delete(d.recent, at)
		}
	}
	e.facts.sweep(now)
	if d.detector.Learned() && now.Sub(d.saved) >= checkpointEvery {
		e.checkpoint(d, now)
	}
}

// window is the time of which loss and quantiles are: ten minutes, and more if rounds
// are rare, so that there is something to count.
func (e *Engine) window() time.Duration { return max(10*time.Minute, 60*e.plan.Interval()) }

// primary returns who answered last at a TTL, of the main flow if that was.
func (d *destination) primary(ttl uint8) netip.Addr {
	var newest sighting
	for i, flow := range d.flows {
		seen := d.recent[flowTTL{flow, ttl}]
		if i == 0 && seen.addr.IsValid() {
			return seen.addr
		}
		if seen.at.After(newest.at) {
			newest = seen
		}
	}
	return newest.addr
}

// enumerate looks for the branches of a path: at the beginning, after a change, and
// every three quarters of an hour or so.
func (e *Engine) enumerate(d *destination, now time.Time) {
	b := &d.branches
	if b.running == nil {
		if e.plan.Discovering(d.key) || !b.changed && now.Before(b.next) {
			return
		}
		last := e.plan.Length(d.key)
		if last == 0 {
			last = d.path.Farthest()
		}
		if last == 0 {
			return
		}
		b.asked, b.changed = b.changed, false
		b.running = mda.New(mda.Config{FirstFlow: branchFlow}, 1, last)
	}
	for _, a := range b.running.Next() {
		d.ask(a.TTL, a.Flow)
	}
	if b.running.Done() {
		e.enumerated(d, now)
	}
}

// enumerated uses what an enumeration has found.
func (e *Engine) enumerated(d *destination, now time.Time) {
	b := &d.branches
	for ttl := uint8(1); ttl <= e.plan.Length(d.key); ttl++ {
		d.detector.Known(ttl, b.running.Hops(ttl), b.running.PerPacket(ttl))
	}
	if b.running.Complete() && e.plan.Length(d.key) > 0 {
		d.detector.Complete()
	}
	d.flows = b.running.Cover(mostFlows)
	e.plan.SetFlows(d.key, d.flows)
	if !b.asked && b.last != nil {
		e.widened(d, now)
	}
	b.last, b.running = b.running, nil
	b.next = now.Add(e.parts.haste.again + splay(d.key, e.parts.haste.again))
}

// widened tells if an enumeration found branches beside those of the one before, which
// the flows of the rounds have not met.
func (e *Engine) widened(d *destination, now time.Time) {
	b := &d.branches
	event := change.Event{At: now, Since: now, Levels: change.Width, Flow: d.flows[0]}
	for ttl := uint8(1); ttl <= e.plan.Length(d.key); ttl++ {
		before, after := b.last.Hops(ttl), b.running.Hops(ttl)
		if len(before) == 0 || len(after) <= len(before) || b.running.PerPacket(ttl) {
			continue
		}
		if slices.ContainsFunc(before, func(a netip.Addr) bool { return !slices.Contains(after, a) }) {
			continue // that is more than a wider path
		}
		if event.First == 0 {
			event.First = ttl
		}
		event.Last = ttl
	}
	if event.First > 0 {
		e.happened(d, event, now)
		b.changed = false // they are known now
	}
}

// splay returns a part of a time that depends on a name, so that not all do the same at
// the same moment.
func splay(name string, of time.Duration) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(name))
	return time.Duration(h.Sum64() % uint64(of))
}

// askWaiting gives the plan those extra probes that it has room for. Those that wait for
// too long are given up, as if nobody had answered.
func (e *Engine) askWaiting(d *destination, now time.Time) {
	for len(d.waiting) > 0 && e.plan.Ask(d.key, d.waiting[:1], now) {
		d.waiting, d.stuck = d.waiting[1:], time.Time{}
	}
	switch {
	case len(d.waiting) == 0:
	case d.stuck.IsZero():
		d.stuck = now
	case now.Sub(d.stuck) > patience:
		given := d.waiting
		d.waiting, d.stuck = nil, time.Time{}
		for _, p := range given {
			if p.Flow != sizedFlow {
				d.sample(plan.Result{Probe: p, Sent: now})
			}
		}
		d.sizes.running = nil
	}
}

// happened notes a change.
func (e *Engine) happened(d *destination, event change.Event, now time.Time) {
	for _, name := range event.Levels.Names() {
		d.changes[name]++
	}
	d.events = append([]change.Event{event}, d.events[:min(len(d.events), mostEvents-1)]...)
	if event.Levels&(change.IP|change.AS|change.Country|change.Length|change.Width|change.Flap) != 0 {
		d.branches.changed = true
		d.sizes.next = now
	}
	if event.Levels&change.Changes != 0 {
		e.logger.Info("path changed", "dest", d.Name, "address", d.addr, "levels", event.Levels.String(),
			"first_ttl", event.First, "last_ttl", event.Last)
	}
	e.record(d, event)
	if event.Levels&change.Changes != 0 {
		e.checkpoint(d, now)
	}
}

// places tells the detectors where a hop is. The place of an address that is only
// registered somewhere, or that is at many places, is none.
func (e *Engine) places(addr netip.Addr) change.Place {
	entry := e.lookup(addr)
	place := change.Place{AS: entry.ASN}
	if !entry.Registered && !entry.Anycast {
		place.Country = entry.Country
	}
	return place
}

// lookup returns what is known of an address.
func (e *Engine) lookup(addr netip.Addr) geo.Entry {
	if e.parts.Atlas == nil {
		return geo.Entry{Kind: geo.KindOf(addr)}
	}
	return e.parts.Atlas.Lookup(addr)
}
