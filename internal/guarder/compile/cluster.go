package compile

import (
	"cmp"
	"slices"
	"sort"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// narrow is what a share of the prefixes a line's address may hold for the line to be
// one of few that a packet's address matches: one in so many.
const narrow = 8

// A census are the prefixes of one address that some lines mention, in order.
type census []prefix

func censusOf(entries []*entry, of func(*entry) addressSet) census {
	var c census
	for _, e := range entries {
		for _, m := range of(e).marks {
			c = append(c, m.prefix)
		}
	}
	slices.SortFunc(c, comparePrefixes)
	return slices.Compact(c)
}

// narrow tells whether a set is nothing but prefixes, with few of the others in them.
func (c census) narrow(s addressSet) bool {
	if len(s.marks) == 0 || s.four || s.six {
		return false
	}
	n := 0
	for _, m := range s.marks {
		begin, _ := slices.BinarySearchFunc(c, m.prefix, comparePrefixes)
		n += sort.Search(len(c)-begin, func(i int) bool { return !m.holds(c[begin+i]) })
	}
	return n*narrow < len(c)
}

// A seat is what a line is ordered by.
type seat struct {
	of         *entry
	by         uint8 // which address is narrow, if any
	kind       int   // lines of one set of kinds have the same
	one, other prefix
	port       policy.Range
	before     int
}

// cluster puts lines in an order in which those that one packet can match stand
// together: those of one kind, and of these by that which tells packets apart best, an
// address if the line is of few, or else the port. Of two narrow addresses it is the one
// of which there are fewer; more lines share it then.
func cluster(lines []*entry) {
	one, other := func(e *entry) addressSet { return e.source }, func(e *entry) addressSet { return e.destination }
	ones, others := censusOf(lines, one), censusOf(lines, other)
	if len(others) < len(ones) {
		one, other, ones, others = other, one, others, ones
	}
	seats := make([]seat, len(lines))
	kinds := make(map[string]int)
	for i, e := range lines {
		seats[i] = seat{of: e, by: 2, one: firstPrefix(one(e)), other: firstPrefix(other(e)), before: i}
		if len(e.destinationPort) > 0 {
			seats[i].port = e.destinationPort[0]
		}
		switch {
		case ones.narrow(one(e)):
			seats[i].by = 0
		case others.narrow(other(e)):
			seats[i].by = 1
		}
		key := bytesOf(e.kinds)
		kind, known := kinds[string(key)]
		if !known {
			kind = len(kinds)
			kinds[string(key)] = kind
		}
		seats[i].kind = kind
	}
	slices.SortFunc(seats, compareSeats)
	for i := range seats {
		lines[i] = seats[i].of
	}
}

func firstPrefix(s addressSet) prefix {
	if len(s.marks) == 0 {
		return prefix{}
	}
	return s.marks[0].prefix
}

func compareSeats(a, b seat) int {
	if c := cmp.Or(cmp.Compare(a.by, b.by), cmp.Compare(a.kind, b.kind)); c != 0 {
		return c
	}
	byPort := func() int { return cmp.Or(cmp.Compare(a.port.Low, b.port.Low), cmp.Compare(a.port.High, b.port.High)) }
	c := 0
	switch a.by {
	case 0:
		c = comparePrefixes(a.one, b.one)
	case 1:
		c = comparePrefixes(a.other, b.other)
	default:
		c = byPort()
	}
	if c != 0 {
		return c
	}
	return cmp.Or(comparePrefixes(a.one, b.one), comparePrefixes(a.other, b.other), byPort(), cmp.Compare(a.before, b.before))
}
