package path

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

// MaxTTL is the greatest distance of which anything is kept. Probes with a greater TTL
// tell about the destination alone.
const MaxTTL = 64

// MaxHops is how many responders are kept per TTL: the most that an enumeration looks
// for. Further ones are counted together.
const MaxHops = 16

// MaxFlows is how many flows per TTL can have jitter, as each needs its last time.
const MaxFlows = 16

// A Path holds the samples of one destination, protocol and family.
type Path struct {
	ttls [MaxTTL + 1]*ttl // by TTL; [0] is that of the destination at any distance
	// lengths are the least TTL from which the destination answered, by flow, as
	// long as no router was found there.
	lengths map[int]length
}

type length struct {
	ttl      uint8
	lastSeen time.Time
	// missed counts the newest probes with this TTL that nobody answered.
	missed int
}

type ttl struct {
	window        window
	sent, replies uint64
	hops          []*hop // nil where one was forgotten
	other         Stats
	final         bool // the destination answered once
	last          map[int]last
}

type hop struct {
	addr     netip.Addr
	stats    Stats
	lastSeen time.Time
	final    bool
}

// last is the newest probe of a flow.
type last struct {
	sent time.Time
	hop  int8
	rtt  time.Duration
}

// A Hop is a responder at a TTL.
type Hop struct {
	TTL uint8
	// Addr is invalid for the sum of those beyond MaxHops.
	Addr netip.Addr
	// Stats are of all its answers since it appeared.
	Stats
	// LastSeen is when the newest probe that it answered was sent.
	LastSeen time.Time
	// Final is set if it is the destination.
	Final bool
}

// A TTL sums up the probes of one distance since the beginning.
type TTL struct {
	TTL           uint8
	Sent, Replies uint64
}

// New returns a path of which nothing is known.
func New() *Path { return &Path{lengths: make(map[int]length)} }

// Add takes a sample. Those of one flow and TTL come in the order in which they were
// sent; one that does not, counts, but not for jitter.
func (p *Path) Add(s Sample) {
	p.measureLength(s)
	if s.TTL > MaxTTL || s.TTL == 0 {
		return
	}
	p.at(s.TTL).add(s)
}

// AddEnd takes a sample of the destination's own series: a probe with a TTL that
// reaches it in any case.
func (p *Path) AddEnd(s Sample) { p.at(0).add(s) }

func (p *Path) at(n uint8) *ttl {
	if p.ttls[n] == nil {
		p.ttls[n] = &ttl{last: make(map[int]last)}
	}
	return p.ttls[n]
}

// silence is how many probes in a row the destination leaves unanswered where it was,
// and answers one with a greater TTL, until it is believed to be there: a silent
// router took its place.
const silence = 4

// measureLength keeps the least TTL from which the destination answers a flow. A
// router that answers from there proves that it is further now.
func (p *Path) measureLength(s Sample) {
	if s.Extra {
		return
	}
	l, known := p.lengths[s.Flow]
	switch {
	case s.Final && (!known || s.TTL <= l.ttl || l.missed >= silence):
		l = length{ttl: s.TTL, lastSeen: s.Sent}
	case s.Final:
		l.lastSeen = s.Sent
	case s.Answered() && known && s.TTL >= l.ttl:
		delete(p.lengths, s.Flow)
		return
	case known && s.TTL == l.ttl && !s.Answered():
		l.missed++
	default:
		return
	}
	p.lengths[s.Flow] = l
}

// Length returns the distance of the destination: the greatest of its flows, if they
// differ. It returns 0 as long as the destination has not answered.
func (p *Path) Length() uint8 {
	var longest uint8
	for _, l := range p.lengths {
		longest = max(longest, l.ttl)
	}
	return longest
}

// LengthOf returns the distance of the destination for a flow, 0 if it is unknown.
func (p *Path) LengthOf(flow int) uint8 { return p.lengths[flow].ttl }

// Farthest returns the greatest TTL that was ever answered, 0 if none was.
func (p *Path) Farthest() uint8 {
	for n := uint8(MaxTTL); n > 0; n-- {
		if t := p.ttls[n]; t != nil && t.replies > 0 {
			return n
		}
	}
	return 0
}

