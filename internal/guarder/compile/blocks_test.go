package compile

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// crowds are makers of prefixes that are hard for one part of the blocks or another.
var crowds = map[string]func(m maker) netip.Prefix{
	"hosts everywhere": func(m maker) netip.Prefix { return longest(m.anywhere(m.chance(2))) },
	"hosts side by side": func(m maker) netip.Prefix {
		a := []byte(longest(m.address(m.chance(2))).Addr().AsSlice())
		a[len(a)-2], a[len(a)-1] = byte(m.IntN(3)), byte(m.IntN(256))
		return longest(addressIn(a))
	},
	"a few hosts each": func(m maker) netip.Prefix {
		a := m.anywhere(m.chance(2)).AsSlice()
		a[0], a[1] = 32, 1
		for i := 3; i < len(a)-1; i++ {
			a[i] = 0
		}
		a[len(a)-1] &= 15
		return longest(addressIn(a))
	},
	"networks everywhere": func(m maker) netip.Prefix {
		if m.chance(2) {
			return netip.PrefixFrom(m.anywhere(false), 6+m.IntN(19)).Masked()
		}
		return netip.PrefixFrom(m.anywhere(true), 16+m.IntN(49)).Masked()
	},
	"small networks": func(m maker) netip.Prefix {
		a := m.address(m.chance(2))
		return netip.PrefixFrom(a, a.BitLen()-m.IntN(9)).Masked()
	},
	"any length, near each other": maker.prefix,
	"edges": func(m maker) netip.Prefix {
		a := make([]byte, oneOf(m, 4, 16))
		for i := range a {
			a[i] = 255 * byte(m.IntN(2)) // most of them are much like each other
			if i > 0 && !m.chance(8) {
				a[i] = a[0]
			}
		}
		return netip.PrefixFrom(addressIn(a), m.IntN(8*len(a)+1)).Masked()
	},
	"a chain": func(m maker) netip.Prefix {
		a := netip.MustParseAddr(oneOf(m, "10.9.8.7", "2001:db8:9:8:7:6:5:4")).AsSlice()
		bit := m.IntN(8 * len(a))
		a[bit/8] ^= 128 >> (bit % 8)
		return netip.PrefixFrom(addressIn(a), bit+1).Masked()
	},
}

func (m maker) anywhere(six bool) netip.Addr {
	b := make([]byte, 16)
	binary.BigEndian.PutUint64(b, m.Uint64())
	binary.BigEndian.PutUint64(b[8:], m.Uint64())
	if !six {
		b = b[:4]
	}
	return addressIn(b)
}

