package compile

import (
	"math/bits"
	"slices"

	"github.com/packetscope/packetscope/bpf"
)

// Of an IPv4 address 18 bits choose a block, 6 a network in it.
// The last byte is looked up in the network's leaf.
const (
	lastBits  = 8
	blockBits = lastBits + 6
	blocks4   = 1 << (32 - blockBits)
)

// isWhole marks the first leaf of a block as a class.
const isWhole = 1 << 31

// What stands where in a leaf.
const (
	leafKind  = 3 // mask of the kind
	leafWhole = 0
	leafList  = 1
	leafPage  = 2
	leafLong  = 3

	leafClass = 2  // shift
	leafBytes = 16 // shift of the addresses of a list
	leafPlace = 2  // shift of the number of a page
	leafRanks = 32 // shift of the bits set before its words, a byte each

	maxListed = 6
)

// What stands where in a page, counted in words: bits, then classes of 16 bits, or
// for a leafLong where in Pages they stand.
const (
	pageClasses   = 4
	classesInWord = 4
	shortPage     = (cacheLine - pageClasses) * classesInWord
)

// eachByte times a byte is six of it.
const eachByte = 0x010101010101

func (b *Blocks) class4(address uint32) uint32 {
	if near := address >> b.Shift4; b.Any4[near>>6]>>(near&63)&1 == 0 {
		return 0
	}
	block, network := &b.Blocks4[address>>blockBits], uint64(1)<<(address>>lastBits&63)
	if block.Has&network == 0 {
		return 0
	}
	if block.First&isWhole != 0 {
		return block.First &^ isWhole
	}
	leaf, last := b.Words[block.First+uint32(bits.OnesCount64(block.Has&(network-1)))], address&255
	class := uint32(leaf >> leafClass & (maxClasses - 1))
	switch leaf & leafKind {
	case leafWhole:
		return class
	case leafList:
		other := leaf>>leafBytes ^ uint64(last)*eachByte
		if (other-eachByte)&^other&(eachByte<<7) == 0 { // no byte of it is 0
			return 0
		}
		return class
	}
	return b.page(leaf, last)
}

// page returns the class of an address by the page that its leaf names.
func (b *Blocks) page(leaf uint64, last uint32) uint32 {
	at, word := uint32(leaf)>>leafPlace*cacheLine, last>>6
	before := uint32(leaf >> (leafRanks + 8*word) & 255)
	run := before + uint32(bits.OnesCount64(b.Pages[at+word]<<(63-last&63))) - 1 // the first address begins one
	classes := at + pageClasses
	if leaf&leafKind == leafLong {
		classes = uint32(b.Pages[classes])
	}
	return uint32(b.Pages[classes+run/classesInWord] >> (run % classesInWord * 16) & 0xffff)
}

// A filler makes blocks of spans.
type filler struct {
	*Blocks
	block  uint32
	leaves []uint64          // of the networks of the block
	long   map[string]uint32 // where classes stand in Pages
}

// fill4 goes through networks, of which runs of one class are taken at once.
func (b *Blocks) fill4(spans []span) {
	b.Blocks4 = make([]bpf.GuardBlock, blocks4)
	b.Words = slices.Grow(b.Words, len(spans)/2)
	f := filler{Blocks: b, long: make(map[string]uint32)}
	const networks = 1 << (32 - lastBits)
	end := func(i int) uint64 {
		if i+1 < len(spans) {
			return uint64(spans[i+1].first)
		}
		return 1 << 32
	}
	i := 0
	for network := uint64(0); network < networks; {
		for end(i) <= network<<lastBits {
			i++
		}
		if whole := end(i) >> lastBits; whole > network {
			f.same(uint32(network), uint32(whole-1), spans[i].class)
			network = whole
			continue
		}
		j := i + 1
		for j < len(spans) && uint64(spans[j].first)>>lastBits == network {
			j++
		}
		f.add(uint32(network), f.leaf(spans[i:j]))
		network++
	}
	f.flush()
	b.fillAny4()
}

// A bit of Any4 is for 2^minShift addresses at least, so that it takes half a megabyte
// at most: the second cache holds that. If it can, it has fullness clear bits for each
// that is set.
const (
	minShift = 10
	maxShift = 16
	fullness = 7
)

// fillAny4 makes Any4 as small as leaves it sparse.
func (b *Blocks) fillAny4() {
	b.Shift4 = minShift
	b.Any4 = make([]uint64, blocks4*(1<<(blockBits-minShift))/64)
	for i := range b.Blocks4 {
		has := b.Blocks4[i].Has
		for part := 0; has != 0; part++ {
			if has&(1<<(1<<(minShift-lastBits))-1) != 0 {
				at := i<<(blockBits-minShift) | part
				b.Any4[at/64] |= 1 << (at % 64)
			}
			has >>= 1 << (minShift - lastBits)
		}
	}
	for b.Shift4 < maxShift {
		half, set := halved(b.Any4)
		if set*(fullness+1) > 64*len(half) {
			return
		}
		b.Any4 = half
		b.Shift4++
	}
}

