package main

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/packetscope/packetscope/internal/kernel"
)

// warnOfMissing logs what will be missing for want of a capability.
func warnOfMissing(host kernel.Host, logger *slog.Logger) {
	for _, c := range host.Capabilities() {
		if c.Without != "" {
			logger.Warn("capability missing", "capability", c.Name, "for", c.For, "without_it", c.Without)
		}
	}
}

// dropPrivileges gives up what the engines do not need once they are attached,
// and logs what is kept and what for.
func dropPrivileges(e env, needs []string, logger *slog.Logger) error {
	kept, err := e.drop(needs)
	if err != nil {
		return fmt.Errorf("drop privileges: %w (run with --privileges.keep to do without)", err)
	}
	logger.Info("privileges dropped", "kept", kept)
	for _, c := range e.host.Capabilities() {
		if slices.Contains(kept, c.Name) {
			logger.Info("privilege kept", "capability", c.Name, "for", c.For)
		}
	}
	return nil
}
