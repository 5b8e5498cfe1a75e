package compile

import (
	"cmp"
	"slices"
	"sort"
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

// cluster puts lines in an order in which those that one packet can match stand
// together: those of one kind, and of these by that which tells packets apart best, an
// address if the line is of few, or else the port. Of two narrow addresses it is the one
// of which there are fewer; more lines share it then.
func cluster(lines []*entry) {
	source, destination := func(e *entry) addressSet { return e.source }, func(e *entry) addressSet { return e.destination }
	sources, destinations := censusOf(lines, source), censusOf(lines, destination)
	one, other, ones, others := source, destination, sources, destinations
	if len(destinations) < len(sources) {
		one, other, ones, others = destination, source, destinations, sources
	}
	by := make(map[*entry]int, len(lines))
	for _, e := range lines {
		switch {
		case ones.narrow(one(e)):
			by[e] = 0
		case others.narrow(other(e)):
			by[e] = 1
		default:
			by[e] = 2
		}
	}
	slices.SortStableFunc(lines, func(a, b *entry) int {
		byOne, byOther := compareMarks(one(a), one(b)), compareMarks(other(a), other(b))
		byPort := comparePorts(a.destinationPort, b.destinationPort)
		return cmp.Or(cmp.Compare(by[a], by[b]), slices.Compare(a.kinds, b.kinds), [...]int{
			cmp.Or(byOne, byOther, byPort),
			cmp.Or(byOther, byOne, byPort),
			cmp.Or(byPort, byOne, byOther),
		}[by[a]])
	})
}

// compareMarks orders sets by their first mark.
func compareMarks(a, b addressSet) int {
	first := func(s addressSet) prefix {
		if len(s.marks) == 0 {
			return prefix{}
		}
		return s.marks[0].prefix
	}
	return comparePrefixes(first(a), first(b))
}

// comparePorts orders sets by their first range.
func comparePorts(a, b portSet) int {
	if len(a) == 0 || len(b) == 0 {
		return cmp.Compare(len(a), len(b))
	}
	return cmp.Or(cmp.Compare(a[0].Low, b[0].Low), cmp.Compare(a[0].High, b[0].High))
}
