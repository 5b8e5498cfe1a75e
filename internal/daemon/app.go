package daemon

import (
	"io"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
)

// finished is thrown when kingpin has done all there is to do, such as printing help; it
// would end the process otherwise.
type finished struct{}

// NewApp returns the command line of a program, with its help, its version and the flags
// of its log, which is written to stderr. It is read by [Parse].
func NewApp(name, help string, stdout, stderr io.Writer) (*kingpin.Application, *promslog.Config) {
	app := kingpin.New(name, help)
	app.UsageWriter(stdout)
	app.ErrorWriter(stderr)
	app.HelpFlag.Short('h')
	app.Version(version.Print(name))
	app.Terminate(func(int) { panic(finished{}) })
	logging := &promslog.Config{Writer: stderr}
	promslogflag.AddFlags(app, logging)
	return app, logging
}

// Parse returns the verb that the arguments name, or "" if nothing is left to do.
func Parse(app *kingpin.Application, args []string) (verb string, err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case finished:
			verb, err = "", nil
		default:
			panic(thrown)
		}
	}()
	return app.Parse(args)
}
