package guarder

import (
	"testing"
	"time"
)

// TestTripWire feeds counts per second and says after which one it trips, or -1.
func TestTripWire(t *testing.T) {
	for name, c := range map[string]struct {
		seconds [][2]uint64 // arrived and dropped within each second
		want    int
	}{
		"most is dropped for long enough": {[][2]uint64{{2000, 1500}, {2000, 1500}, {2000, 1500}, {2000, 1500}}, 3},
		"exactly the ratio is allowed":    {[][2]uint64{{2000, 1000}, {2000, 1000}, {2000, 1000}, {2000, 1000}}, -1},
		"too few packets":                 {[][2]uint64{{999, 999}, {999, 999}, {999, 999}, {999, 999}}, -1},
		"a pause begins anew":             {[][2]uint64{{2000, 2000}, {2000, 2000}, {2000, 0}, {2000, 2000}, {2000, 2000}}, -1},
		"a pause, then long enough":       {[][2]uint64{{2000, 2000}, {2000, 0}, {2000, 2000}, {2000, 2000}, {2000, 2000}}, 5},
	} {
		t.Run(name, func(t *testing.T) {
			w := TripWire{Ratio: 0.5, MinRate: 1000, Over: 3 * time.Second}
			now, sum, got := time.Unix(1000, 0), Totals{}, -1
			w.See(now, sum)
			for i, s := range c.seconds {
				now = now.Add(time.Second)
				sum.Arrived += s[0]
				sum.Dropped += s[1]
				if w.See(now, sum) && got < 0 {
					got = i + 1
				}
			}
			if got != c.want {
				t.Errorf("tripped after second %d, want %d", got, c.want)
			}
		})
	}
}

func TestTripWireBeginsAnewWithNewCounters(t *testing.T) {
	w := TripWire{Ratio: 0.5, MinRate: 1, Over: time.Second}
	now := time.Unix(1000, 0)
	w.See(now, Totals{Arrived: 1000, Dropped: 900})
	if w.See(now.Add(time.Second), Totals{Arrived: 10, Dropped: 10}) {
		t.Error("tripped over counters that fell")
	}
	if !w.See(now.Add(2*time.Second), Totals{Arrived: 30, Dropped: 30}) {
		t.Error("did not trip then")
	}
	w.Reset()
	if w.See(now.Add(3*time.Second), Totals{Arrived: 60, Dropped: 60}) {
		t.Error("tripped on the first counts after a reset")
	}
}

func TestTripWireThatIsNotSetNeverTrips(t *testing.T) {
	var w TripWire
	for i := range 10 {
		if w.See(time.Unix(int64(i), 0), Totals{Arrived: uint64(i) * 1e6, Dropped: uint64(i) * 1e6}) {
			t.Fatal("tripped")
		}
	}
}
