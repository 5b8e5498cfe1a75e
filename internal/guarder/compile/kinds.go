package compile

import (
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// The fifth dimension is the kind of a packet: family, protocol, and the flags of
// TCP or type and code of ICMP. There are 132,097 kinds; those that no rule tells
// apart are one class.

// A kind is a value of the dimension.
type kind struct {
	family uint8 // 0, 4 or 6
	of     kindOf
	// a and b are protocol and 0, flags and 0, or type and code.
	a, b uint8
}

type kindOf uint8

const (
	byProtocol kindOf = iota // all but those below
	byFlags                  // TCP whose header is there
	byType                   // ICMP of the packet's family, with its header
)

func (k kind) protocol() uint8 {
	switch {
	case k.of == byProtocol:
		return k.a
	case k.of == byFlags:
		return packet.TCP
	case k.family == 4:
		return packet.ICMPv4
	}
	return packet.ICMPv6
}

// matches evaluates a leaf that looks at nothing but the kind.
func (k kind) matches(leaf policy.Expr) bool {
	switch e := leaf.(type) {
	case policy.Family:
		return k.family == uint8(e)
	case policy.EtherTypes: // those of IP alone
		return k.family == 4 && slices.Contains(e, packet.EtherIPv4) || k.family == 6 && slices.Contains(e, packet.EtherIPv6)
	case policy.Protocols:
		return k.family != 0 && slices.Contains(e, k.protocol())
	case policy.Bits:
		have := uint32(k.a)
		return k.of == byFlags && have&e.All == e.All && have&e.None == 0 && (e.Any == 0 || have&e.Any != 0)
	case policy.ICMPTypes:
		return k.of == byType && k.family == e.Family && slices.Contains(e.Types, k.a) &&
			(e.Codes == nil || slices.ContainsFunc(e.Codes, func(r policy.Range) bool { return r.Low <= uint32(k.b) && uint32(k.b) <= r.High }))
	}
	return false
}

// isKind tells whether matches decides about a leaf.
func isKind(leaf policy.Expr) bool {
	switch e := leaf.(type) {
	case policy.Family, policy.EtherTypes, policy.Protocols, policy.ICMPTypes:
		return true
	case policy.Bits:
		return e.Of == policy.TCPFlags
	}
	return false
}

// A classSet is a set of classes of kinds; nil is everything.
type classSet []uint64

// kinds are the classes that the leaves of a policy tell apart.
type kinds struct {
	leaves  []policy.Expr
	index   map[string]int // of leaves, by their text
	classes int
	// sets are the classes in which a leaf is true.
	sets []classSet
	// notIP is the class of packets without an IP header; protocols, flags and
	// types hold one class per kind, by family (0 for IPv4, 1 for IPv6).
	notIP     int
	protocols [2][256]int
	flags     [2][256]int
	// types[f][t] is an index of codes: types that no leaf tells apart share one.
	types [2][256]int
	codes [][256]int
}

// add makes a leaf known; all must be before sort is called.
func (ks *kinds) add(leaf policy.Expr) {
	if ks.index == nil {
		ks.index = make(map[string]int)
	}
	text := textOf(leaf)
	if _, known := ks.index[text]; !known {
		ks.index[text] = len(ks.leaves)
		ks.leaves = append(ks.leaves, leaf)
	}
}

// sort finds the classes.
func (ks *kinds) sort() {
	bySignature := make(map[string]int)
	var members []kind // one of each class
	signature := make([]byte, len(ks.leaves))
	class := func(k kind) int {
		for i, leaf := range ks.leaves {
			signature[i] = '0'
			if k.matches(leaf) {
				signature[i] = '1'
			}
		}
		c, known := bySignature[string(signature)]
		if !known {
			c = len(members)
			bySignature[string(signature)] = c
			members = append(members, k)
		}
		return c
	}
	ks.notIP = class(kind{})
	for f, family := range []uint8{4, 6} {
		for i := range 256 {
			ks.protocols[f][i] = class(kind{family, byProtocol, uint8(i), 0})
			ks.flags[f][i] = class(kind{family, byFlags, uint8(i), 0})
		}
		alike := make(map[string]int)
		for t := range 256 {
			mentions := ks.mentions(family, uint8(t))
			page, known := alike[mentions]
			if !known {
				page = len(ks.codes)
				alike[mentions] = page
				var codes [256]int
				for c := range codes {
					codes[c] = class(kind{family, byType, uint8(t), uint8(c)})
				}
				ks.codes = append(ks.codes, codes)
			}
			ks.types[f][t] = page
		}
	}
	ks.classes = len(members)
	for _, leaf := range ks.leaves {
		set := make(classSet, (ks.classes+63)/64)
		for c, k := range members {
			if k.matches(leaf) {
				set[c/64] |= 1 << (c % 64)
			}
		}
		ks.sets = append(ks.sets, set)
	}
}

// mentions names the leaves that list a type of ICMP.
func (ks *kinds) mentions(family, t uint8) string {
	names := make([]byte, len(ks.leaves))
	for i, leaf := range ks.leaves {
		if e, ok := leaf.(policy.ICMPTypes); ok && e.Family == family && slices.Contains(e.Types, t) {
			names[i] = 1
		}
	}
	return string(names)
}

// in returns the classes in which a leaf is true.
func (ks *kinds) in(leaf policy.Expr) classSet { return ks.sets[ks.index[textOf(leaf)]] }

// class returns a set of one.
func (ks *kinds) class(c int) classSet {
	set := make(classSet, (ks.classes+63)/64)
	set[c/64] |= 1 << (c % 64)
	return set
}

func (ks *kinds) not(s classSet) classSet {
	out := make(classSet, (ks.classes+63)/64)
	if s == nil {
		return out
	}
	for i := range out {
		out[i] = ^s[i]
	}
	if ks.classes%64 != 0 {
		out[len(out)-1] &= 1<<(ks.classes%64) - 1
	}
	return out
}

func (s classSet) and(t classSet) classSet {
	if s == nil {
		return t
	}
	if t == nil {
		return s
	}
	out := make(classSet, len(s))
	for i := range out {
		out[i] = s[i] & t[i]
	}
	return out
}

func (s classSet) or(t classSet) classSet {
	if s == nil || t == nil {
		return nil
	}
	out := make(classSet, len(s))
	for i := range out {
		out[i] = s[i] | t[i]
	}
	return out
}

func (s classSet) has(c int) bool { return s == nil || s[c/64]>>(c%64)&1 != 0 }

func (s classSet) empty() bool {
	return s != nil && !slices.ContainsFunc(s, func(w uint64) bool { return w != 0 })
}
