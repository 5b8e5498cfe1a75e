package history

import (
	"cmp"
	"maps"
	"net/netip"
	"slices"
	"time"
)

// A Change is what something was at two times.
type Change[T any] struct{ Before, After T }

// A Diff is how a path differs between two checkpoints.
type Diff struct {
	At Change[time.Time]
	// TTLs are those at which others answer, in order.
	TTLs []TTLDiff
	// ASPath and Countries are those that the path passes one after the other.
	ASPath    Change[[]uint32]
	Countries Change[[]string]
	Reached   Change[bool]
	// Length is the TTL of the destination, RTT the median of its times, MTU in bytes;
	// 0 is unknown.
	Length Change[uint8]
	RTT    Change[time.Duration]
	MTU    Change[int]
	// RiskScore is nil without a policy.
	RiskScore Change[*int]
}

// A TTLDiff is how one TTL differs. Hops are in the order of their addresses.
type TTLDiff struct {
	TTL uint8
	// Appeared answer here now, and nowhere before; Vanished did before, and nowhere now.
	Appeared, Vanished []Hop
	// Moved answer here now, and answered at another TTL before.
	Moved []Move
}

// A Move is a hop that was at another TTL.
type Move struct {
	Hop
	From uint8 // the TTL
}

// Empty reports whether nothing differs but times and the score.
func (d Diff) Empty() bool {
	return len(d.TTLs) == 0 && slices.Equal(d.ASPath.Before, d.ASPath.After) &&
		slices.Equal(d.Countries.Before, d.Countries.After) && d.Reached.Before == d.Reached.After &&
		d.Length.Before == d.Length.After && d.MTU.Before == d.MTU.After
}

// Compare tells how b differs from a, normally an earlier checkpoint of the same path. A
// hop that did not answer is no information, but tells as one that vanished: see
// [Event] for what certainly changed. Slices are shared with a and b.
func Compare(a, b Checkpoint) Diff {
	before, _ := a.Destination()
	after, _ := b.Destination()
	return Diff{
		At:        Change[time.Time]{a.At, b.At},
		TTLs:      compareHops(a.Hops, b.Hops),
		ASPath:    Change[[]uint32]{a.ASPath, b.ASPath},
		Countries: Change[[]string]{countries(a.Hops), countries(b.Hops)},
		Reached:   Change[bool]{a.Reached, b.Reached},
		Length:    Change[uint8]{before.TTL, after.TTL},
		RTT:       Change[time.Duration]{before.RTTMedian.Duration(), after.RTTMedian.Duration()},
		MTU:       Change[int]{a.MTU, b.MTU},
		RiskScore: Change[*int]{a.RiskScore, b.RiskScore},
	}
}

// byPlace is the order of hops in a diff.
func byPlace(a, b Hop) int { return cmp.Or(cmp.Compare(a.TTL, b.TTL), a.Addr.Compare(b.Addr)) }

func compareHops(a, b []Hop) []TTLDiff {
	gone, come := only(a, b), only(b, a)
	ttls := make(map[uint8]*TTLDiff)
	at := func(ttl uint8) *TTLDiff {
		if ttls[ttl] == nil {
			ttls[ttl] = &TTLDiff{TTL: ttl}
		}
		return ttls[ttl]
	}
	for _, h := range come {
		d := at(h.TTL)
		i := nearest(gone, h)
		if i < 0 {
			d.Appeared = append(d.Appeared, h)
			continue
		}
		d.Moved = append(d.Moved, Move{h, gone[i].TTL})
		gone = slices.Delete(gone, i, i+1)
	}
	for _, h := range gone {
		d := at(h.TTL)
		d.Vanished = append(d.Vanished, h)
	}
	var all []TTLDiff
	for _, ttl := range slices.Sorted(maps.Keys(ttls)) {
		all = append(all, *ttls[ttl])
	}
	return all
}

// only returns the hops of a that are not in b at the same TTL, in their order and
// each once.
func only(a, b []Hop) []Hop {
	type place struct {
		ttl  uint8
		addr netip.Addr
	}
	have := make(map[place]bool)
	for _, h := range b {
		have[place{h.TTL, h.Addr}] = true
	}
	var rest []Hop
	for _, h := range a {
		if p := (place{h.TTL, h.Addr}); !have[p] {
			have[p] = true
			rest = append(rest, h)
		}
	}
	slices.SortFunc(rest, byPlace)
	return rest
}

// nearest returns which of hops has the same address as h, at the least distance from it,
// -1 if none has.
func nearest(hops []Hop, h Hop) int {
	found, least := -1, 256
	for i, other := range hops {
		distance := int(other.TTL) - int(h.TTL)
		if distance = max(distance, -distance); other.Addr == h.Addr && distance < least {
			found, least = i, distance
		}
	}
	return found
}

// countries returns those that a path passes, in the order of the TTLs.
func countries(hops []Hop) []string {
	sorted := slices.Clone(hops)
	slices.SortStableFunc(sorted, byPlace)
	var passed []string
	for _, h := range sorted {
		if h.Country != "" {
			passed = append(passed, h.Country)
		}
	}
	return slices.Compact(passed)
}
