package main

import (
	"fmt"
	"log/slog"
	"slices"

	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/stack"
)

// needer is an engine that knows which capabilities it still needs.
type needer interface {
	NeedsAfterAttach() []string
}

// dropPrivileges gives up what the engine does not need once it is attached,
// and logs what is kept and what for.
func dropPrivileges(e env, attached engine, cfg stack.Config, logger *slog.Logger) error {
	needs := neededAfterAttach(cfg)
	if n, ok := attached.(needer); ok {
		needs = n.NeedsAfterAttach()
	}
	kept, err := e.drop(needs)
	if err != nil {
		return fmt.Errorf("drop privileges: %w (run with --privileges.keep to do without)", err)
	}
	logger.Info("privileges dropped", "kept", kept)
	for _, c := range e.host.Capabilities() {
		if slices.Contains(kept, c.Name) {
			logger.Debug("privilege kept", "capability", c.Name, "for", c.For)
		}
	}
	return nil
}

// neededAfterAttach is a safe guess for an engine that does not tell.
func neededAfterAttach(cfg stack.Config) []string {
	// Names of kernel functions are read when they are first seen.
	needs := []string{kernel.CapSyslog}
	if !cfg.OwnNamespaceOnly {
		needs = append(needs, kernel.CapSysPtrace, kernel.CapNetAdmin, kernel.CapBPF, kernel.CapPerfmon)
	}
	if !cfg.OwnNamespaceOnly || cfg.RunStats == stack.RunStatsSampled {
		needs = append(needs, kernel.CapSysAdmin)
	}
	return needs
}
