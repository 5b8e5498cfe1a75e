package collector

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/packetscope/packetscope/collector/metric"
)

// fake is a collector with the name of a real one.
type fake struct {
	name   string
	update func(ch chan<- prometheus.Metric) error
}

func (f fake) Name() string                             { return f.name }
func (f fake) Update(ch chan<- prometheus.Metric) error { return f.update(ch) }

// sending returns a collector that sends one gauge and then returns err.
func sending(name string, f *metric.Family, err error) fake {
	return fake{name, func(ch chan<- prometheus.Metric) error {
		ch <- f.Counter(23, time.Time{}, "x")
		return err
	}}
}

// samples returns the lines of a text exposition that are no comments.
func samples(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

// logged returns a logger and what it has written, without times and stacks.
func logged(level slog.Level) (*slog.Logger, *bytes.Buffer) {
	var out bytes.Buffer
	return slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{
		Level: level,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			if a.Key == "stack" {
				return slog.Bool("stack", strings.Contains(a.Value.String(), "set_test.go"))
			}
			return a
		},
	})), &out
}

func TestSetKeepsAFailureFromTouchingTheOthers(t *testing.T) {
	for _, c := range []struct {
		name   string
		broken fake
		level  slog.Level
		log    string
	}{
		{
			"error", sending(metric.CollectorDevice, metric.NAPIBudgetExhausted, errBroken), slog.LevelInfo,
			`level=ERROR msg="collector failed" collector=device took_seconds=0 err="read map \"traffic\": broken"` + "\n",
		},
		{
			"no data", sending(metric.CollectorDevice, metric.NAPIBudgetExhausted, fmt.Errorf("engine: %w", ErrNoData)), slog.LevelDebug,
			`level=DEBUG msg="collector has no data" collector=device took_seconds=0 err="engine: no data"` + "\n",
		},
		{
			"no data is no news", sending(metric.CollectorDevice, metric.NAPIBudgetExhausted, ErrNoData), slog.LevelInfo, "",
		},
		{
			"panic", fake{metric.CollectorDevice, func(ch chan<- prometheus.Metric) error {
				ch <- metric.NAPIBudgetExhausted.Counter(23, time.Time{}, "x")
				panic("ouch")
			}}, slog.LevelInfo,
			`level=ERROR msg="collector failed" collector=device took_seconds=0 err="panic: ouch" stack=true` + "\n",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			logger, log := logged(c.level)
			set := NewSet(logger, stopped, sending(metric.CollectorStack, metric.LostEvents, nil), c.broken)
			want := []string{
				`packetscope_lost_events_total{source="x"} 23`,
				`packetscope_scrape_collector_duration_seconds{collector="device"} 0`,
				`packetscope_scrape_collector_duration_seconds{collector="stack"} 0`,
				`packetscope_scrape_collector_success{collector="device"} 0`,
				`packetscope_scrape_collector_success{collector="stack"} 1`,
			}
			if diff := cmp.Diff(want, samples(expose(t, set))); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(c.log, log.String()); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSetTimesCollectors(t *testing.T) {
	now := since
	clock := func() time.Time { now = now.Add(250 * time.Millisecond); return now }
	set := NewSet(quiet, clock, sending(metric.CollectorStack, metric.LostEvents, nil))
	want := []string{
		`packetscope_lost_events_total{source="x"} 23`,
		`packetscope_scrape_collector_duration_seconds{collector="stack"} 0.25`,
		`packetscope_scrape_collector_success{collector="stack"} 1`,
	}
	if diff := cmp.Diff(want, samples(expose(t, set))); diff != "" {
		t.Errorf("samples (-want +got):\n%s", diff)
	}
}

func TestSetRunsCollectorsSideBySide(t *testing.T) {
	// Each waits for the other, so one after the other would never end.
	a, b := make(chan bool), make(chan bool)
	set := NewSet(quiet, stopped,
		fake{"a", func(chan<- prometheus.Metric) error { close(a); <-b; return nil }},
		fake{"b", func(chan<- prometheus.Metric) error { close(b); <-a; return nil }})
	if got := len(samples(expose(t, set))); got != 4 {
		t.Errorf("%d samples, want duration and success of two collectors", got)
	}
}

func TestSetFilters(t *testing.T) {
	set := NewSet(quiet, stopped, fake{name: "a"}, fake{name: "b"}, fake{name: "c"})
	for _, c := range []struct {
		name    string
		choose  func([]string) (*Set, error)
		names   []string
		want    []string
		wantErr string
	}{
		{"filter one", set.Filter, []string{"b"}, []string{"b"}, ""},
		{"filter keeps the order", set.Filter, []string{"c", "a", "c"}, []string{"a", "c"}, ""},
		{"filter none", set.Filter, nil, []string{}, ""},
		{"filter unknown", set.Filter, []string{"a", "d"}, nil, `unknown collector "d" (one of ["a" "b" "c"])`},
		{"exclude one", set.Exclude, []string{"b"}, []string{"a", "c"}, ""},
		{"exclude none", set.Exclude, nil, []string{"a", "b", "c"}, ""},
		{"exclude unknown", set.Exclude, []string{"d"}, nil, `unknown collector "d" (one of ["a" "b" "c"])`},
	} {
		t.Run(c.name, func(t *testing.T) {
			chosen, err := c.choose(c.names)
			if got := fmt.Sprint(err); err != nil && got != c.wantErr || err == nil && c.wantErr != "" {
				t.Errorf("error %q, want %q", got, c.wantErr)
			}
			if err != nil {
				return
			}
			if diff := cmp.Diff(c.want, chosen.Names()); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRegistryRefusesASecondSet(t *testing.T) {
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(newFixtureSet()); err != nil {
		t.Fatal(err)
	}
	err := registry.Register(newFixtureSet())
	if !errors.As(err, new(prometheus.AlreadyRegisteredError)) {
		t.Errorf("second registration: %v", err)
	}
}
