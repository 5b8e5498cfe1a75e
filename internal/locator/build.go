package locator

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/plan"
)

func (l Link) compare(m Link) int {
	return cmp.Or(cmp.Compare(l.FromTTL, m.FromTTL), cmp.Compare(l.ToTTL, m.ToTTL), l.From.Compare(m.From), l.To.Compare(m.To))
}

// snapshot tells what is known now.
func (e *Engine) snapshot(now time.Time) *Snapshot {
	s := &Snapshot{At: now, Since: e.since, Passive: e.found.passive(e.order)}
	for _, d := range e.order {
		p := e.pathOf(d, now, &s.Self)
		s.Paths = append(s.Paths, p)
	}
	e.self(&s.Self)
	return s
}

// pathOf tells what is known of a destination.
func (e *Engine) pathOf(d *destination, now time.Time, self *Self) Path {
	p := Path{
		Destination: d.Destination, Address: d.addr, AddressFamily: d.family(), Error: cmp.Or(d.err, d.sendErr),
		End: d.end, Changes: maps.Clone(d.changes), Events: slices.Clone(d.events), State: Unresolved,
	}
	if !d.watched() {
		return p
	}
	p.Place = e.lookup(d.addr)
	p.State = Steady
	if e.plan.Discovering(d.key) {
		p.State = Discovering
	}
	p.Reached, p.Known = d.detector.Reached()
	if answered := d.path.Length() > 0; !p.Known && (answered || p.State == Steady && d.end.Sent >= 3) {
		p.Reached, p.Known = answered, true
	}
	p.Blocked, p.BlockedReason = d.blocked.by, d.blocked.reason
	p.ID, p.ReverseHops = d.detector.ID(), d.reverse
	p.MTU, p.MTULink, p.MTUBlackHole = d.sizes.known()
	since := now.Add(-e.window())
	d.showEnd(&p.End, since)

	p.Length = int(d.path.Length())
	end := uint8(cmp.Or(p.Length, int(d.path.Farthest())))
	a := e.assess(d, p.Place, end, now)
	p.ASPath, p.Translators, p.Rules, p.Risk = a.as, a.nats, a.rules, a.risk
	self.PositionKnown = self.PositionKnown || a.own

	times := d.path.PathRTT(since)
	p.TTLs = d.showTTLs(end, since, times)
	shown := make(map[hopKey]bool)
	for ttl := uint8(1); ttl <= end; ttl++ {
		hops := e.showHops(d, ttl, since, now, a)
		p.Width = max(p.Width, len(hops))
		for _, h := range hops {
			shown[hopKey{h.Addr, h.TTL}] = true
		}
		p.Hops = append(p.Hops, hops...)
	}
	if last := d.branches.last; last != nil {
		// Hops that are gone are shown for a while, and count no more.
		p.Width, p.Branches = last.Width(), last.Complete()
	}
	p.Links = d.links(shown, times)
	return p
}

// showEnd fills in what is of the last minutes.
func (d *destination) showEnd(end *End, since time.Time) {
	end.Loss = d.path.EndLoss(since)
	var newest path.Hop // some hosts answer from several addresses
	for _, h := range d.path.Hops(0) {
		if h.LastSeen.After(newest.LastSeen) {
			newest = h
		}
	}
	times := d.path.Times(0, newest.Addr, since)
	end.RTTMin, end.RTTMedian = path.Percentile(times, 0), path.Percentile(times, 0.5)
	end.Jitter, end.HasJitter = newest.Jitter()
}

func (d *destination) showTTLs(end uint8, since time.Time, times []time.Duration) []TTL {
	loss := make(map[uint8]path.Loss)
	for _, l := range d.path.Loss(since) {
		loss[l.TTL] = l
	}
	var ttls []TTL
	for _, t := range d.path.TTLs() {
		if t.TTL > end {
			break
		}
		shown := TTL{TTL: t.TTL, Sent: t.Sent, Replies: t.Replies, Loss: loss[t.TTL]}
		if int(t.TTL) <= len(times) {
			shown.PathRTT = times[t.TTL-1]
		}
		ttls = append(ttls, shown)
	}
	return ttls
}

