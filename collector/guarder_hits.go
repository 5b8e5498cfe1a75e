package collector

import (
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder"
)

// A hitKey is what the packet filter tells entries of its table of sources apart by.
type hitKey struct {
	source netip.Addr
	rule   uint32
}

// A knownHit is an entry of the last table.
type knownHit struct {
	first, packets uint64
	turn           uint64
}

// A hitLedger tells what was added to a table that forgets: entries leave it when it is
// full, and come back with less than they had. It remembers no more than the last table.
//
// What is added to an entry between the last table that had it and its leaving is not
// known, so that the sums are lower bounds.
//
// Its zero value knows no table.
type hitLedger struct {
	known map[hitKey]knownHit
	turn  uint64
}

// enter returns the entries of the next table that grew, each with what it grew by. It
// changes the table.
func (l *hitLedger) enter(table []guarder.Hit) []guarder.Hit {
	if l.known == nil {
		l.known = make(map[hitKey]knownHit, len(table))
	}
	l.turn++
	grown := table[:0]
	for _, h := range table {
		key := hitKey{h.Source, h.Rule}
		was := l.known[key]
		l.known[key] = knownHit{h.First, h.Packets, l.turn}
		// The clock of the kernel half stands still for a jiffy: one that left and came
		// back so soon has the same time.
		if was.first == h.First && was.packets <= h.Packets {
			h.Packets -= was.packets
		}
		if h.Packets > 0 {
			grown = append(grown, h)
		}
	}
	for key, k := range l.known {
		if k.turn != l.turn {
			delete(l.known, key)
		}
	}
	return grown
}
