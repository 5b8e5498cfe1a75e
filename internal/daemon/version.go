package daemon

import (
	"context"
	"fmt"
	"io"
	"runtime/debug"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/version"
)

// NameVersion takes the version of a program that was built without the linker flags of
// the Makefile, as by go install, from its module. It comes before all else.
func NameVersion() {
	if info, ok := debug.ReadBuildInfo(); ok && version.Version == "" {
		version.Version = info.Main.Version
	}
}

// AddVersion adds the verb that prints which program this is.
func AddVersion(app *kingpin.Application, stdout io.Writer) func(context.Context) error {
	app.Command("version", "Print version, revision and platform.")
	return func(context.Context) error {
		_, err := fmt.Fprintln(stdout, version.Print(app.Name))
		return err
	}
}
