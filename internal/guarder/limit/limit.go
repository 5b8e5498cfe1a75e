// Package limit is what a limit of Guarder means: the generic cell rate algorithm, GCRA,
// as specified in ITU-T Recommendation I.371, for many keys.
//
// A bucket is one number, the time at which the next packet is due. A packet may come
// earlier than that by the tolerance, which is what makes a burst; it moves the time by
// one interval. One that comes earlier still is over, and moves nothing. So a key that
// sends more than its rate has exactly its rate left, and one that was silent has a burst.
//
// It is the same as a bucket of Burst tokens that gains one each Interval, but needs no
// fractions of tokens. The program in the kernel counts alike, in bpf/include/guard_gcra.h,
// but has room for so many keys only; here is room for all.
package limit

import (
	"math"
	"time"
)

// A Rate is how many packets of a key there may be.
type Rate struct {
	// Interval is the time from a packet to the next one.
	Interval time.Duration
	// Burst is how many may come at once, at least 1.
	Burst int
}

// RateOf returns the rate of so many packets per second. Intervals are whole nanoseconds,
// rounded up, so that no rate is exceeded: by 1 % less at 10 million packets per second,
// and by nothing that matters below.
func RateOf(perSecond float64, burst int) Rate {
	return Rate{Interval: time.Duration(math.Ceil(float64(time.Second) / perSecond)), Burst: burst}
}

// Tolerance returns how much earlier than it is due a packet may come.
func (r Rate) Tolerance() time.Duration { return time.Duration(r.Burst-1) * r.Interval }

// Light returns how much earlier than it is due a packet of a light key comes at most: one
// that has used up half of its burst, or all but two packets of it, is not light.
func (r Rate) Light() time.Duration {
	return max(0, min(r.Tolerance()/2, r.Tolerance()-r.Interval))
}

// A Charge is what is said of a packet that was counted.
type Charge uint8

// The charges.
const (
	Light  Charge = iota // within the rate, and its key far from the limit
	Within               // within the rate
	Over                 // beyond it, and not counted
)

// Take returns when the next packet is due, behind one at the time now for which it was
// due at a time; times are in ns of any clock, and 0 is a key that was never seen.
func (r Rate) Take(due, now int64) (next int64, c Charge) {
	due = max(due, now)
	switch early := due - now; {
	case early > int64(r.Tolerance()):
		return due, Over
	case early > int64(r.Light()):
		c = Within
	}
	return due + int64(r.Interval), c
}

// Buckets are those of keys. The zero value has none, which is the same as that no key
// was seen; it is not for several goroutines.
type Buckets[K comparable] struct{ next map[K]int64 }

// Take counts a packet of a key at the time now.
func (b *Buckets[K]) Take(key K, r Rate, now int64) (c Charge) {
	if b.next == nil {
		b.next = make(map[K]int64)
	}
	b.next[key], c = r.Take(b.next[key], now)
	return c
}
