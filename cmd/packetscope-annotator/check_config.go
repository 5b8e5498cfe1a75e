package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/prometheus/exporter-toolkit/web"
)

func addCheckConfig(app *kingpin.Application) verb {
	command := app.Command("check-config", "Check a config file with all files that it names, and report all faults.")
	file := command.Arg("file", "The config file.").Required().String()
	return func(_ context.Context, e env, _ *slog.Logger) error { return checkConfig(e, *file) }
}

// checkConfig reports a file that is good, or returns its faults. It asks nobody: that is
// for doctor.
func checkConfig(e env, file string) error {
	if err := config.Check(file); err != nil {
		return err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	if cfg.Listen.WebConfig != "" {
		if err := web.Validate(cfg.Listen.WebConfig); err != nil {
			return fmt.Errorf("%s: %w", cfg.Listen.WebConfig, err)
		}
	}
	_, err = fmt.Fprintf(e.stdout, "%s: ok\n", file)
	return err
}
