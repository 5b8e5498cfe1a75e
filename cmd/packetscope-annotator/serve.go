package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"time"

	"github.com/alecthomas/kingpin/v2"
	actors "github.com/oklog/run"
	"github.com/packetscope/packetscope/internal/annotator/api"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/daemon"
	"github.com/packetscope/packetscope/internal/reload"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
)

// grace is for the requests at hand when the annotator is told to stop; with that of the
// engine it is within the 10 s of Docker.
const grace = 3 * time.Second

// A serveFlags holds the command line of serve.
type serveFlags struct {
	configFile, address *string
	lifecycle           *bool
}

func addServe(app *kingpin.Application) verb {
	command := app.Command("serve", "Take alerts and explain them (the default).").Default()
	flags := serveFlags{
		configFile: command.Flag("config.file", "Config file; without one, alerts are explained without evidence and told to nobody.").String(),
		address:    command.Flag("web.listen-address", "Address to listen on, in place of listen.address of the config.").String(),
		lifecycle:  command.Flag("web.enable-lifecycle", "Reload the config on POST or PUT to /-/reload.").Bool(),
	}
	return func(ctx context.Context, e env, logger *slog.Logger) error { return serve(ctx, e, flags, logger) }
}

// serve runs until a signal or the end of ctx, and returns nil then.
//
// At the end messages are turned away first, then the requests at hand are finished, then
// the steps, and the store is closed last.
func serve(ctx context.Context, e env, flags serveFlags, logger *slog.Logger) (err error) {
	load := func() (config.Config, error) { return loadConfig(*flags.configFile, logger) }
	first, err := load()
	if err != nil {
		return err
	}
	logger.Info("starting "+program, "version", version.Info(), "build", version.BuildContext())
	c := first.Store
	c.Logger = logger
	s, err := openStore(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	service, err := newService(first, s, e.now, logger)
	if err != nil {
		return err
	}
	defer service.close()
	reloader := reload.New(first, load, service.apply, e.now)
	limits := first.Listen.Limits
	limits.Store = e.within
	h := newAPI(service, reloader, limits, e.now, logger)
	defer h.Close()
	if h.Else, err = newPages(service, reloader, *flags.lifecycle, logger); err != nil {
		return err
	}
	server := daemon.NewServer(daemon.Config{Flags: webFlags(first, *flags.address), Handler: h, Logger: logger, Grace: grace, Listening: e.listening})
	return serveAll(ctx, e, service, server, newReloads(e.hangups(), reloader, logger), logger)
}

// openDoor says what it means that there are no tokens.
const openDoor = "whoever reaches the port, and gets by listen.web_config, can send alerts, read episodes, explanations and the audit log, " +
	"and have models asked; nobody can approve: list auth.tokens"

// loadConfig reads the config. Faults of files that are read later, such as those with
// secrets, are no reason not to run: they are logged.
func loadConfig(file string, logger *slog.Logger) (config.Config, error) {
	cfg, err := config.Load(file)
	if err == nil && len(cfg.Tokens) == 0 {
		logger.Warn("no tokens are configured", "risk", openDoor)
	}
	if err != nil || file == "" {
		return cfg, err
	}
	if err := config.Check(file); err != nil {
		for line := range strings.Lines(err.Error()) {
			logger.Warn("config names something that is not in order", "err", strings.TrimSuffix(line, "\n"))
		}
	}
	return cfg, nil
}

// serveAll runs until one of the actors ends.
func serveAll(ctx context.Context, e env, service *service, server *daemon.Server, reloads *reloads, logger *slog.Logger) error {
	working, cancel := context.WithCancel(ctx)
	defer cancel()
	var group actors.Group
	group.Add(actors.SignalHandler(ctx, syscall.SIGINT, syscall.SIGTERM))
	group.Add(server.Run, func(err error) {
		service.Drain()
		server.Stop(err)
	})
	group.Add(func() error { return service.run(working) }, func(error) { cancel() })
	group.Add(reloads.run, reloads.stop)
	go func() {
		select {
		case <-server.Ready:
			logger.Info("ready")
			if err := e.notifyReady(); err != nil {
				logger.Warn("service manager not told", "err", err)
			}
		case <-working.Done():
		}
	}()
	err := group.Run()
	if errors.Is(err, actors.ErrSignal) || ctx.Err() != nil {
		logger.Info("stopped", "reason", err)
		return nil
	}
	return err
}

// webFlags returns what the toolkit wants to know.
func webFlags(cfg config.Config, address string) *web.FlagConfig {
	if address == "" {
		address = cfg.Listen.Address
	}
	addresses, systemd, file := []string{address}, false, cfg.Listen.WebConfig
	return &web.FlagConfig{WebListenAddresses: &addresses, WebSystemdSocket: &systemd, WebConfigFile: &file}
}

var _ api.Engine = (*service)(nil)
