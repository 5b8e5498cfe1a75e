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
	// patience is how long discovery may take, and interval how long each round is meant to
	// take; an answer is waited for as long as timeout. All together takes limit at most, 0
	// is without.
	patience, interval, timeout, limit time.Duration
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
	end := ending{pathWatch: w, begin: time.Now()}
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
		last = last || end.enough(s, time.Now())
		if last {
			return s, w.print(e, s, true)
		}
		if w.live && (!w.asJSON && !s.At.Equal(printed) || w.asJSON && s.At.Sub(printed) >= w.interval) {
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

// An ending decides when there is enough.
type ending struct {
	pathWatch
	begin time.Time
	// steady is when all paths were discovered, zero before.
	steady time.Time
}

// enough tells whether there were enough rounds to all destinations that have an address,
// or it takes too long. Budgets for routers leave probes out of rounds, so that the time
// for rounds counts, too.
func (e *ending) enough(s *locator.Snapshot, now time.Time) bool {
	switch elapsed := now.Sub(e.begin); {
	case e.rounds == 0:
		return false
	case e.limit > 0 && elapsed >= e.limit:
		return true
	case len(s.Paths) == 0:
		return elapsed >= e.patience
	}
	failed, steady, measured := 0, 0, 0
	for _, p := range s.Paths {
		switch {
		case p.State == locator.Unresolved && p.Error != "":
			failed++
		case p.State == locator.Steady:
			steady++
			if p.End.Sent >= uint64(e.rounds) {
				measured++
			}
		}
	}
	if failed+measured == len(s.Paths) {
		return true
	}
	if failed+steady < len(s.Paths) {
		return now.Sub(e.begin) >= e.patience
	}
	if e.steady.IsZero() {
		e.steady = now
	}
	// The interval grows if the budget is too small for it.
	interval := max(e.interval, s.Self.Interval)
	return now.Sub(e.steady) >= time.Duration(e.rounds)*interval+e.timeout
}

// unreached returns an error that names the destinations that do not answer, with what is
// known of why.
func unreached(s *locator.Snapshot) error {
	var why []string
	for _, p := range s.Paths {
		if reached, _ := answers(p); !reached {
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
