package main

import (
	"context"
	"log/slog"
	"maps"

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
	app, logging := daemon.NewApp("packetscope",
		"Prometheus exporter that shows how packets move through the layers of the Linux network stack.", e.stdout, e.stderr)

	verbs := map[string]verb{
		"serve":        addServe(app),
		"doctor":       addDoctor(app),
		"drops":        addDrops(app),
		"flows":        addFlows(app),
		"sockets":      addSockets(app),
		"check-config": addCheckConfig(app),
		"healthcheck":  bare(daemon.AddHealthcheck(app, "exporter", "http://127.0.0.1"+defaultAddress+"/-/ready")),
		"version":      bare(daemon.AddVersion(app, e.stdout)),
	}
	maps.Copy(verbs, addGuard(app))
	maps.Copy(verbs, addGeodb(app))
	maps.Copy(verbs, addLocate(app))
	maps.Copy(verbs, addTrace(app))
	name, err := daemon.Parse(app, e.args)
	if err != nil || name == "" {
		return err
	}
	return verbs[name](ctx, e, promslog.New(logging))
}
