package mtu

import (
	"cmp"
	"fmt"
	"math"
	"net/netip"

	"github.com/packetscope/packetscope/internal/locator/plan"
	"github.com/packetscope/packetscope/internal/wire"
)

// A Config says which path.
type Config struct {
	// Destination is asked for its family.
	Destination netip.Addr
	// First is the MTU of the device that packets leave by, in bytes, with IP's header. Of
	// more than 65,535, as that of Linux's loopback, no packet can be.
	First int
	// Length is the TTL at which packets reach the destination, or 0 if that is
	// not known; then the link is not looked for.
	Length uint8
	// MaxProbes ends the whole; 0: 40.
	MaxProbes int
}

// An Ask is a packet that is wanted.
type Ask struct {
	Size int // bytes, with IP's header
	// TTL is plan.End for the whole path.
	TTL uint8
}

// A Kind is what became of a packet.
type Kind uint8

// The kinds.
const (
	Lost    Kind = iota // nobody answered in time
	Reached             // the destination answered
	TooBig              // a router refused it as too large
	Hop                 // it passed up to the router where its TTL ended
)

// String returns the kind in a word.
func (k Kind) String() string {
	if int(k) < len(kinds) {
		return kinds[k]
	}
	return fmt.Sprintf("kind_%d", uint8(k))
}

var kinds = [...]string{"lost", "reached", "too_big", "hop"}

// An Outcome is what became of a packet.
type Outcome struct {
	Kind Kind
	// From is who answered.
	From netip.Addr
	// MTU is what a router told that refused it, unchecked; 0 if it told none.
	MTU uint32
}

// A Result is what is known so far.
type Result struct {
	// MTU is the size in bytes of the largest packet that passed; 0 if none did.
	MTU int
	// To is the TTL up to which it passed: plan.End is the destination, less is a
	// router on the way to a destination that answers nothing, 0 nobody.
	To uint8
	// Link is the TTL of the router that refuses packets of one byte more, or
	// behind which they vanish, and Before that of the next one that says whether they got
	// there, which is Link+1 if all answer. Both are 0 if the link is not known, or if
	// it is that of the device; Link alone is 0 if they vanish on the way to the first.
	Link, Before uint8
	// From is the router that refused them, or the one at Link. It may be invalid.
	From netip.Addr
	// BlackHole says that larger packets vanish and nobody tells.
	BlackHole bool
	// Complete says that MTU is exact, and Link is, as far as routers answer.
	Complete bool
}

// A Prober finds the MTU of one path.
type Prober struct {
	c     Config
	least int // the smallest size to try
	asked int
	// waits is set while the outcome of last is missing.
	waits bool
	last  Ask

	// to is the TTL that sizes are tried with.
	to    uint8
	sizes *search
	hint  int // a size to try next, or 0
	hints int // so far
	// silent counts the lost packets of the smallest size, until one is answered.
	silent int
	// refusals are who refused a size.
	refusals map[int]netip.Addr

	link *linkSearch // nil before the size is known
	over bool
}

// aliveTries is how often the smallest packet is sent before nobody is there, and
// hopTries the same for a router on the way, of which there are more.
const (
	aliveTries = 5
	hopTries   = 3
)

// maxHints is how many sizes told by routers are tried. Each link but the
// first could tell one; one that tells another size each time must not take all probes.
const maxHints = 8

// run is how many packets are lost in a row before one is sent that is known to pass; so
// many losses are also the proof that one size fails.
const run = proof

// New returns a prober.
func New(c Config) *Prober {
	c.MaxProbes, c.First = cmp.Or(c.MaxProbes, 40), min(c.First, math.MaxUint16)
	p := &Prober{c: c, least: wire.MinMTUv6, to: plan.End}
	if c.Destination.Is4() {
		p.least = wire.MinMTUv4
	}
	p.least = min(p.least, c.First)
	p.restart(plan.End)
	return p
}

// restart begins with packets of another TTL.
func (p *Prober) restart(to uint8) {
	p.to, p.silent, p.hint, p.hints = to, 0, 0, 0
	p.refusals = map[int]netip.Addr{}
	p.sizes = newSearch(p.least-1, sizeWeights(p.least, p.c.First))
}

