package mda

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
)

// Config are the limits of an enumeration. The zero value of a field means its default.
type Config struct {
	// Error is the probability that the path has a branch that is not found: 0.05.
	Error float64
	// Points is how many branching points the path is expected to have: 4. With more
	// of them the error of all together is greater.
	Points int
	// MaxHops ends the search at a TTL: 16.
	MaxHops int
	// MaxProbes ends the whole: 300.
	MaxProbes int
	// FirstFlow is the first of the flows that are used, one after the other.
	FirstFlow int
}

// An Ask is a probe that is wanted.
type Ask struct {
	TTL  uint8
	Flow int
}

// A Link is between who answers one flow at a TTL and at the next.
type Link struct {
	TTL      uint8
	From, To netip.Addr
}

// repeats is how often one flow is sent to find out whether packets are balanced one by
// one: of two branches one stays unseen in 1 of 128 cases.
const repeats = 8

// tries is how often a probe is sent that nobody answers.
const tries = 3

// An Enumerator finds the hops and links of one path.
type Enumerator struct {
	config Config
	first  uint8
	ttls   []*level // from first on
	asked  int
}

// level is what is known of one TTL.
type level struct {
	ttl     uint8
	answers map[int]netip.Addr // by flow
	failed  map[int]int        // unanswered probes by flow
	pending map[int]bool
	hops    map[netip.Addr]bool
	// repeated are the answers of one flow, once there are several hops.
	repeated   []netip.Addr
	repeating  int // probes under way
	perPacket  bool
	testedOnce bool
	// dead levels answer nothing.
	dead bool
}

// New returns an enumerator for the TTLs from first to last.
func New(c Config, first, last uint8) *Enumerator {
	c.Error = cmp.Or(c.Error, 0.05)
	c.Points = cmp.Or(c.Points, 4)
	c.MaxHops = cmp.Or(c.MaxHops, 16)
	c.MaxProbes = cmp.Or(c.MaxProbes, 300)
	e := &Enumerator{config: c, first: first}
	for ttl := first; ttl <= last && ttl >= first; ttl++ {
		e.ttls = append(e.ttls, &level{
			ttl: ttl, answers: map[int]netip.Addr{}, failed: map[int]int{}, pending: map[int]bool{}, hops: map[netip.Addr]bool{},
		})
	}
	return e
}

// Next returns the probes that are wanted now, besides those whose answers are missing.
// Each is to be followed by Seen. Without any the enumerator waits, or is done.
func (e *Enumerator) Next() []Ask {
	var asks []Ask
	ask := func(l *level, flow int) bool {
		if e.asked >= e.config.MaxProbes {
			return false
		}
		e.asked++
		asks = append(asks, Ask{l.ttl, flow})
		return true
	}
	for i, l := range e.ttls {
		for flow := range e.wanted(i) {
			flow += e.config.FirstFlow
			if !l.answers[flow].IsValid() && !l.pending[flow] && l.failed[flow] < tries && ask(l, flow) {
				l.pending[flow] = true
			}
		}
		for l.untested() && len(l.repeated)+l.repeating < repeats && ask(l, e.config.FirstFlow) {
			l.repeating++
		}
	}
	return asks
}

// untested reports whether it is open how a level is balanced.
func (l *level) untested() bool { return len(l.hops) > 1 && !l.testedOnce }

// wanted returns how many flows are to be sent to a level.
func (e *Enumerator) wanted(i int) int {
	l := e.ttls[i]
	if l.perPacket || l.dead {
		return 0
	}
	hops := len(l.hops)
	n := e.flows(hops)
	if i > 0 {
		n = max(n, e.flowsOfLinks(i-1))
	}
	return max(n, e.flowsOfLinks(i))
}

// flowsOfLinks returns how many flows the links between a level and the next ask for.
func (e *Enumerator) flowsOfLinks(i int) int {
	if i+1 >= len(e.ttls) || e.ttls[i].perPacket || e.ttls[i+1].perPacket {
		return 0
	}
	return e.flows(len(e.links(i)))
}

// flows returns how many flows show that there is none beside those seen.
func (e *Enumerator) flows(seen int) int {
	seen = min(max(seen, 1), e.config.MaxHops-1)
	return Probes(seen+1, PerNode(e.config.Error, e.config.Points))
}

// links returns the links between a level and the next.
func (e *Enumerator) links(i int) map[Link]bool {
	links := map[Link]bool{}
	if i+1 >= len(e.ttls) {
		return links
	}
	for flow, from := range e.ttls[i].answers {
		if to := e.ttls[i+1].answers[flow]; to.IsValid() {
			links[Link{e.ttls[i].ttl, from, to}] = true
		}
	}
	return links
}

