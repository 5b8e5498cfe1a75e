package compile

import (
	"math/bits"
	"slices"
)

// What a slot is, in its upper two bits.
const (
	slotKind   = 62
	slotArea   = 0 // or nothing, if it is 0
	slotTail   = 1
	slotBranch = 2
)

// What stands where in a branch: its first slot in the lower half, from which bit it
// decides about how many, and if they are marked as checked, the bits from the end of
// the branch before on.
const (
	branchFrom    = 32
	branchBits    = 39
	branchChecked = 44
	branchCheck   = 45
	maxChecked    = slotKind - branchCheck
)

// What stands where in a tail: the class of an area that lies in no other, how many
// bits of its prefix the branches did not decide about, and those.
const (
	tailBits  = 14
	tailCheck = 20
	maxTail   = slotKind - tailCheck
)

// What stands where in the slot of an area: the place in the lower half, and if it
// lies in no other, some of the bits that the branches did not decide about, and how
// many.
const (
	areaBits  = 32
	areaCheck = 37
	maxHint   = slotKind - areaCheck
)

// What stands where in an area: in its first word the place of the area around it, its
// class and its length; then the upper half of its prefix, and the lower half if it is
// longer than that.
const (
	areaClass  = 32
	areaLength = 48
)

const (
	// maxBits is how many bits a branch decides about.
	maxBits = 16
	// maxBranches is how many branches the program looks at: each decides about two
	// bits at least, but for the last one of a half.
	maxBranches = 66
)

// bitsAt returns n bits of an address, which are all in one half, from a bit on.
func bitsAt(hi, lo uint64, from, n uint8) uint64 {
	if from >= 64 {
		hi = lo
	}
	return hi << (from & 63) >> 1 >> (63 - n)
}

func (b *Blocks) class6(hi, lo uint64) uint32 {
	if word, both := b.any6(hi); *word&both != both {
		return b.Outside6
	}
	slot, at := b.Root6, uint8(0)
	for slot>>slotKind == slotBranch {
		from, n := uint8(slot>>branchFrom&127), uint8(slot>>branchBits&31)
		if slot>>branchChecked&1 != 0 && bitsAt(hi, lo, at, from-at) != slot>>branchCheck&(1<<maxChecked-1) {
			return b.Outside6
		}
		slot = b.Words[uint32(slot)+uint32(bitsAt(hi, lo, from, n))]
		at = from + n
	}
	if slot>>slotKind == slotTail {
		if bitsAt(hi, lo, at, uint8(slot>>tailBits&63)) == slot>>tailCheck&(1<<maxTail-1) {
			return uint32(slot & (maxClasses - 1))
		}
		return b.Outside6
	}
	if bitsAt(hi, lo, at, uint8(slot>>areaBits&31)) != slot>>areaCheck {
		return b.Outside6
	}
	return b.area(uint32(slot), hi, lo)
}

// any6 returns the word of Any6 where the bits of an address stand.
func (b *Blocks) any6(hi uint64) (word *uint64, both uint64) {
	hash := hi >> b.Skip6 * 0x9e3779b97f4a7c15
	return &b.Any6[hash>>b.Shift6], 1<<(hash>>32&63) | 1<<(hash>>38&63)
}

// area returns the class of an address by an area, or one of those around it.
func (b *Blocks) area(at uint32, hi, lo uint64) uint32 {
	for ; at != 0; at = uint32(b.Words[at]) {
		length, other := b.Words[at]>>areaLength, hi^b.Words[at+1]
		if length > 64 && other == 0 {
			length, other = length-64, lo^b.Words[at+2]
		}
		if length <= 64 && other>>(64-length) == 0 {
			return uint32(b.Words[at] >> areaClass & 0xffff)
		}
	}
	return b.Outside6
}

// A planter makes the trie of areas. Those that are needed beside it are made when
// they are.
type planter struct {
	*Blocks
	areas  []area
	places []uint32
}

func (b *Blocks) fill6(areas []area) {
	b.fillAny6(areas)
	b.Words = slices.Grow(b.Words, 3*len(areas))
	p := planter{b, areas, make([]uint32, len(areas))}
	b.Root6 = p.slot(0, len(areas), -1, 0, true)
}

// Any6 has bitsOfHash for each prefix, as long as it takes no more than a megabyte. Of
// the strangers 1 in 20 meets two bits that are set.
const (
	bitsOfHash = 8
	minAny6    = 2 // words
	maxAny6    = 1 << 17
)

