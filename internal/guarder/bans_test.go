//go:build linux

package guarder

import (
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/ban"
)

// TestBansRest asks when bans are looked at again.
func TestBansRest(t *testing.T) {
	const now = 1000 * time.Hour
	for next, want := range map[time.Duration]time.Duration{
		0:                                bansEvery, // nobody is banned
		now - time.Minute:                bansRest,
		now + time.Microsecond:           bansRest,
		now + bansRest + time.Nanosecond: bansRest + time.Nanosecond,
		now + time.Hour:                  bansEvery,
	} {
		e := &Engine{bans: &banner{clock: ban.Clock{Boot: func() time.Duration { return now }}, next: next}}
		if got := e.bansPause(); got != want {
			t.Errorf("the next ends %v from now: after %v, want %v", next-now, got, want)
		}
	}
}
