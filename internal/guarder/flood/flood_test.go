package flood

import (
	"fmt"
	"strings"
	"testing"
)

const ms = Second / 1000

// play sends packets at a steady rate and returns when the flood began and ended.
func play(f *Flood, h Hysteresis, from, to int64, perSecond int64) (changes []string) {
	for now := from; now < to; now += Second / perSecond {
		before := f.active
		if f.Packet(now, h) != before {
			changes = append(changes, fmt.Sprintf("%v at %d ms", !before, now/ms))
		}
	}
	return changes
}

func TestFloodBeginsAboveAndEndsBelow(t *testing.T) {
	h := Hysteresis{On: 100, Off: 50}
	for _, c := range []struct {
		name  string
		rates []int64 // each for 5 s
		want  string
	}{
		{"as many as may be", []int64{100, 100}, ""},
		{"one more is a flood", []int64{101}, "true at 990 ms"},
		{"ten times as many are found ten times as fast", []int64{1000}, "true at 100 ms"},
		{"it goes on between the rates", []int64{1000, 60, 60}, "true at 100 ms"},
		{"it does not begin between the rates", []int64{60, 99, 60}, ""},
		// Five seconds are counted, then one of 40, at whose end it is over.
		{"it ends below", []int64{1000, 40, 40}, "true at 100 ms; false at 6000 ms"},
		{"it begins anew", []int64{1000, 40, 1000}, "true at 100 ms; false at 6000 ms; true at 10100 ms"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var f Flood
			var all []string
			for i, rate := range c.rates {
				all = append(all, play(&f, h, int64(i)*5*Second, int64(i+1)*5*Second, rate)...)
			}
			if got := strings.Join(all, "; "); got != c.want {
				t.Errorf("flood: %q, want %q", got, c.want)
			}
		})
	}
}

func TestFloodEndsInSilence(t *testing.T) {
	h := Hysteresis{On: 10, Off: 5}
	var f Flood
	play(&f, h, 0, Second, 100)
	for _, c := range []struct {
		at     int64
		active bool
	}{{0, true}, {Second, true}, {2*Second - 1, true}, {2 * Second, false}, {9 * Second, false}} {
		if got := f.Active(c.at); got != c.active {
			t.Errorf("at %d ms: active %v, want %v", c.at/ms, got, c.active)
		}
	}
	// A packet after a second of silence is none of the flood, although its own second was full.
	if f.Packet(2*Second, h) {
		t.Error("the packet after the silence belongs to the flood")
	}
}

// A clock that has run for long before the first packet is no silence after a flood, nor a flood.
func TestFirstPacketIsNoFlood(t *testing.T) {
	var f Flood
	if f.Packet(1e18, Hysteresis{On: 1, Off: 1}) || !f.Packet(1e18, Hysteresis{On: 1, Off: 1}) {
		t.Error("want the second packet to be the first of the flood")
	}
}
