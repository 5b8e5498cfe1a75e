package policy

import (
	"net/netip"
	"slices"
)

// A Set is a named set of prefixes.
type Set struct {
	Name     string
	Prefixes []netip.Prefix // masked, sorted, none within another
	At       Position
}

// Has tells whether an address is in one of the prefixes.
func (s *Set) Has(a netip.Addr) bool {
	if s == nil {
		return false
	}
	// The last prefix that begins at or before the address is the only one that
	// can hold it, as none is within another.
	i, found := slices.BinarySearchFunc(s.Prefixes, a, func(p netip.Prefix, a netip.Addr) int { return p.Addr().Compare(a) })
	if found {
		return true
	}
	return i > 0 && s.Prefixes[i-1].Contains(a)
}

// A BindingSet says which MAC addresses an IP address may have.
type BindingSet struct {
	Name string
	MACs map[netip.Addr][][6]byte
	// Learn tells that the first MAC address of the default gateways, and of Open, is
	// learnt and locked, unless MACs has them: see [Policy.With].
	Learn bool
	Open  []netip.Addr // sorted
	At    Position
}
