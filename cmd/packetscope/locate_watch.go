package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/locator"
)

// A pathWatch says what is shown of paths, and for how long.
type pathWatch struct {
	// rounds is after how many of them all is shown; 0: never.
	rounds int
	// patience is how long the first round may take, discovery included, and interval how
	// long each is meant to take.
	patience, interval time.Duration
	// look is how often to look at the paths.
	look time.Duration
	// live shows them all the time, asJSON as one object a line.
	live, asJSON bool
	screen       screen
}

// watchPaths shows what an engine measures until there is enough or ctx ends; what there
// is by then is shown last. It returns an error if a destination is not reached.
func watchPaths(ctx context.Context, e env, engine pathEngine, watch pathWatch) error {
	// The engine ends after the last look at it.
	measuring, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	ended := make(chan error, 1)
	go func() { ended <- engine.Run(measuring) }()
	shown, err := watch.follow(ctx, e, engine, ended)
	end()
	if err != nil {
		return err
	}
	if err := <-ended; err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("measure paths: %w", err)
	}
	return unreached(shown)
}

// follow shows paths while they are measured, and returns the snapshot that it showed
// last. What the engine ended with stays in ended.
func (w pathWatch) follow(ctx context.Context, e env, engine pathEngine, ended chan error) (*locator.Snapshot, error) {
	begin := time.Now()
	ticks := time.NewTicker(w.look)
	defer ticks.Stop()
	if w.live && !w.asJSON {
		if _, err := fmt.Fprint(e.stdout, clearScreen); err != nil {
			return nil, err
		}
	}
	var printed time.Time
	for last := false; ; {
		select {
		case <-ctx.Done():
			last = true
		case err := <-ended:
			ended <- err
			last = true
		case <-ticks.C:
		}
		s := engine.Snapshot()
		last = last || w.enough(s, time.Since(begin))
		if last {
			return s, w.print(e, s, true)
		}
		if w.live && (!w.asJSON || s.At.Sub(printed) >= w.interval) {
			if err := w.print(e, s, false); err != nil {
				return nil, err
			}
			printed = s.At
		}
	}
}

// print shows a snapshot. The last one stays on the screen as a whole.
func (w pathWatch) print(e env, s *locator.Snapshot, last bool) error {
	report := newLocateReport(s)
	if w.asJSON {
		encoder := json.NewEncoder(e.stdout)
		encoder.SetEscapeHTML(false)
		return encoder.Encode(report)
	}
	to := w.screen.page()
	lines := report.lines(to)
	if w.live && !last {
		return redraw(e.stdout, lines, to)
	}
	text := strings.Join(lines, "\n") + "\n"
	if w.live {
		text = clearScreen + text
	}
	_, err := fmt.Fprint(e.stdout, text)
	return err
}

// enough tells whether there were enough rounds to all destinations that have an address,
// or it takes too long.
func (w pathWatch) enough(s *locator.Snapshot, elapsed time.Duration) bool {
	if w.rounds == 0 {
		return false
	}
	// The interval grows if the budget is too small for it.
	interval := max(w.interval, s.Self.Interval)
	if elapsed >= w.patience+time.Duration(w.rounds-1)*interval {
		return true
	}
	for _, p := range s.Paths {
		failed := p.State == locator.Unresolved && p.Error != ""
		measured := p.State == locator.Steady && p.End.Sent >= uint64(w.rounds)
		if !failed && !measured {
			return false
		}
	}
	return len(s.Paths) > 0
}

// unreached returns an error that names the destinations that do not answer, with what is
// known of why.
func unreached(s *locator.Snapshot) error {
	var why []string
	for _, p := range s.Paths {
		if !p.Known || !p.Reached {
			why = append(why, printable(p.Destination.String())+" "+obstacle(p))
		}
	}
	if why == nil {
		return nil
	}
	return errors.New(strings.Join(why, "; "))
}

// obstacle says why a destination is not reached.
func obstacle(p locator.Path) string {
	farthest := locator.Hop{}
	for _, h := range p.Hops {
		if h.TTL >= farthest.TTL && !h.Final {
			farthest = h
		}
	}
	switch {
	case p.Error != "":
		return "cannot be measured: " + printableLine(p.Error)
	case p.State == locator.Unresolved:
		return "has no address yet"
	case p.Blocked.IsValid():
		return fmt.Sprintf("is not reached: %s refuses (%s)", p.Blocked, cmp.Or(printable(p.BlockedReason), "unreachable"))
	case farthest.TTL > 0:
		return fmt.Sprintf("is not reached: the last that answers is %s at TTL %d", farthest.Addr, farthest.TTL)
	}
	return "is not reached: nobody on the way answers"
}
