package geo

import "math"

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
