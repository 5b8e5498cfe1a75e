package policy

import (
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/flood"
	"github.com/packetscope/packetscope/internal/guarder/limit"
	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// Stateful reports whether the rule depends on packets before: what it does, it does only
// if its state says so. Where nothing was before, it does nothing.
func (r *Rule) Stateful() bool { return r.Limit != nil || r.SYNCookie != nil }

// States are what rules remember of the packets before. They are for one goroutine.
//
// The kernel forgets what it has no room for, and says how often (limits: [Limit].WhenFull).
// States forget nothing.
type States struct {
	limits  limit.Buckets[limitKey]
	spreads map[limitKey]*spread
	// SamePort, if not nil, returns a port that stands for those that are not told apart
	// from one: the kernel knows 64 only.
	SamePort func(port uint16) uint16
	floods   map[uint64]*flood.Flood // by rule
}

// A limitKey is whose packets are counted together. A limit that is changed begins anew.
type limitKey struct {
	rule                uint64
	rate                limit.Rate
	level               Level
	source, destination netip.Prefix
	links               [2][6]byte // MAC addresses, of what is not IP
	protocol            uint8
	ports               [2]uint16
	device              string
}

// Over tells whether the state of a rule, which matches the packet, has it do what it
// does; and counts the packet. It is asked at most once for each packet, in the order of
// rules, and not behind one that ended the search. A nil *States knows of nothing before.
func (s *States) Over(r *Rule, p *packet.Packet, env *Env) bool {
	switch {
	case s == nil:
		return false
	case r.Limit != nil && r.Limit.Distinct != DistinctNothing:
		return s.isSpread(r, p, env)
	case r.Limit != nil:
		return s.limited(r, p, env)
	case r.SYNCookie != nil:
		return s.answers(r, p, env)
	}
	return false
}

// limited counts a packet at the levels of a limit, up to the first where its key is not
// light.
func (s *States) limited(r *Rule, p *packet.Packet, env *Env) bool {
	rate := r.Limit.GCRA()
	for _, level := range r.Limit.All() {
		if c := s.limits.Take(keyOf(r, level, p, env), rate, env.nanoseconds()); c != limit.Light {
			return c == limit.Over
		}
	}
	return false
}

// nanoseconds is the time for states; without one, all packets come at once.
func (env *Env) nanoseconds() int64 {
	if env.Now.IsZero() {
		return 0
	}
	return env.Now.UnixNano()
}

func keyOf(r *Rule, l Level, p *packet.Packet, env *Env) limitKey {
	k := limitKey{rule: r.ID(), rate: r.Limit.GCRA(), level: l}
	part := func(address netip.Addr, link [6]byte) (netip.Prefix, [6]byte) {
		switch p.Family {
		case 4:
			return netip.PrefixFrom(address, l.Prefix4).Masked(), [6]byte{}
		case 6:
			return netip.PrefixFrom(address, l.Prefix6).Masked(), [6]byte{}
		}
		return netip.Prefix{}, link
	}
	if l.Per&PerSource != 0 {
		k.source, k.links[0] = part(p.Source, p.SourceMAC)
	}
	if l.Per&PerDestination != 0 {
		k.destination, k.links[1] = part(p.Destination, p.DestinationMAC)
	}
	if l.Per&PerPorts != 0 {
		if p.Family != 0 {
			k.protocol = p.Protocol
		}
		if p.HasPorts {
			k.ports = [2]uint16{p.SourcePort, p.DestinationPort}
		}
	}
	if l.Per&PerInterface != 0 {
		k.device = env.Interface
	}
	return k
}
