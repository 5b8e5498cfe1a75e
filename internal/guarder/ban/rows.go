package ban

import (
	"net/netip"
	"slices"
	"time"
)

// A Row is what the kernel is to know of a prefix. The row of the longest prefix around an
// address tells of all bans that it is in.
type Row struct {
	Prefix netip.Prefix
	// Until is the end of the last ban, and Audited that of the last one that would be, as
	// times of CLOCK_BOOTTIME; 0 without one.
	Until, Audited time.Duration
	// Renew is by how much Until is put off with each packet; 0 means not.
	Renew time.Duration
	Class int
}

// Rows returns a row for each prefix that is banned, sorted. The bans of rules that are
// only audited now, as the function says, are none.
func (s *Store) Rows(audited func(Origin) bool) []Row {
	now := s.clock.Boot()
	rows := make([]Row, 0, len(s.bans))
	for _, b := range s.bans {
		if b.Over(now) {
			continue
		}
		row := Row{Prefix: b.Prefix, Class: b.Origin.Class()}
		if b.Audit || audited != nil && audited(b.Origin) {
			row.Audited = b.Until
		} else {
			row.Until = b.Until
			if b.Renew {
				row.Renew = b.TTL
			}
		}
		rows = append(rows, row)
	}
	slices.SortFunc(rows, func(a, b Row) int { return a.Prefix.Compare(b.Prefix) })
	var around []Row // those that hold the one at hand, the widest first
	for i := range rows {
		for len(around) > 0 && !around[len(around)-1].Prefix.Contains(rows[i].Prefix.Addr()) {
			around = around[:len(around)-1]
		}
		if len(around) > 0 {
			outer := around[len(around)-1]
			rows[i].Until, rows[i].Audited = max(rows[i].Until, outer.Until), max(rows[i].Audited, outer.Audited)
		}
		around = append(around, rows[i])
	}
	return rows
}
