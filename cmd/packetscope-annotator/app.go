package main

import (
	"context"
	"log/slog"

	"github.com/alecthomas/kingpin/v2"
	"github.com/prometheus/common/promslog"
	promslogflag "github.com/prometheus/common/promslog/flag"
	"github.com/prometheus/common/version"
)

// A verb runs after the command line was parsed.
type verb func(ctx context.Context, e env, logger *slog.Logger) error

// finished is thrown when kingpin has done all there is to do, such as printing help; it
// would end the process otherwise.
type finished struct{}

// run parses the arguments and runs the verb that they name.
func run(ctx context.Context, e env) error {
	app := kingpin.New(program, "Explains the alerts of PacketScope.")
	app.UsageWriter(e.stdout)
	app.ErrorWriter(e.stderr)
	app.HelpFlag.Short('h')
	app.Version(version.Print(program))
	app.Terminate(func(int) { panic(finished{}) })
	logging := &promslog.Config{Writer: e.stderr}
	promslogflag.AddFlags(app, logging)

	verbs := map[string]verb{
		"serve":        addServe(app),
		"check-config": addCheckConfig(app),
		"doctor":       addDoctor(app),
		"explain":      addExplain(app),
		"healthcheck":  addHealthcheck(app),
		"version":      addVersion(app),
	}
	name, err := parse(app, e.args)
	if err != nil || name == "" {
		return err
	}
	return verbs[name](ctx, e, promslog.New(logging))
}

// parse returns the verb that the arguments name, or "" if nothing is left to do.
func parse(app *kingpin.Application, args []string) (name string, err error) {
	defer func() {
		switch thrown := recover().(type) {
		case nil:
		case finished:
			name, err = "", nil
		default:
			panic(thrown)
		}
	}()
	return app.Parse(args)
}
