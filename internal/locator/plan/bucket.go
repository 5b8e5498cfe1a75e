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
func (b *bucket) ready(now time.Time) time.Time { return b.holds(1, now) }

// spare returns when there is a token beside one that stays for others, if it can hold two.
func (b *bucket) spare(now time.Time) time.Time { return b.holds(min(2, b.rate.Burst), now) }

// holds returns when there are so many tokens.
func (b *bucket) holds(tokens float64, now time.Time) time.Time {
	b.refill(now)
	if missing := tokens - b.tokens; missing > slack {
		return now.Add(time.Duration(math.Ceil(missing / b.rate.PerSecond * 1e9)))
	}
	return now
}

// take uses a token that is ready.
func (b *bucket) take(now time.Time) {
	b.refill(now)
	b.tokens--
}