// halved returns half as many bits, each of which is set if one of two was, and how
// many are.
func halved(all []uint64) (half []uint64, set int) {
	half = make([]uint64, len(all)/2)
	for i, w := range all {
		w = (w | w>>1) & 0x5555555555555555
		for _, step := range []struct{ by, keep uint64 }{
			{1, 0x3333333333333333}, {2, 0x0f0f0f0f0f0f0f0f}, {4, 0x00ff00ff00ff00ff}, {8, 0x0000ffff0000ffff}, {16, 0xffffffff},
		} {
			w = (w | w>>step.by) & step.keep
		}
		half[i/2] |= w << (i % 2 * 32)
		set += bits.OnesCount64(w)
	}
	return half, set
}

// same adds networks of one class.
func (f *filler) same(first, last, class uint32) {
	for n := first; class != 0 && n <= last; n++ {
		if n&63 == 0 && last-n >= 63 {
			f.flush()
			f.Blocks4[n>>6] = bpf.GuardBlock{Has: ^uint64(0), First: class | isWhole}
			n += 63
			continue
		}
		f.add(n, leafWhole|uint64(class)<<leafClass)
	}
}

// add gives a network a leaf; networks come in order.
func (f *filler) add(network uint32, leaf uint64) {
	if block := network >> 6; block != f.block {
		f.flush()
		f.block = block
	}
	f.Blocks4[f.block].Has |= 1 << (network & 63)
	f.leaves = append(f.leaves, leaf)
}

// flush puts the leaves of a block in their place.
func (f *filler) flush() {
	if len(f.leaves) == 0 {
		return
	}
	whole := f.leaves[0]&leafKind == leafWhole
	for _, leaf := range f.leaves {
		whole = whole && leaf == f.leaves[0]
	}
	if whole {
		f.Blocks4[f.block].First = uint32(f.leaves[0]>>leafClass) | isWhole
	} else {
		f.Blocks4[f.block].First = uint32(len(f.Words))
		f.Words = append(f.Words, f.leaves...)
	}
	f.leaves = f.leaves[:0]
}

// leaf returns the leaf of a network with several spans, of which the first may begin
// before it.
func (f *filler) leaf(spans []span) uint64 {
	network := spans[1].first &^ 255
	at := func(i int) uint32 { // the first address of span i, and of what follows the last one
		switch {
		case i == 0:
			return 0
		case i == len(spans):
			return 256
		}
		return spans[i].first & 255
	}
	var listed []uint64
	class := uint32(0)
	for i, s := range spans {
		if s.class == 0 {
			continue
		}
		if class != 0 && s.class != class || len(listed)+int(at(i+1)-at(i)) > maxListed {
			return f.newPage(spans, network)
		}
		class = s.class
		for last := at(i); last < at(i+1); last++ {
			listed = append(listed, uint64(last))
		}
	}
	leaf := leafList | uint64(class)<<leafClass
	for i := range maxListed {
		leaf |= listed[min(i, len(listed)-1)] << (leafBytes + 8*i)
	}
	return leaf
}

// newPage makes a page and returns its leaf.
func (f *filler) newPage(spans []span, network uint32) uint64 {
	at := len(f.Pages)
	f.Pages = append(f.Pages, make([]uint64, cacheLine)...)
	classes := make([]uint64, (len(spans)+classesInWord-1)/classesInWord)
	for i, s := range spans {
		first := max(s.first, network) & 255
		f.Pages[at+int(first>>6)] |= 1 << (first & 63)
		classes[i/classesInWord] |= uint64(s.class) << (i % classesInWord * 16)
	}
	leaf := leafPage | uint64(at/cacheLine)<<leafPlace
	before := 0
	for word := range pageClasses {
		leaf |= uint64(before) << (leafRanks + 8*word)
		before += bits.OnesCount64(f.Pages[at+word])
	}
	if len(spans) <= shortPage {
		copy(f.Pages[at+pageClasses:], classes)
		return leaf
	}
	// Equal ones are kept once: most are those of one set, and none, in turn.
	key := string(bytesOf(classes))
	place, known := f.long[key]
	if !known {
		place = uint32(len(f.Pages))
		f.long[key] = place
		for len(classes)%cacheLine != 0 {
			classes = append(classes, 0)
		}
		f.Pages = append(f.Pages, classes...)
	}
	f.Pages[at+pageClasses] = uint64(place)
	return leaf&^leafKind | leafLong
}
