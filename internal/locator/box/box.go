package box

import (
	"math/rand/v2"
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// A Box answers packets as the path of a scenario would.
type Box struct {
	scenario *Scenario
	start    time.Time
	chance   *rand.Rand
	buckets  map[*Hop]*bucket
	sent     uint16 // identification of what is sent
}

// A Response is a packet that comes back, and when.
type Response struct {
	After  time.Duration
	Packet []byte
}

// New returns a box whose time begins at start. Two of one scenario that are given the
// same packets at the same times answer the same.
func New(s *Scenario, start time.Time) *Box {
	return &Box{
		scenario: s, start: start,
		chance:  rand.New(rand.NewPCG(s.Seed, 0)),
		buckets: make(map[*Hop]*bucket),
	}
}

// Packet sends a packet of IP along the path and returns what comes back, which may be
// nothing; the order is not that of time. What is damaged, to other addresses than the
// destination's, or no question, is ignored and changes nothing. Times must not go back.
func (b *Box) Packet(now time.Time, ip []byte) []Response {
	p, of, ok := parse(ip)
	hops := b.path(now)
	if !ok || address(p.destination()) != b.address(hops[len(hops)-1].Routers[0], p.v6()) {
		return nil
	}
	w := walk{box: b, now: now, hops: hops, of: of, arrived: []packet{append(packet(nil), p...)}}
	return w.run()
}

// path returns the hops at a time.
func (b *Box) path(now time.Time) []Hop {
	hops := b.scenario.Hops
	for _, c := range b.scenario.Changes {
		if now.Sub(b.start) >= c.After {
			hops = c.Hops
		}
	}
	return hops
}

func (b *Box) address(name string, v6 bool) netip.Addr {
	return b.scenario.Address(name, Run{V6: v6})
}

// percent tells whether something happens that does in so many cases of a hundred.
func (b *Box) percent(n int) bool {
	return n > 0 && b.chance.IntN(100) < n
}

// A bucket counts what a limit lets pass.
type bucket struct {
	tokens int
	filled time.Time // when the last token grew
}

func (b *Box) allow(h *Hop, now time.Time) bool {
	if h.Limit == nil {
		return true
	}
	k := b.buckets[h]
	if k == nil {
		k = &bucket{tokens: h.Limit.Burst, filled: now}
		b.buckets[h] = k
	}
	grown := now.Sub(k.filled) / h.Limit.Every
	k.filled = k.filled.Add(grown * h.Limit.Every)
	k.tokens = min(h.Limit.Burst, k.tokens+int(min(grown, time.Duration(h.Limit.Burst))))
	if k.tokens == 0 {
		return false
	}
	k.tokens--
	return true
}

// A walk is one packet on its way.
type walk struct {
	box  *Box
	now  time.Time
	hops []Hop
	of   wire.Protocol
	// arrived is the packet as it came to each hop so far, from the first on.
	arrived []packet
	elapsed time.Duration
}

// run walks until somebody answers or the packet is lost.
func (w *walk) run() []Response {
	for i := range w.hops {
		h := &w.hops[i]
		p := w.arrived[i]
		if h.MTU > 0 && len(p) > h.MTU && p.dontFragment() {
			// The router before the link refuses; the first link is the host's own.
			if i == 0 || h.BlackHole {
				return nil
			}
			return w.answer(i-1, tooBig(h))
		}
		w.elapsed += w.link(h)
		if w.box.percent(h.LossForward) {
			return nil
		}
		last := i == len(w.hops)-1
		switch {
		case last && h.Reject == "":
			return w.answer(i, reached)
		case *p.ttl() <= 1 && !h.ForwardExpired && !last:
			return w.answer(i, expired)
		case h.Reject != "":
			return w.answer(i, rejected(h, p.v6()))
		}
		w.arrived = append(w.arrived, w.box.forward(p, h.Rewrite))
	}
	return nil
}

// link returns the time that a packet takes over the link before a hop.
func (w *walk) link(h *Hop) time.Duration {
	if h.Jitter == 0 {
		return h.Delay
	}
	return h.Delay + time.Duration(w.box.chance.Int64N(int64(h.Jitter)+1))
}

// router chooses which of a hop's routers a packet meets.
func (w *walk) router(i int) string {
	h := &w.hops[i]
	n := uint64(len(h.Routers))
	switch {
	case n == 1:
		return h.Routers[0]
	case h.PerPacket:
		return h.Routers[w.box.chance.Uint64N(n)]
	}
	// Each hop has a hash of its own, or two in a row would choose alike.
	return h.Routers[w.arrived[i].flow(w.box.scenario.Seed+uint64(i))%n]
}