func (t *ttl) add(s Sample) {
	t.sent++
	o := outcome{sent: s.Sent.UnixNano(), rtt: s.RTT, flow: int32(s.Flow), hop: unanswered, extra: s.Extra, final: s.Final}
	if s.Answered() {
		t.replies++
		t.final = t.final || s.Final
		o.hop = t.hop(s)
	}
	t.pair(s, o.hop)
	t.window.add(o)
}

// hop counts the answer and returns the place of its responder.
func (t *ttl) hop(s Sample) int8 {
	i := slices.IndexFunc(t.hops, func(h *hop) bool { return h != nil && h.addr == s.Hop })
	if i < 0 {
		if i = slices.Index(t.hops, nil); i < 0 {
			if len(t.hops) == MaxHops {
				t.other.Add(s.RTT)
				return other
			}
			i = len(t.hops)
			t.hops = append(t.hops, nil)
		}
		t.hops[i] = &hop{addr: s.Hop}
	}
	h := t.hops[i]
	h.stats.Add(s.RTT)
	h.final = s.Final
	if s.Sent.After(h.lastSeen) {
		h.lastSeen = s.Sent
	}
	return int8(i)
}

// pair forms pairs for jitter. A loss, or another responder, breaks them.
func (t *ttl) pair(s Sample, place int8) {
	before, ok := t.last[s.Flow]
	if s.Extra || ok && !s.Sent.After(before.sent) {
		return
	}
	if !ok && len(t.last) == MaxFlows {
		t.dropOldest()
	}
	if ok && place >= 0 && before.hop == place {
		t.hops[place].stats.Pair(before.rtt, s.RTT)
	}
	t.last[s.Flow] = last{s.Sent, place, s.RTT}
}

// dropOldest makes room for the last probe of another flow.
func (t *ttl) dropOldest() {
	oldest, found := 0, false
	for flow, l := range t.last {
		if !found || l.sent.Before(t.last[oldest].sent) {
			oldest, found = flow, true
		}
	}
	delete(t.last, oldest)
}

// Forget drops the responders that have not answered a probe sent at before or later,
// and returns them. The lengths of flows that did not reach the destination since then
// are unknown again; so before is to be older than an outage that shall count as loss.
func (p *Path) Forget(before time.Time) []Hop {
	maps.DeleteFunc(p.lengths, func(_ int, l length) bool { return l.lastSeen.Before(before) })
	var gone []Hop
	for n, t := range p.ttls {
		if t == nil {
			continue
		}
		for i, h := range t.hops {
			if h == nil || !h.lastSeen.Before(before) {
				continue
			}
			gone = append(gone, h.public(uint8(n)))
			t.hops[i] = nil
			t.forget(int8(i))
		}
	}
	return gone
}

// forget frees the place of a responder. Its probes stay answered.
func (t *ttl) forget(place int8) {
	t.window.each(time.Time{}, func(o *outcome) {
		if o.hop == place {
			o.hop = other
		}
	})
	for flow, l := range t.last {
		if l.hop == place {
			delete(t.last, flow)
		}
	}
}

func (h *hop) public(n uint8) Hop { return Hop{n, h.addr, h.stats, h.lastSeen, h.final} }

// Hops returns the responders of a TTL, 0 for the destination's own series, as they
// appeared; those beyond MaxHops together at the end, with an invalid address.
func (p *Path) Hops(n uint8) []Hop {
	t := p.ttls[n]
	if t == nil {
		return nil
	}
	var hops []Hop
	for _, h := range t.hops {
		if h != nil {
			hops = append(hops, h.public(n))
		}
	}
	if t.other.Count > 0 {
		hops = append(hops, Hop{TTL: n, Stats: t.other})
	}
	return hops
}

// Times returns the sorted round trip times of a responder at a TTL (0: the
// destination's own series) that are in the window and were sent at since or later.
// See [Percentile].
func (p *Path) Times(n uint8, addr netip.Addr, since time.Time) []time.Duration {
	t := p.ttls[n]
	if t == nil {
		return nil
	}
	for i, h := range t.hops {
		if h != nil && h.addr == addr {
			return t.window.times(int8(i), since)
		}
	}
	return nil
}

// TTLs returns the sums of all TTLs that were probed, in order.
func (p *Path) TTLs() []TTL {
	var all []TTL
	for n, t := range p.ttls {
		if t != nil && n > 0 {
			all = append(all, TTL{uint8(n), t.sent, t.replies})
		}
	}
	return all
}
