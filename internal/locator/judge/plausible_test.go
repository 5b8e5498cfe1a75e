package judge

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// sphere is the distance on a sphere of 6371 km.
func sphere(a, b Position) float64 {
	rad := math.Pi / 180
	cos := math.Sin(a.Latitude*rad)*math.Sin(b.Latitude*rad) +
		math.Cos(a.Latitude*rad)*math.Cos(b.Latitude*rad)*math.Cos((a.Longitude-b.Longitude)*rad)
	return 6371 * math.Acos(max(-1, min(1, cos)))
}

var (
	berlin    = Position{52.52, 13.40, 5}
	frankfurt = Position{50.11, 8.68, 10}
	newYork   = Position{40.71, -74.01, 10}
	sydney    = Position{-33.87, 151.21, 10}
)

func hopAt(ttl uint8, p Position, rtt float64) Hop {
	return Hop{TTL: ttl, Addr: netip.AddrFrom4([4]byte{198, 51, 100, ttl}), Position: &p, RTT: time.Duration(rtt * 1e6), Samples: 10}
}

func check(own *Position, hops ...Hop) string {
	Check(own, hops, sphere)
	var all []Plausibility
	for _, h := range hops {
		all = append(all, h.Plausibility)
	}
	return fmt.Sprint(all)
}

func TestPlausibility(t *testing.T) {
	few := hopAt(1, newYork, 20)
	few.Samples = 9
	nowhere := hopAt(1, newYork, 20)
	nowhere.Position = nil
	for _, c := range []struct {
		name string
		own  *Position
		hops []Hop
		want string
	}{
		// 6385 km are 42.6 ms for light, 63.9 ms in glass; less 65 km of slack and radii.
		{"New York in 70 ms", &berlin, []Hop{hopAt(1, newYork, 70)}, "[plausible]"},
		{"New York in 50 ms", &berlin, []Hop{hopAt(1, newYork, 50)}, "[doubtful]"},
		{"New York in 20 ms", &berlin, []Hop{hopAt(1, newYork, 20)}, "[implausible]"},
		{"too few samples", &berlin, []Hop{few}, "[unchecked]"},
		{"no position", &berlin, []Hop{nowhere}, "[unchecked]"},
		{"no own position", nil, []Hop{hopAt(1, newYork, 20)}, "[unchecked]"},
		// 38500 km around are 127 ms for light, though Sydney alone is 107 ms away.
		{"there, back and there", &berlin, []Hop{hopAt(1, newYork, 100), hopAt(2, sydney, 115)}, "[implausible implausible]"},
		{"one among many", &berlin, []Hop{
			hopAt(1, frankfurt, 8), hopAt(2, frankfurt, 9), hopAt(3, sydney, 110), hopAt(4, newYork, 111), hopAt(5, newYork, 112), hopAt(6, newYork, 113),
		}, "[plausible plausible implausible plausible plausible plausible]"},
	} {
		if got := check(c.own, c.hops...); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// Whatever the positions: who tells the truth is never implausible, and who is
// put far away among them is, if light is too slow for it.
func TestTruthIsPlausible(t *testing.T) {
	found, lies := 0, 0
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 4))
		own := Position{rng.Float64()*180 - 90, rng.Float64()*360 - 180, 20}
		var hops []Hop
		at, km := own, 0.0
		for ttl := uint8(1); ttl <= 8; ttl++ {
			p := Position{
				max(-90, min(90, at.Latitude+rng.NormFloat64()*10)), math.Mod(at.Longitude+rng.NormFloat64()*10, 180), 20,
			}
			km += sphere(at, p)
			at = p
			// The way back is no shorter than the straight one.
			hops = append(hops, hopAt(ttl, p, (km+sphere(p, own))/fibre*1000+rng.ExpFloat64()))
		}
		least := hops[7].RTT
		for i := 7; i >= 0; i-- { // as package path does
			least = min(least, hops[i].RTT)
			hops[i].RTT = least
		}
		Check(&own, hops, sphere)
		for _, h := range hops {
			if h.Plausibility != Plausible {
				t.Fatalf("seed %d: TTL %d tells the truth and is %v", seed, h.TTL, h.Plausibility)
			}
		}
		liar := rng.IntN(8)
		there := Position{-hops[liar].Position.Latitude, math.Mod(hops[liar].Position.Longitude+360, 360) - 180, 20}
		if 2*(sphere(own, there)-90) < hops[liar].RTT.Seconds()*light {
			continue // it could be there
		}
		lies++
		hops[liar].Position = &there
		Check(&own, hops, sphere)
		if hops[liar].Plausibility == Implausible {
			found++
		}
		for i, h := range hops {
			if i != liar && h.Plausibility == Implausible {
				t.Errorf("seed %d: TTL %d is blamed for TTL %d", seed, h.TTL, hops[liar].TTL)
			}
		}
	}
	t.Logf("seeds 0 to 1999: %d of %d wrong positions found", found, lies)
	if found != lies || lies < 1000 {
		t.Errorf("%d of %d wrong positions found", found, lies)
	}
}

func TestAnycastHint(t *testing.T) {
	h := hopAt(9, sydney, 5)
	Check(&berlin, []Hop{h}, sphere)
	hops := []Hop{h}
	Check(&berlin, hops, sphere)
	if AnycastHint(hops[0]) {
		t.Error("a router is called anycast")
	}
	hops[0].Final = true
	if !AnycastHint(hops[0]) {
		t.Error("a destination that is nearer than it can be is not called anycast")
	}
	far := hopAt(9, sydney, 300)
	far.Final = true
	if AnycastHint(far) {
		t.Error("a plausible destination is called anycast")
	}
	far.Anycast = true
	if !AnycastHint(far) {
		t.Error("what the database says does not count")
	}
}
