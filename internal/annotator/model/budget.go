package model

import (
	"sync"
	"time"
)

// Budget limits what is asked of all providers together. Zero limits are none.
type Budget struct {
	// CallsPerMinute counts each request, those of the ladder and of second rounds too.
	CallsPerMinute int
	// TokensPerDay counts both ways, from midnight to midnight in UTC.
	TokensPerDay int64
	// ReserveCritical is the share of both, from 0 to 1, that only critical requests may use.
	ReserveCritical float64
}

// Spent is what was used of a [Budget].
type Spent struct {
	// Day is the day of Tokens, as 2006-01-02 in UTC.
	Day    string `json:"day"`
	Tokens int64  `json:"tokens"`
	// Calls are the times of those of the last minute.
	Calls []time.Time `json:"calls,omitempty"`
}

// A ledger keeps the books of a budget.
type ledger struct {
	config Budget

	mu    sync.Mutex
	spent Spent
}

// A hold is what a request may use at most, until it is known what it did.
type hold struct {
	day    string
	tokens int64
}

const day = "2006-01-02"

// take holds tokens for a call, or says why not, and when there are some again.
func (l *ledger) take(tokens int64, critical bool, now time.Time) (hold, refusal) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	share := 1.0
	if !critical {
		share -= l.config.ReserveCritical
	}
	if limit := l.config.TokensPerDay; limit > 0 && l.spent.Tokens+tokens > int64(float64(limit)*share) {
		midnight := now.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour)
		return hold{}, refusal{skip: SkipBudget, again: midnight}
	}
	if limit := l.config.CallsPerMinute; limit > 0 {
		allowed := max(1, int(float64(limit)*share))
		if n := len(l.spent.Calls); n >= allowed {
			return hold{}, refusal{skip: SkipRate, again: l.spent.Calls[n-allowed].Add(time.Minute)}
		}
		l.spent.Calls = append(l.spent.Calls, now)
	}
	l.spent.Tokens += tokens
	return hold{l.spent.Day, tokens}, refusal{}
}

// settle replaces what was held by what was used. At midnight the old day is forgotten,
// and with it what was held in it.
func (l *ledger) settle(h hold, used int64, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	if h.day == l.spent.Day {
		l.spent.Tokens += used - h.tokens
	} else {
		l.spent.Tokens += used
	}
}

// turn forgets the day and the minute that are over. A clock that went back makes another
// day of it, and a call in the future none.
func (l *ledger) turn(now time.Time) {
	if today := now.UTC().Format(day); l.spent.Day != today {
		l.spent.Day, l.spent.Tokens = today, 0
	}
	var recent []time.Time
	for _, at := range l.spent.Calls {
		if age := now.Sub(at); age >= 0 && age < time.Minute {
			recent = append(recent, at)
		}
	}
	l.spent.Calls = recent
}

// state returns what is spent, with calls of its own.
func (l *ledger) state(now time.Time) Spent {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.turn(now)
	out := l.spent
	out.Calls = append([]time.Time(nil), l.spent.Calls...)
	return out
}
