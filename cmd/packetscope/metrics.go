package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/config"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics answers scrapes. What the exporter knows about its own process is in
// a registry apart from the data, so that it can be left out.
type metrics struct {
	probes  *probes
	options promhttp.HandlerOpts
	// process is nil if it is to be left out.
	process *prometheus.Registry
	// exporter holds what there is with and without probes.
	exporter *prometheus.Registry
}

func newMetrics(flags serveFlags, logger *slog.Logger, p *probes, r *config.Reloader, alerts *alerting, traces *tracing) http.Handler {
	m := &metrics{
		probes: p,
		options: promhttp.HandlerOpts{
			ErrorLog:      slog.NewLogLogger(logger.Handler(), slog.LevelError),
			ErrorHandling: promhttp.ContinueOnError,
			// Exemplars need it, if a server does not speak protobuf.
			EnableOpenMetrics: true,
		},
		exporter: prometheus.NewRegistry(),
	}
	m.exporter.MustRegister(versioncollector.NewCollector("packetscope"), reloadCollector{r})
	if alerts != nil {
		m.exporter.MustRegister(alerts)
	}
	if traces != nil {
		m.exporter.MustRegister(traces)
	}
	var handler http.Handler = m
	if !*flags.noProcessMetrics {
		m.process = prometheus.NewRegistry()
		m.process.MustRegister(
			collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
			collectors.NewGoCollector(),
		)
		m.options.Registry = m.process
		handler = promhttp.InstrumentMetricHandler(m.process, m)
	}
	return limitConcurrency(*flags.maxRequests, handler)
}

// ServeHTTP serves all metrics or, if the query names collectors in collect[]
// or exclude[], only those of the ones chosen. Before the probes are attached
// there are only the exporter's own metrics.
func (m *metrics) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	chosen, err := filter(m.probes.set.Load(), query["collect[]"], query["exclude[]"])
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	var gatherers prometheus.Gatherers
	if len(query["collect[]"]) == 0 {
		gatherers = append(gatherers, m.exporter)
		if m.process != nil {
			gatherers = append(gatherers, m.process)
		}
	}
	if chosen != nil {
		// A registry for each scrape, for it to hold what this one asks for; it
		// costs microseconds and keeps the checks of a registry.
		data := prometheus.NewRegistry()
		data.MustRegister(chosen)
		gatherers = append(gatherers, data)
	}
	promhttp.HandlerFor(gatherers, m.options).ServeHTTP(w, r)
}

// filter returns the collectors that a query asks for. All is nil before there
// are any, and so is the result then.
func filter(all *collector.Set, collect, exclude []string) (*collector.Set, error) {
	switch {
	case len(collect) > 0 && len(exclude) > 0:
		return nil, errors.New("collect[] and exclude[] cannot be combined")
	case all == nil:
		return nil, nil
	case len(collect) > 0:
		return all.Filter(collect)
	case len(exclude) > 0:
		return all.Exclude(exclude)
	}
	return all, nil
}

// limitConcurrency turns away requests while most others are being served; 0
// stands for no limit. The limit that promhttp has is per handler, of which
// there is a new one for each request here.
func limitConcurrency(most int, next http.Handler) http.Handler {
	if most <= 0 {
		return next
	}
	slots := make(chan struct{}, most)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case slots <- struct{}{}:
			defer func() { <-slots }()
			next.ServeHTTP(w, r)
		default:
			http.Error(w, fmt.Sprintf("more than %d scrapes at the same time (see --web.max-requests)", most),
				http.StatusServiceUnavailable)
		}
	})
}
