package plan

import (
	"math"
	"time"
)

// A Rate is a number per second, of which burst can come at once.
type Rate struct {
	PerSecond, Burst float64
}

// bucket holds tokens for packets.
type bucket struct {
	rate   Rate
	tokens float64
	last   time.Time
}

func newBucket(r Rate, now time.Time) *bucket { return &bucket{rate: r, tokens: r.Burst, last: now} }

func (b *bucket) refill(now time.Time) {
	if now.After(b.last) {
		b.tokens = min(b.rate.Burst, b.tokens+now.Sub(b.last).Seconds()*b.rate.PerSecond)
		b.last = now
	}
}

// slack makes up for what rounding of times leaves missing of a token.
const slack = 1e-6

// ready returns when there is a token: now, or later.
func (b *bucket) ready(now time.Time) time.Time {
	b.refill(now)
	if missing := 1 - b.tokens; missing > slack {
		return now.Add(time.Duration(math.Ceil(missing / b.rate.PerSecond * 1e9)))
	}
	return now
}

// take uses a token that is ready.
func (b *bucket) take(now time.Time) {
	b.refill(now)
	b.tokens--
}
