package compile

import "math/bits"

// Marks of what a trie holds.
const (
	isNode = 1 << 31 // without it, it is a row
	isLow  = 1 << 30 // a node that looks at the lower half of IPv6 addresses too
	isMark = isNode | isLow
)

// stride is how many bits a node of a trie decides about, fan how many ways.
const (
	stride   = 4
	fan      = 1 << stride
	rootBits = 12 // of the root of an IPv4 trie
)

// A rower makes the rows of an address's prefixes.
type rower struct {
	rows     *rows
	relevant []uint64
	nodes    []node
	made     map[int]uint32 // rows of plain
}

// plain returns the row of a prefix.
func (r *rower) plain(i int) uint32 {
	at, known := r.made[i]
	if !known {
		n := &r.nodes[i]
		at = r.rows.address(n.vector, n.first, r.relevant, 0, 0, 0)
		r.made[i] = at
	}
	return at
}

// compared returns the row of a prefix for IPv4 addresses that are in it, and of
// another for all others.
func (r *rower) compared(i, otherwise int) uint32 {
	n := &r.nodes[i]
	mask, _ := masks(n.bits)
	return r.rows.address(n.vector, n.first, r.relevant, uint32(n.hi>>32), uint32(mask>>32), r.plain(otherwise))
}

// trie4 makes the trie of an IPv4 address: 4,096 entries from root on for its
// first 12 bits, then nodes of 16 behind the roots. A node that would hold a single
// prefix is left out: the prefix's row compares the rest of the address.
func (r *rower) trie4(t []uint32, root int) []uint32 {
	inner := make([]int, len(r.nodes)-1)
	for i := range inner {
		inner[i] = i + 1
	}
	for at, ch := range r.spread(0, inner, 0, rootBits) {
		var e uint32
		t, e = r.node4(t, ch, rootBits)
		t[root+at] = e
	}
	return t
}

// A child is what is below one way out of a node: the prefix around it, and those
// within it.
type child struct {
	around int
	within []int
}

// spread divides prefixes, which are in order, by the n bits at depth.
func (r *rower) spread(around int, within []int, depth, n uint8) []child {
	out := make([]child, 1<<n)
	for i := range out {
		out[i].around = around
	}
	for _, i := range within {
		p := r.nodes[i].prefix
		at := p.at(depth, n)
		if p.bits > depth+n {
			out[at].within = append(out[at].within, i)
			continue
		}
		for j := range 1 << (depth + n - p.bits) {
			// The order has longer prefixes behind those that hold them.
			out[at+j].around = i
		}
	}
	return out
}

func (r *rower) node4(t []uint32, c child, depth uint8) ([]uint32, uint32) {
	switch len(c.within) {
	case 0:
		return t, r.plain(c.around)
	case 1:
		return t, r.compared(c.within[0], c.around)
	}
	at := len(t)
	t = append(t, make([]uint32, fan)...)
	for i, ch := range r.spread(c.around, c.within, depth, stride) {
		var e uint32
		t, e = r.node4(t, ch, depth+stride)
		t[at+i] = e
	}
	return t, isNode | uint32(at)
}

// Where things stand in a node of an IPv6 trie, counted in words. The node is for
// addresses of one prefix; others have the row "otherwise". Children are chosen by the
// bits of the address that follow the prefix; by none if there is one child.
const (
	nodeHigh     = 0 // upper half of the prefix, and its mask
	nodeHighMask = 1
	nodeChoice   = 2 // shift, mask<<8; above, otherwise
	nodeLow      = 3 // lower half
	nodeLowMask  = 4
	nodeChildren = 5
	maxChoice    = 12 // bits
)

// maxDepth6 is how many nodes the program looks at on the way to a row. A node with n
// prefixes below it takes as many bits as n has, and has fewer below each of its
// children, so that 128 bits are used up sooner.
const maxDepth6 = 40

// trie6 adds the trie of an IPv6 address and returns its root.
func (r *rower) trie6(t []uint64) ([]uint64, uint32) {
	inner := make([]int, len(r.nodes)-1)
	for i := range inner {
		inner[i] = i + 1
	}
	return r.node6(t, child{0, inner})
}

func (r *rower) node6(t []uint64, c child) ([]uint64, uint32) {
	if len(c.within) == 0 {
		return t, r.plain(c.around)
	}
	first, last := r.nodes[c.within[0]].prefix, r.nodes[c.within[len(c.within)-1]].prefix
	shared := first.common(last)
	for _, i := range c.within {
		shared = min(shared, r.nodes[i].bits)
	}
	otherwise := r.plain(c.around)
	e := isNode | uint32(len(t))
	if shared >= 64 {
		e |= isLow
	}
	path := first.cut(shared)
	highMask, lowMask := masks(shared)
	within := c.within
	around := c.around
	if first.bits == shared { // holds all others
		around, within = within[0], within[1:]
	}
	if len(within) == 0 {
		t = append(t, path.hi, highMask, pair(0, otherwise), path.lo, lowMask, uint64(r.plain(around)))
		return t, e
	}
	// As many ways as there are prefixes, so that the trie is as flat as it is wide.
	choice := min(uint8(bits.Len(uint(len(within)))), maxChoice, 64-shared%64)
	shift := 64 - uint32(choice) - uint32(shared%64)
	t = append(t, path.hi, highMask, pair(shift|(1<<choice-1)<<8, otherwise), path.lo, lowMask)
	children := len(t)
	t = append(t, make([]uint64, 1<<choice)...)
	for i, ch := range r.spread(around, within, shared, choice) {
		var e uint32
		t, e = r.node6(t, ch)
		t[children+i] = uint64(e)
	}
	return t, e
}
