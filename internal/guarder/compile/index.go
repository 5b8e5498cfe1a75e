package compile

import (
	"maps"
	"slices"
)

// ports makes the rows of both ports; they stand in place of the pages until index
// has put them there.
func (c *compiler) ports() {
	c.t.Index = make([]uint32, indexPages)
	pages := pager{t: c.t, seen: make(map[[256]uint32]uint32)}
	source, absent := c.portRows(func(e *entry) portSet { return e.sourcePort })
	c.t.NoSourcePort = absent
	destination, absent := c.portRows(func(e *entry) portSet { return e.destinationPort })
	c.t.NoDestinationPort = absent
	for high := range 256 {
		c.t.Index[indexSourcePort+high] = pages.add([256]uint32(source[high*256:]))
		c.t.Index[indexDestinationPort+high] = pages.add([256]uint32(destination[high*256:]))
	}
	for _, e := range c.layout.at {
		if e != nil && e.sourcePort != nil {
			c.t.AskSourcePort = true
		}
	}
}

// portRows returns the row of each port, and that of no port.
func (c *compiler) portRows(of func(*entry) portSet) (ports []uint32, absent uint32) {
	vector := make([]uint64, c.t.Words)
	begin, end := make(map[uint32][]int), make(map[uint32][]int)
	for p, e := range c.layout.at {
		if e == nil {
			continue
		}
		set := of(e)
		if set == nil {
			vector[p/wordBits] |= 1 << (p % wordBits)
		}
		for _, r := range set {
			begin[r.Low] = append(begin[r.Low], p)
			end[r.High+1] = append(end[r.High+1], p)
		}
	}
	bounds := map[uint32]bool{0: true, noPorts: true}
	for _, side := range []map[uint32][]int{begin, end} {
		for at := range side {
			bounds[at] = true
		}
	}
	delete(bounds, noPorts+1)
	ports = make([]uint32, noPorts)
	sorted := slices.Sorted(maps.Keys(bounds))
	for i, at := range sorted {
		for _, p := range end[at] {
			vector[p/wordBits] &^= 1 << (p % wordBits)
		}
		for _, p := range begin[at] {
			vector[p/wordBits] |= 1 << (p % wordBits)
		}
		row := c.dense.add(vector)
		if at == noPorts {
			return ports, row
		}
		for port := at; port < sorted[i+1]; port++ {
			ports[port] = row
		}
		if len(c.dense.rows)*8 > c.options.maxBytes() {
			return ports, row // reported by the caller
		}
	}
	return ports, 0
}

// index makes the rows of the kinds.
func (c *compiler) index() {
	t := c.t
	classes := make([]uint32, c.kinds.classes)
	for class := range classes {
		vector := make([]uint64, t.Words)
		for p, e := range c.layout.at {
			if e != nil && e.kinds.has(class) {
				vector[p/wordBits] |= 1 << (p % wordBits)
			}
		}
		classes[class] = c.dense.add(vector)
	}
	t.NotIP = classes[c.kinds.notIP]
	fill := func(at int, of [256]int) {
		for i, class := range of {
			t.Index[at+i] = classes[class]
		}
	}
	fill(indexProtocol4, c.kinds.protocols[0])
	fill(indexProtocol6, c.kinds.protocols[1])
	fill(indexFlags4, c.kinds.flags[0])
	fill(indexFlags6, c.kinds.flags[1])
	pages := pager{t: t, seen: make(map[[256]uint32]uint32)}
	for i := range 256 {
		for f, at := range []int{indexICMP4, indexICMP6} {
			var page [256]uint32
			for code, class := range c.kinds.codes[c.kinds.types[f][i]] {
				page[code] = classes[class]
			}
			t.Index[at+i] = pages.add(page)
		}
	}
}

// A pager keeps equal pages once.
type pager struct {
	t    *Tables
	seen map[[256]uint32]uint32
}

// add returns where a page begins.
func (p *pager) add(page [256]uint32) uint32 {
	at, known := p.seen[page]
	if !known {
		at = uint32(len(p.t.Index))
		p.t.Index = append(p.t.Index, page[:]...)
		p.seen[page] = at
	}
	return at
}
