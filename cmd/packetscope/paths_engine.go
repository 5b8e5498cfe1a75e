package main

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/names"
	"github.com/packetscope/packetscope/internal/locator/network"
)

// pathService is what the exporter needs of a running [locator.Engine].
type pathService interface {
	Snapshot() *locator.Snapshot
	// Apply puts another configuration in force.
	Apply(locator.Config) error
	// Needs names the capabilities that it goes on using.
	Needs() []string
	// Close ends it and waits for that.
	Close() error
}

// A pathSetup is what paths are measured with.
type pathSetup struct {
	config.Locator
	geo geoFiles
	// flows reads what the host talks to.
	flows *talks
}

// geoFiles are the files of the configuration, opened; each is nil if there is none.
type geoFiles struct {
	atlas      *geo.Atlas
	blocklists *geo.Blocklists
}

// openGeo opens the files. What is wrong with one is logged, and it is tried again when it
// changes.
func openGeo(files config.GeoFiles, logger *slog.Logger) geoFiles {
	var g geoFiles
	if len(files.Databases)+len(files.Overrides) > 0 {
		g.atlas = geo.Open(geo.Config{Databases: files.Databases, Overrides: files.Overrides, Logger: logger})
	}
	if len(files.Blocklists) > 0 {
		g.blocklists = geo.OpenBlocklists(geo.BlockConfig{Files: files.Blocklists, MaxAge: files.BlocklistMaxAge, Logger: logger})
	}
	return g
}

// watch loads files again when they change, until the context ends.
func (g geoFiles) watch(ctx context.Context, running *sync.WaitGroup) {
	if g.atlas != nil {
		running.Go(func() { g.atlas.Watch(ctx) })
	}
	if g.blocklists != nil {
		running.Go(func() { g.blocklists.Watch(ctx) })
	}
}

// openPaths begins to measure, in the network namespace of the calling thread.
func openPaths(setup pathSetup, logger *slog.Logger) (pathService, error) {
	way := network.Way(slices.Index(locateWays, setup.Way))
	probing, err := network.Open(network.Config{Way: way, Timeout: setup.Config.Timeout, Logger: logger})
	if err != nil {
		return nil, fmt.Errorf("open sockets: %w", err)
	}
	s := &pathRun{locatorRun: locatorRun{network: probing}, done: make(chan error, 1)}
	parts := locator.Parts{Network: probing, Atlas: setup.geo.atlas, Blocklists: setup.geo.blocklists, Logger: logger}
	if !setup.Config.NoNames {
		s.names = names.New(names.Config{})
		parts.Names = s.names
	}
	parts.Flows = setup.flows.read
	if s.Engine, err = locator.New(setup.Config, parts); err != nil {
		s.close()
		return nil, err
	}
	var ctx context.Context
	ctx, s.cancel = context.WithCancel(context.Background())
	go func() { s.done <- s.Run(ctx) }()
	return s, nil
}

// A pathRun is an engine that runs.
type pathRun struct {
	locatorRun
	cancel context.CancelFunc
	done   chan error
}

// Needs implements pathService. Sockets of TCP are opened when the first probe needs one.
func (s *pathRun) Needs() []string {
	if s.network.Stats().Way == network.Raw {
		return []string{kernel.CapNetRaw}
	}
	return nil
}

// Close implements pathService.
func (s *pathRun) Close() error {
	s.cancel()
	return <-s.done
}
