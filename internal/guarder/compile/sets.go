package compile

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// maxSets is how many sets a policy may look up: they are bits of a word, of which
// the lowest are this host's addresses.
const maxSets = 64

// ownSet is the set of this host's addresses, which may change while the program
// runs.
const ownSet = 0

// A condition on the sets that an address is in, by bit: all of yes, none of no.
type setCondition struct{ yes, no uint64 }

func (c setCondition) and(d setCondition) setCondition {
	return setCondition{c.yes | d.yes, c.no | d.no}
}

func (c setCondition) impossible() bool { return c.yes&c.no != 0 }

// any tells that nothing is asked for.
func (c setCondition) any() bool { return c == setCondition{} }

func (c setCondition) holds(in uint64) bool { return in&c.yes == c.yes && in&c.no == 0 }

// sets are the sets of a policy that addresses are looked up in: too many prefixes
// to be rows of their own, or of addresses that have no rows.
type sets struct {
	numbers map[string]uint32
	lists   [][]netip.Prefix // by number, less one; sorted, none within another
}

// named returns the number of one of the policy's sets.
func (s *sets) named(set *policy.Set) (uint32, error) {
	return s.number("set "+set.Name, func() []netip.Prefix { return set.Prefixes })
}

// listed returns the number of a set that has no name.
func (s *sets) listed(prefixes []netip.Prefix) (uint32, error) {
	var text strings.Builder
	for _, p := range prefixes {
		text.WriteString(p.String() + " ")
	}
	return s.number(text.String(), func() []netip.Prefix { return inOrder(prefixes) })
}

func (s *sets) number(key string, of func() []netip.Prefix) (uint32, error) {
	n, known := s.numbers[key]
	if !known {
		n = uint32(len(s.lists)) + ownSet + 1
		if n == maxSets {
			return 0, fmt.Errorf("the policy looks addresses up in more than %d sets", maxSets-1)
		}
		s.numbers[key] = n
		s.lists = append(s.lists, of())
	}
	return n, nil
}

// inOrder returns prefixes as a set has them.
func inOrder(prefixes []netip.Prefix) []netip.Prefix {
	sorted := make([]netip.Prefix, len(prefixes))
	for i, p := range prefixes {
		sorted[i] = p.Masked()
	}
	slices.SortFunc(sorted, func(a, b netip.Prefix) int {
		return cmp.Or(a.Addr().Compare(b.Addr()), cmp.Compare(a.Bits(), b.Bits()))
	})
	kept := sorted[:0]
	for _, p := range sorted {
		if len(kept) == 0 || !kept[len(kept)-1].Contains(p.Addr()) {
			kept = append(kept, p)
		}
	}
	return kept
}

// each calls f for the prefixes of all sets, depth first, with the sets that each is
// of, by bit.
func (s *sets) each(f func(p prefix, of uint64)) {
	type cursor struct {
		prefix
		rest []netip.Prefix
		bit  uint64
	}
	var all []cursor
	for i, list := range s.lists {
		if len(list) > 0 {
			all = append(all, cursor{prefixOfMasked(list[0]), list[1:], 1 << (i + ownSet + 1)})
		}
	}
	for len(all) > 0 {
		next := all[0].prefix
		for _, c := range all[1:] {
			if comparePrefixes(c.prefix, next) < 0 {
				next = c.prefix
			}
		}
		var of uint64
		ended := false
		for i := range all {
			if c := &all[i]; c.prefix == next {
				of |= c.bit
				if len(c.rest) == 0 {
					c.bit, ended = 0, true
					continue
				}
				c.prefix, c.rest = prefixOfMasked(c.rest[0]), c.rest[1:]
			}
		}
		f(next, of)
		if ended {
			all = slices.DeleteFunc(all, func(c cursor) bool { return c.bit == 0 })
		}
	}
}
