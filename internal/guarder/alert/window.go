package alert

import "time"

// A window is what a counter was, for as long as that matters.
type window struct {
	// Last is the counter as it was read last.
	Last uint64 `json:"last"`
	// Points are how much was counted in all, where that changed; the first one is where
	// the counter was seen first, or the last one that is older than the window.
	Points []point `json:"points"`
}

// A point is a time, in ms since 1970, with how much was counted until then.
type point struct {
	At int64  `json:"at"`
	N  uint64 `json:"n"`
}

// grains is how many points a window has at most, but for two: what was counted between
// two of them counts from the first.
const grains = 60

// begin takes a counter whose past is not known.
func begin(now time.Time, counter uint64) *window {
	return &window{Last: counter, Points: []point{{At: now.UnixMilli()}}}
}

// see takes what a counter is now. One that is less than before has begun anew.
func (w *window) see(now time.Time, counter uint64, over time.Duration) {
	grown := counter - w.Last
	if counter < w.Last {
		grown = counter
	}
	w.Last = counter
	if grown == 0 {
		return
	}
	end := len(w.Points) - 1
	p := point{now.UnixMilli(), w.Points[end].N + grown}
	if end > 0 && p.At-w.Points[end].At < over.Milliseconds()/grains {
		w.Points[end].N = p.N
		return
	}
	w.Points = append(w.Points, p)
}

// count returns how much was counted within a time until now, and forgets what is older.
func (w *window) count(now time.Time, over time.Duration) uint64 {
	since := now.Add(-over).UnixMilli()
	for len(w.Points) > 1 && w.Points[1].At <= since {
		w.Points = w.Points[1:]
	}
	return w.Points[len(w.Points)-1].N - w.Points[0].N
}

// notAfter has what was counted later, by a clock that was wrong, be counted now.
func (w *window) notAfter(now time.Time) {
	for i := range w.Points {
		w.Points[i].At = min(w.Points[i].At, now.UnixMilli())
	}
}
