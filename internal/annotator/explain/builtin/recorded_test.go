package builtin

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// A recording is what a server would answer about one alert.
type recording struct {
	Labels  map[string]string
	Results map[string][]string
	// Offenders are lines of a source, its packets, those of a second, what becomes of them
	// and the rule; nil if no exporter is asked.
	Offenders []string
}

func recorded(t testing.TB) map[string]recording {
	t.Helper()
	text, err := os.ReadFile("testdata/recorded.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]recording
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	for name, r := range all {
		r.Labels["alertname"] = name
	}
	return all
}

// player answers from a recording; change may change the samples of a query.
type player struct {
	r      recording
	change func(query string, before time.Duration, samples []evidence.Sample) ([]evidence.Sample, error)
}

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func (p player) Query(_ context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
	before := now.Sub(at)
	for _, q := range evidence.For(p.r.Labels["alertname"]) {
		rendered, err := q.Render(p.r.Labels)
		if err != nil || rendered != expr {
			continue
		}
		samples, err := p.samples(q.Name, before)
		if p.change != nil && err == nil {
			return p.change(q.Name, before, samples)
		}
		return samples, err
	}
	return nil, errors.New("nobody has asked for this")
}

func (p player) samples(query string, before time.Duration) ([]evidence.Sample, error) {
	then := map[time.Duration]string{0: "", time.Hour: "@1h", 7 * 24 * time.Hour: "@7d"}[before]
	var out []evidence.Sample
	for _, text := range p.r.Results[query] {
		words := strings.Fields(text)
		if at := words[0]; strings.HasPrefix(at, "@") != (then != "") || then != "" && at != then {
			continue
		}
		if then != "" {
			words = words[1:]
		}
		v, err := strconv.ParseFloat(words[0], 64)
		if err != nil {
			return nil, err
		}
		s := evidence.Sample{Labels: map[string]string{}, Value: v}
		for _, label := range words[1:] {
			name, value, _ := strings.Cut(label, "=")
			s.Labels[name] = value
		}
		out = append(out, s)
	}
	return out, nil
}

// gather makes the ground of a recording.
func gather(t testing.TB, p player) answer.Ground { return gatherOf(t, p, p.r.Labels) }

// gatherOf gathers for an alert with other labels than those of the recording.
func gatherOf(t testing.TB, p player, labels map[string]string) answer.Ground {
	t.Helper()
	table := &handle.Table{}
	limits := evidence.Defaults
	limits.Parallel = 1 // so that players are asked one after the other
	about := evidence.Alert{Labels: labels, Place: places}
	if p.r.Offenders != nil {
		about.Offenders = func(context.Context) (evidence.Offenders, error) { return p.r.offenders() }
	}
	set := evidence.Gather(context.Background(), p, about, table, now, limits)
	return answer.Ground{Set: set, Table: table}
}

// places knows the networks of the recordings.
func places(a netip.Addr) evidence.Place {
	switch {
	case a.IsPrivate():
		return evidence.Place{Kind: "private"}
	case netip.MustParsePrefix("198.51.100.0/24").Contains(a):
		return evidence.Place{Kind: "public", Country: "DE", ASN: 64500}
	}
	return evidence.Place{Kind: "public"}
}

func (r recording) offenders() (evidence.Offenders, error) {
	all := evidence.Offenders{Over: time.Second}
	for _, line := range r.Offenders {
		var o evidence.Offender
		var source, verdict, rule string
		if _, err := fmt.Sscan(line, &source, &o.Drops, &o.Rate, &verdict, &rule); err != nil {
			return all, err
		}
		o.Source = netip.MustParsePrefix(source)
		o.Dropped = verdict == "drop"
		o.Group, o.Rule, _ = strings.Cut(rule, "/")
		all.Sources = append(all.Sources, o)
		all.Drops += o.Drops
		all.Rate += o.Rate
	}
	return all, nil
}
