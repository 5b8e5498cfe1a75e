package main

import (
	"context"
	"errors"
	"log/slog"
	"net/netip"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/alertmanager"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/exporter"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/prom"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/internal/geo"
)

// newParts makes what a config names. It asks nobody. The error joins all faults.
func newParts(cfg config.Config, s *store.Store, logger *slog.Logger) (annotator.Parts, error) {
	parts := annotator.Parts{Store: s, Logger: logger}
	var faults []error
	if cfg.Prometheus != nil {
		client, err := prom.New(*cfg.Prometheus)
		parts.Querier, faults = client, append(faults, err)
	}
	if len(cfg.Exporters) > 0 {
		client, err := exporter.New(cfg.Exporters)
		parts.Exporters, faults = client, append(faults, err)
	}
	if files := cfg.Geo; len(files.Databases)+len(files.Overrides) > 0 {
		atlas := geo.Open(geo.Config{Databases: files.Databases, Overrides: files.Overrides, Logger: logger})
		parts.Place, parts.Background = placeBy(atlas), atlas.Watch
	}
	if cfg.Alertmanager != nil {
		client, err := alertmanager.New(*cfg.Alertmanager)
		parts.Alerts, faults = lister{client}, append(faults, err)
	}
	if len(cfg.Model.Providers) > 0 {
		c := cfg.Model
		c.Keeper, c.Logger = annotator.Keeper{Store: s}, logger
		client, err := model.New(c)
		parts.Model, faults = client, append(faults, err)
	}
	sinks, err := newSinks(cfg, logger)
	parts.Sinks = sinks
	return parts, errors.Join(append(faults, err)...)
}

func newSinks(cfg config.Config, logger *slog.Logger) (sinks []sink.Sink, err error) {
	if cfg.Grafana != nil {
		o := *cfg.Grafana
		o.Logger = logger
		s, fault := sink.NewGrafana(o)
		sinks, err = append(sinks, s), fault
	}
	for _, n := range cfg.Notify {
		o := n.Options
		o.Logger = logger
		s, fault := sink.NewNotify(o)
		sinks, err = append(sinks, sink.Filtered(s, n.Filter)), errors.Join(err, fault)
	}
	return sinks, err
}

// limits returns how much an engine may do.
func limits(cfg config.Config) annotator.Config {
	c := annotator.Config{
		Limits: cfg.Evidence, DashboardURL: cfg.Links.Grafana, Storm: cfg.Storm.Episodes, Asked: cfg.Storm.Asked,
		Cache: cfg.CacheTTL, Reconcile: cfg.Reconcile, Values: cfg.Values, MaxTTL: cfg.Suggest.MaxTTL, MaxOpen: cfg.Suggest.MaxOpen,
	}
	if cfg.Links.Annotator != "" {
		c.EpisodeURL = strings.TrimSuffix(cfg.Links.Annotator, "/") + "/api/v1/episodes/"
	}
	if cfg.Suggest.Enabled {
		c.Suggest = propose.Defaults
		c.Suggest.Protected, c.Suggest.LongestTTL = cfg.Suggest.Protected, cfg.Suggest.MaxTTL
		c.Suggest.Widest4, c.Suggest.Widest6 = cfg.Suggest.IPv4Bits, cfg.Suggest.IPv6Bits
	}
	return c
}

// lister lists the alerts of an Alertmanager.
type lister struct {
	client interface {
		Active(ctx context.Context) ([]alertmanager.Alert, error)
	}
}

// Active implements annotator.AlertLister.
func (l lister) Active(ctx context.Context) ([]annotator.ActiveAlert, error) {
	all, err := l.client.Active(ctx)
	if err != nil {
		return nil, err
	}
	var active []annotator.ActiveAlert
	for _, a := range all {
		active = append(active, annotator.ActiveAlert{Fingerprint: a.Fingerprint, Labels: a.Labels, StartsAt: a.StartsAt, Muted: a.Muted})
	}
	return active, nil
}

// placeBy looks addresses up.
func placeBy(atlas *geo.Atlas) func(netip.Addr) evidence.Place {
	return func(a netip.Addr) evidence.Place {
		e := atlas.Lookup(a)
		return evidence.Place{Kind: e.Kind.String(), Country: e.Country, ASN: e.ASN}
	}
}
