package main

import (
	"fmt"
	"log/slog"
	"slices"
)

// dropPrivileges gives up what the engine does not need once it is attached,
// and logs what is kept and what for.
func dropPrivileges(e env, attached engine, logger *slog.Logger) error {
	kept, err := e.drop(attached.NeedsAfterAttach())
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
