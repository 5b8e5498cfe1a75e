package sim

import (
	"encoding/binary"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"time"
)

// A Router is a router, or the destination.
type Router struct {
	// Addr is the source of its answers.
	Addr netip.Addr
	// Silent routers answer nothing.
	Silent bool
	// Delay is the time from the hop before to this one, in each direction.
	Delay time.Duration
	// Jitter is the mean of what a round trip takes longer, once for each router that
	// the probe passes, distributed exponentially.
	Jitter time.Duration
	// ForwardLoss is the part of the probes that get lost on the way into this router,
	// ReverseLoss that of the answers that pass it on their way back.
	ForwardLoss, ReverseLoss float64
	// AnswerLoss is the part of its own answers that nobody gets.
	AnswerLoss float64
	// Limits must all allow an answer.
	Limits []*Limit
	// PerPacket balances each packet on its own, not by flow.
	PerPacket bool
	// Salt changes how flows are balanced.
	Salt uint64

	next map[netip.Addr][]*Router
}

// Probe asks for the router at a TTL.
type Probe struct {
	Dest netip.Addr
	TTL  uint8
	Flow int
}

// Reply is the answer to a probe; From is invalid if there is none.
type Reply struct {
	From  netip.Addr
	RTT   time.Duration
	Final bool
}

// A Net is a network as a host sees it.
type Net struct {
	// Sent counts the probes.
	Sent  int
	rng   *rand.Rand
	entry *Router
}

// New returns a network without routers.
func New(seed uint64) *Net {
	return &Net{rng: rand.New(rand.NewPCG(seed, 6)), entry: &Router{}}
}

// Route leads packets to a destination from a router, or from the host if that is nil,
// to one of the next. It replaces what was there; without next packets get lost.
func (n *Net) Route(from *Router, dest netip.Addr, next ...*Router) {
	if from == nil {
		from = n.entry
	}
	if from.next == nil {
		from.next = make(map[netip.Addr][]*Router)
	}
	from.next[dest] = next
}

// Chain leads packets from the host through the stages, in each of which the flows are
// balanced between the routers. The last stage is the destination alone.
func (n *Net) Chain(stages ...[]*Router) netip.Addr {
	dest := stages[len(stages)-1][0].Addr
	from := []*Router{nil}
	for _, stage := range stages {
		for _, router := range from {
			n.Route(router, dest, stage...)
		}
		from = stage
	}
	return dest
}

// Path returns the routers that a flow passes, with the destination if it is reached.
// Where packets are balanced one by one it is one of the paths.
func (n *Net) Path(dest netip.Addr, flow int) []*Router {
	var path []*Router
	for at := n.step(n.entry, dest, flow); at != nil && len(path) < 255; at = n.step(at, dest, flow) {
		path = append(path, at)
		if at.Addr == dest {
			break
		}
	}
	return path
}

// step returns the router after one, nil if there is none.
func (n *Net) step(at *Router, dest netip.Addr, flow int) *Router {
	next := at.next[dest]
	switch {
	case len(next) == 0:
		return nil
	case len(next) == 1:
		return next[0]
	case at.PerPacket:
		return next[n.rng.IntN(len(next))]
	}
	return next[balance(at.Salt, dest, flow)%uint64(len(next))]
}

// balance is the hash of a router over the header of a flow.
func balance(salt uint64, dest netip.Addr, flow int) uint64 {
	h := fnv.New64a()
	var b [16]byte
	binary.LittleEndian.PutUint64(b[:], salt)
	binary.LittleEndian.PutUint64(b[8:], uint64(flow))
	h.Write(b[:])
	h.Write(dest.AsSlice())
	// FNV leaves the low bits of similar keys alike.
	x := h.Sum64()
	x ^= x >> 33
	x *= 0xff51afd7ed558ccd
	return x ^ x>>33
}

// Send returns what a probe that is sent now is answered. Limits want the calls in the
// order of time.
func (n *Net) Send(now time.Time, p Probe) Reply {
	n.Sent++
	path := n.Path(p.Dest, p.Flow)
	var rtt time.Duration
	for i, at := range path {
		rtt += 2*at.Delay + time.Duration(n.rng.ExpFloat64()*float64(at.Jitter))
		if n.chance(at.ForwardLoss) {
			return Reply{}
		}
		if i+1 == int(p.TTL) || at.Addr == p.Dest {
			return n.answer(now, path[:i+1], p, rtt)
		}
	}
	return Reply{}
}

// answer is the answer of the last router of a path.
func (n *Net) answer(now time.Time, path []*Router, p Probe, rtt time.Duration) Reply {
	at := path[len(path)-1]
	if at.Silent || n.chance(at.AnswerLoss) {
		return Reply{}
	}
	for _, limit := range at.Limits {
		if !limit.Allow(now) {
			return Reply{}
		}
	}
	for _, back := range path[:len(path)-1] {
		if n.chance(back.ReverseLoss) {
			return Reply{}
		}
	}
	return Reply{From: at.Addr, RTT: rtt, Final: at.Addr == p.Dest}
}

func (n *Net) chance(p float64) bool { return p > 0 && n.rng.Float64() < p }
