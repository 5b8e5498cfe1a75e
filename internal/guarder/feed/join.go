package feed

import (
	"net/netip"
	"time"
)

// A Listed is a list with the number of its feed, less than policy.MaxFeeds.
type Listed struct {
	List *List
	Slot uint32
}

// A Row is a prefix with the feeds that list all of its addresses, as bits by their
// number. The row of the longest prefix around an address tells all feeds that list it.
type Row struct {
	Prefix netip.Prefix
	Feeds  uint32
}

// Join makes one table of several lists, as they are at a time. Rows are sorted; one that
// would say no more than the row around it is left out.
func Join(lists []Listed, now time.Time) []Row {
	type cursor struct {
		rest []Entry
		bit  uint32
	}
	var all []cursor
	most := 0
	for _, l := range lists {
		if entries := l.List.After(now).Entries; len(entries) > 0 {
			all = append(all, cursor{entries, 1 << l.Slot})
			most = max(most, len(entries))
		}
	}
	rows := make([]Row, 0, most)
	var around []Row // those that hold the one at hand, the widest first
	for len(all) > 0 {
		next := all[0].rest[0].Prefix
		for _, c := range all[1:] {
			if p := c.rest[0].Prefix; p.Compare(next) < 0 {
				next = p
			}
		}
		row := Row{Prefix: next}
		kept := all[:0]
		for _, c := range all {
			if c.rest[0].Prefix == next {
				row.Feeds |= c.bit
				c.rest = c.rest[1:]
			}
			if len(c.rest) > 0 {
				kept = append(kept, c)
			}
		}
		all = kept
		for len(around) > 0 && !contains(around[len(around)-1].Prefix, next) {
			around = around[:len(around)-1]
		}
		var outer uint32
		if len(around) > 0 {
			outer = around[len(around)-1].Feeds
		}
		if row.Feeds |= outer; row.Feeds == outer {
			continue
		}
		around = append(around, row)
		rows = append(rows, row)
	}
	return rows
}
