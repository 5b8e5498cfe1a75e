package compile

import "slices"

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

// A mention is what a line says of a prefix: that it is in or out, at a position, or in
// for a line without one.
type mention struct {
	prefix
	position int
	in       bool
	pure     *entry
}

// nodes returns all prefixes of a family in the order of comparePrefixes; the
// first one holds all addresses.
func (x *addressIndex) nodes(six bool) []node {
	var everywhere []int // positions of lines that are in unless a prefix says otherwise
	var mentions []mention
	for p, e := range x.layout.at {
		if e == nil || !x.needed(p) {
			continue
		}
		set := x.of(e)
		if set.byFamily(six) {
			everywhere = append(everywhere, p)
		}
		for _, m := range set.marks {
			if m.six == six {
				mentions = append(mentions, mention{m.prefix, p, m.in, nil})
			}
		}
	}
	for _, e := range x.pure { // whose marks all are "in"
		for _, m := range x.of(e).marks {
			if m.six == six {
				mentions = append(mentions, mention{m.prefix, 0, true, e})
			}
		}
	}
	slices.SortFunc(mentions, func(a, b mention) int { return comparePrefixes(a.prefix, b.prefix) })
	root := node{
		prefix: allAddresses(six), vector: sparse(nil).with(everywhere, true),
		first: x.pureBest(func(s addressSet) bool { return s.byFamily(six) }),
	}
	return sweep(root, mentions)
}

// sweep goes through the prefixes depth first; each begins with what is around it. If
// the first is that of the root, it changes the root.
func sweep(root node, mentions []mention) []node {
	out := []node{root}
	around := []int{0} // indices of out
	for len(mentions) > 0 {
		p := mentions[0].prefix
		end := 1
		for end < len(mentions) && mentions[end].prefix == p {
			end++
		}
		for !out[around[len(around)-1]].holds(p) {
			around = around[:len(around)-1]
		}
		outer := &out[around[len(around)-1]]
		n := node{prefix: p, vector: outer.vector, first: outer.first}.changed(mentions[:end])
		if p == root.prefix {
			out[0] = n
		} else {
			around = append(around, len(out))
			out = append(out, n)
		}
		mentions = mentions[end:]
	}
	return out
}

// changed returns what holds for a node after what lines say of it.
func (n node) changed(mentions []mention) node {
	var on, off []int
	for _, m := range mentions {
		switch {
		case m.pure != nil:
			n.first = n.first.with(m.pure)
		case m.in:
			on = append(on, m.position)
		default:
			off = append(off, m.position)
		}
	}
	if len(off) > 0 {
		n.vector = n.vector.with(off, false)
	}
	if len(on) > 0 {
		n.vector = n.vector.with(on, true)
	}
	return n
}
