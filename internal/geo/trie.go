package geo

import (
	"encoding/binary"
	"iter"
	"math/bits"
	"net/netip"
)

// A Trie holds a value for each of many prefixes, and finds the longest of them that
// covers an address. IPv4 and IPv6 are kept apart. Its zero value is empty.
//
// It is a radix tree (Morrison, "PATRICIA", J. ACM 15, 1968): a node for each prefix and
// at most one more for each place where two part, so that n prefixes take less than 2n
// nodes, and a look-up visits at most as many nodes as an address has bits.
type Trie[V any] struct {
	// nodes holds both trees. The number of a node is its index plus 1; 0 is none.
	nodes  []node[V]
	v4, v6 uint32 // their roots
	size   int
}

type node[V any] struct {
	key   key
	child [2]uint32
	// set says that the node is a prefix of the user's, with this value.
	set   bool
	value V
}

// A key is the first bits of an address. The bits behind them are 0; those of an IPv4
// address begin at the top of hi.
type key struct {
	hi, lo uint64
	bits   uint8
	is4    bool
}

// keyOf returns the key of a prefix, or false if it is none. Prefixes of IPv4 addresses
// that are written as IPv6 are those of IPv4.
func keyOf(p netip.Prefix) (key, bool) {
	if !p.IsValid() {
		return key{}, false
	}
	addr, length := p.Addr(), p.Bits()
	if addr.Is4In6() {
		if addr = addr.Unmap(); length < 96 {
			return key{}, false // part of what it covers is not IPv4
		}
		length -= 96
	}
	k := key{bits: uint8(length), is4: addr.Is4()}
	if k.is4 {
		b := addr.As4()
		k.hi = uint64(binary.BigEndian.Uint32(b[:])) << 32
	} else {
		b := addr.As16()
		k.hi, k.lo = binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	}
	return k.cut(k.bits), true
}

// cut returns the first n bits of a key.
func (k key) cut(n uint8) key {
	switch {
	case n == 0:
		k.hi, k.lo = 0, 0
	case n <= 64:
		k.hi, k.lo = k.hi&(^uint64(0)<<(64-n)), 0
	default:
		k.lo &= ^uint64(0) << (128 - n)
	}
	k.bits = n
	return k
}

// bit returns the bit number n, from 0 at the left.
func (k key) bit(n uint8) uint64 {
	if n < 64 {
		return k.hi >> (63 - n) & 1
	}
	return k.lo >> (127 - n) & 1
}

// common returns how many bits two keys have in common at their beginning.
func common(a, b key) uint8 {
	n := bits.LeadingZeros64(a.hi ^ b.hi)
	if n == 64 {
		n += bits.LeadingZeros64(a.lo ^ b.lo)
	}
	return min(uint8(n), a.bits, b.bits)
}

func (k key) prefix() netip.Prefix {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], k.hi)
	binary.BigEndian.PutUint64(b[8:], k.lo)
	if k.is4 {
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(b[:4])), int(k.bits))
	}
	return netip.PrefixFrom(netip.AddrFrom16(b), int(k.bits))
}

func (t *Trie[V]) root(is4 bool) *uint32 {
	if is4 {
		return &t.v4
	}
	return &t.v6
}

// add returns the number of a new node.
func (t *Trie[V]) add(n node[V]) uint32 {
	t.nodes = append(t.nodes, n)
	return uint32(len(t.nodes))
}

// Insert sets the value of a prefix, whose bits behind its length do not matter. It
// returns false, and changes nothing, if the prefix is invalid.
func (t *Trie[V]) Insert(p netip.Prefix, value V) bool {
	k, ok := keyOf(p)
	if !ok {
		return false
	}
	leaf := node[V]{key: k, set: true, value: value}
	// link is where the number of the node at hand is kept: a child of parent, or the
	// root. It is no pointer, as adding nodes may move them.
	parent, side := uint32(0), uint64(0)
	link := func() *uint32 {
		if parent == 0 {
			return t.root(k.is4)
		}
		return &t.nodes[parent-1].child[side]
	}
	for {
		at := *link()
		if at == 0 {
			t.size++
			added := t.add(leaf)
			*link() = added
			return true
		}
		n := &t.nodes[at-1]
		same := common(k, n.key)
		switch {
		case same == n.key.bits && same == k.bits:
			if !n.set {
				t.size++
			}
			n.set, n.value = true, value
			return true
		case same == n.key.bits:
			parent, side = at, k.bit(same)
			continue
		}
		// They part within the node's bits, or the new one ends there.
		t.size++
		if same == k.bits {
			leaf.child[n.key.bit(same)] = at
			added := t.add(leaf)
			*link() = added
			return true
		}
		fork := node[V]{key: k.cut(same)}
		fork.child[n.key.bit(same)] = at
		fork.child[k.bit(same)] = t.add(leaf)
		added := t.add(fork)
		*link() = added
		return true
	}
}

// Lookup returns the longest prefix that covers an address, and its value.
func (t *Trie[V]) Lookup(addr netip.Addr) (netip.Prefix, V, bool) {
	addr = addr.WithZone("")
	return t.LookupPrefix(netip.PrefixFrom(addr, addr.BitLen()))
}

// LookupPrefix returns the longest prefix that covers all of p, and its value.
func (t *Trie[V]) LookupPrefix(p netip.Prefix) (netip.Prefix, V, bool) {
	if n := t.find(p); n != nil {
		return n.key.prefix(), n.value, true
	}
	var none V
	return netip.Prefix{}, none, false
}

// Get returns the value of exactly this prefix.
func (t *Trie[V]) Get(p netip.Prefix) (V, bool) {
	if n := t.find(p); n != nil {
		if k, _ := keyOf(p); n.key == k {
			return n.value, true
		}
	}
	var none V
	return none, false
}

// find returns the node of the longest prefix that covers p, or nil.
func (t *Trie[V]) find(p netip.Prefix) *node[V] {
	k, ok := keyOf(p)
	if !ok {
		return nil
	}
	var best *node[V]
	for at := *t.root(k.is4); at != 0; {
		n := &t.nodes[at-1]
		if common(k, n.key) < n.key.bits {
			break
		}
		if n.set {
			best = n
		}
		if n.key.bits == k.bits {
			break
		}
		at = n.child[k.bit(n.key.bits)]
	}
	return best
}

// Len returns the number of prefixes.
func (t *Trie[V]) Len() int { return t.size }

// All visits the prefixes with their values: IPv4 first, each before those that it
// covers, else in the order of their addresses.
func (t *Trie[V]) All() iter.Seq2[netip.Prefix, V] {
	return func(yield func(netip.Prefix, V) bool) {
		_ = t.visit(t.v4, yield) && t.visit(t.v6, yield)
	}
}

func (t *Trie[V]) visit(at uint32, yield func(netip.Prefix, V) bool) bool {
	if at == 0 {
		return true
	}
	n := &t.nodes[at-1]
	if n.set && !yield(n.key.prefix(), n.value) {
		return false
	}
	return t.visit(n.child[0], yield) && t.visit(n.child[1], yield)
}
