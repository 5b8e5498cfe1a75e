package mtu

import (
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/locator/plan"
)

// A linkSearch finds the link that is too narrow for a size.
type linkSearch struct {
	ttls  *search
	size  int // that fails
	small int // that passes
	// hops are the routers that answered, by TTL.
	hops map[uint8]netip.Addr
	// refuser is who refused the size, or invalid.
	refuser netip.Addr
	// at is the TTL whose losses are open, 0 for none, and misses how many small packets
	// were lost there since.
	at     uint8
	misses int
	// whole is a packet that passed.
	whole Ask
}

// startLink begins to look for the link, if there is a need and a way.
func (p *Prober) startLink() (Ask, bool) {
	length := p.c.Length
	if p.to != plan.End {
		length = p.to
	}
	if p.sizes.passed == p.c.First || length == 0 {
		return Ask{}, false
	}
	l := &linkSearch{
		size: p.sizes.passed + 1, small: p.least,
		whole: Ask{p.sizes.passed, p.to}, hops: map[uint8]netip.Addr{}, refuser: p.refusals[p.sizes.passed+1],
		ttls: newSearch(0, slices.Repeat([]float64{1}, int(length))),
	}
	l.ttls.arrived, l.ttls.missed = p.sizes.arrived, p.sizes.chance()
	p.link = l
	return l.choose()
}

// choose returns the packet to send next.
func (l *linkSearch) choose() (Ask, bool) {
	open := len(l.ttls.open)
	switch {
	case l.misses >= hopTries:
		return l.whole, true // or an outage would make all routers deaf
	case open >= run, open > 0 && !l.hops[l.at].IsValid(), l.misses > 0:
		return Ask{l.small, l.at}, true
	case open > 0:
		return Ask{l.size, l.at}, true
	case l.ttls.done():
		return Ask{}, false
	}
	ttl, ok := l.ttls.next()
	return Ask{l.size, uint8(ttl)}, ok
}

func (l *linkSearch) seen(a Ask, o Outcome) {
	ttl, arrived := int(a.TTL), o.Kind == Hop || o.Kind == Reached
	if a == l.whole {
		l.judge(arrived)
		return
	}
	if o.Kind == Hop {
		l.hops[a.TTL] = o.From
	}
	switch {
	case a.Size == l.small:
		l.control(arrived)
	case arrived:
		// What was lost at this TTL was by chance.
		l.ttls.open = nil
		l.ttls.pass(ttl)
	case o.Kind == TooBig:
		l.ttls.refuse(ttl)
		l.refuser = o.From
	default:
		l.at = a.TTL
		l.ttls.lose(ttl)
	}
}

// control takes what became of the small packet that tells losses from a router that
// answers nothing.
func (l *linkSearch) control(answered bool) {
	if !answered {
		l.misses++
		return
	}
	l.misses = 0
	l.ttls.arrived++
	l.ttls.settle()
}

// judge calls a router deaf that did not answer while the path passes packets, unless it
// was heard before.
func (l *linkSearch) judge(passes bool) {
	l.misses, l.ttls.open = 0, nil
	if passes && !l.hops[l.at].IsValid() {
		l.ttls.useless[int(l.at)] = true
	}
}

// result adds the link.
func (l *linkSearch) result(r *Result) {
	r.Link, r.Before = uint8(l.ttls.passed), uint8(l.ttls.beyond())
	r.Complete, r.BlackHole = l.ttls.done(), !l.refuser.IsValid()
	if r.From = l.refuser; !r.From.IsValid() {
		r.From = l.hops[r.Link]
	}
}
