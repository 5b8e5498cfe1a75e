package main

import (
	"log/slog"
	"slices"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/sockets"
	"github.com/packetscope/packetscope/internal/stack"
)

// socketEngine is what the verbs need of a [sockets.Engine].
type socketEngine interface {
	Snapshot() (sockets.Snapshot, error)
	List() (sockets.Listing, error)
	Report() (sockets.Report, error)
	// NeedsAfterAttach names the capabilities that it goes on using.
	NeedsAfterAttach() []string
	Close() error
}

var _ socketEngine = (*sockets.Engine)(nil)

// openSockets finds a way to read sockets.
func openSockets(cfg sockets.Config, logger *slog.Logger) (socketEngine, error) {
	opened, err := sockets.Open(cfg, logger)
	if err != nil {
		return nil, err // not a nil *sockets.Engine, see openStack
	}
	return opened, nil
}

// socketsOf returns what to read of sockets under a config of the Analyzer, whose
// scope is that of the whole exporter.
func socketsOf(cfg stack.Config) sockets.Config {
	return sockets.Config{OwnNamespaceOnly: cfg.OwnNamespaceOnly}
}

// engines are those that are open.
type engines struct {
	stack engine
	// sockets is nil if they are not wanted.
	sockets socketEngine
	posture collector.PostureReader
	// guarder is nil if nobody asked for it.
	guarder collector.GuarderReader
	// paths is nil without the section locator, and if pathsErr says why it could not be
	// opened.
	paths    pathService
	pathsErr error
	// pathMap is nil if it is not wanted, and if pathMapErr says why it could not be opened.
	pathMap    pathSampler
	pathMapErr error
	geo        geoFiles
	// where is nil if nobody tells where addresses belong.
	where collector.Locate
}

// needs names the capabilities that the engines go on using, and others do.
func (e engines) needs(others ...string) []string {
	names := slices.Concat(e.stack.NeedsAfterAttach(), others)
	if e.sockets != nil {
		names = append(names, e.sockets.NeedsAfterAttach()...)
	}
	if e.pathMap != nil {
		names = append(names, e.pathMap.NeedsAfterAttach()...)
	}
	if e.paths != nil {
		names = append(names, e.paths.Needs()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
