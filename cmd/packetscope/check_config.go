package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/config"
	"github.com/prometheus/exporter-toolkit/web"
)

func addCheckConfig(app *kingpin.Application) verb {
	command := app.Command("check-config", "Check a config file with the files that it names, or a web config file, or both, and report all faults.")
	file := command.Arg("file", "The config file.").String()
	webFile := command.Flag("web.config.file", "The file for TLS and authentication.").String()
	return func(_ context.Context, e env, _ *slog.Logger) error { return checkConfig(e, *file, *webFile) }
}

// checkConfig reports every file that is good, and returns the faults of the
// others.
func checkConfig(e env, file, webFile string) error {
	if file == "" && webFile == "" {
		return errors.New("nothing to check (name a file)")
	}
	var faults []error
	report := func(file string, err error) {
		if err != nil {
			faults = append(faults, err)
			return
		}
		fmt.Fprintf(e.stdout, "%s: ok\n", file)
	}
	if file != "" {
		report(file, config.Check(file, e.names))
	}
	if webFile != "" {
		err := web.Validate(webFile)
		if err != nil {
			err = fmt.Errorf("%s: %w", webFile, err)
		}
		report(webFile, err)
	}
	return errors.Join(faults...)
}
