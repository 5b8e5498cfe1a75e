package geo

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"
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

func TestReach(t *testing.T) {
	// 100 km per ms of RTT in glass, 149.9 km in vacuum.
	if got := Reach(time.Millisecond, Fibre); math.Abs(got-99.93) > 0.01 {
		t.Errorf("a fibre reaches %.3f km in a millisecond", got)
	}
	if got := Reach(time.Millisecond, Light); math.Abs(got-149.896) > 0.001 {
		t.Errorf("light reaches %.3f km in a millisecond", got)
	}
	if got := Reach(-time.Second, Light); got != 0 {
		t.Errorf("a negative time reaches %v km", got)
	}
}

func TestJudge(t *testing.T) {
	berlin, newYork := at(52.52, 13.405, 0), at(40.7128, -74.006, 0) // 6385 km
	for name, test := range map[string]struct {
		here, there Place
		rtt         time.Duration
		want        Plausibility
	}{
		"usual":                {berlin, newYork, 85 * time.Millisecond, Plausible},
		"just within a fibre":  {berlin, newYork, 63400 * time.Microsecond, Plausible},
		"just beyond a fibre":  {berlin, newYork, 63300 * time.Microsecond, Doubtful},
		"just within vacuum":   {berlin, newYork, 42300 * time.Microsecond, Doubtful},
		"just beyond vacuum":   {berlin, newYork, 42200 * time.Microsecond, Implausible},
		"a database is wrong":  {berlin, newYork, 20 * time.Millisecond, Implausible},
		"it may be a country":  {berlin, at(40.7128, -74.006, 5000), 20 * time.Millisecond, Plausible},
		"so may we":            {at(52.52, 13.405, 5000), newYork, 20 * time.Millisecond, Plausible},
		"in the same rack":     {berlin, berlin, time.Microsecond, Plausible},
		"no time":              {berlin, newYork, 0, Unjudged},
		"we do not know where": {Place{}, newYork, time.Millisecond, Unjudged},
		"nor where it is":      {berlin, Place{Country: "US"}, time.Millisecond, Unjudged},
		"a radius of nonsense": {berlin, at(40.7128, -74.006, -9000), 85 * time.Millisecond, Plausible},
	} {
		if got := Judge(test.here, test.there, test.rtt); got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
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
