package locator

import (
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/policy"
)

// recently is how long a change adds to the risk of a path.
const recently = time.Hour

// flapping is how many returns to a former path within that time are too many.
const flapping = 3

// route returns the hops of one flow in the order of their TTLs, as package judge takes
// them.
func (e *Engine) route(d *destination, flow int, end uint8) []judge.Hop {
	var hops []judge.Hop
	stats := make(map[netip.Addr]path.Hop)
	for ttl := uint8(1); ttl <= end; ttl++ {
		seen := d.recent[flowTTL{flow, ttl}]
		if !seen.addr.IsValid() {
			continue
		}
		clear(stats)
		for _, h := range d.path.Hops(ttl) {
			stats[h.Addr] = h
		}
		at := stats[seen.addr]
		h := judge.Hop{TTL: ttl, Addr: seen.addr, Final: seen.final, RTT: at.Min, Samples: int(at.Count)}
		e.locate(&h)
		hops = append(hops, h)
	}
	// Who is further on and quicker proves that the way to those before is no longer.
	for i := len(hops) - 2; i >= 0; i-- {
		if next := hops[i+1]; next.Samples > 0 && (hops[i].Samples == 0 || next.RTT < hops[i].RTT) {
			hops[i].RTT = next.RTT
		}
	}
	return hops
}

// locate fills in what databases and lists know of a hop.
func (e *Engine) locate(h *judge.Hop) {
	entry := e.lookup(h.Addr)
	h.AS, h.ASName = entry.ASN, entry.Network.Name
	h.Country, h.Registered, h.Anycast = entry.Country, entry.Registered, entry.Anycast
	h.Position = position(entry)
	if e.parts.Blocklists == nil {
		return
	}
	h.PrefixListed = listing(e.parts.Blocklists.Addr(h.Addr))
	h.ASListed = listing(e.parts.Blocklists.AS(entry.ASN))
}

func listing(l geo.Listing) judge.Listing {
	return judge.Listing{Asked: l.State != geo.Unknown, Listed: l.State == geo.Listed, Reference: l.Reference}
}

func position(entry geo.Entry) *judge.Position {
	point, ok := entry.Point()
	if !ok {
		return nil
	}
	return &judge.Position{Latitude: point.Latitude, Longitude: point.Longitude, Radius: entry.Radius}
}

func distance(a, b judge.Position) float64 {
	return geo.Distance(geo.Point{Latitude: a.Latitude, Longitude: a.Longitude}, geo.Point{Latitude: b.Latitude, Longitude: b.Longitude})
}

// here returns where this host is, nil and "" if that is unknown, and the address that it
// sends to a destination from.
func (e *Engine) here(dest netip.Addr) (*judge.Position, string, netip.Addr) {
	source, _, err := e.parts.Network.Source(dest)
	if err != nil {
		source = netip.Addr{}
	}
	at, country := e.cfg.Position, e.cfg.Country
	if source.IsValid() && (at == nil || country == "") {
		entry := e.lookup(source)
		if at == nil {
			at = position(entry)
		}
		if country == "" && !entry.Registered {
			country = entry.Country
		}
	}
	return at, country, source
}

// assessment is what a path means.
type assessment struct {
	plausible map[netip.Addr]judge.Plausibility
	as        []judge.ASHop
	nats      []judge.Translator
	rules     []policy.Result
	risk      policy.Risk
	// own is set if this host's position is known.
	own bool
}

// assess judges the path of a destination up to a TTL.
func (e *Engine) assess(d *destination, place geo.Entry, end uint8, now time.Time) assessment {
	at, country, source := e.here(d.addr)
	a := assessment{plausible: make(map[netip.Addr]judge.Plausibility), own: at != nil}
	var main []judge.Hop
	for i, flow := range d.flows {
		hops := e.route(d, flow, end)
		judge.Check(at, hops, distance)
		for _, h := range hops {
			a.plausible[h.Addr] = max(a.plausible[h.Addr], h.Plausibility)
		}
		if i == 0 {
			main = hops
		}
	}
	a.as = judge.ASPath(main)
	a.nats = judge.NAT(source, d.quotes(&e.facts, main))
	route := policy.Route{
		Dest: d.Name, Source: country, Hops: main,
		Reached: len(main) > 0 && main[len(main)-1].Final,
	}
	if !place.Registered && !place.Anycast {
		route.Destination = place.Country
	}
	a.rules = e.cfg.Policy.Judge(route)
	a.risk = e.cfg.Policy.Score(route, a.rules, d.signals(now))
	return a
}

// signals are what happened to a path of late.
func (d *destination) signals(now time.Time) policy.Signals {
	var s policy.Signals
	flaps := 0
	for _, event := range d.events {
		if now.Sub(event.At) > recently {
			break
		}
		s.ASChanged = s.ASChanged || event.Levels&change.AS != 0
		s.CountryChanged = s.CountryChanged || event.Levels&change.Country != 0
		if event.Levels&change.Flap != 0 {
			flaps++
		}
	}
	s.Flapping = flaps >= flapping
	return s
}

// links returns the links between hops that are shown, from the enumeration and from what
// flows of the rounds pass. Between two of them may be routers that are silent.
func (d *destination) links(shown map[hopKey]bool, times []time.Duration) []Link {
	found := make(map[Link]bool)
	add := func(l Link) {
		if shown[hopKey{l.From, l.FromTTL}] && shown[hopKey{l.To, l.ToTTL}] && l.From != l.To {
			found[l] = true
		}
	}
	if d.branches.last != nil {
		for _, l := range d.branches.last.Links() {
			add(Link{From: l.From, To: l.To, FromTTL: l.TTL, ToTTL: l.TTL + 1})
		}
	}
	for _, flow := range d.flows {
		var before sighting
		var at uint8
		for ttl := uint8(1); int(ttl) <= len(times); ttl++ {
			seen := d.recent[flowTTL{flow, ttl}]
			if !seen.addr.IsValid() {
				if d.primary(ttl).IsValid() {
					before = sighting{} // somebody is there, whom this flow has not met yet
				}
				continue
			}
			if before.addr.IsValid() {
				add(Link{From: before.addr, To: seen.addr, FromTTL: at, ToTTL: ttl})
			}
			before, at = seen, ttl
		}
	}
	links := make([]Link, 0, len(found))
	for l := range found {
		if from, to := times[l.FromTTL-1], times[l.ToTTL-1]; to > from {
			l.Delay = to - from
		}
		links = append(links, l)
	}
	slices.SortFunc(links, Link.compare)
	return links
}