// showHops returns the hops of a TTL. One that has not answered for three rounds and ten
// minutes is not there any more.
func (e *Engine) showHops(d *destination, ttl uint8, since, now time.Time, a assessment) []Hop {
	gone := now.Add(-max(3*e.plan.Interval(), 10*time.Minute))
	primary := d.primary(ttl)
	var hops []Hop
	for _, at := range d.path.Hops(ttl) {
		if !at.Addr.IsValid() || at.LastSeen.Before(gone) {
			continue
		}
		hops = append(hops, e.showHop(d, at, since, at.Addr == primary, a.plausible[at.Addr]))
	}
	return hops
}

func (e *Engine) showHop(d *destination, at path.Hop, since time.Time, primary bool, plausible judge.Plausibility) Hop {
	times := d.path.Times(at.TTL, at.Addr, since)
	told := e.facts.of(at.Addr, at.TTL)
	h := Hop{
		TTL: at.TTL, Addr: at.Addr, Name: e.parts.Names.Name(at.Addr), Final: at.Final, Primary: primary,
		Entry: e.lookup(at.Addr), Times: at.Stats, LastSeen: at.LastSeen, Last: d.last(at.TTL, at.Addr),
		P50: path.Percentile(times, 0.5), P95: path.Percentile(times, 0.95), P99: path.Percentile(times, 0.99),
		Labels: told.labels, Interface: told.device, ReverseHops: told.reverse, Rewritten: told.rewritten,
		QuotedTTL: told.quotedTTL, Plausibility: plausible,
	}
	h.Blocklisted, h.Reference = e.listed(at.Addr, h.Entry.ASN)
	return h
}

// last returns the newest time of a hop, of those flows that it answered last.
func (d *destination) last(ttl uint8, addr netip.Addr) time.Duration {
	var newest sighting
	for _, flow := range d.flows {
		if seen := d.recent[flowTTL{flow, ttl}]; seen.addr == addr && seen.at.After(newest.at) {
			newest = seen
		}
	}
	return newest.rtt
}

// listed tells whether a list has an address or its AS.
func (e *Engine) listed(addr netip.Addr, as uint32) (geo.State, string) {
	if e.parts.Blocklists == nil {
		return geo.Unknown, ""
	}
	a, n := e.parts.Blocklists.Addr(addr), e.parts.Blocklists.AS(as)
	switch {
	case a.State == geo.Listed:
		return geo.Listed, a.Reference
	case n.State == geo.Listed:
		return geo.Listed, n.Reference
	case a.State == geo.Clear || n.State == geo.Clear:
		return geo.Clear, ""
	}
	return geo.Unknown, ""
}

// self tells how the engine does.
func (e *Engine) self(s *Self) {
	counts := sum(e.earlier, e.plan.Counts())
	s.Sent, s.Skipped = make(map[string]uint64), make(map[string]uint64)
	for _, why := range []plan.Purpose{plan.Discovery, plan.LastDitch, plan.Round, plan.Beyond, plan.ToEnd, plan.Extra} {
		s.Sent[why.String()] = counts.Sent[why]
	}
	for _, budget := range []string{"global", "destination", "router"} {
		s.Skipped[budget] = counts.Skipped[budget]
	}
	s.Shared, s.Lag, s.Interval, s.Refused = counts.Shared, counts.Lag, e.plan.Interval(), e.refused
	n := e.parts.Network.Stats()
	s.Way, s.Reason = n.Way.String(), n.Reason
	s.Late, s.Duplicates, s.Unmatched, s.Dropped = n.Late, n.Duplicates, n.Unmatched, n.Dropped
	tx, rx := n.Timestamps.TX, n.Timestamps.RX
	s.KernelSent, s.KernelReceived, s.UserSent, s.UserReceived = tx.Kernel, rx.Kernel, tx.User, rx.User
	if e.parts.Atlas != nil {
		s.Files = append(s.Files, e.parts.Atlas.Status()...)
	}
	if e.parts.Blocklists != nil {
		s.Files = append(s.Files, e.parts.Blocklists.Status()...)
	}
	s.History = e.historyStatus()
}

// sum adds counts of a scheduler to those of the ones before it.
func sum(earlier, now plan.Counts) plan.Counts {
	for why, n := range earlier.Sent {
		now.Sent[why] += n
	}
	for why, n := range earlier.Skipped {
		now.Skipped[why] += n
	}
	now.Shared += earlier.Shared
	return now
}
