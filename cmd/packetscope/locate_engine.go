package main

import (
	"context"

	"github.com/packetscope/packetscope/internal/locator"
)

// pathEngine is what the verb needs of a [locator.Engine].
type pathEngine interface {
	// Run measures until ctx ends, and gives back what the engine holds.
	Run(ctx context.Context) error
	// Snapshot may be called before, during and after Run.
	Snapshot() *locator.Snapshot
}
