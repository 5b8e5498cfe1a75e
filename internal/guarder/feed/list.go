package feed

import (
	"net/netip"
	"slices"
	"time"
)

// A List is what a feed says.
type List struct {
	// Entries are sorted, each prefix once. Without a time one does not lie in another.
	Entries []Entry
	// Built is when the list says that it was made; zero if it does not.
	Built time.Time
	// Origins counts entries by who is said to have added them; nil if the format does
	// not tell.
	Origins map[string]int
	// Skipped counts what the source also tells of, and what is no address to be dropped:
	// decisions about countries, captchas, those that were over, and those that cannot be
	// read.
	Skipped int
}

// An Entry is an address or a prefix that is listed.
type Entry struct {
	Prefix netip.Prefix // masked
	// Until is when it is not listed any more, in seconds since 1970; 0 means as long
	// as the list is in force.
	Until int64
}

func compareEntries(a, b Entry) int { return a.Prefix.Compare(b.Prefix) }

func (e Entry) over(now time.Time) bool { return e.Until != 0 && e.Until <= now.Unix() }

// Over tells whether any entry is over at a time.
func (l *List) Over(now time.Time) bool {
	return slices.ContainsFunc(l.Entries, func(e Entry) bool { return e.over(now) })
}

// After returns the list as it is at a time, without what is over by then.
func (l *List) After(now time.Time) *List {
	if !l.Over(now) {
		return l
	}
	rest := *l
	rest.Entries = slices.DeleteFunc(slices.Clone(l.Entries), func(e Entry) bool { return e.over(now) })
	return &rest
}

// Ends returns when the next entry is over, or zero if none is ever.
func (l *List) Ends() time.Time {
	var least int64
	for _, e := range l.Entries {
		if e.Until != 0 && (least == 0 || e.Until < least) {
			least = e.Until
		}
	}
	if least == 0 {
		return time.Time{}
	}
	return time.Unix(least, 0)
}

// finish sorts the entries, and leaves one of those with the same prefix: the one that
// lasts. Of entries without a time, those within others go, and neighbours that make up
// a whole prefix are joined; but addresses stay addresses, as these are found fastest.
func (l *List) finish() {
	slices.SortFunc(l.Entries, compareEntries)
	kept := l.Entries[:0]
	for _, e := range l.Entries {
		switch last := len(kept) - 1; {
		case last >= 0 && kept[last].Prefix == e.Prefix:
			kept[last].Until = longer(kept[last].Until, e.Until)
		case last >= 0 && e.Until == 0 && kept[last].Until == 0 && contains(kept[last].Prefix, e.Prefix):
		default:
			kept = append(kept, e)
			kept = join(kept)
		}
	}
	l.Entries = slices.Clip(kept)
}

// longer returns the later of two ends, of which 0 is never.
func longer(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	return max(a, b)
}

// contains tells whether all of q is in p.
func contains(p, q netip.Prefix) bool { return p.Bits() <= q.Bits() && p.Contains(q.Addr()) }

// join makes one of the last two entries for as long as they are halves of one prefix.
func join(all []Entry) []Entry {
	for len(all) >= 2 {
		a, b := all[len(all)-2], all[len(all)-1]
		if a.Until != 0 || b.Until != 0 || a.Prefix.Bits() != b.Prefix.Bits() || a.Prefix.IsSingleIP() || a.Prefix.Bits() == 0 {
			break
		}
		whole := netip.PrefixFrom(a.Prefix.Addr(), a.Prefix.Bits()-1).Masked()
		if whole.Addr() != a.Prefix.Addr() || !whole.Contains(b.Prefix.Addr()) {
			break
		}
		all = all[:len(all)-1]
		all[len(all)-1].Prefix = whole
	}
	return all
}

// Diff counts the prefixes that are in one list alone. Nil is an empty list.
func Diff(before, after *List) (added, removed int) {
	var a, b []Entry
	if before != nil {
		a = before.Entries
	}
	if after != nil {
		b = after.Entries
	}
	for len(a) > 0 && len(b) > 0 {
		switch c := compareEntries(a[0], b[0]); {
		case c < 0:
			a, removed = a[1:], removed+1
		case c > 0:
			b, added = b[1:], added+1
		default:
			a, b = a[1:], b[1:]
		}
	}
	return added + len(b), removed + len(a)
}