func addressIn(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

func longest(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// crowded returns sets of prefixes of a crowd.
func (m maker) crowded(of func(maker) netip.Prefix, number, n int) []*policy.Set {
	out := make([]*policy.Set, number)
	for i := range out {
		out[i] = &policy.Set{Name: fmt.Sprint("set", i), Prefixes: inOrder(some(m, n, func() netip.Prefix { return of(m) }))}
	}
	return out
}

// around returns addresses at and beside both ends of a prefix, and one within.
func (m maker) around(p netip.Prefix) []netip.Addr {
	first := p.Masked().Addr()
	last, within := first.AsSlice(), first.AsSlice()
	random := m.anywhere(first.Is6()).AsSlice()
	for bit := p.Bits(); bit < first.BitLen(); bit++ {
		last[bit/8] |= 128 >> (bit % 8)
		within[bit/8] |= random[bit/8] & (128 >> (bit % 8))
	}
	out := []netip.Addr{first, addressIn(last), addressIn(within)}
	for _, a := range []netip.Addr{first.Prev(), addressIn(last).Next()} {
		if a.IsValid() {
			out = append(out, a)
		}
	}
	return out
}

// addresses returns some around prefixes of sets, and some anywhere.
func (m maker) addresses(all []*policy.Set, n int) []netip.Addr {
	var out []netip.Addr
	for len(out) < n {
		set := all[m.IntN(len(all))]
		out = append(out, m.around(set.Prefixes[m.IntN(len(set.Prefixes))])...)
		out = append(out, m.anywhere(m.chance(2)), m.address(m.chance(2)))
	}
	return out
}

// blocksOf returns the blocks of sets, and what their classes mean.
func blocksOf(t testing.TB, all []*policy.Set) (*Blocks, []uint64) {
	t.Helper()
	s := sets{numbers: make(map[string]uint32)}
	for _, set := range all {
		if _, err := s.named(set); err != nil {
			t.Fatal(err)
		}
	}
	w := unionOf(&s)
	return newBlocks(w), w.classes
}

// TestBlocksAreExact compares the blocks with the sets that they are made of.
func TestBlocksAreExact(t *testing.T) {
	m := newMaker(t)
	kinds := make(map[string]int)
	for name, of := range crowds {
		for _, size := range []int{1, 30, 3000} {
			for number := 1; number <= 4; number++ {
				all := m.crowded(of, number, size)
				b, classes := blocksOf(t, all)
				count(b, kinds)
				for _, a := range m.addresses(all, 2000) {
					var want uint64
					for i, set := range all {
						if set.Has(a) {
							want |= 1 << (i + ownSet + 1)
						}
					}
					if got := classes[b.Class(a)]; got != want {
						t.Fatalf("%s, %d sets of up to %d: %v is in %#b, want %#b", name, number, size, a, got, want)
					}
				}
			}
		}
	}
	t.Log(kinds)
	for _, kind := range []string{"block", "whole", "list", "page", "long", "areas"} {
		if kinds[kind] == 0 {
			t.Errorf("no set had any %s; the test tests less than it could", kind)
		}
	}
}

// count adds up what blocks consist of.
func count(b *Blocks, kinds map[string]int) {
	next := uint32(1)
	for _, block := range b.Blocks4 {
		switch first := block.First; {
		case block.Has == 0:
		case first&isWhole != 0:
			kinds["block"]++
		default:
			leaves := uint32(0)
			for has := block.Has; has != 0; has &= has - 1 {
				kind := b.Words[first+leaves] & leafKind
				kinds[[...]string{leafWhole: "whole", leafList: "list", leafPage: "page", leafLong: "long"}[kind]]++
				leaves++
			}
			next = first + leaves
		}
	}
	if int(next) < len(b.Words) {
		kinds["areas"]++
	}
}

// TestBranchesAreFew counts the branches above an area, of which the program looks at
// no more than maxBranches.
func TestBranchesAreFew(t *testing.T) {
	m := newMaker(t)
	deepest := 0
	try := func(name string, all []*policy.Set) {
		b, _ := blocksOf(t, all)
		if d := b.depth(b.Root6); d > maxBranches {
			t.Errorf("%s: %d branches above each other, more than %d", name, d, maxBranches)
		} else {
			deepest = max(deepest, d)
		}
	}
	for name, of := range crowds {
		try(name, m.crowded(of, 3, 3000))
	}
	// Pairs of prefixes that differ in their last bit, each pair below the one before.
	base := netip.MustParseAddr("5555:5555:5555:5555:5555:5555:5555:5555").As16()
	for step := 1; step < 8; step++ {
		var prefixes []netip.Prefix
		for bit := 0; bit < 128; bit += step {
			a := base
			a[bit/8] ^= 128 >> (bit % 8)
			prefixes = append(prefixes, netip.PrefixFrom(netip.AddrFrom16(a), bit+1).Masked())
		}
		try(fmt.Sprint("a step of ", step), []*policy.Set{{Prefixes: inOrder(prefixes)}})
	}
	t.Logf("%d branches at most", deepest)
}

// depth returns how many branches a walk passes at most.
func (b *Blocks) depth(slot uint64) int {
	if slot>>slotKind != slotBranch {
		return 0
	}
	deepest := 0
	for way := range uint64(1) << (slot >> branchBits & 31) {
		deepest = max(deepest, b.depth(b.Words[uint64(uint32(slot))+way]))
	}
	return deepest + 1
}

// TestMillionTakesLittleMemory holds the size of the blocks against the aim.
func TestMillionTakesLittleMemory(t *testing.T) {
	const million, aim = 1_000_000, 16_000_000
	m := newMaker(t)
	for name, host := range map[string]func() uint32{
		"everywhere": m.Uint32,
		// 100 in each network that has any.
		"side by side": func() uint32 { return m.Uint32N(10_000)*0x9e3779b1&^255 | m.Uint32N(256) },
		// 3 in each.
		"a few each": func() uint32 { return m.Uint32N(333_000)*0x9e3779b1&^255 | m.Uint32N(256) },
	} {
		prefixes := make([]netip.Prefix, million)
		for i := range prefixes {
			var b [4]byte
			binary.BigEndian.PutUint32(b[:], host())
			prefixes[i] = longest(netip.AddrFrom4(b))
		}
		set := &policy.Set{Prefixes: inOrder(prefixes)}
		b, _ := blocksOf(t, []*policy.Set{set})
		t.Logf("%d hosts %s: %.1f bytes each", len(set.Prefixes), name, float64(b.Size())/float64(len(set.Prefixes)))
		if b.Size() > aim {
			t.Errorf("%d hosts %s take %d bytes, more than %d", len(set.Prefixes), name, b.Size(), aim)
		}
	}
}
