package compile

// dense are the bit vectors of ports and kinds, one behind the other, each with all
// its words. Equal rows are one.
type dense struct {
	words, summaries int
	rows             []uint64
	seen             map[string]uint32
}

// add returns where the row of a vector stands: a summary whose bits say which words
// are not 0, then the words.
func (d *dense) add(vector []uint64) uint32 {
	key := bytesOf(vector)
	if at, known := d.seen[string(key)]; known {
		return at
	}
	at := len(d.rows)
	d.seen[string(key)] = uint32(at)
	d.rows = append(d.rows, make([]uint64, d.summaries+d.words)...)
	row := d.rows[at:]
	for w, bits := range vector {
		if bits != 0 {
			row[w/wordBits] |= 1 << (w % wordBits)
		}
	}
	copy(row[d.summaries:], vector)
	return uint32(at)
}
