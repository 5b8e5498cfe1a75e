// Command paths measures paths by a configuration of the exporter, for tests, and serves
// its metrics at the listening socket that is its fourth file.
//
//	paths packetscope.yaml
package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/config"
	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/network"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(ctx, os.Args[1], logger); err != nil {
		logger.Error("ended", "err", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, file string, logger *slog.Logger) error {
	cfg, err := config.Load(file, config.Names{})
	if err != nil {
		return err
	}
	atlas := geo.Open(geo.Config{Databases: cfg.Geo.Databases, Overrides: cfg.Geo.Overrides})
	lists := geo.OpenBlocklists(geo.BlockConfig{Files: cfg.Geo.Blocklists})
	if err := errors.Join(atlas.Err(), lists.Err()); err != nil {
		return err
	}
	probing, err := network.Open(network.Config{Timeout: cfg.Locator.Config.Timeout, Logger: logger})
	if err != nil {
		return err
	}
	defer probing.Close()
	cfg.Locator.Config.Discover.Every = 2 * time.Second // there is no key for it
	engine, err := locator.New(cfg.Locator.Config, locator.Parts{Network: probing, Atlas: atlas, Blocklists: lists, Logger: logger})
	if err != nil {
		return err
	}
	listener, err := net.FileListener(os.NewFile(3, "listener"))
	if err != nil {
		return err
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector.NewSet(logger, time.Now, collector.NewPath(engine, collector.NewStack(nil, collector.StackOptions{}))))
	server := http.Server{Handler: promhttp.HandlerFor(registry, promhttp.HandlerOpts{})}
	go server.Serve(listener)
	defer server.Close()
	return engine.Run(ctx)
}
