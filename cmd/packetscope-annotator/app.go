package main

import (
	"context"
	"log/slog"

	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/daemon"
	"github.com/prometheus/common/promslog"
)

// A verb runs after the command line was parsed.
type verb func(ctx context.Context, e env, logger *slog.Logger) error

// bare is a verb that takes neither the env nor the log.
func bare(f func(context.Context) error) verb {
	return func(ctx context.Context, _ env, _ *slog.Logger) error { return f(ctx) }
}

// run parses the arguments and runs the verb that they name.
func run(ctx context.Context, e env) error {
	app, logging := daemon.NewApp(program, "Explains the alerts of PacketScope.", e.stdout, e.stderr)

	verbs := map[string]verb{
		"serve":        addServe(app),
		"check-config": addCheckConfig(app),
		"doctor":       addDoctor(app),
		"explain":      addExplain(app),
		"healthcheck":  bare(daemon.AddHealthcheck(app, "annotator", "http://127.0.0.1"+config.DefaultAddress+"/-/ready")),
		"salvage":      addSalvage(app),
		"version":      bare(daemon.AddVersion(app, e.stdout)),
	}
	name, err := daemon.Parse(app, e.args)
	if err != nil || name == "" {
		return err
	}
	return verbs[name](ctx, e, promslog.New(logging))
}
