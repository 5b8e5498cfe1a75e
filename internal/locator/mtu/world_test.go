package mtu

import (
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/locator/plan"
)

// A router of a simulated path. The first link is the device's.
type router struct {
	// mtu is that of the link behind it.
	mtu int
	// mute routers say nothing of packets that are too large for that link; deaf ones say
	// nothing of packets whose TTL ends.
	mute, deaf bool
	// tells, unless nil, is what it says instead of mtu of a packet of a size.
	tells func(size int) uint32
}

// A path is a simulated one, with the routers at TTL 1 and on; the destination comes next.
type path struct {
	device  int
	routers []router
	// dumb destinations answer nothing.
	dumb bool
	// loss is the part of the answers that get lost.
	loss float64
	v6   bool
	rng  *rand.Rand
	// down, unless nil, tells when nothing is answered.
	down func(sent int) bool
	sent int
}

func (p *path) addr(ttl int) netip.Addr {
	if p.v6 {
		return netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 15: byte(ttl)})
	}
	return netip.AddrFrom4([4]byte{192, 0, 2, byte(ttl)})
}

func (p *path) length() int { return len(p.routers) + 1 }

// send returns what becomes of a packet.
func (p *path) send(a Ask) Outcome {
	p.sent++
	if a.Size > p.device {
		panic("larger than the device takes")
	}
	if p.down != nil && p.down(p.sent) || p.rng.Float64() < p.loss {
		return Outcome{}
	}
	for i, r := range p.routers {
		ttl := i + 1
		switch {
		case int(a.TTL) == ttl && r.deaf:
			return Outcome{}
		case int(a.TTL) == ttl:
			return Outcome{Kind: Hop, From: p.addr(ttl)}
		case a.Size > r.mtu && r.mute:
			return Outcome{}
		case a.Size > r.mtu && r.tells != nil:
			return Outcome{Kind: TooBig, From: p.addr(ttl), MTU: r.tells(a.Size)}
		case a.Size > r.mtu:
			return Outcome{Kind: TooBig, From: p.addr(ttl), MTU: uint32(r.mtu)}
		}
	}
	if p.dumb {
		return Outcome{}
	}
	return Outcome{Kind: Reached, From: p.addr(p.length())}
}

func (p *path) prober() *Prober {
	return New(Config{Destination: p.addr(p.length()), First: p.device, Length: uint8(p.length())})
}

// find runs a prober to its end.
func (p *path) find(t *testing.T) (Result, int) {
	t.Helper()
	prober := p.prober()
	for {
		a, ok := prober.Next()
		if !ok {
			break
		}
		if a.TTL == 0 || a.Size < 1 || int(a.TTL) >= p.length() && a.TTL != plan.End {
			t.Fatalf("asks for %+v on a path of %d", a, p.length())
		}
		if again, ok := prober.Next(); ok {
			t.Fatalf("asks for %+v while %+v is open", again, a)
		}
		prober.Seen(a, p.send(a))
	}
	if prober.Asked() != p.sent {
		t.Fatalf("asked %d times, sent %d", prober.Asked(), p.sent)
	}
	return prober.Result(), p.sent
}

// truth is the result if no router is deaf and no answer gets lost.
func (p *path) truth() Result {
	to, r := p.length(), Result{To: plan.End, Complete: true}
	if p.dumb {
		for to--; to > 0 && p.routers[to-1].deaf; to-- {
		}
		if r.To = uint8(to); to == 0 {
			return Result{}
		}
	}
	r.MTU = p.device
	for i, one := range p.routers[:to-1] {
		if one.mtu < r.MTU {
			r.MTU, r.Link, r.Before, r.BlackHole = one.mtu, uint8(i+1), uint8(i+2), one.mute
			r.From = p.addr(i + 1)
		}
	}
	return r
}

// agrees reports whether a complete result is the truth, but that routers which say
// nothing leave it open behind which of them packets vanish.
func (p *path) agrees(got Result) bool {
	want := p.truth()
	if want.Link == 0 {
		return got == want
	}
	for got.Link < want.Link && p.routers[got.Link].deaf { // that at got.Link+1
		got.Link++
	}
	for got.Before > want.Before && p.routers[got.Before-2].deaf { // that at got.Before-1
		got.Before--
	}
	if want.BlackHole {
		got.From = want.From // checked by its own test
	}
	return got == want
}

// randomPath returns a path with up to 16 routers.
func randomPath(seed uint64) *path {
	rng := rand.New(rand.NewPCG(seed, 7))
	p := &path{rng: rng, loss: 0.1 * rng.Float64(), v6: rng.IntN(3) == 0, dumb: rng.IntN(10) == 0}
	least := 68
	if p.v6 {
		least = 1280
	}
	p.device = []int{1500, 1500, 1500, 9000, 1400 + rng.IntN(200)}[rng.IntN(5)]
	for range rng.IntN(17) {
		r := router{mtu: p.device, mute: rng.IntN(4) == 0, deaf: rng.IntN(8) == 0}
		if rng.IntN(4) == 0 {
			r.mtu = least + rng.IntN(p.device-least+1)
		}
		switch rng.IntN(8) {
		case 0: // of old
			r.tells = func(int) uint32 { return 0 }
		case 1: // more than what was refused
			r.tells = func(size int) uint32 { return uint32(size + rng.IntN(100)) }
		case 2: // less than any link
			r.tells = func(int) uint32 { return uint32(rng.IntN(68)) }
		case 3: // less than would pass
			r.tells = func(size int) uint32 { return uint32(least + rng.IntN(max(1, min(r.mtu, size)-least))) }
		}
		p.routers = append(p.routers, r)
	}
	return p
}
