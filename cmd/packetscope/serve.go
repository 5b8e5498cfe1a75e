package main

import (
	"context"
	"errors"
	"log/slog"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	actors "github.com/oklog/run"
	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/daemon"
	"github.com/packetscope/packetscope/internal/posture"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
	"github.com/prometheus/exporter-toolkit/web/kingpinflag"
)

// defaultAddress is where the exporter listens and healthcheck asks.
const defaultAddress = ":10142"

const (
	// grace is for the scrapes at hand when the exporter is told to stop.
	grace = 5 * time.Second
	// headerTimeout ends connections to sockets that never finish asking.
	headerTimeout = 10 * time.Second
)

// A serveFlags holds the command line of serve.
type serveFlags struct {
	configFile       *string
	collectors       *collectorFlags
	web              *web.FlagConfig
	lifecycle        *bool
	pprof            *bool
	maxRequests      *int
	noProcessMetrics *bool
	keepPrivileges   *bool
	guarder          guarderFlags
	tracing          tracingFlags
}

func addServe(app *kingpin.Application) verb {
	command := app.Command("serve", "Attach the probes and serve metrics (the default).").Default()
	flags := serveFlags{
		configFile: command.Flag("config.file", "Config file; without one, everything is measured with the defaults.").String(),
		collectors: addCollectorFlags(command),
		web:        kingpinflag.AddFlags(command, defaultAddress),
		lifecycle:  command.Flag("web.enable-lifecycle", "Reload the config on POST or PUT to /-/reload.").Bool(),
		pprof:      command.Flag("web.enable-pprof", "Serve profiles of the exporter under /debug/pprof/.").Bool(),
		maxRequests: command.Flag("web.max-requests", "Most scrapes at the same time; 0 for no limit.").
			Default("40").Int(),
		noProcessMetrics: command.Flag("web.disable-exporter-metrics",
			"Leave out the metrics about the exporter's own process (process_*, go_*, promhttp_*).").Bool(),
		keepPrivileges: command.Flag("privileges.keep",
			"Keep all capabilities after the probes are attached, such as the CAP_DAC_READ_SEARCH that reading a config file on reload may take.").Bool(),
	}
	flags.guarder = addGuarderFlags(command)
	flags.tracing = addTracingFlags(command)
	return func(ctx context.Context, e env, logger *slog.Logger) error { return serve(ctx, e, flags, logger) }
}

// serve runs until a signal or the end of ctx, and returns nil then.
//
// The server listens before the probes are attached, so that a supervisor can
// watch it become ready. At the end it finishes the scrapes at hand before the
// probes are detached: the actors of the group are interrupted in their order.
func serve(ctx context.Context, e env, flags serveFlags, logger *slog.Logger) error {
	load := func() (config.Config, error) {
		cfg, err := config.Load(*flags.configFile, e.names)
		return flags.collectors.amend(cfg, e.names.Groups), err
	}
	first, err := load()
	if err != nil {
		return err
	}
	logger.Info("starting packetscope", "version", version.Info(), "build", version.BuildContext())
	warnOfMissing(e.host, logger)

	p := newProbes(e, *flags.keepPrivileges, logger)
	reloader := config.NewReloader(first, load, p.apply, e.now)
	flows := &flowsAPI{probes: p, enabled: first.Flows.API, owners: e.owners}
	guarder := newGuarderAPI(flags.guarder.source(), first.Guarder.API, e.now)
	bans := newGuarderBans(flags.guarder.source(), first.Guarder.Bans)
	alerts, err := newAlerting(first.Alerting, flags.guarder, e.now, logger)
	if err != nil {
		return err
	}
	traces, err := newTracing(flags.tracing, first, e, logger)
	if err != nil {
		return err
	}
	if traces != nil {
		p.alsoNeeds = tracingNeeds
	}
	handler, err := newHandler(flags, logger, p, reloader, alerts, traces, flows, guarder, bans)
	if err != nil {
		return err
	}
	server := daemon.NewServer(daemon.Config{Flags: flags.web, Handler: handler, Logger: logger, Grace: grace, Listening: e.listening})
	attach := func() error {
		want := wanted{sockets: flags.collectors.enabled(metric.CollectorSockets), pathMap: flags.collectors.enabled(metric.CollectorPathMap)}
		return p.run(server.Ready, first, want, func(attached engines) *collector.Set {
			attached.posture = posture.NewReader(e.posture, e.now)
			attached.guarder, attached.where = flags.guarder.source(), locateBy(attached.geo.atlas)
			alerts.locate(attached.where)
			return flags.collectors.newSet(attached, first, e.now, logger)
		})
	}
	reloads := newReloads(e.hangups(), p.attached, reloader, logger)

	var group actors.Group
	group.Add(actors.SignalHandler(ctx, syscall.SIGINT, syscall.SIGTERM))
	group.Add(server.Run, server.Stop)
	group.Add(attach, p.stop)
	group.Add(reloads.run, reloads.stop)
	if alerts != nil {
		group.Add(alerts.run, alerts.stop)
	}
	if traces != nil {
		group.Add(traces.run(p.attached), traces.stop)
	}

	err = group.Run()
	if errors.Is(err, actors.ErrSignal) || ctx.Err() != nil {
		logger.Info("stopped", "reason", err)
		err = nil
	}
	return errors.Join(explain(err, e.host), p.closeErr)
}
