package main

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/pprof"
	"strconv"

	"github.com/packetscope/packetscope/internal/config"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
)

// newHandler returns everything that is served over HTTP.
func newHandler(flags serveFlags, logger *slog.Logger, p *probes, r *config.Reloader, alerts *alerting, traces *tracing, flows, guarder, bans http.Handler) (http.Handler, error) {
	landing, err := newLanding(*flags.pprof)
	if err != nil {
		return nil, fmt.Errorf("make landing page: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", landing)
	mux.Handle("/metrics", newMetrics(flags, logger, p, r, alerts, traces))
	mux.Handle("/api/v1/flows", flows)
	mux.Handle("/api/v1/guarder/top", guarder)
	mux.Handle("/api/v1/guarder/bans", bans)
	mux.HandleFunc("/-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "packetscope is healthy")
	})
	mux.HandleFunc("/-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if !p.ready() {
			http.Error(w, errNotReady.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "packetscope is ready")
	})
	mux.HandleFunc("/-/reload", reloadHandler(*flags.lifecycle, p, r, logger))
	if *flags.pprof {
		addProfiles(mux)
	}
	return mux, nil
}

func newLanding(profiles bool) (http.Handler, error) {
	return web.NewLandingPage(web.LandingConfig{
		Name:        "PacketScope",
		Description: "How packets move through the layers of this host's network stack",
		Version:     version.Info(),
		Profiling:   strconv.FormatBool(profiles),
		Links: []web.LandingLinks{
			{Address: "/metrics", Text: "Metrics"},
			{Address: "/-/ready", Text: "Ready", Description: "whether the probes are attached"},
			{Address: "/-/healthy", Text: "Healthy", Description: "whether the exporter answers"},
		},
	})
}

// addProfiles serves what net/http/pprof registers with the default mux only.
func addProfiles(mux *http.ServeMux) {
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
}
