package judge

import (
	"slices"
	"time"
)

// Plausibility says whether a hop can be where a database says.
type Plausibility uint8

// The plausibilities.
const (
	// Unchecked: its position, that of the host, or enough samples are missing.
	Unchecked Plausibility = iota
	// Plausible: glass fibre is fast enough.
	Plausible
	// Doubtful: only radio or lasers through the air are.
	Doubtful
	// Implausible: light is too slow. The position is wrong, or the address is at
	// several places.
	Implausible
)

// String returns the plausibility in a word.
func (p Plausibility) String() string {
	return [...]string{"unchecked", "plausible", "doubtful", "implausible"}[p]
}

const (
	// light is the speed of light in km/s, fibre 2/3 of that: glass has an index of
	// 1.468, and cables are longer than the way between their ends.
	light = 299792.458
	fibre = light * 2 / 3
	// slack is by how many km a database may be wrong beyond its own radius.
	slack = 50
	// MinSamples is how many times there must be for the least to be near that of the
	// way alone.
	MinSamples = 10
)

// Check judges the positions of the hops of one flow, in the order of their TTLs, and sets their
// Plausibility. Own is the host's, nil if it is unknown; then nothing is
// checked. Distance returns the km between two positions on the surface.
//
// A probe goes from the host to hop i, on to hop j, and an answer comes back from there or
// from further on. That way is no shorter than the three sides of the triangle, and no
// longer than its time allows. So each hop is checked against the host, and each two hops
// against each other. If two are at odds, it is the one that is so with more others; of
// two that are only with each other, either can be wrong, and neither is to be believed.
func Check(own *Position, hops []Hop, distance func(a, b Position) float64) {
	var checked []int
	for i := range hops {
		hops[i].Plausibility = Unchecked
		if own != nil && hops[i].Position != nil && hops[i].RTT > 0 && hops[i].Samples >= MinSamples {
			hops[i].Plausibility = judge(ground(2, distance(*own, *hops[i].Position), *own, *hops[i].Position), hops[i].RTT)
			if hops[i].Plausibility != Implausible {
				checked = append(checked, i)
			}
		}
	}
	odds := make(map[int][]int) // who is at odds with whom
	for n, i := range checked {
		for _, j := range checked[n+1:] {
			a, b := *hops[i].Position, *hops[j].Position
			way := ground(1, distance(*own, a), *own, a) + ground(1, distance(a, b), a, b) + ground(1, distance(b, *own), b, *own)
			if judge(way, hops[j].RTT) == Implausible {
				odds[i], odds[j] = append(odds[i], j), append(odds[j], i)
			}
		}
	}
	blame(hops, odds)
}

// ground returns how many km times over are between two positions at least, as both may be
// off.
func ground(times, km float64, a, b Position) float64 {
	return times * max(0, km-a.Radius-b.Radius-slack)
}

// judge judges a way that took at most a time.
func judge(km float64, rtt time.Duration) Plausibility {
	switch seconds := rtt.Seconds(); {
	case km > seconds*light:
		return Implausible
	case km > seconds*fibre:
		return Doubtful
	}
	return Plausible
}

// blame marks those that are at odds with most others until nobody is.
func blame(hops []Hop, odds map[int][]int) {
	for {
		most := 0
		for _, others := range odds {
			most = max(most, len(others))
		}
		if most == 0 {
			return
		}
		var worst []int
		for i, others := range odds {
			if len(others) == most {
				worst = append(worst, i)
			}
		}
		for _, i := range worst {
			hops[i].Plausibility = Implausible
			delete(odds, i)
		}
		for i, others := range odds {
			odds[i] = slices.DeleteFunc(others, func(j int) bool { return slices.Contains(worst, j) })
		}
	}
}

// AnycastHint reports whether many places seem to answer for a destination: a database
// says so, or it is nearer than where the database has it.
func AnycastHint(h Hop) bool { return h.Final && (h.Anycast || h.Plausibility == Implausible) }
