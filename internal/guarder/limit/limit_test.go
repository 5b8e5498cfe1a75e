package limit

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// A tokens is a bucket of tokens, in the plainest way: it gains one each interval, on the
// clock of the first packet that it had none for. All is counted in ns of tokens.
type tokens struct {
	have, last int64
	seen       bool
}

func (b *tokens) take(r Rate, now int64) (over bool) {
	full := int64(r.Burst) * int64(r.Interval)
	if !b.seen {
		b.have, b.seen = full, true
	} else {
		b.have = min(full, b.have+now-b.last)
	}
	b.last = now
	if b.have < int64(r.Interval) {
		return true
	}
	b.have -= int64(r.Interval)
	return false
}

// TestBucketsAreBucketsOfTokens compares them on random times, of a clock that often
// stands still and sometimes goes to exactly where a packet is due.
func TestBucketsAreBucketsOfTokens(t *testing.T) {
	const packets = 200_000
	random := rand.New(rand.NewPCG(1, 2))
	over := 0
	for _, r := range []Rate{{time.Millisecond, 1}, {time.Millisecond, 2}, {6 * time.Second, 20}, {333_333_334, 3}, {1, 1}, {100, 1000}} {
		var b Buckets[int]
		all := make(map[int]*tokens)
		now := int64(1_000_000)
		for n := range packets {
			key := random.IntN(5)
			switch random.IntN(4) {
			case 0:
				now += random.Int64N(int64(r.Interval) + 1)
			case 1:
				now = max(now, b.next[key]-int64(r.Tolerance())+random.Int64N(3)-1)
			case 2:
				if random.IntN(100) == 0 {
					now += int64(r.Burst) * int64(r.Interval) * random.Int64N(3)
				}
			}
			if all[key] == nil {
				all[key] = &tokens{}
			}
			want, got := all[key].take(r, now), b.Take(key, r, now) == Over
			if want != got {
				t.Fatalf("%+v: packet %d of key %d at %d is over: %v, want %v", r, n, key, now, got, want)
			}
			if got {
				over++
			}
		}
	}
	if over < packets/10 {
		t.Errorf("%d packets were over; the test tests nothing", over)
	}
}

// A key that sends ten times its rate has its rate left, and not more.
func TestTooMuchLeavesTheRate(t *testing.T) {
	r := RateOf(10, 20)
	var b Buckets[string]
	within, now := 0, int64(0)
	for range 100 * 60 { // a minute
		if now += int64(10 * time.Millisecond); b.Take("greedy", r, now) != Over {
			within++
		}
	}
	if want := 60*10 + 20 - 1; within != want {
		t.Errorf("%d packets within the limit, want %d", within, want)
	}
}

func ExampleRate_Take() {
	r, due, c := RateOf(10, 2), int64(0), Light
	for _, ms := range []int64{1000, 1000, 1000, 1100} {
		due, c = r.Take(due, ms*int64(time.Millisecond))
		fmt.Println(ms, c == Over, time.Duration(due))
	}
	// Output:
	// 1000 false 1.1s
	// 1000 false 1.2s
	// 1000 true 1.2s
	// 1100 false 1.3s
}
