package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/reload"
	"github.com/prometheus/client_golang/prometheus"
)

// reloads serves the requests to reload that come as a signal.
type reloads struct {
	hangups  <-chan os.Signal
	reloader *reload.Reloader[config.Config]
	logger   *slog.Logger

	ctx    context.Context
	cancel context.CancelFunc
}

func newReloads(hangups <-chan os.Signal, r *reload.Reloader[config.Config], logger *slog.Logger) *reloads {
	ctx, cancel := context.WithCancel(context.Background())
	return &reloads{hangups: hangups, reloader: r, logger: logger, ctx: ctx, cancel: cancel}
}

// run reloads at each signal until stop.
func (r *reloads) run() error {
	for {
		select {
		case <-r.hangups:
			reloadConfig(r.reloader, r.logger)
		case <-r.ctx.Done():
			return nil
		}
	}
}

// stop makes run return.
func (r *reloads) stop(error) { r.cancel() }

// reloadConfig reloads the config and logs how it went, one line per fault.
func reloadConfig(r *reload.Reloader[config.Config], logger *slog.Logger) error {
	err := r.Reload()
	if err == nil {
		logger.Info("config reloaded")
		return nil
	}
	for line := range strings.Lines(err.Error()) {
		logger.Error("config not reloaded, the old one stays", "err", strings.TrimSuffix(line, "\n"))
	}
	return err
}

// reloadHandler reloads on POST and PUT.
func reloadHandler(enabled bool, r *reload.Reloader[config.Config], logger *slog.Logger) http.HandlerFunc {
	return func(w http.ResponseWriter, request *http.Request) {
		switch {
		case !enabled:
			http.Error(w, "reloading is off (start with --web.enable-lifecycle)", http.StatusForbidden)
		case request.Method != http.MethodPost && request.Method != http.MethodPut:
			w.Header().Set("Allow", "POST, PUT")
			http.Error(w, "use POST or PUT", http.StatusMethodNotAllowed)
		default:
			if err := reloadConfig(r, logger); err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			fmt.Fprintln(w, "config reloaded")
		}
	}
}

// reloadCollector exposes the state of a Reloader.
type reloadCollector struct {
	reloader *reload.Reloader[config.Config]
}

// Describe implements prometheus.Collector.
func (reloadCollector) Describe(ch chan<- *prometheus.Desc) {
	ch <- metric.ConfigReloadSuccessful.Desc()
	ch <- metric.ConfigReloadSuccessTime.Desc()
}

// Collect implements prometheus.Collector.
func (c reloadCollector) Collect(ch chan<- prometheus.Metric) {
	status := c.reloader.Status()
	successful := 0.0
	if status.Successful {
		successful = 1
	}
	ch <- metric.ConfigReloadSuccessful.Gauge(successful)
	ch <- metric.ConfigReloadSuccessTime.Gauge(float64(status.LastSuccess.UnixMilli()) / 1000)
}