// Seen takes who answered a probe that Next asked for; an invalid address is nobody.
func (e *Enumerator) Seen(a Ask, hop netip.Addr) {
	i := int(a.TTL) - int(e.first)
	if i < 0 || i >= len(e.ttls) {
		return
	}
	l := e.ttls[i]
	if !l.pending[a.Flow] {
		if l.repeating > 0 && a.Flow == e.config.FirstFlow {
			l.repeating--
			l.repeat(hop)
		}
		return
	}
	delete(l.pending, a.Flow)
	if !hop.IsValid() {
		l.failed[a.Flow]++
		// One that answers none of so many flows has nothing to tell.
		l.dead = len(l.answers) == 0 && len(l.failed) >= e.flows(1)
		return
	}
	l.answers[a.Flow] = hop
	l.hops[hop] = true
}

// repeat notes an answer of the flow that is sent again and again. A path that changes
// in the meantime does it once; only a balancer goes back.
func (l *level) repeat(hop netip.Addr) {
	l.repeated = append(l.repeated, hop)
	if hop.IsValid() {
		l.hops[hop] = true
	}
	if len(l.repeated) < repeats || l.repeating > 0 {
		return
	}
	distinct, switches := map[netip.Addr]bool{}, 0
	var before netip.Addr
	for _, h := range l.repeated {
		if !h.IsValid() {
			continue
		}
		if before.IsValid() && h != before {
			switches++
		}
		distinct[h], before = true, h
	}
	if len(distinct) > 1 && switches == 1 && len(l.repeated) < 2*repeats {
		l.repeated = l.repeated[:0] // once more
		l.repeated = append(l.repeated, before)
		return
	}
	l.testedOnce = true
	l.perPacket = switches > 1
}

// Done reports whether nothing is open.
func (e *Enumerator) Done() bool {
	for i, l := range e.ttls {
		if len(l.pending) > 0 || l.repeating > 0 {
			return false
		}
		if e.asked >= e.config.MaxProbes {
			continue
		}
		if l.untested() {
			return false
		}
		for flow := range e.wanted(i) {
			flow += e.config.FirstFlow
			if !l.answers[flow].IsValid() && l.failed[flow] < tries {
				return false
			}
		}
	}
	return true
}

// Asked returns how many probes were wanted so far.
func (e *Enumerator) Asked() int { return e.asked }

// Complete reports whether the stopping rule ended the search, and not its limits.
func (e *Enumerator) Complete() bool {
	if !e.Done() || e.asked >= e.config.MaxProbes {
		return false
	}
	return !slices.ContainsFunc(e.ttls, func(l *level) bool { return len(l.hops) >= e.config.MaxHops })
}

// Hops returns who answers at a TTL, sorted.
func (e *Enumerator) Hops(ttl uint8) []netip.Addr {
	if i := int(ttl) - int(e.first); i >= 0 && i < len(e.ttls) {
		return slices.SortedFunc(maps.Keys(e.ttls[i].hops), netip.Addr.Compare)
	}
	return nil
}

// Width returns the most hops that a TTL has.
func (e *Enumerator) Width() int {
	width := 0
	for _, l := range e.ttls {
		width = max(width, len(l.hops))
	}
	return width
}

// PerPacket reports whether the packets of one flow are answered by different hops at a
// TTL. Then no flow belongs to a hop, and no link is known.
func (e *Enumerator) PerPacket(ttl uint8) bool {
	i := int(ttl) - int(e.first)
	return i >= 0 && i < len(e.ttls) && e.ttls[i].perPacket
}

// Links returns the links, sorted.
func (e *Enumerator) Links() []Link {
	var all []Link
	for i := range e.ttls {
		if i+1 < len(e.ttls) && !e.ttls[i].perPacket && !e.ttls[i+1].perPacket {
			all = slices.AppendSeq(all, maps.Keys(e.links(i)))
		}
	}
	slices.SortFunc(all, func(a, b Link) int {
		return cmp.Or(cmp.Compare(a.TTL, b.TTL), a.From.Compare(b.From), a.To.Compare(b.To))
	})
	return all
}

// Cover returns at most n flows that pass as many of the hops as so many can, the most
// useful first: those for the rounds. The first of the flows is always one.
func (e *Enumerator) Cover(n int) []int {
	type place struct {
		ttl uint8
		hop netip.Addr
	}
	passed := map[int][]place{}
	for _, l := range e.ttls {
		if l.perPacket {
			continue
		}
		for flow, hop := range l.answers {
			passed[flow] = append(passed[flow], place{l.ttl, hop})
		}
	}
	covered := map[place]bool{}
	chosen := []int{e.config.FirstFlow}
	for _, p := range passed[e.config.FirstFlow] {
		covered[p] = true
	}
	flows := slices.Sorted(maps.Keys(passed))
	for len(chosen) < n {
		best, most := 0, 0
		for _, flow := range flows {
			news := 0
			for _, p := range passed[flow] {
				if !covered[p] {
					news++
				}
			}
			if news > most {
				best, most = flow, news
			}
		}
		if most == 0 {
			break
		}
		chosen = append(chosen, best)
		for _, p := range passed[best] {
			covered[p] = true
		}
	}
	return chosen
}
