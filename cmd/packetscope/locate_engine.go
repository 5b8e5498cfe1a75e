package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"

	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/names"
	"github.com/packetscope/packetscope/internal/locator/network"
)

// pathEngine is what the verb needs of a [locator.Engine].
type pathEngine interface {
	// Run measures until ctx ends, and gives back what the engine holds.
	Run(ctx context.Context) error
	// Snapshot may be called before, during and after Run.
	Snapshot() *locator.Snapshot
}

// locateWays are what --way may be.
var locateWays = []string{network.Auto.String(), network.Raw.String(), network.Queue.String()}

// openLocator opens sockets, which running the engine closes. By raw sockets all are
// opened here, in the network namespace of the calling thread. By error queues those for
// TCP and ICMP are opened later by other threads: that way is only for a process that is
// in one namespace as a whole.
func openLocator(setup locateSetup, logger *slog.Logger) (pathEngine, error) {
	logger = slog.New(warnings{logger.Handler()})
	way := network.Way(slices.Index(locateWays, setup.way))
	probing, err := network.Open(network.Config{Way: way, Timeout: setup.config.Timeout, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("open sockets: %w", err)
	}
	run := &locatorRun{network: probing}
	if !setup.config.NoNames {
		run.names = names.New(names.Config{})
	}
	run.Engine, err = locator.New(setup.config, locator.Parts{
		Network: probing, Atlas: setup.atlas, Blocklists: setup.blocklists, Names: run.names, Logger: logger,
	})
	if err != nil {
		run.close()
		return nil, err
	}
	return run, nil
}

// A locatorRun is an engine with what was opened for it.
type locatorRun struct {
	*locator.Engine
	network *network.Network
	names   *names.Names // nil without
}

// Run implements pathEngine.
func (r *locatorRun) Run(ctx context.Context) error {
	defer r.close()
	return r.Engine.Run(ctx)
}

func (r *locatorRun) close() {
	r.network.Close()
	if r.names != nil {
		r.names.Close()
	}
}

// warnings passes on what is a warning or worse: all else is in the table, which lines
// between would damage.
type warnings struct{ slog.Handler }

// Enabled implements slog.Handler.
func (w warnings) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && w.Handler.Enabled(ctx, level)
}

// WithAttrs implements slog.Handler.
func (w warnings) WithAttrs(attrs []slog.Attr) slog.Handler {
	return warnings{w.Handler.WithAttrs(attrs)}
}

// WithGroup implements slog.Handler.
func (w warnings) WithGroup(name string) slog.Handler { return warnings{w.Handler.WithGroup(name)} }
