package adopt

import (
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// An Effect is the most that rules do to the packets of a peer.
type Effect uint8

// The effects, from the weakest.
const (
	Nothing Effect = iota
	Counted
	WouldDrop // by a rule that is audited
	Dropped
)

// Match returns the most that the rules of a policy may do to a packet of a peer. What is
// not known of the packet may be as the rules want it, so that the answer errs on the
// side of too much.
func Match(p *policy.Policy, t Peer) Effect {
	most := Nothing
	for i := range p.Rules {
		r := &p.Rules[i]
		may := matcher{p, t}.may(r.Match)
		if !may.be {
			continue
		}
		sure := !may.notBe && r.Interfaces == nil
		switch {
		case r.Action == policy.Pass && sure:
			return most
		case r.Action == policy.Pass:
		case r.Action != policy.Drop:
			most = max(most, Counted)
		case r.Mode == policy.Audit:
			most = max(most, WouldDrop)
		default:
			return Dropped
		}
	}
	return most
}

// A truth is what a condition may be for packets of which not everything is known.
type truth struct{ be, notBe bool }

func known(is bool) truth { return truth{is, !is} }

var unknown = truth{true, true}

type matcher struct {
	policy *policy.Policy
	peer   Peer
}

func (m matcher) may(e policy.Expr) truth {
	switch e := e.(type) {
	case policy.All:
		all := known(true)
		for _, part := range e {
			may := m.may(part)
			all = truth{all.be && may.be, all.notBe || may.notBe}
		}
		return all
	case policy.Any:
		some := known(false)
		for _, part := range e {
			may := m.may(part)
			some = truth{some.be || may.be, some.notBe && may.notBe}
		}
		return some
	case policy.Not:
		may := m.may(e.Of)
		return truth{may.notBe, may.be}
	}
	return m.leaf(e)
}

// leaf looks at what is known: of addresses the source, and protocols and ports.
func (m matcher) leaf(e policy.Expr) truth {
	six := m.peer.Addr.Is6()
	switch e := e.(type) {
	case policy.Family:
		return known((e == 6) == six)
	case policy.EtherTypes:
		if six {
			return known(slices.Contains(e, packet.EtherIPv6))
		}
		return known(slices.Contains(e, packet.EtherIPv4))
	case policy.Protocols:
		return known(slices.Contains(e, m.peer.Protocol))
	case policy.Addresses:
		if e.Of == policy.Source {
			return known(m.in(e))
		}
	case policy.Own:
		if e.Of == policy.Source {
			return known(false) // a peer is somebody else
		}
	case policy.Ports:
		return m.port(e)
	case policy.ICMPTypes:
		if protocol := map[bool]uint8{false: packet.ICMPv4, true: packet.ICMPv6}[six]; m.peer.Protocol != protocol || (e.Family == 6) != six {
			return known(false)
		}
	case policy.Bits:
		if e.Of == policy.TCPFlags && m.peer.Protocol != packet.TCP {
			return known(false)
		}
	}
	return unknown
}

func (m matcher) in(e policy.Addresses) bool {
	for _, p := range e.Prefixes {
		if p.Contains(m.peer.Addr) {
			return true
		}
	}
	return e.Set != "" && m.policy.Sets[e.Set].Has(m.peer.Addr)
}

// port compares the ports of packets from the peer. Later fragments have none, which is
// left out: their number is small, and the first fragment of each has.
func (m matcher) port(e policy.Ports) truth {
	var n Port
	switch {
	case e.Of == policy.SourcePort:
		n = m.peer.Remote
	case e.Of == policy.DestinationPort:
		n = m.peer.Local
	default:
		return unknown // of a quoted packet
	}
	switch n {
	case NoPort:
		return known(false)
	case AnyPort:
		return unknown
	}
	return known(slices.ContainsFunc(e.Ranges, func(r policy.Range) bool { return r.Low <= uint32(n) && uint32(n) <= r.High }))
}