// Next returns the packet to send, which is to be followed by Seen. It returns false
// while that of the last one is missing, and when nothing is left to ask.
func (p *Prober) Next() (Ask, bool) {
	if p.waits || p.over {
		return Ask{}, false
	}
	ask, ok := p.choose()
	if !ok || p.asked >= p.c.MaxProbes {
		p.over = true
		return Ask{}, false
	}
	p.asked++
	p.waits, p.last = true, ask
	return ask, true
}

// Asked returns how many packets were wanted so far.
func (p *Prober) Asked() int { return p.asked }

func (p *Prober) choose() (Ask, bool) {
	if p.link != nil {
		return p.link.choose()
	}
	for {
		if size, ok := p.size(); ok {
			return Ask{size, p.to}, true
		}
		if p.sizes.passed >= p.least { // found
			return p.startLink()
		}
		// Nobody answers: ask who is one hop nearer.
		to := p.c.Length
		if p.to != plan.End {
			to = p.to
		}
		if to <= 1 {
			return Ask{}, false
		}
		p.restart(to - 1)
	}
}

// size returns the size to try next, or false if there is no need, or nobody answers.
func (p *Prober) size() (int, bool) {
	s := p.sizes
	tries := hopTries
	if p.to == plan.End {
		tries = aliveTries
	}
	switch {
	case s.passed < p.least && p.silent >= tries:
		return 0, false
	case p.hint > 0:
		return p.hint, true
	case s.passed < p.least && (p.silent > 0 || len(s.open) > 0 || len(s.answers) > 0):
		return p.least, true
	case s.passed < p.least:
		return p.c.First, true
	case s.passed == p.c.First || s.done():
		return 0, false
	case len(s.open) >= run:
		return s.passed, true
	}
	size, ok := s.next()
	if !ok { // all is refused, but not for sure
		return s.passed, true
	}
	return size, true
}

// Seen takes what became of the packet that Next asked for. Of others nothing is taken.
func (p *Prober) Seen(a Ask, o Outcome) {
	if !p.waits || a != p.last {
		return
	}
	p.waits = false
	if p.link != nil {
		p.link.seen(a, o)
		return
	}
	p.hint = 0
	switch {
	case p.arrived(a, o):
		p.sizes.pass(a.Size)
	case o.Kind == TooBig:
		p.sizes.refuse(a.Size)
		p.refusals[a.Size] = o.From
		if a.Size == p.least {
			p.silent++ // refused or lost, it does not get there
		}
		p.believe(a.Size, o.MTU)
	default:
		p.sizes.lose(a.Size)
		if a.Size == p.least {
			p.silent++
		}
	}
}

// arrived reports whether a packet got where its TTL is to bring it.
func (p *Prober) arrived(a Ask, o Outcome) bool {
	return o.Kind == Reached || o.Kind == Hop && a.TTL < plan.End
}

// believe takes a size that a router told, if it can be.
func (p *Prober) believe(refused int, told uint32) {
	next, ok := wire.NextMTU(p.c.Destination, told, refused)
	if !ok || p.hints >= maxHints || next <= p.sizes.passed {
		return
	}
	p.hint = next
	p.hints++
	// A size of RFC 1191's table is a good one to try, and no more likely than others.
	if told != 0 {
		p.sizes.favour(next)
	}
}

// Result returns what is known.
func (p *Prober) Result() Result {
	var r Result
	if p.sizes.passed < p.least {
		return r
	}
	r.MTU, r.To = p.sizes.passed, p.to
	if r.MTU == p.c.First {
		r.Complete = true
		return r
	}
	if !p.sizes.done() {
		return r
	}
	r.From = p.refusals[r.MTU+1]
	r.BlackHole = !r.From.IsValid()
	if p.link == nil {
		r.Complete = p.c.Length == 0 && p.over
		return r
	}
	p.link.result(&r)
	return r
}

// Done reports whether nothing is left to ask.
func (p *Prober) Done() bool { return p.over }
