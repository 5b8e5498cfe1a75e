package compile

import (
	"maps"
	"slices"
)

// A node is a prefix that some line mentions, with what holds for its addresses
// unless a longer prefix says otherwise.
type node struct {
	prefix
	vector sparse
	first  best
}

// An addressIndex is all that is needed to make the rows of one address.
type addressIndex struct {
	of       func(*entry) addressSet
	relevant []uint64
	layout   *layout
	pure     []*entry // lines that ask for this address alone
}

// none returns the vector of packets without the address.
func (x *addressIndex) none() (sparse, best) {
	var on []int
	for p, e := range x.layout.at {
		if e != nil && x.needed(p) && x.of(e).none {
			on = append(on, p)
		}
	}
	return sparse(nil).with(on, true), x.pureBest(func(s addressSet) bool { return s.none })
}

// needed tells whether the vector has the word of a position.
func (x *addressIndex) needed(position int) bool {
	w := position / wordBits
	return x.relevant[w/wordBits]>>(w%wordBits)&1 != 0
}

func (x *addressIndex) pureBest(in func(addressSet) bool) best {
	b := best{none, none}
	for _, e := range x.pure {
		if in(x.of(e)) {
			b = b.with(e)
		}
	}
	return b
}

func (b best) with(e *entry) best {
	if e.section == audited {
		b.audited = min(b.audited, e.key())
	} else {
		b.terminal = min(b.terminal, e.key())
	}
	return b
}

// change is what a prefix changes in the vector around it.
type change struct {
	on, off []int
	pure    []*entry
}

// nodes returns all prefixes of a family in the order of comparePrefixes; the
// first one holds all addresses.
func (x *addressIndex) nodes(six bool) []node {
	changes := map[prefix]*change{allAddresses(six): {}}
	at := func(p prefix) *change {
		c := changes[p]
		if c == nil {
			c = new(change)
			changes[p] = c
		}
		return c
	}
	for p, e := range x.layout.at {
		if e == nil || !x.needed(p) {
			continue
		}
		set := x.of(e)
		if set.byFamily(six) {
			c := at(allAddresses(six))
			c.on = append(c.on, p)
		}
		for _, m := range set.marks {
			if m.six != six {
				continue
			}
			if c := at(m.prefix); m.in {
				c.on = append(c.on, p)
			} else {
				c.off = append(c.off, p)
			}
		}
	}
	for _, e := range x.pure { // whose marks all are "in"
		for _, m := range x.of(e).marks {
			if m.six == six {
				c := at(m.prefix)
				c.pure = append(c.pure, e)
			}
		}
	}
	first := x.pureBest(func(s addressSet) bool { return s.byFamily(six) })
	return sweep(changes, first)
}

// sweep goes through the prefixes depth first; each begins with what is around it.
func sweep(changes map[prefix]*change, first best) []node {
	out := make([]node, 0, len(changes))
	var around []int // indices of out
	for _, p := range slices.SortedFunc(maps.Keys(changes), comparePrefixes) {
		for len(around) > 0 && !out[around[len(around)-1]].holds(p) {
			around = around[:len(around)-1]
		}
		n := node{prefix: p, first: first}
		if len(around) > 0 {
			outer := &out[around[len(around)-1]]
			n.vector, n.first = outer.vector, outer.first
		}
		c := changes[p]
		if len(c.off) > 0 {
			n.vector = n.vector.with(c.off, false)
		}
		if len(c.on) > 0 {
			n.vector = n.vector.with(c.on, true)
		}
		for _, e := range c.pure {
			n.first = n.first.with(e)
		}
		around = append(around, len(out))
		out = append(out, n)
	}
	return out
}
