package change

import (
	"math"
	"slices"
	"time"
)

// shift watches the end to end times of one flow.
type shift struct {
	reference, current []time.Duration
	dirty              bool
}

// The sizes of the windows, and how certain the medians must differ: their limits are
// ranks, Wilson's for the proportion 1/2, at 5 standard deviations. They are looked at each
// round, so that 3.3, which is 1 in 1000, told a shift in a day of mere noise. A
// shift of less than a millisecond, or 5 %, is none that matters.
const (
	currentSize   = 20
	referenceSize = 100
	certain       = 5.0
	leastShift    = time.Millisecond
	leastPart     = 0.05
)

func (d *Detector) shift(flow int) *shift {
	if d.rtts[flow] == nil {
		d.rtts[flow] = &shift{}
	}
	return d.rtts[flow]
}

// together is within which time flows that become slower, or quicker, tell of one
// shift: each needs some 20 of its own rounds to be certain.
const together = 30 * time.Minute

// shifted tells of a shift, unless another flow did.
func (d *Detector) shifted(e Event) {
	slower, before := e.RTTAfter > e.RTTBefore, d.newest.RTTAfter > d.newest.RTTBefore
	if e.Flow != d.newest.Flow && slower == before && e.At.Sub(d.newest.At) < together {
		return
	}
	d.newest = e
	d.events = append(d.events, e)
}

func (s *shift) add(rtt time.Duration) {
	s.dirty = true
	s.current = append(s.current, rtt)
	if len(s.current) <= currentSize {
		return
	}
	s.reference = append(s.reference, s.current[0])
	s.current = s.current[1:]
	if len(s.reference) > referenceSize {
		s.reference = s.reference[1:]
	}
}

// tick returns an event if the times of now are certainly others than before.
func (s *shift) tick(now time.Time) (Event, bool) {
	if !s.dirty || len(s.current) < currentSize || len(s.reference) < currentSize {
		return Event{}, false
	}
	s.dirty = false
	low, median, high := limits(s.current)
	wasLow, was, wasHigh := limits(s.reference)
	if low <= wasHigh && high >= wasLow {
		return Event{}, false
	}
	if d := (median - was).Abs(); d < leastShift || d.Seconds() < leastPart*was.Seconds() {
		return Event{}, false
	}
	s.reference = s.reference[:0]
	return Event{At: now, Since: now, Levels: RTT, RTTBefore: was, RTTAfter: median}, true
}

// limits returns the median between its limits.
func limits(times []time.Duration) (low, median, high time.Duration) {
	sorted := slices.Sorted(slices.Values(times))
	n := float64(len(sorted))
	// Wilson's interval of the proportion 1/2 is symmetric.
	half := certain * math.Sqrt(n/4+certain*certain/4) / (1 + certain*certain/n)
	at := func(rank float64) time.Duration {
		return sorted[min(max(int(rank), 0), len(sorted)-1)]
	}
	return at(math.Floor(n/2 - half)), at(n / 2), at(math.Ceil(n/2 + half))
}
