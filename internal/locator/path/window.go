package path

import (
	"slices"
	"time"
)

// WindowSize is how many probes of a TTL are kept. Percentiles and loss come from them.
const WindowSize = 256

// outcome is a probe in a window, in 24 bytes: 64 paths of 15 hops have a quarter of
// a million.
type outcome struct {
	sent int64 // nanoseconds since 1970
	rtt  time.Duration
	flow int32
	// hop is the responder's place in ttl.hops, or unanswered or other.
	hop   int8
	extra bool
	final bool
}

const (
	unanswered = -1
	other      = -2
)

// window is a ring of the newest probes. Its array grows as it is needed.
type window struct {
	ring []outcome
	next int
}

func (w *window) add(o outcome) {
	if len(w.ring) < WindowSize {
		w.ring = append(w.ring, o)
		return
	}
	w.ring[w.next] = o
	w.next = (w.next + 1) % WindowSize
}

// each calls f with all probes sent at since or later, in no particular order.
func (w *window) each(since time.Time, f func(*outcome)) {
	from := since.UnixNano()
	if since.IsZero() {
		from = 0 // what UnixNano returns for it is undefined
	}
	for i := range w.ring {
		if w.ring[i].sent >= from {
			f(&w.ring[i])
		}
	}
}

// times returns the sorted times of a hop.
func (w *window) times(hop int8, since time.Time) []time.Duration {
	var times []time.Duration
	w.each(since, func(o *outcome) {
		if o.hop == hop {
			times = append(times, o.rtt)
		}
	})
	slices.Sort(times)
	return times
}
