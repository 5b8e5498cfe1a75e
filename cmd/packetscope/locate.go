package main

import (
	"context"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"
)

// addLocate adds the verbs of Locator.
func addLocate(app *kingpin.Application) map[string]verb {
	locate := app.Command("locate", "Locator: show the paths to destinations hop by hop, and how they changed.")
	return map[string]verb{
		"locate run":     addLocateRun(locate),
		"locate history": addLocateHistory(locate),
		"locate diff":    addLocateDiff(locate),
	}
}

func addLocateRun(locate *kingpin.CmdClause) verb {
	command := locate.Command("run", "Measure paths, like mtr; run need not be written. Status 1 if a destination is not reached.").Default()
	flags := newLocateFlags(command)
	return func(ctx context.Context, e env, logger *slog.Logger) error {
		ctx, stop := untilInterrupted(ctx)
		defer stop()
		return runLocate(ctx, e, flags, screenOf(e.stdout), logger)
	}
}

// runLocate measures until there is enough or ctx ends.
func runLocate(ctx context.Context, e env, flags locateFlags, screen screen, logger *slog.Logger) error {
	setup, err := flags.setup(e)
	if err != nil {
		return err
	}
	engine, err := e.openLocator(setup, logger)
	if err != nil {
		return err
	}
	return watchPaths(ctx, e, engine, flags.watch(screen))
}
