package guarder

import "time"

// A TripWire notices a policy that drops most of what arrives, which is more
// likely a mistake than an attack that large.
//
// Its zero value never trips.
type TripWire struct {
	// Ratio is the share of packets, from 0 to 1, beyond which it trips.
	Ratio float64
	// MinRate is how many packets per second have to arrive for the share to mean
	// anything.
	MinRate float64
	// Over is for how long both must hold, without a pause.
	Over time.Duration

	since time.Time // when both began to hold; zero if they do not
	last  Totals
	at    time.Time
}

// Totals are counts of packets since the counters were made.
type Totals struct {
	Arrived, Dropped uint64
}

// See takes the counts at a time, and tells whether the wire has tripped. Counts
// that fell (a new set of counters) begin anew.
func (w *TripWire) See(now time.Time, t Totals) bool {
	before, at := w.last, w.at
	w.last, w.at = t, now
	seconds := now.Sub(at).Seconds()
	if w.Ratio <= 0 || at.IsZero() || seconds <= 0 || t.Arrived < before.Arrived || t.Dropped < before.Dropped {
		w.since = time.Time{}
		return false
	}
	arrived, dropped := float64(t.Arrived-before.Arrived), float64(t.Dropped-before.Dropped)
	if arrived/seconds < w.MinRate || dropped <= w.Ratio*arrived {
		w.since = time.Time{}
		return false
	}
	if w.since.IsZero() {
		w.since = at
	}
	return now.Sub(w.since) >= w.Over
}

// Reset forgets what was seen, as after a change of policy.
func (w *TripWire) Reset() { w.since, w.at = time.Time{}, time.Time{} }