// fillAny6 chooses how long the prefixes are whose hashes are taken: as long as takes
// no more than the bits that there are.
func (b *Blocks) fillAny6(areas []area) {
	outer, lengths := 0, [129]int{}
	for _, a := range areas {
		if a.around < 0 {
			outer++
			lengths[a.bits]++
		}
	}
	most := max(64*maxAny6/bitsOfHash, 2*outer)
	length, prefixes := 0, outer
	for n := 1; n <= 64; n++ {
		apart := 0
		for shorter := 1; shorter < n; shorter++ {
			apart += lengths[shorter] << (n - shorter)
		}
		if apart+outer > most {
			break
		}
		length, prefixes = n, apart+outer
	}
	words := min(max(powerOfTwo(bitsOfHash*prefixes/64), minAny6), maxAny6)
	b.Any6, b.Skip6, b.Shift6 = make([]uint64, words), uint32(64-length), uint32(65-bits.Len(uint(words)))
	for _, a := range areas {
		if a.around >= 0 {
			continue
		}
		first := a.hi >> b.Skip6 << b.Skip6
		for i := range uint64(1) << (max(length, int(a.bits)) - int(a.bits)) {
			word, both := b.any6(first + i<<b.Skip6)
			*word |= both
		}
	}
}

// areaWords is how many words an area takes, which are on one cache line: in a table of
// feeds they are looked up together.
func areaWords(length uint8) int {
	if length > 64 {
		return 3
	}
	return 2
}

// place returns where an area stands.
func (p *planter) place(i int) uint64 {
	if i < 0 {
		return 0
	}
	if p.places[i] == 0 {
		a := &p.areas[i]
		about := p.place(int(a.around)) | uint64(a.class)<<areaClass | uint64(a.bits)<<areaLength
		for len(p.Words)%cacheLine+areaWords(a.bits) > cacheLine {
			p.Words = append(p.Words, 0)
		}
		p.places[i] = uint32(len(p.Words))
		p.Words = append(p.Words, about, a.hi)
		if a.bits > 64 {
			p.Words = append(p.Words, a.lo)
		}
	}
	return uint64(p.places[i])
}

// slot returns the slot of the areas from one up to another, which all lie in the area
// around, or in none if that is -1. Branches have decided about the bits before at; if
// checked, they leave none of those that they skip to chance.
func (p *planter) slot(from, to, around int, at uint8, checked bool) uint64 {
	switch to - from {
	case 0:
		return p.place(around)
	case 1:
		return p.leaf(from, at, checked)
	}
	first, last := p.areas[from].prefix, p.areas[to-1].prefix
	shared := first.common(last)
	if first.bits == shared { // holds all others
		return p.slot(from+1, to, from, at, checked)
	}
	n := p.bits(from, to, shared)
	branch := uint64(slotBranch)<<slotKind | uint64(shared)<<branchFrom | uint64(n)<<branchBits
	if checked = checked && around < 0 && inHalf(at, shared-at, maxChecked); checked {
		branch |= 1<<branchChecked | bitsAt(first.hi, first.lo, at, shared-at)<<branchCheck
	}
	slots := uint64(len(p.Words))
	p.Words = append(p.Words, make([]uint64, 1<<n)...)
	covers := make([]int, 1<<n) // the areas that hold all addresses of a way
	for way := range covers {
		covers[way] = around
	}
	for i := from; i < to; {
		a := p.areas[i]
		way := a.at(shared, n)
		if a.bits <= shared+n {
			for j := range 1 << (shared + n - a.bits) {
				covers[way+j] = i // those within it follow
			}
			i++
			continue
		}
		end := i
		for end < to && p.areas[end].at(shared, n) == way {
			end++
		}
		slot := p.slot(i, end, covers[way], shared+n, checked)
		p.Words[slots+uint64(way)] = slot
		covers[way] = -2 // done
		i = end
	}
	for way, cover := range covers {
		if cover >= 0 {
			slot := p.leaf(cover, shared+n, checked)
			p.Words[slots+uint64(way)] = slot
		}
	}
	return branch | slots
}

// inHalf tells whether up to so many bits are in one half of an address.
func inHalf(at, n, most uint8) bool { return n <= most && (n == 0 || at/64 == (at+n-1)/64) }

// leaf returns the slot of an area.
func (p *planter) leaf(i int, at uint8, checked bool) uint64 {
	a := &p.areas[i]
	if a.around >= 0 || !checked {
		return p.place(i)
	}
	rest := a.bits - min(a.bits, at)
	if inHalf(at, rest, maxTail) {
		return slotTail<<slotKind | uint64(a.class) | uint64(rest)<<tailBits | bitsAt(a.hi, a.lo, at, rest)<<tailCheck
	}
	hint := min(rest, maxHint, 64-at%64)
	return p.place(i) | uint64(hint)<<areaBits | bitsAt(a.hi, a.lo, at, hint)<<areaCheck
}

// bits returns about how many bits behind those that areas share a branch decides.
func (p *planter) bits(from, to int, shared uint8) uint8 {
	limit := min(maxBits, 64-shared%64)
	var differ [129]int // neighbours, by how many bits they have in common
	for i := from + 1; i < to; i++ {
		differ[p.areas[i-1].common(p.areas[i].prefix)]++
	}
	best, ways := uint8(1), 1
	for n := uint8(1); n <= limit; n++ {
		ways += differ[shared+n-1]
		if ways*slotsPerWay >= 1<<n {
			best = n
		}
	}
	return best
}

// slotsPerWay is how many slots a branch has at most for each that is in use.
const slotsPerWay = 2
