package compile

import (
	"slices"
	"unsafe"

	"github.com/packetscope/packetscope/bpf"
)

// Where things stand in the row of an address, counted in words. Its summaries stand
// before that, the first one last.
const (
	rowCompare = 0 // value and mask of an IPv4 address; if it differs, the row is another
	rowBest    = 1 // keys of the first pure rules, terminal and audited
	rowHash    = 2 // where which word stands, see hashOf; above, the other row
	rowWords   = 3
)

// lead is how far the rows of addresses, ports and kinds are from where they are said to
// be: as many summaries as there can be have room before each.
const lead = uint32(bpf.GuardMaxSummaries)

// rows are the bit vectors of addresses, one behind the other. Equal rows are one.
type rows struct {
	words []uint64
	seen  map[string]uint32
}

// cacheLine is how many words a cache line holds.
const cacheLine = 8

// add returns the row that consists of summaries, the first one last, and the rest.
func (r *rows) add(row []uint64, summaries int) uint32 {
	key := bytesOf(row)
	if at, known := r.seen[string(key)]; known {
		return at
	}
	if r.words == nil {
		r.words = make([]uint64, int(lead)-summaries)
	}
	// A row that fits a cache line stands in one.
	if used := len(r.words) % cacheLine; used != 0 && used+len(row) > cacheLine {
		r.words = append(r.words, make([]uint64, cacheLine-used)...)
	}
	at := uint32(len(r.words)+summaries) - lead
	r.words = append(r.words, row...)
	r.seen[string(key)] = at
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
	summaries := len(relevant)
	row := make([]uint64, summaries+rowWords, summaries+rowWords+2*len(v))
	for s, of := range relevant {
		row[summaries-1-s] = ^of
	}
	numbers := make([]uint32, 0, len(v))
	for _, sw := range v {
		row[summaries-1-int(sw.word)/wordBits] |= 1 << (sw.word % wordBits)
		numbers = append(numbers, sw.word)
	}
	hash, size := hashOf(numbers)
	header := row[summaries:]
	header[rowCompare] = pair(value, mask)
	header[rowBest] = pair(uint32(first.terminal), uint32(first.audited))
	header[rowHash] = pair(hash, otherwise)
	row = append(row, make([]uint64, size)...)
	for _, sw := range v {
		row[summaries+rowWords+int(hashed(sw.word, hash))] = sw.bits
	}
	return r.add(row, summaries)
}

// pair puts two numbers in a word, the first one below.
func pair(low, high uint32) uint64 { return uint64(low) | uint64(high)<<32 }

// bytesOf returns the memory of a slice.
func bytesOf[T any](s []T) []byte {
	var zero T
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(s))), len(s)*int(unsafe.Sizeof(zero)))
}
