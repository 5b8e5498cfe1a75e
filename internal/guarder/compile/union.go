package compile

import (
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/feed"
)

// Addresses that are in the same sets are of one class. Class 0 are those in none.

// A span is a run of IPv4 addresses of one class, up to where the next span begins.
type span struct{ first, class uint32 }

// An area is a prefix of IPv6 whose addresses are of one class but for areas within
// it. around is the area that holds it, or -1; areas stand depth first.
type area struct {
	prefix
	class  uint32
	around int32
}

// A union is what sets come to when all of them are looked at together.
type union struct {
	spans []span // the first begins at 0.0.0.0
	areas []area
	// outside6 is the class of what is in no area: that of ::/0.
	outside6 uint32
	// classes are the sets of each class, by bit.
	classes []uint64

	numbers map[uint64]uint32 // of classes
	open4   []span            // spans that hold the prefix; first is their last address
	open6   []int32           // areas that do
}

// unionOf goes through the prefixes of all sets once.
func unionOf(s *sets) *union {
	four, six := 0, 0
	for _, list := range s.lists {
		first6, _ := slices.BinarySearchFunc(list, netip.IPv6Unspecified(), func(p netip.Prefix, a netip.Addr) int {
			return p.Addr().Compare(a)
		})
		four += first6
		six += len(list) - first6
	}
	w := newUnion(four, six)
	s.each(w.add)
	w.leave(1 << 32)
	return w
}

// unionOfFeeds is a union of the rows of feeds: the sets of a class are their bits.
func unionOfFeeds(rows []feed.Row) *union {
	four, _ := slices.BinarySearchFunc(rows, netip.IPv6Unspecified(), func(r feed.Row, a netip.Addr) int {
		return r.Prefix.Addr().Compare(a)
	})
	w := newUnion(four, len(rows)-four)
	for i := range rows {
		w.add(prefixOfMasked(rows[i].Prefix), uint64(rows[i].Feeds))
	}
	w.leave(1 << 32)
	return w
}

// newUnion makes an empty union with room for some prefixes of each family.
func newUnion(four, six int) *union {
	w := &union{numbers: make(map[uint64]uint32), spans: make([]span, 1, 2*four+1), areas: make([]area, 0, six)}
	w.class(0)
	return w
}

// add adds a prefix, of some sets; they come depth first. At the end all are left.
func (w *union) add(p prefix, of uint64) {
	if p.six {
		w.six(p, of)
	} else {
		w.four(p, of)
	}
}

func (w *union) class(in uint64) uint32 {
	n, known := w.numbers[in]
	if !known {
		n = uint32(len(w.classes))
		w.numbers[in] = n
		w.classes = append(w.classes, in)
	}
	return n
}

func (w *union) four(p prefix, of uint64) {
	first := uint32(p.hi >> 32)
	w.leave(uint64(first))
	class := w.class(w.classes[w.around4()] | of)
	w.open4 = append(w.open4, span{first | uint32(uint64(0xffffffff)>>p.bits), class})
	w.begin(first, class)
}

func (w *union) around4() uint32 {
	if n := len(w.open4); n > 0 {
		return w.open4[n-1].class
	}
	return 0
}

// leave ends the open spans that do not reach an address.
func (w *union) leave(address uint64) {
	for n := len(w.open4); n > 0 && uint64(w.open4[n-1].first) < address; n-- {
		last := w.open4[n-1].first
		w.open4 = w.open4[:n-1]
		if last+1 != 0 {
			w.begin(last+1, w.around4())
		}
	}
}

// begin begins a span; what was said of the same address before does not count.
func (w *union) begin(first, class uint32) {
	n := len(w.spans)
	if w.spans[n-1].first == first {
		n--
	}
	w.spans = w.spans[:n]
	if n == 0 || w.spans[n-1].class != class {
		w.spans = append(w.spans, span{first, class})
	}
}

func (w *union) six(p prefix, of uint64) {
	for n := len(w.open6); n > 0 && !w.areas[w.open6[n-1]].holds(p); n-- {
		w.open6 = w.open6[:n-1]
	}
	if p.bits == 0 {
		w.outside6 = w.class(of)
		return
	}
	around, outer := int32(-1), w.outside6
	if n := len(w.open6); n > 0 {
		around = w.open6[n-1]
		outer = w.areas[around].class
	}
	class := w.class(w.classes[outer] | of)
	if class == outer {
		return
	}
	w.open6 = append(w.open6, int32(len(w.areas)))
	w.areas = append(w.areas, area{p, class, around})
}

// number gives classes other numbers, of which some may be one; 0 stays 0.
func (w *union) number(numbers []uint32) {
	kept := w.spans[:0]
	for _, s := range w.spans {
		if s.class = numbers[s.class]; len(kept) == 0 || kept[len(kept)-1].class != s.class {
			kept = append(kept, s)
		}
	}
	w.spans = kept
	w.outside6 = numbers[w.outside6]
	for i := range w.areas {
		w.areas[i].class = numbers[w.areas[i].class]
	}
}
