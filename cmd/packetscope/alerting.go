package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/alert"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/prometheus/client_golang/prometheus"
)

// alerting tells Alertmanagers of Guarder's alerts, next to all else that the exporter does.
type alerting struct {
	service *alert.Service
	targets []alert.Target
	ctx     context.Context
	cancel  context.CancelFunc
}

// newAlerting returns nil if nobody is to be told.
func newAlerting(c *alert.Config, flags guarderFlags, now func() time.Time, logger *slog.Logger) (*alerting, error) {
	if c == nil {
		return nil, nil
	}
	if len(*flags.sockets) == 0 {
		return nil, errors.New("alerting tells what Guarder's agent knows, and none is named (start the exporter with --guarder.socket, or remove alerting)")
	}
	service, err := alert.NewService(*c, guarderSource{*flags.sockets, *flags.optional}, now, logger)
	if err != nil {
		return nil, fmt.Errorf("alerting: %w", err)
	}
	a := &alerting{service: service, targets: c.Targets}
	a.ctx, a.cancel = context.WithCancel(context.Background())
	return a, nil
}

// run tells until stop.
func (a *alerting) run() error {
	a.service.Run(a.ctx)
	return nil
}

func (a *alerting) stop(error) { a.cancel() }

// locate has the places of sources told from now on.
func (a *alerting) locate(where collector.Locate) {
	if a != nil && where != nil {
		a.service.Locate(alert.Locate(where))
	}
}

// Describe implements prometheus.Collector.
func (a *alerting) Describe(ch chan<- *prometheus.Desc) {
	for _, f := range []*metric.Family{metric.GuarderAlerts, metric.GuarderAlertsTotal, metric.GuarderAlertQueue} {
		ch <- f.Desc()
	}
}

// Collect implements prometheus.Collector.
func (a *alerting) Collect(ch chan<- prometheus.Metric) {
	report := a.service.Report()
	for _, state := range []alert.State{alert.Pending, alert.Firing} {
		ch <- metric.GuarderAlerts.Gauge(float64(report.Alerts[state]), string(state))
	}
	for i, q := range report.Queues {
		url := a.targets[i].URL
		ch <- metric.GuarderAlertQueue.Gauge(float64(q.Waiting), url)
		for _, o := range []struct {
			outcome string
			n       uint64
		}{{"sent", q.Sent}, {"failed", q.Failed}, {"dropped", q.Dropped}} {
			ch <- metric.GuarderAlertsTotal.Counter(float64(o.n), time.Time{}, url, o.outcome)
		}
	}
}

// Alerts implements [alert.Agent].
func (s guarderSource) Alerts() (guarder.AlertList, error) {
	client, err := s.client()
	if err != nil {
		return guarder.AlertList{}, err
	}
	return client.Alerts()
}

// Samples implements [alert.Agent].
func (s guarderSource) Samples() (guarder.SampleList, error) {
	client, err := s.client()
	if err != nil {
		return guarder.SampleList{}, err
	}
	return client.Samples()
}

// alertmanagerFacts asks each Alertmanager whether it is one.
func alertmanagerFacts(ctx context.Context, c *alert.Config) []kernel.Fact {
	facts := []kernel.Fact{}
	if c == nil {
		return facts
	}
	for _, t := range c.Targets {
		f := kernel.Fact{Name: t.URL, Outcome: kernel.Yes}
		client, err := alert.NewClient(t)
		if err == nil {
			f.Detail, err = client.Version(ctx)
		}
		if err != nil {
			f.Outcome, f.Detail = kernel.No, printableLine(err.Error())
			f.Cure = "see to it that the Alertmanager runs, and can be reached and trusted from here; alerts are told again each minute"
		}
		facts = append(facts, f)
	}
	return facts
}
