package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// probes is the life of an engine, from attaching it to detaching it.
type probes struct {
	env            env
	keepPrivileges bool
	// alsoNeeds are capabilities that others than the engines go on using.
	alsoNeeds []string
	logger    *slog.Logger

	ctx    context.Context
	cancel context.CancelFunc
	// attached is closed when set is there and the engine can be used.
	attached chan struct{}
	engine   engine
	paths    pathService // nil if there is none
	talks    *talks      // nil without paths
	// since is when the engine began to count.
	since time.Time
	set   atomic.Pointer[collector.Set]
	// closeErr is what went wrong with detaching; valid after run.
	closeErr error
}

func newProbes(e env, keepPrivileges bool, logger *slog.Logger) *probes {
	ctx, cancel := context.WithCancel(context.Background())
	return &probes{
		env: e, keepPrivileges: keepPrivileges, logger: logger,
		ctx: ctx, cancel: cancel, attached: make(chan struct{}),
	}
}

// wanted are the engines beside the Analyzer that collectors need.
type wanted struct{ sockets, pathMap bool }

// run waits for the server to listen, attaches the probes, drops the
// privileges they do not need any more, and detaches them after stop. It
// returns an error if they cannot be attached; stop is not an error.
func (p *probes) run(listening <-chan struct{}, cfg config.Config, want wanted, newSet func(engines) *collector.Set) error {
	select {
	case <-listening:
	case <-p.ctx.Done():
		return nil
	}
	begin := p.env.now()
	opened, err := p.env.open(cfg.Stack, p.logger)
	if err != nil {
		return fmt.Errorf("attach probes: %w", err)
	}
	defer func() {
		p.set.Store(nil)
		if err := opened.Close(); err != nil {
			p.closeErr = fmt.Errorf("detach probes: %w", err)
		}
	}()
	all := engines{stack: opened, geo: openGeo(cfg.Geo, p.logger)}
	var watching sync.WaitGroup
	defer watching.Wait()
	all.geo.watch(p.ctx, &watching)
	if want.sockets {
		if all.sockets, err = p.env.openSockets(socketsOf(cfg.Stack), p.logger); err != nil {
			return fmt.Errorf("open sockets: %w", err)
		}
		defer all.sockets.Close()
		p.logUnreadable(all.sockets)
	}
	if want.pathMap {
		p.openPathMap(&all, cfg)
		if all.pathMap != nil {
			defer all.pathMap.Close()
		}
	}
	if cfg.Locator != nil {
		p.openPaths(&all, *cfg.Locator)
		if all.paths != nil {
			defer all.paths.Close()
		}
	}
	if !p.keepPrivileges {
		if err := dropPrivileges(p.env, all.needs(p.alsoNeeds...), p.logger); err != nil {
			return err
		}
	}
	p.engine, p.paths, p.since = opened, all.paths, p.env.now()
	p.set.Store(newSet(all))
	close(p.attached)
	p.logger.Info("ready", "took_seconds", p.env.now().Sub(begin).Seconds())
	<-p.ctx.Done()
	return nil
}

// openPathMap begins to sample packets. That it cannot is no reason to measure nothing else, as
// with paths.
func (p *probes) openPathMap(all *engines, cfg config.Config) {
	all.pathMap, all.pathMapErr = p.env.openPathMap(pathMapOf(cfg.Stack))
	switch {
	case errors.Is(all.pathMapErr, pathmap.ErrNoNames):
		// That is a choice of the host's owner, and no failure.
		p.logger.Warn("packets are not sampled", "reason", all.pathMapErr)
		all.pathMap, all.pathMapErr = nil, nil
	case all.pathMapErr != nil:
		p.logger.Error("packets are not sampled", "err", all.pathMapErr)
	}
}

// openPaths begins to measure paths. That they cannot be is no reason to measure nothing
// else: the collector fails, and the log says why.
func (p *probes) openPaths(all *engines, cfg config.Locator) {
	p.talks = newTalks(all.stack.Flows, cfg.Config.Discover)
	setup := pathSetup{Locator: cfg, geo: all.geo, flows: p.talks}
	if all.paths, all.pathsErr = p.env.openPaths(setup, p.logger); all.pathsErr != nil {
		p.logger.Error("paths are not measured", "err", all.pathsErr)
	}
}

// logUnreadable tells if sockets cannot be read, or not in the best way.
func (p *probes) logUnreadable(s socketEngine) {
	if r, err := s.Report(); err == nil && r.Reason != "" {
		p.logger.Warn("sockets not read in the best way", "way", r.Way.String(), "attached", r.Attached, "reason", r.Reason)
	}
}

// stop makes run return.
func (p *probes) stop(error) { p.cancel() }

// ready tells whether the probes are attached.
func (p *probes) ready() bool { return p.set.Load() != nil }

// errNotReady is returned to whoever comes before the probes are attached.
var errNotReady = errors.New("the probes are not attached")

// apply puts a new config in force. What needs a restart is refused as a whole,
// because a half-applied file would be neither the old one nor the new one.
func (p *probes) apply(before, after config.Config) error {
	if !p.ready() {
		return errNotReady
	}
	if keys := config.NeedsRestart(before, after); len(keys) > 0 {
		return fmt.Errorf("%s changed: needs a restart", strings.Join(keys, ", "))
	}
	if err := p.engine.SetWatches(after.Stack.Watches); err != nil {
		return fmt.Errorf("set watches: %w", err)
	}
	if p.paths != nil && after.Locator != nil {
		if err := p.paths.Apply(after.Locator.Config); err != nil {
			return fmt.Errorf("change paths: %w", err)
		}
		p.talks.discover.Store(&after.Locator.Config.Discover)
	}
	return nil
}
