package geo

import (
	"math"
	"time"
)

// A Point is a place on Earth.
type Point struct {
	Latitude, Longitude float64 // degrees, north and east of 0
}

// Valid reports whether there is such a place.
func (p Point) Valid() bool {
	return math.Abs(p.Latitude) <= 90 && math.Abs(p.Longitude) <= 180 // false for NaN
}

// earthRadius is the mean radius in km, R1 of the GRS 80 (Moritz, J. Geodesy 74, 2000).
// A sphere is wrong by at most 0.6 %.
const earthRadius = 6371.0088

// Distance returns the length in km of the shortest way over the surface, by the
// haversine formula, which is exact for near places, too.
func Distance(a, b Point) float64 {
	const degree = math.Pi / 180
	lat := math.Sin((b.Latitude - a.Latitude) * degree / 2)
	lon := math.Sin((b.Longitude - a.Longitude) * degree / 2)
	h := lat*lat + math.Cos(a.Latitude*degree)*math.Cos(b.Latitude*degree)*lon*lon
	return 2 * earthRadius * math.Asin(math.Sqrt(min(h, 1)))
}

// Speeds of signals in km/s.
const (
	// Light is the speed in vacuum. Nothing is faster; radio through air, and the lasers
	// between satellites, come close to it.
	Light = 299792.458
	// Fibre is the speed in glass, 2/3 of that: the refractive index of fibres is 1.47,
	// and cables are longer than the way that they take.
	Fibre = Light * 2 / 3
)

// Reach returns how many km away something can be that answered after rtt, if the signal
// had the given speed: rtt is the way there and back.
func Reach(rtt time.Duration, speed float64) float64 {
	return max(rtt, 0).Seconds() / 2 * speed
}

// Slack is how many km databases may be wrong beyond the radius that they claim: that
// of a city.
const Slack = 50

// A Plausibility says whether two places can be as near in time as was measured.
type Plausibility uint8

// The plausibilities.
const (
	Unjudged    Plausibility = iota // a place or the time is missing
	Plausible                       // a fibre would do
	Doubtful                        // too fast for a fibre; radio or a laser would do
	Implausible                     // faster than light: a place is wrong, or is many
)

// String returns the name, such as "doubtful".
func (p Plausibility) String() string {
	switch p {
	case Plausible:
		return "plausible"
	case Doubtful:
		return "doubtful"
	case Implausible:
		return "implausible"
	}
	return "unjudged"
}

// Judge says whether a reply from there can have come here within rtt, which should be
// the least of 10 or more: anything that delays a reply makes the judgement milder, and
// nothing makes it stricter. The places are believed to be wrong by their radius and
// [Slack].
//
// Of two hops of one path the rtt is the sum of both: a way between them is no longer
// than the one from the first back here and from here to the second. The bound is that
// of Gueye et al., "Constraint-based geolocation of internet hosts", IMC 2004.
func Judge(here, there Place, rtt time.Duration) Plausibility {
	a, okA := here.Point()
	b, okB := there.Point()
	if !okA || !okB || rtt <= 0 {
		return Unjudged
	}
	least := Distance(a, b) - max(here.Radius, 0) - max(there.Radius, 0) - Slack
	switch {
	case least <= Reach(rtt, Fibre):
		return Plausible
	case least <= Reach(rtt, Light):
		return Doubtful
	}
	return Implausible
}
