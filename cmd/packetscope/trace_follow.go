package main

import (
	"context"
	"errors"
	"os"
	"time"

	"github.com/packetscope/packetscope/internal/tracer"
)

// patienceForEvents is how long to wait for an event before ctx is looked at again, and how
// often is looked which packets have ended.
const patienceForEvents = 50 * time.Millisecond

// mostLateEvents is how many events are read after ctx has ended.
const mostLateEvents = 10_000

// followPackets passes on packets as they end, until ctx ends or count of them have (0 for no
// limit), and then those that have not ended.
func followPackets(ctx context.Context, e env, session traceSession, count int, show func([]*tracer.Packet) error) error {
	live := tracer.Live{Most: count}
	last := e.monotonic()
	for late := 0; !live.Done() && late < mostLateEvents; {
		wait := patienceForEvents
		if ctx.Err() != nil {
			wait = 0
			late++
		}
		session.SetDeadline(time.Now().Add(wait))
		event, err := session.Next()
		switch {
		case errors.Is(err, os.ErrDeadlineExceeded):
			if wait == 0 {
				late = mostLateEvents
			}
		case err != nil:
			return err
		default:
			live.Add(event)
		}
		now := e.monotonic()
		if err == nil && now-last < patienceForEvents {
			continue
		}
		last = now
		if err == nil {
			// Not all has been read that happened until now: what came to a packet may wait.
			now = min(now, event.Time)
		}
		if err := show(live.Ended(now)); err != nil {
			return err
		}
	}
	return show(live.Rest())
}
