package guarder

import "time"

// lastMatches are when rules were last seen to have matched. Packets pay nothing for
// it: it is told from two looks at the counters.
//
// Its zero value has seen nothing.
type lastMatches struct{ of map[uint32]lastMatch }

// A lastMatch is what the counters of a slot were, and when they last rose.
type lastMatch struct {
	packets uint64
	at      *time.Time
}

// see takes the counters of the rule with a slot, and returns when it was last seen
// that they had risen; nil if never. The first look shows nothing, and neither do
// counters that fell, as those of a slot that another rule had before.
func (m *lastMatches) see(now time.Time, slot uint32, of [4]Counts) *time.Time {
	var packets uint64
	for _, n := range of {
		packets += n.Packets
	}
	if m.of == nil {
		m.of = make(map[uint32]lastMatch)
	}
	last, known := m.of[slot]
	switch {
	case !known || packets < last.packets:
		last = lastMatch{}
	case packets > last.packets:
		last.at = &now
	}
	last.packets = packets
	m.of[slot] = last
	return last.at
}
