package compile

// dense are the bit vectors of ports and kinds, each with all its words. All take as
// much room, so that the kernel's map has one per entry. Equal rows are one.
type dense struct {
	words, summaries int
	rows             []uint64
	seen             map[string]uint32
}

// stride returns how many words a row takes: a summary whose bits say which words
// are not 0, the words, and room up to the next power of two, so that a mask keeps an
// index inside.
func (d *dense) stride() int { return d.summaries + powerOfTwo(d.words) }

// add returns the number of the row of a vector.
func (d *dense) add(vector []uint64) uint32 {
	key := bytesOf(vector)
	if n, known := d.seen[string(key)]; known {
		return n
	}
	n := uint32(len(d.seen))
	d.seen[string(key)] = n
	at := len(d.rows)
	d.rows = append(d.rows, make([]uint64, d.stride())...)
	row := d.rows[at:]
	for w, bits := range vector {
		if bits != 0 {
			row[w/wordBits] |= 1 << (w % wordBits)
		}
	}
	copy(row[d.summaries:], vector)
	return n
}
