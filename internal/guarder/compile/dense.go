package compile

// dense are the bit vectors of ports and kinds, one behind the other, each with all
// its words. Equal rows are one.
type dense struct {
	words, summaries int
	rows             []uint64
	seen             map[string]uint32
}

// add returns the row of a vector: its words, and before them summaries, the first one
// last, whose bits say which words are not 0.
func (d *dense) add(vector []uint64) uint32 {
	key := bytesOf(vector)
	if at, known := d.seen[string(key)]; known {
		return at
	}
	if d.rows == nil {
		d.rows = make([]uint64, int(lead)-d.summaries)
	}
	begin := len(d.rows) + d.summaries
	d.rows = append(d.rows, make([]uint64, d.summaries+d.words)...)
	for w, bits := range vector {
		if bits != 0 {
			d.rows[begin-1-w/wordBits] |= 1 << (w % wordBits)
		}
	}
	copy(d.rows[begin:], vector)
	at := uint32(begin) - lead
	d.seen[string(key)] = at
	return at
}
