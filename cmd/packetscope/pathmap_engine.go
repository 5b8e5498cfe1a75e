package main

import (
	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// pathSampler is what the exporter needs of a [pathmap.Sampler].
type pathSampler interface {
	collector.PathMapReader
	// NeedsAfterAttach names the capabilities that it goes on using.
	NeedsAfterAttach() []string
	Close() error
}

var _ pathSampler = (*pathmap.Sampler)(nil)

// openPathMap begins to sample packets.
func openPathMap(cfg pathmap.Config) (pathSampler, error) {
	opened, err := pathmap.Open(cfg)
	if err != nil {
		return nil, err // not a nil *pathmap.Sampler, see openStack
	}
	return opened, nil
}

// pathMapOf returns how to sample under a config of the Analyzer, whose scope is that of the
// whole exporter.
func pathMapOf(cfg stack.Config) pathmap.Config {
	return pathmap.Config{OwnNamespaceOnly: cfg.OwnNamespaceOnly}
}
