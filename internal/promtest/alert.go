package promtest

import (
	"context"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/template"
)

// An Alert is one instance of an alerting rule that is firing.
type Alert struct {
	// Labels include "alertname".
	Labels      labels.Labels
	Annotations map[string]string
	// Value is that of the expression when it was last true.
	Value float64
}

// An activeAlert is pending or firing.
type activeAlert struct {
	Alert
	since time.Time // when the expression became true
	// gone is when it became false while the alert was firing, or the zero time.
	gone   time.Time
	firing bool
}

// Firing returns the alerts of that name that fire after the last evaluation, or all
// for the name "", sorted by their labels.
func (r *Rules) Firing(name string) []Alert {
	var firing []Alert
	for _, g := range r.groups {
		for _, x := range g.rules {
			for _, a := range x.active {
				if a.firing && (name == "" || name == x.Alert) {
					firing = append(firing, a.Alert)
				}
			}
		}
	}
	slices.SortFunc(firing, func(a, b Alert) int { return labels.Compare(a.Labels, b.Labels) })
	return firing
}

// advance brings the alerts of a rule to the state that they have when its expression
// gives the result. One that is new is pending; it fires when the expression has been
// true for the time of "for", and ends when it has been false for "keep_firing_for".
func (r *Rules) advance(x *rule, result promql.Vector, at time.Time) error {
	seen := make(map[uint64]bool)
	for _, s := range result {
		alert, err := r.alertOf(x, s, at)
		if err != nil {
			return err
		}
		hash := alert.Labels.Hash()
		if seen[hash] {
			return fmt.Errorf("two results give the alert %s", alert.Labels)
		}
		seen[hash] = true
		a, ok := x.active[hash]
		if !ok {
			a = &activeAlert{since: at}
			x.active[hash] = a
		}
		a.Alert, a.gone = alert, time.Time{}
	}
	for hash, a := range x.active {
		if !seen[hash] && a.ends(at, time.Duration(x.KeepFiringFor)) {
			delete(x.active, hash)
			continue
		}
		if at.Sub(a.since) >= time.Duration(x.For) {
			a.firing = true
		}
	}
	return nil
}

// ends tells whether an alert whose expression is not true any more is over.
func (a *activeAlert) ends(at time.Time, keep time.Duration) bool {
	if !a.firing {
		return true
	}
	if a.gone.IsZero() {
		a.gone = at
	}
	return at.Sub(a.gone) >= keep
}

// alertOf fills in the templates of a rule for one element of its result.
func (r *Rules) alertOf(x *rule, s promql.Sample, at time.Time) (Alert, error) {
	expand := r.expander(s, at)
	b := labels.NewBuilder(s.Metric).Del(model.MetricNameLabel)
	for _, name := range slices.Sorted(maps.Keys(x.Labels)) {
		text, err := expand(x.Labels[name])
		if err != nil {
			return Alert{}, fmt.Errorf("label %q: %w", name, err)
		}
		b.Set(name, text)
	}
	alert := Alert{
		Labels:      b.Set(model.AlertNameLabel, x.Alert).Labels(),
		Annotations: make(map[string]string, len(x.Annotations)),
		Value:       s.F,
	}
	for _, name := range slices.Sorted(maps.Keys(x.Annotations)) {
		text, err := expand(x.Annotations[name])
		if err != nil {
			return Alert{}, fmt.Errorf("annotation %q: %w", name, err)
		}
		alert.Annotations[name] = text
	}
	return alert, nil
}

// templateHead gives templates the names that the documentation of Prometheus promises.
const templateHead = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}{{$externalURL := .ExternalURL}}{{$value := .Value}}"

func (r *Rules) expander(s promql.Sample, at time.Time) func(string) (string, error) {
	data := template.AlertTemplateData(s.Metric.Map(), r.ExternalLabels, r.ExternalURL, s)
	query := func(_ context.Context, expr string, at time.Time) (promql.Vector, error) {
		v, _, err := r.db.Instant(expr, at)
		return v, err
	}
	return func(text string) (string, error) {
		if !strings.Contains(text, "{{") {
			return text, nil
		}
		address, err := url.Parse(r.ExternalURL)
		if err != nil {
			return "", err
		}
		return template.NewTemplateExpander(context.Background(), templateHead+text, "", data,
			model.TimeFromUnixNano(at.UnixNano()), query, address, nil).Expand()
	}
}

// alertSeries returns what a server records of the alerts of a rule.
func (x *rule) alertSeries() promql.Vector {
	var out promql.Vector
	for _, a := range x.active {
		state := "pending"
		if a.firing {
			state = "firing"
		}
		l := labels.NewBuilder(a.Labels).Set(model.MetricNameLabel, "ALERTS").Set("alertstate", state).Labels()
		out = append(out, promql.Sample{Metric: l, F: 1})
	}
	return out
}
