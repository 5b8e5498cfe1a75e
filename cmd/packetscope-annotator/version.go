package main

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// nameVersion takes the version of a program that was built without the linker flags of the
// Makefile, as by go install, from its module.
func nameVersion() {
	if info, ok := debug.ReadBuildInfo(); ok && version.Version == "" {
		version.Version = info.Main.Version
	}
}

func addVersion(app *kingpin.Application) verb {
	app.Command("version", "Print version, revision and platform.")
	return func(_ context.Context, e env, _ *slog.Logger) error {
		_, err := fmt.Fprintln(e.stdout, version.Print(program))
		return err
	}
}
