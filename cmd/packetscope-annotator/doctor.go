package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/alecthomas/kingpin/v2"
	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/config"
	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/exporter"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/geo"
)

func addDoctor(app *kingpin.Application) verb {
	command := app.Command("doctor", "Ask everybody that the config names, and tell who does not answer as he should.")
	file := command.Flag("config.file", "Config file, as for serve.").Required().String()
	ask := command.Flag("models", "Ask the models for one short answer each, which costs some tokens.").Default("true").Bool()
	return func(ctx context.Context, e env, logger *slog.Logger) error {
		return doctor(ctx, e, *file, *ask, logger)
	}
}

// doctor prints a line for each server, and returns an error if one of them is not well. It
// opens no store, so that it can be run beside the annotator.
func doctor(ctx context.Context, e env, file string, ask bool, logger *slog.Logger) error {
	if err := config.Check(file); err != nil {
		return err
	}
	cfg, err := config.Load(file)
	if err != nil {
		return err
	}
	providers := cfg.Model.Providers
	cfg.Model.Providers = nil // they are asked one by one, without a store
	parts, err := newParts(cfg, nil, logger)
	if err != nil {
		return err
	}
	ill := 0
	report := func(name string, err error) {
		state := "ok"
		if err != nil {
			ill++
			state = strings.ReplaceAll(err.Error(), "\n", "\n"+strings.Repeat(" ", 24))
		}
		fmt.Fprintf(e.stdout, "%-23s %s\n", name, state)
	}
	if cfg.Alertmanager == nil {
		fmt.Fprintf(e.stdout, "%-23s not configured: %s\n", "alertmanager", lostEnds)
	}
	if len(cfg.Tokens) > 0 {
		report("tokens", nil)
	} else {
		fmt.Fprintf(e.stdout, "%-23s none: %s\n", "tokens", openDoor) // who wants that is not ill
	}
	examine(ctx, cfg, parts, e.now(), report)
	if ask {
		for _, p := range providers {
			report("model "+p.Name, tryModel(ctx, cfg.Model, p))
		}
	}
	if ill > 0 {
		return fmt.Errorf("%d of them not as they should be", ill)
	}
	return nil
}

// examine asks all but the models.
func examine(ctx context.Context, cfg config.Config, parts annotator.Parts, now time.Time, report func(string, error)) {
	if cfg.Prometheus != nil {
		samples, err := parts.Querier.Query(ctx, "vector(1)", now)
		if err == nil && (len(samples) != 1 || samples[0].Value != 1) {
			err = fmt.Errorf("vector(1) has %d results, and should have one: it is no Prometheus", len(samples))
		}
		report("prometheus", err)
	}
	if x, ok := parts.Exporters.(*exporter.Exporters); ok {
		for _, instance := range x.Instances() {
			report("exporter "+instance, x.Check(ctx, instance))
		}
	}
	if files := cfg.Geo; len(files.Databases)+len(files.Overrides) > 0 {
		report("geo", geo.Open(geo.Config{Databases: files.Databases, Overrides: files.Overrides}).Err())
	}
	if parts.Alerts != nil {
		_, err := parts.Alerts.Active(ctx)
		report("alertmanager", err)
	}
	for _, s := range parts.Sinks {
		report("sink "+s.Name(), s.Check(ctx))
	}
}

// tryModel asks a provider for an answer of the form that is asked for in earnest, as many
// servers do well without one.
func tryModel(ctx context.Context, c model.Config, p model.Provider) error {
	c.Providers, c.Budget = []model.Provider{p}, model.Budget{}
	client, err := model.New(c)
	if err != nil {
		return err
	}
	_, err = client.Complete(ctx, model.Request{
		System: "You test whether JSON of the given schema can be written. Answer with JSON: no findings, no checks, no steps, " +
			"verdict unknown, confidence low, summary \"It works.\", rule null.",
		User: "Answer.", Schema: answer.Schema(),
		Check: func(text []byte) string {
			var a answer.Answer
			if json.Unmarshal(text, &a) != nil || a.Summary == "" {
				return "wrong_form"
			}
			return ""
		},
	})
	if known := (*model.Error)(nil); errors.As(err, &known) && known.Class != "" {
		return fmt.Errorf("%s: %w", known.Class, err)
	}
	return err
}
