package model

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestTokensOfADay(t *testing.T) {
	l := &ledger{config: Budget{TokensPerDay: 1000, ReserveCritical: 0.3}}
	first, refused := l.take(600, false, noon)
	if refused.skip != "" {
		t.Fatal(refused)
	}
	midnight := noon.Add(12 * time.Hour)
	if _, got := l.take(101, false, noon); got != (refusal{skip: SkipBudget, again: midnight}) {
		t.Errorf("what is held is not there for others: %+v", got)
	}
	l.settle(first, 650, noon)
	if _, got := l.take(51, false, noon); got.skip != SkipBudget {
		t.Errorf("the reserve is touched: %+v", got)
	}
	critical, refused := l.take(350, true, noon)
	if refused.skip != "" {
		t.Errorf("critical ones do not get the reserve: %+v", refused)
	}
	if _, got := l.take(1, true, noon); got.skip != SkipBudget {
		t.Errorf("critical ones get more than all: %+v", got)
	}
	// Over midnight the new day pays what was used, and nothing comes back.
	next := midnight.Add(time.Second)
	l.settle(critical, 100, next)
	if diff := cmp.Diff(Spent{Day: "2026-03-02", Tokens: 100}, l.state(next)); diff != "" {
		t.Errorf("the next day (-want +got):\n%s", diff)
	}
}

func TestCallsOfAMinute(t *testing.T) {
	l := &ledger{config: Budget{CallsPerMinute: 4, ReserveCritical: 0.5}}
	at := func(s int) time.Time { return noon.Add(time.Duration(s) * time.Second) }
	for i, want := range []struct {
		second   int
		critical bool
		again    int // 0: it may
	}{
		{0, false, 0}, {10, false, 0},
		{20, false, 60},              // until the first is out of the minute
		{20, true, 0}, {30, true, 0}, // from the reserve
		{40, true, 60}, {40, false, 80}, // two must be out for one that is not critical
		{60, true, 0}, {60, false, 90},
	} {
		_, got := l.take(0, want.critical, at(want.second))
		var again time.Time
		if want.again > 0 {
			again = at(want.again)
		}
		if !got.again.Equal(again) {
			t.Errorf("call %d: again at %v, want %v", i, got.again, again)
		}
	}
}

// A budget that leaves less than one call a minute to others still leaves them one.
func TestAReserveIsNotAll(t *testing.T) {
	l := &ledger{config: Budget{CallsPerMinute: 1, ReserveCritical: 0.9}}
	if _, refused := l.take(0, false, noon); refused.skip != "" {
		t.Error(refused)
	}
}

func TestClocksJump(t *testing.T) {
	l := &ledger{config: Budget{CallsPerMinute: 1, TokensPerDay: 10}}
	for _, now := range []time.Time{noon, noon.AddDate(4, 0, 0), noon} {
		if _, refused := l.take(10, false, now); refused.skip != "" {
			t.Errorf("at %v: %+v", now, refused)
		}
	}
}

// Whatever happens, no more is held and used than the budget has, and never more than its
// share by those that are not critical.
func TestBudgetsHold(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		config := Budget{CallsPerMinute: 1 + random.IntN(8), TokensPerDay: 1 + random.Int64N(2000), ReserveCritical: random.Float64()}
		l := &ledger{config: config}
		now := noon
		var calls []time.Time
		var held []hold
		var tokens int64
		for range 200 {
			now = now.Add(time.Duration(random.IntN(20)) * time.Second)
			ask, critical := random.Int64N(200), random.IntN(3) == 0
			if h, refused := l.take(ask, critical, now); refused.skip == "" {
				calls, held, tokens = append(calls, now), append(held, h), tokens+ask
				if share := int64(float64(config.TokensPerDay) * (1 - config.ReserveCritical)); !critical && tokens > share {
					t.Fatalf("%d tokens with a share of %d: %+v", tokens, share, config)
				}
			} else if !refused.again.After(now) {
				t.Fatalf("again at %v, which is past", refused.again)
			}
			if len(held) > 0 && random.IntN(2) == 0 {
				used := random.Int64N(held[0].tokens + 1)
				l.settle(held[0], used, now)
				tokens -= held[0].tokens - used
				held = held[1:]
			}
			if tokens > config.TokensPerDay || l.state(now).Tokens != tokens {
				t.Fatalf("%d tokens of %d, the books say %d", tokens, config.TokensPerDay, l.state(now).Tokens)
			}
			recent := 0
			for _, at := range calls {
				if now.Sub(at) < time.Minute {
					recent++
				}
			}
			if recent > config.CallsPerMinute {
				t.Fatalf("%d calls in a minute: %+v", recent, config)
			}
		}
	}
}
