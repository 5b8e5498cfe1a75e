package compile

import (
	"cmp"
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// A prefix is a masked prefix of either family; an IPv4 address stands in the
// upper half of hi.
type prefix struct {
	hi, lo uint64
	bits   uint8
	six    bool
}

// allAddresses is the prefix of length 0.
func allAddresses(six bool) prefix { return prefix{six: six} }

func prefixOf(p netip.Prefix) prefix { return prefixOfMasked(p.Masked()) }

// prefixOfMasked is prefixOf for one without host bits.
func prefixOfMasked(p netip.Prefix) prefix {
	hi, lo := halves(p.Addr())
	return prefix{hi: hi, lo: lo, bits: uint8(p.Bits()), six: p.Addr().Is6()}
}

// halves returns an address as a prefix holds it.
func halves(a netip.Addr) (hi, lo uint64) {
	if a.Is4() {
		b := a.As4()
		return uint64(binary.BigEndian.Uint32(b[:])) << 32, 0
	}
	b := a.As16()
	return binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
}

// masks returns the ones of the first n bits.
func masks(n uint8) (hi, lo uint64) {
	return ^(^uint64(0) >> n), ^(^uint64(0) >> (max(n, 64) - 64))
}

// cut returns the first n bits of a prefix.
func (p prefix) cut(n uint8) prefix {
	hi, lo := masks(n)
	return prefix{hi: p.hi & hi, lo: p.lo & lo, bits: n, six: p.six}
}

// holds tells whether q is the prefix or within it.
func (p prefix) holds(q prefix) bool {
	return p.six == q.six && p.bits <= q.bits && q.cut(p.bits) == p
}

// common returns how many leading bits two prefixes share.
func (p prefix) common(q prefix) uint8 {
	n := bits.LeadingZeros64(p.hi ^ q.hi)
	if n == 64 {
		n += bits.LeadingZeros64(p.lo ^ q.lo)
	}
	return min(uint8(n), p.bits, q.bits)
}

// at returns the n bits of the address that follow the first from.
func (p prefix) at(from, n uint8) int {
	if from >= 64 {
		return int(p.lo << (from - 64) >> (64 - n))
	}
	return int(p.hi << from >> (64 - n))
}

// comparePrefixes orders them depth first: each is followed by those within it.
func comparePrefixes(p, q prefix) int {
	if p.six != q.six {
		if q.six {
			return -1
		}
		return 1
	}
	return cmp.Or(cmp.Compare(p.hi, q.hi), cmp.Compare(p.lo, q.lo), cmp.Compare(p.bits, q.bits))
}
