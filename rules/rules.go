package rules

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/common/model"
	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/internal/query"
)

//go:embed prometheus/*.rules.yaml prometheus/*.alerts.yaml
var embedded embed.FS

// Files returns the rule files, without the folder.
func Files() fs.FS {
	dir, err := fs.Sub(embedded, "prometheus")
	if err != nil {
		panic(err) // the folder is embedded
	}
	return dir
}

// A Recording is a recording rule.
type Recording struct {
	// Name is that of the series.
	Name string
	// File and Group are where the rule is.
	File, Group string
	Expr        string
	// Labels are those that the series may have, sorted.
	Labels []string
}

// An Alert is an alerting rule. Two alerts may have one name and differ in severity.
type Alert struct {
	Name        string
	File, Group string
	Expr        string
	// For is how long the expression has to hold, and KeepFiringFor how long the
	// alert goes on after it does not any more.
	For, KeepFiringFor time.Duration
	// Severity is "critical", "warning" or "info".
	Severity string
	// Area is the part of the product: "drops", "tcp", "stack", "softirq", "flows",
	// "sockets", "guarder", "paths" or "packetscope".
	Area string
	// Summary and Description are templates of Prometheus.
	Summary, Description string
	// RunbookURL is the section of README.md, and Dashboard a path in Grafana, with
	// the host as a template.
	RunbookURL, Dashboard string
}

// Recordings returns the recording rules, by file and then in the order of
// evaluation.
func Recordings() []Recording { return slices.Clone(parsed().recordings) }

// Alerts returns the alerting rules, by file and then as they stand in it.
func Alerts() []Alert { return slices.Clone(parsed().alerts) }

// Catalogue returns a new catalogue of the series that may be queried: those of the
// exporter, of the server, and the recorded ones.
func Catalogue() query.Catalogue {
	c, err := catalogue(parsed().recordings)
	if err != nil {
		panic(err) // a test of this package would have failed
	}
	return c
}

type all struct {
	recordings []Recording
	alerts     []Alert
}

var parsed = sync.OnceValue(func() *all {
	a, err := read(Files())
	if err != nil {
		panic(err) // a test of this package would have failed
	}
	return a
})

// fileYAML is a rule file as far as this package uses it.
type fileYAML struct {
	Groups []struct {
		Name     string
		Interval model.Duration
		Rules    []ruleYAML
	}
}

type ruleYAML struct {
	Record, Alert string
	Expr          string
	For           model.Duration
	KeepFiringFor model.Duration `yaml:"keep_firing_for"`
	Labels        map[string]string
	Annotations   map[string]string
}

// read parses all rule files of a folder.
func read(dir fs.FS) (*all, error) {
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil {
		return nil, err
	}
	var a all
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		if err := a.add(name, text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	c, err := catalogue(a.recordings)
	if err != nil {
		return nil, err
	}
	for i, r := range a.recordings {
		a.recordings[i].Labels = c[r.Name].Labels.Names()
	}
	return &a, nil
}

func (a *all) add(name string, text []byte) error {
	d := yaml.NewDecoder(bytes.NewReader(text))
	d.KnownFields(true)
	var f fileYAML
	if err := d.Decode(&f); err != nil {
		return err
	}
	for _, g := range f.Groups {
		for _, r := range g.Rules {
			if r.Record != "" {
				a.recordings = append(a.recordings, Recording{Name: r.Record, File: name, Group: g.Name, Expr: strings.TrimSpace(r.Expr)})
				continue
			}
			a.alerts = append(a.alerts, Alert{
				Name: r.Alert, File: name, Group: g.Name, Expr: strings.TrimSpace(r.Expr),
				Severity: r.Labels["severity"], Area: r.Labels["area"],
				Summary: r.Annotations["summary"], Description: r.Annotations["description"],
				For: time.Duration(r.For), KeepFiringFor: time.Duration(r.KeepFiringFor),
				RunbookURL: r.Annotations["runbook_url"], Dashboard: r.Annotations["dashboard"],
			})
		}
	}
	return nil
}
