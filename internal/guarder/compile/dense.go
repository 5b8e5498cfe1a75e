package compile

import "github.com/packetscope/packetscope/bpf"

// dense are the bit vectors of ports and kinds, one behind the other, each with all
// its words. Equal rows are one.
type dense struct {
	words, summaries int
	rows             []uint64
	seen             map[string]uint32
}

// denseLead is how far the words of a row are from where it is said to begin: the
// summaries stand before the words, the first one last, and there is always room for
// as many as there can be.
const denseLead = uint32(bpf.GuardMaxSummaries)

// add returns the row of a vector: summaries, whose bits say which words are not 0,
// and the words.
func (d *dense) add(vector []uint64) uint32 {
	key := bytesOf(vector)
	if at, known := d.seen[string(key)]; known {
		return at
	}
	if d.rows == nil {
		d.rows = make([]uint64, int(denseLead)-d.summaries)
	}
	begin := len(d.rows) + d.summaries
	d.rows = append(d.rows, make([]uint64, d.summaries+d.words)...)
	for w, bits := range vector {
		if bits != 0 {
			d.rows[begin-1-w/wordBits] |= 1 << (w % wordBits)
		}
	}
	copy(d.rows[begin:], vector)
	at := uint32(begin) - denseLead
	d.seen[string(key)] = at
	return at
}
