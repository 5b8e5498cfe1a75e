package main

import (
	"log/slog"

	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/stack"
)

// engine is what the verbs need of a [stack.Engine].
type engine interface {
	Snapshot() (stack.Snapshot, error)
	Flows() (stack.FlowTable, error)
	TCP() (stack.TCP, error)
	Drops() (stack.Drops, error)
	Self() (stack.Self, error)
	SetWatches([]stack.Watch) error
	// NeedsAfterAttach names the capabilities that it goes on using.
	NeedsAfterAttach() []string
	Close() error
}

var _ engine = (*stack.Engine)(nil)

// openStack attaches the Analyzer's probes.
func openStack(cfg stack.Config, logger *slog.Logger) (engine, error) {
	opened, err := stack.Open(cfg, logger)
	if err != nil {
		// Not opened itself: a nil *stack.Engine would make a non-nil engine.
		return nil, err
	}
	return opened, nil
}

// stackNames returns what the config may call the Analyzer's probes and groups.
func stackNames() config.Names {
	return config.Names{Probes: stack.ProbeNames(), Groups: stack.ProbeGroups()}
}
