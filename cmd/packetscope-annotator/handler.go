package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/api"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/annotator/webhook"
	"github.com/packetscope/packetscope/internal/reload"
	"github.com/prometheus/common/version"
	"github.com/prometheus/exporter-toolkit/web"
)

// newAPI returns what answers Alertmanager, and those who ask.
func newAPI(s *service, r *reload.Reloader[config.Config], limits webhook.Limits, now func() time.Time, logger *slog.Logger) *api.Handler {
	hook := webhook.New(s, limits, api.ForWebhook(s))
	hook.Report = s.report
	return api.New(api.Options{
		Engine: s, Store: s, Models: s, Inbox: s, Webhook: hook, Auth: s, Logger: logger, Now: now,
		Config: func() (json.RawMessage, error) { return json.Marshal(r.Current()) },
	})
}

// newPages returns what else is served.
func newPages(s *service, r *reload.Reloader[config.Config], lifecycle bool, logger *slog.Logger) (http.Handler, error) {
	landing, err := web.NewLandingPage(web.LandingConfig{
		Name:        "PacketScope Annotator",
		Description: "What the alerts of PacketScope mean",
		Version:     version.Info(),
		Links: []web.LandingLinks{
			{Address: "/metrics", Text: "Metrics"},
			{Address: "/api/v1/episodes", Text: "Episodes", Description: "alerts and their explanations, as JSON"},
			{Address: "/api/v1/status", Text: "Status", Description: "models, and what waits, as JSON"},
			{Address: "/-/ready", Text: "Ready", Description: "whether alerts are taken"},
			{Address: "/-/healthy", Text: "Healthy", Description: "whether the annotator answers"},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("make landing page: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("/", landing)
	mux.Handle("/metrics", newMetrics(s, r, logger))
	mux.HandleFunc("/-/healthy", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, program+" is healthy")
	})
	mux.HandleFunc("/-/ready", func(w http.ResponseWriter, _ *http.Request) {
		if err := s.ready(); err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, program+" is ready")
	})
	mux.HandleFunc("/-/reload", reloadHandler(lifecycle, r, logger))
	return mux, nil
}
