package change

import (
	"encoding/binary"
	"hash/fnv"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// move is a change that may still go on.
type move struct {
	flow          int
	since, newest time.Time
	ttls          map[uint8]bool
	before        []netip.Addr
	// known and id are those from before.
	known map[uint8]set
	id    uint64
}

// former is the path before the newest change.
type former struct {
	known map[uint8]set
	id    uint64
	left  time.Time
}

// moved replaces the baseline of a TTL.
func (d *Detector) moved(ttl uint8, c *confirm, now time.Time) {
	delete(d.confirms, ttl)
	if d.moving == nil {
		known := make(map[uint8]set)
		for ttl, hops := range d.known {
			known[ttl] = maps.Clone(hops)
		}
		d.moving = &move{flow: c.flow, since: c.since, ttls: make(map[uint8]bool), before: d.Path(c.flow), known: known, id: d.id}
	}
	d.moving.newest = now
	d.moving.ttls[ttl] = true
	d.known[ttl] = maps.Clone(c.answers)
	d.know(ttl, d.cells[flowTTL{c.flow, ttl}].candidate)
	for at, cell := range d.cells {
		if at.ttl == ttl {
			cell.rebase(cell.candidate, now)
			if first := cell.first(); first.IsValid() {
				d.know(ttl, first)
			}
		}
	}
}

// close ends a change that has settled, and tells of it.
func (d *Detector) close(now time.Time) {
	m := d.moving
	if m == nil || now.Sub(m.newest) < d.config.Settle || d.waiting(now) {
		return
	}
	d.moving = nil
	ttls := slices.Sorted(maps.Keys(m.ttls))
	e := Event{
		At: now, Since: m.since, Flow: m.flow, First: ttls[0], Last: ttls[len(ttls)-1],
		Before: m.before, After: d.since(m),
	}
	d.id = d.identify(m.flow)
	if d.returned(m) {
		e.Levels, d.id = Flap, d.former.id
	} else {
		e.Levels = d.levels(m, e.After)
	}
	d.former = &former{known: m.known, id: m.id, left: m.since}
	d.events = append(d.events, e)
}

// since returns the path of the moved flow without those hops that have not answered
// since: who was there before the change may be gone.
func (d *Detector) since(m *move) []netip.Addr {
	hops := d.Path(m.flow)
	for i := range hops {
		if c := d.cells[flowTTL{m.flow, uint8(i + 1)}]; c != nil && c.seen.Before(m.since) {
			hops[i] = netip.Addr{}
		}
	}
	return hops
}

// waiting reports whether a question is open that will soon be answered.
func (d *Detector) waiting(now time.Time) bool {
	for _, c := range d.confirms {
		if !now.Before(c.retry) {
			return true
		}
	}
	return false
}

// returned reports whether, wherever it moved, one of the former path answers again.
func (d *Detector) returned(m *move) bool {
	if d.former == nil || m.since.Sub(d.former.left) > d.config.Flap {
		return false
	}
	for ttl := range m.ttls {
		shared := false
		for hop := range d.known[ttl] {
			shared = shared || d.former.known[ttl][hop]
		}
		if !shared {
			return false
		}
	}
	return true
}

// levels compares the path of a flow before and after.
func (d *Detector) levels(m *move, after []netip.Addr) Level {
	levels := IP
	if d.differs(m, after, func(p Place) string {
		if p.AS == 0 || p.Exchange {
			return ""
		}
		return string(binary.BigEndian.AppendUint32(nil, p.AS))
	}) {
		levels |= AS
	}
	if d.differs(m, after, func(p Place) string { return p.Country }) {
		levels |= Country
	}
	if b, a := d.length(m.before), d.length(after); b > 0 && a > 0 && max(a-b, b-a) >= 2 {
		levels |= Length
	}
	return levels
}

// length returns the TTL of the destination on a path, 0 if it is not on it.
func (d *Detector) length(hops []netip.Addr) int {
	if n := len(hops); n > 0 && d.dests[hops[n-1]] {
		return n
	}
	return 0
}

// differs reports whether the path passes something (a network, a country) where it moved
// that it did not pass before, or certainly passes something no longer: all hops that were
// in it are replaced by others of which it is known that they are not. The destination
// itself is not passed.
func (d *Detector) differs(m *move, after []netip.Addr, of func(Place) string) bool {
	what := func(hops []netip.Addr, i int) string {
		if i >= len(hops) || !hops[i].IsValid() || d.dests[hops[i]] {
			return ""
		}
		return of(d.places(hops[i]))
	}
	was, is := map[string]bool{}, map[string]bool{}
	for i := range m.before {
		was[what(m.before, i)] = true
	}
	for i := range after {
		is[what(after, i)] = true
		if v := what(after, i); v != "" && !was[v] {
			return true
		}
	}
	for i := range m.before {
		if v := what(m.before, i); v != "" && !is[v] && d.gone(v, m.before, after, what) {
			return true
		}
	}
	return false
}

func (d *Detector) gone(v string, before, after []netip.Addr, what func([]netip.Addr, int) string) bool {
	for i := range before {
		if what(before, i) != v {
			continue
		}
		// A path that ends before, at the destination, passes nothing there.
		beyond := d.length(after) > 0 && i >= len(after)-1
		if !beyond && what(after, i) == "" {
			return false
		}
	}
	return true
}

// ID identifies the confirmed path: it differs after each change, is the former one again
// after a flap, and has 48 bits, so that a float64 holds it. It is 0 while the path is
// learned.
func (d *Detector) ID() uint64 { return d.id }

func (d *Detector) identify(flow int) uint64 {
	h := fnv.New64a()
	for i, hop := range d.Path(flow) {
		if hop.IsValid() {
			h.Write([]byte{byte(i)})
			h.Write(hop.AsSlice())
		}
	}
	sum := h.Sum64()
	return max(1, (sum^sum>>48)&(1<<48-1))
}
