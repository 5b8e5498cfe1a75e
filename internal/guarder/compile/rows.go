package compile

import (
	"slices"
	"unsafe"
)

// Where things stand in the row of an address, counted in words.
const (
	rowCompare   = 0 // value and mask of an IPv4 address; if it differs, the row is another
	rowBest      = 1 // keys of the first pure rules, terminal and audited
	rowSummaries = 2 // pairs of a summary and, below, where its words begin
)

// rows are the bit vectors of addresses, one behind the other. Equal rows are one.
type rows struct {
	words []uint64
	seen  map[string]uint32
}

// cacheLine is how many words a cache line holds.
const cacheLine = 8

// add returns where a row stands. The places of its words count from its beginning.
func (r *rows) add(row []uint64, summaries int) uint32 {
	key := bytesOf(row)
	if at, known := r.seen[string(key)]; known {
		return at
	}
	// A row that fits a cache line stands in one.
	if used := len(r.words) % cacheLine; used != 0 && used+len(row) > cacheLine {
		r.words = append(r.words, make([]uint64, cacheLine-used)...)
	}
	at := uint32(len(r.words))
	r.seen[string(key)] = at
	r.words = append(r.words, row...)
	for s := range summaries {
		r.words[int(at)+rowSummaries+2*s+1] += uint64(at)
	}
	return at
}

// A sparse vector has the words that are not 0, in order.
type sparse []sparseWord

type sparseWord struct {
	word uint32
	bits uint64
}

// with returns a copy with a bit set or cleared in each of the positions.
func (v sparse) with(positions []int, set bool) sparse {
	out := slices.Clone(v)
	for _, p := range positions {
		w, bit := uint32(p/wordBits), uint64(1)<<(p%wordBits)
		i, there := slices.BinarySearchFunc(out, w, func(s sparseWord, w uint32) int { return int(s.word) - int(w) })
		switch {
		case set && there:
			out[i].bits |= bit
		case set:
			out = slices.Insert(out, i, sparseWord{w, bit})
		case there:
			out[i].bits &^= bit
			if out[i].bits == 0 {
				out = slices.Delete(out, i, i+1)
			}
		}
	}
	return out
}

// A best is the key of the first pure rule of each section that has them.
type best struct{ terminal, audited key }

// address returns the row of an address: the vector without the words in which no
// line asks for it. Those count as full in the summary.
func (r *rows) address(v sparse, first best, relevant []uint64, value, mask, otherwise uint32) uint32 {
	row := []uint64{pair(value, mask), pair(uint32(first.terminal), uint32(first.audited))}
	var words []uint64
	for s, of := range relevant {
		summary, begin := ^of, uint32(rowSummaries+2*len(relevant)+len(words))
		for _, sw := range v {
			if int(sw.word)/wordBits == s {
				summary |= 1 << (sw.word % wordBits)
				words = append(words, sw.bits)
			}
		}
		row = append(row, summary, pair(begin, otherwise))
		otherwise = 0 // stands beside the first begin only
	}
	return r.add(append(row, words...), len(relevant))
}

// pair puts two numbers in a word, the first one below.
func pair(low, high uint32) uint64 { return uint64(low) | uint64(high)<<32 }

// bytesOf returns the memory of a slice.
func bytesOf[T any](s []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}
