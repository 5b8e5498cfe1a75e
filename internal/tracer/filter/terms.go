package filter

import (
	"encoding/binary"
	"net/netip"
)

// Numbers of protocols: IEEE 802 and IANA.
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherRARP = 0x8035
	etherIPv6 = 0x86dd

	ipICMP     = 1
	ipTCP      = 6
	ipUDP      = 17
	ipFragment = 44
	ipICMPv6   = 58
	ipSCTP     = 132
)

// etherHeader is the length of an Ethernet header, without tags.
const etherHeader = 14

// A place is where things are, which tags of VLANs move.
type place struct{ tags uint32 }

// network returns a part of the header behind Ethernet's.
func (at place) network(offset uint32, size uint8) field {
	return field{etherHeader + 4*at.tags + offset, size}
}

func is(n number, k uint32) condition { return comparison{opEqual, n, constant(k)} }

func masked(n number, mask uint32) number {
	if mask == ^uint32(0) {
		return n
	}
	return sum{opAnd, n, constant(mask)}
}

func (at place) ether(protocol uint32) condition {
	return is(field{etherHeader - 2 + 4*at.tags, 2}, protocol)
}

// ip4 is IPv4 that carries a protocol.
func (at place) ip4(protocol uint32) condition {
	return both{at.ether(etherIPv4), is(at.network(9, 1), protocol)}
}

// ip6 is IPv6 that carries a protocol, maybe in a fragment.
func (at place) ip6(protocol uint32) condition {
	next := at.network(6, 1)
	fragment := both{is(next, ipFragment), is(at.network(40, 1), protocol)}
	return both{at.ether(etherIPv6), either{is(next, protocol), fragment}}
}

// first is what is no fragment but the first.
func (at place) first() condition {
	return not{comparison{opAnySet, at.network(6, 2), constant(0x1fff)}}
}

// transport returns bytes behind the header of IPv4.
func (at place) transport(offset uint32, size uint8) number {
	words := sum{opShl, masked(at.network(0, 1), 0xf), constant(2)}
	return indexed{words, at.network(offset, 0).at, size}
}

// A direction chooses among source and destination.
type direction int

const (
	anyDirection direction = iota // either of them
	source
	destination
	bothDirections
)

// towards joins what is to be true of the source and of the destination.
func (d direction) towards(from, to condition) condition {
	switch d {
	case source:
		return from
	case destination:
		return to
	case bothDirections:
		return both{from, to}
	}
	return either{from, to}
}

// within is an address of some bits in a field of four bytes or sixteen.
func within(at func(offset uint32) field, p netip.Prefix) condition {
	var parts []condition
	bytes := p.Addr().AsSlice()
	for i := 0; i < len(bytes); i += 4 {
		bits := p.Bits() - 8*i
		if bits <= 0 {
			break
		}
		mask := ^uint32(0) << max(32-bits, 0)
		parts = append(parts, is(masked(at(uint32(i)), mask), binary.BigEndian.Uint32(bytes[i:])&mask))
	}
	if len(parts) == 0 {
		return is(constant(0), 0)
	}
	return allOf(parts...)
}

// addresses is packets of an Ethernet protocol from or to a prefix, whose addresses are at
// two offsets.
func (at place) addresses(ether uint32, d direction, p netip.Prefix, from, to uint32) condition {
	half := func(base uint32) condition {
		return within(func(offset uint32) field { return at.network(base+offset, 4) }, p)
	}
	return both{at.ether(ether), d.towards(half(from), half(to))}
}

func (at place) host4(d direction, p netip.Prefix) condition {
	return at.addresses(etherIPv4, d, p, 12, 16)
}

func (at place) host6(d direction, p netip.Prefix) condition {
	return at.addresses(etherIPv6, d, p, 8, 24)
}

// hostARP is ARP or RARP about an address.
func (at place) hostARP(ether uint32, d direction, p netip.Prefix) condition {
	return at.addresses(ether, d, p, 14, 24)
}

func hardwareAddress(d direction, mac []byte) condition {
	half := func(at uint32) condition {
		return both{is(field{at + 2, 4}, binary.BigEndian.Uint32(mac[2:])), is(field{at, 2}, uint32(binary.BigEndian.Uint16(mac)))}
	}
	return d.towards(half(6), half(0))
}

// ports is packets of a protocol from or to ports, of IPv4 and IPv6.
func (at place) ports(protocol uint32, d direction, low, high uint32) condition {
	inside := func(n number) condition {
		if low == high {
			return is(n, low)
		}
		return both{comparison{opAtLeast, n, constant(low)}, not{comparison{opGreater, n, constant(high)}}}
	}
	four := allOf(at.ether(etherIPv4), is(at.network(9, 1), protocol), at.first(),
		d.towards(inside(at.transport(0, 2)), inside(at.transport(2, 2))))
	six := allOf(at.ether(etherIPv6), is(at.network(6, 1), protocol),
		d.towards(inside(at.network(40, 2)), inside(at.network(42, 2))))
	return either{four, six}
}
