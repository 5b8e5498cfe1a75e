package main

import (
	"log/slog"
	"net/http"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/reload"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// mostScrapes is how many are answered at a time.
const mostScrapes = 10

// newMetrics answers scrapes.
func newMetrics(s *service, r *reload.Reloader[config.Config], logger *slog.Logger) http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		versioncollector.NewCollector("packetscope"), reloadCollector{r},
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), collectors.NewGoCollector(),
		collector.NewSet(logger, s.now, collector.NewAnnotator(s)),
	)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{
		ErrorLog:            slog.NewLogLogger(logger.Handler(), slog.LevelError),
		ErrorHandling:       promhttp.ContinueOnError,
		MaxRequestsInFlight: mostScrapes,
		EnableOpenMetrics:   true,
	})
}

// Annotator implements collector.AnnotatorReader.
func (s *service) Annotator() (collector.Annotator, error) {
	e := s.engine.Load()
	n := e.Snapshot()
	a := collector.Annotator{
		Since: n.Since, At: s.now(),
		Requests: n.Requests, RequestSeconds: observations(n.RequestSeconds), Alerts: n.Alerts, Truncated: n.Truncated, Duplicates: n.Duplicates,
		Inbox:      collector.Waiting{Count: n.Depth.Messages, Oldest: n.Depth.Oldest},
		InboxBytes: n.Depth.Bytes, FileBytes: n.Depth.FileBytes, FreeBytes: n.Depth.FreeBytes,
		Reconciled: n.Reconciled, Open: n.Depth.Open, Closed: n.Depth.Closed, Storm: n.Storm,
		Jobs: map[[2]string]uint64{}, JobSeconds: map[string]metric.Observations{}, PendingJobs: n.Depth.Jobs, FirstSeconds: observations(n.FirstSeconds),
		Queries: map[[2]string]uint64{}, FactsSeconds: observations(n.FactsSeconds), Explanations: map[[3]string]uint64{},
		Withheld: n.Withheld, Suspected: n.Suspect, Feedback: n.Feedback,
		Skipped: n.Skipped, Rejections: n.Rejections, Cache: n.Cache,
		Suggestions: map[string]uint64{}, SuggestionRejections: n.Refused, Dead: map[string]int{},
	}
	for key, count := range n.Jobs {
		a.Jobs[[2]string{key.Step, key.Result}] = count
	}
	for stage, h := range n.JobSeconds {
		a.JobSeconds[stage] = observations(h)
	}
	for key, count := range n.Queries {
		a.Queries[[2]string{key.Name, key.Result}] = count
	}
	for key, count := range n.Explanations {
		a.Explanations[[3]string{key.By, key.Verdict, key.Confidence}] = count
	}
	for state, count := range n.Proposals {
		a.Suggestions[string(state)] = count
	}
	for _, kind := range store.Kinds {
		a.Dead[string(kind)] = n.Depth.Dead[kind]
	}
	if n.TokensLimited {
		a.TokensLeft = &n.TokensLeft
	}
	a.Providers, a.Sinks = providersOf(n), sinksOf(n, e.parts)
	return a, nil
}

func observations(h annotator.Histogram) metric.Observations {
	return metric.Observations{Counts: h.Buckets[:], Sum: h.SumSeconds}
}

func providersOf(n annotator.Snapshot) (all []collector.AnnotatorProvider) {
	for _, status := range n.Providers {
		name := status.Provider
		p := collector.AnnotatorProvider{
			Name: name, Mode: string(status.Mode), Broken: status.Skip == model.SkipBreaker,
			Requests: map[string]uint64{}, Seconds: observations(n.ModelSeconds[name]), Cost: n.Cost[name],
			PromptTokens:     n.Tokens[annotator.Tokens{Provider: name, Kind: "prompt"}],
			CompletionTokens: n.Tokens[annotator.Tokens{Provider: name, Kind: "completion"}],
		}
		for key, count := range n.Models {
			if key.Provider == name {
				p.Requests[key.Class] = count
			}
		}
		all = append(all, p)
	}
	return all
}

func sinksOf(n annotator.Snapshot, parts annotator.Parts) (all []collector.AnnotatorSink) {
	for _, s := range parts.Sinks {
		name := s.Name()
		line := n.Depth.Outbox[name]
		k := collector.AnnotatorSink{
			Name: name, Requests: map[string]uint64{}, Paused: n.Paused[name], Unfit: n.Unfit[name],
			Outbox: collector.Waiting{Count: line.Waiting, Oldest: line.Oldest},
		}
		for key, count := range n.Sent {
			if key.Sink == name {
				k.Requests[key.Class] = count
			}
		}
		all = append(all, k)
	}
	return all
}
