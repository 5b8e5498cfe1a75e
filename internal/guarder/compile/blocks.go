package compile

import (
	"net/netip"

	"github.com/packetscope/packetscope/bpf"
)

// Blocks tell the class of an address, by which sets it is in, whatever the number of
// prefixes. What holds the prefixes is not hashed, so nothing collides or overflows, and
// there are no prefixes that they cannot hold.
//
// # IPv4
//
// A network is 256 addresses (a /24), a block is 64 networks. In Blocks4 a block has a
// bit for each network, which is set if any of its addresses is of another class than
// 0; and either the class of all of them whose bit is set, marked with isWhole, or
// where in Words they have a leaf each. These are four megabytes. So that strangers are
// not looked up there, Any4 has a bit for each 2^Shift4 addresses that stand together,
// as many as leave most bits clear.
//
// A leaf says, by its lowest bits:
//
//	leafWhole   the class of all 256 addresses
//	leafList    the class of up to six addresses, whose last bytes stand in the
//	            upper 48 bits, some twice; the others are of class 0
//	leafPage    the number of a page, and for each word of its bits how many bits
//	            are set in those before
//	leafLong    the same, and the page only names where its classes stand
//
// A page has a bit for each address, which is set where a run of addresses of one
// class begins. The class of the n-th run follows the bits.
//
// # IPv6
//
// Root6 is a slot of a trie whose branches decide about several bits at once, as many
// as leave half of their slots in use, and skip those that the prefixes below have in
// common (S. Nilsson and G. Karlsson, IP-Address Lookup Using LC-Tries, IEEE JSAC
// 17(6), 1999). So a walk leads to an area without having looked at all bits. An
// address that is not in it is in none of those near it, but may be in one that holds
// them: each area names the one around it. Areas that lie in no other, which are most,
// stand in the slot itself, or some of their bits do, so that a walk ends there.
//
// Strangers do not walk: Any6 is a Bloom filter. All areas are cut, or taken apart, to
// prefixes of one length, which is as many bits as Skip6 leaves of the upper half; of
// each of them two bits of a word are set.
type Blocks struct {
	Any4    []uint64
	Shift4  uint32
	Blocks4 []bpf.GuardBlock

	Any6          []uint64
	Skip6, Shift6 uint32
	Root6         uint64
	// Outside6 is the class of addresses that are in no area.
	Outside6 uint32

	// Words are the leaves of IPv4 and the trie of IPv6; Words[0] is not used. Pages are
	// those of leaves, and their classes. Both are whole cache lines.
	Words, Pages []uint64
}

// maxClasses is how many classes there may be: they are 14 bits of a leaf.
const maxClasses = 1 << 14

// newBlocks makes the blocks of a union.
func newBlocks(w *union) *Blocks {
	b := &Blocks{
		Any4: make([]uint64, 1), Shift4: 26, Blocks4: make([]bpf.GuardBlock, 1),
		Words: make([]uint64, 1), Outside6: w.outside6,
	}
	if len(w.spans) > 1 || w.spans[0].class != 0 {
		b.fill4(w.spans)
	}
	b.fill6(w.areas)
	for len(b.Words)%cacheLine != 0 {
		b.Words = append(b.Words, 0)
	}
	return b
}

// Class returns the class of an address.
func (b *Blocks) Class(a netip.Addr) uint32 {
	hi, lo := halves(a)
	if a.Is4() {
		return b.class4(uint32(hi >> 32))
	}
	return b.class6(hi, lo)
}

// Size returns how many bytes they take.
func (b *Blocks) Size() int {
	return 8*(len(b.Any4)+len(b.Any6)+len(b.Words)+len(b.Pages)) + len(bytesOf(b.Blocks4))
}
