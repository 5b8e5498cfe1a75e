package geo

import (
	"math"
	"math/rand/v2"
	"testing"
)

// at returns a place with coordinates.
func at(lat, lon, radius float64) Place {
	return Place{Latitude: &lat, Longitude: &lon, Radius: radius}
}

func TestDistance(t *testing.T) {
	quarter := math.Pi / 2 * earthRadius
	for _, test := range []struct {
		a, b Point
		want float64
	}{
		{Point{52.52, 13.405}, Point{52.52, 13.405}, 0},
		{Point{0, 0}, Point{0, 90}, quarter},
		{Point{0, 0}, Point{90, 17}, quarter},
		{Point{-90, 0}, Point{90, 0}, 2 * quarter},
		{Point{0, -180}, Point{0, 180}, 0},
		{Point{10, 179.5}, Point{10, -179.5}, 109.505}, // over the date line
		{Point{52.5200, 13.4050}, Point{40.7128, -74.0060}, 6385.012},
		{Point{51.5074, -0.1278}, Point{-33.8688, 151.2093}, 16993.95},
		{Point{0, 0}, Point{0, 180}, 2 * quarter}, // no NaN at the antipode
	} {
		if got := Distance(test.a, test.b); math.Abs(got-test.want) > 0.02 {
			t.Errorf("from %v to %v are %.3f km, want %.3f", test.a, test.b, got, test.want)
		}
	}
}

// By the law of cosines the distance must be the same, and no detour be shorter.
func TestDistanceIsAMetric(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 7))
	some := func() Point { return Point{r.Float64()*180 - 90, r.Float64()*360 - 180} }
	const degree = math.Pi / 180
	for range 2000 {
		a, b, c := some(), some(), some()
		cosine := math.Sin(a.Latitude*degree)*math.Sin(b.Latitude*degree) +
			math.Cos(a.Latitude*degree)*math.Cos(b.Latitude*degree)*math.Cos((a.Longitude-b.Longitude)*degree)
		if want, got := earthRadius*math.Acos(cosine), Distance(a, b); math.Abs(got-want) > 0.01 {
			t.Fatalf("from %v to %v are %v km, want %v", a, b, got, want)
		}
		if Distance(a, b) != Distance(b, a) || Distance(a, c) > Distance(a, b)+Distance(b, c)+1e-6 {
			t.Fatalf("not a metric at %v %v %v", a, b, c)
		}
	}
}

func TestGeohash(t *testing.T) {
	for _, test := range []struct {
		at     Point
		length int
		want   string
	}{
		{Point{57.64911, 10.40744}, 11, "u4pruydqqvj"}, // the example of geohash.org
		{Point{42.6, -5.6}, 5, "ezs42"},                // that of Wikipedia
		{Point{0, 0}, 4, "s000"},
		{Point{-90, -180}, 3, "000"},
		{Point{90, 180}, 3, "zzz"},
		{Point{42.6, -5.6}, 0, "e"},
		{Point{42.6, -5.6}, 99, "ezs42e44yx96"},
		{Point{91, 0}, 5, ""},
		{Point{math.NaN(), 0}, 5, ""},
	} {
		if got := Geohash(test.at, test.length); got != test.want {
			t.Errorf("%v: %q, want %q", test.at, got, test.want)
		}
	}
}
