//go:build kernel && linux

package nft

import (
	"math/rand/v2"
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A maker makes policies and packets from a few values, so that they meet.
type maker struct{ *rand.Rand }

func pick[T any](m maker, values ...T) T { return values[m.IntN(len(values))] }

func some[T any](m maker, most int, f func() T) []T {
	out := make([]T, 1+m.IntN(most))
	for i := range out {
		out[i] = f()
	}
	return out
}

func (m maker) chance(n int) bool { return m.IntN(n) == 0 }

func (m maker) address(six bool) netip.Addr {
	if six {
		return netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 5: byte(m.IntN(2)), 7: pick[byte](m, 0, 0x80), 15: byte(m.IntN(5))})
	}
	return netip.AddrFrom4([4]byte{10, byte(m.IntN(2)), pick[byte](m, 0, 1, 128), byte(m.IntN(5))})
}

func (m maker) prefix() netip.Prefix {
	a := m.address(m.chance(2))
	short := pick(m, 0, 1, 2, 7, 8, 15, 16, 24, 31, 32)
	if a.Is6() && m.chance(3) {
		short = pick(m, 64, 63, 80, 120, 127, 128)
	}
	return netip.PrefixFrom(a, a.BitLen()-short).Masked()
}

func (m maker) port() uint16 {
	return pick[uint16](m, 0, 1, 22, 53, 79, 80, 81, 443, 255, 256, 1023, 1024, 65535)
}

// within returns a range between values that packets have, or their neighbours.
func (m maker) within(value func() uint32, most uint32) policy.Range {
	low := value()
	if m.chance(2) {
		return policy.Range{Low: low, High: low}
	}
	high := min(value()+uint32(m.IntN(3)), most)
	return policy.Range{Low: min(low, high), High: max(low, high)}
}

func (m maker) protocol() uint8 {
	return pick[uint8](m, packet.TCP, packet.TCP, packet.UDP, packet.UDP, packet.ICMPv4, packet.ICMPv6, packet.SCTP, packet.DCCP, packet.UDPLite, 47, 50)
}

func (m maker) hops() uint8    { return pick[uint8](m, 1, 2, 63, 64, 254, 255) }
func (m maker) flags() uint8   { return pick(m, uint8(m.IntN(256)), 0, 2, 18, 16, 4, 1, 255) }
func (m maker) kind() uint8    { return pick[uint8](m, 0, 3, 8, 11, 1, 128, 129, 135) }
func (m maker) bit() uint32    { return 1 << m.IntN(8) }
func (m maker) length() uint32 { return 20 + uint32(m.IntN(90)) }

// leaf returns an expression about one field.
func (m maker) leaf() policy.Expr {
	switch m.IntN(12) {
	case 0:
		return policy.Family(pick(m, 4, 6))
	case 1:
		return policy.Protocols(some(m, 3, m.protocol))
	case 2, 3, 4:
		return policy.Addresses{Of: policy.AddressField(m.IntN(2)), Prefixes: some(m, 3, m.prefix)}
	case 5, 6, 7:
		r := func() policy.Range { return m.within(func() uint32 { return uint32(m.port()) }, 65535) }
		return policy.Ports{Of: policy.PortField(m.IntN(2)), Ranges: some(m, 2, r)}
	case 8:
		r := func() policy.Range { return m.within(func() uint32 { return uint32(m.hops()) }, 255) }
		return policy.Number{Of: policy.TTL, Ranges: some(m, 2, r)}
	case 9:
		return policy.Number{Of: policy.Length, Ranges: some(m, 2, func() policy.Range { return m.within(m.length, 65535) })}
	case 10:
		b := policy.Bits{Of: policy.TCPFlags, All: m.bit() * uint32(m.IntN(2)), None: m.bit() * uint32(m.IntN(2))}
		if m.chance(2) {
			b.Any = uint32(1 + m.IntN(255))
		}
		if m.chance(4) {
			b = policy.Bits{Of: policy.Fragments, Any: uint32(1 + m.IntN(3))}
		}
		if m.chance(8) {
			b = policy.Bits{Of: policy.Fragments, None: uint32(1 + m.IntN(3))}
		}
		return b
	}
	e := policy.ICMPTypes{Family: pick[uint8](m, 4, 6), Types: some(m, 3, m.kind)}
	if m.chance(3) {
		e.Codes = []policy.Range{m.within(func() uint32 { return uint32(m.IntN(5)) }, 255)}
	}
	return e
}

// expression returns a tree of at most depth levels.
func (m maker) expression(depth int) policy.Expr {
	if depth == 0 || m.chance(3) {
		return m.leaf()
	}
	part := func() policy.Expr { return m.expression(depth - 1) }
	switch m.IntN(5) {
	case 0:
		return policy.Any(some(m, 3, part))
	case 1:
		return policy.Not{Of: part()}
	}
	return policy.All(some(m, 3, part))
}

// policy returns up to twelve rules, each of which becomes a moderate number of those
// of nftables.
func (m maker) policy() *policy.Policy {
	p := &policy.Policy{Rules: []policy.Rule{fencePasses}}
	for n := 2 + m.IntN(12); len(p.Rules) < n; {
		r := policy.Rule{
			Mode:   pick(m, policy.Enforce, policy.Enforce, policy.Enforce, policy.Audit),
			Action: pick(m, policy.Drop, policy.Drop, policy.Pass, policy.Pass, policy.Count),
			Match:  m.expression(2),
		}
		f, err := translate(r.Match)
		if err != nil {
			panic(err) // the maker makes only what can be said
		}
		if _, err := rules(f); err == nil {
			p.Rules = append(p.Rules, r)
		}
	}
	return p
}

// frame returns a packet of IP that can be read to its end.
func (m maker) frame() packet.Frame {
	six := m.chance(2)
	f := packet.Frame{
		Source: m.address(six), Destination: m.address(six), TTL: m.hops(), Protocol: m.protocol(),
		SourcePort: m.port(), DestinationPort: m.port(), Flags: m.flags(), DontFragment: m.chance(2),
		Payload: make([]byte, m.IntN(40)),
	}
	switch {
	case f.Protocol == packet.ICMPv4 && !six, f.Protocol == packet.ICMPv6 && six:
		f.ICMP = &packet.Message{Type: m.kind(), Code: uint8(m.IntN(5))}
		f.Payload = append(f.Payload, make([]byte, 20)...) // for a target
	}
	if f.Protocol == packet.TCP && m.chance(3) {
		f.MSS = 1460
	}
	if m.chance(5) {
		f.MoreFragments = m.chance(2)
		f.Payload = append(f.Payload, make([]byte, 24)...)
		if m.chance(2) {
			f.Offset = 8 * (1 + m.IntN(3))
		}
	}
	switch {
	case six && m.chance(4):
		f.Extensions = []packet.Extension{{Header: pick(m, packet.HopByHop, packet.Destination, packet.Routing), Size: pick(m, 8, 16), RoutingType: 2}}
	case !six && m.chance(4):
		f.Options = []byte{1, 1, 148, 4, 0, 0} // no-operations, router alert
	}
	return f
}
