package passive

// A Reader remembers the connections of its last read, so that it can tell what happened
// since. What a connection did between a read and its end is never told.
type Reader struct {
	read func() ([]Conn, error)
	// last is by cookie. It is that of the last read that succeeded.
	last map[uint64]Counts
}

// Read is the function [Read], with each connection's Interval since the last time.
func (r *Reader) Read() ([]Conn, error) {
	conns, err := r.read()
	if err != nil {
		return nil, err
	}
	now := make(map[uint64]Counts, len(conns))
	for i := range conns {
		c := &conns[i]
		c.Interval = c.Total.since(r.last[c.Cookie])
		now[c.Cookie] = c.Total
	}
	r.last = now
	return conns, nil
}
