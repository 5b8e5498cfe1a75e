package ban

import (
	"maps"
	"net/netip"
	"slices"
	"time"
)

const (
	// operatorsKept is for how long somebody counts as an operator after a visit.
	operatorsKept = 30 * 24 * time.Hour
	// visitsEvery is how much later a visit must be to be worth writing the file.
	visitsEvery = time.Hour
)

// Visit takes note that an operator is at an address. It is on disk when Save returns.
func (s *Store) Visit(a netip.Addr) {
	now := s.clock.Wall()
	if last, known := s.operators[a]; known && now.Sub(last).Abs() < visitsEvery {
		return
	}
	s.operators[a], s.saved = now, false
}

// Operators returns where operators were in the last 30 days by the wall clock, sorted.
func (s *Store) Operators() []netip.Addr {
	now := s.clock.Wall()
	for a, last := range s.operators {
		if now.Sub(last) >= operatorsKept {
			delete(s.operators, a)
			s.saved = false
		}
	}
	return slices.SortedFunc(maps.Keys(s.operators), netip.Addr.Compare)
}
