//go:build linux

package servers

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// A Prometheus is a running server.
type Prometheus struct {
	*Process
	URL string
	// Dir holds its configuration as the container image does: prometheus.yml, and
	// beside it what that names, such as the folder rules.
	Dir string
}

// StartPrometheus starts a server with the configuration and the files beside it, by
// their paths, and returns when it is ready. The job prometheus, which scrapes itself,
// gets its address.
func StartPrometheus(t testing.TB, tools Tools, config *PrometheusConfig, files map[string][]byte, flags ...string) *Prometheus {
	t.Helper()
	address, dir := FreeAddress(t), t.TempDir()
	v, err := VersionOf(t.Context(), tools.Prometheus)
	if err != nil {
		t.Fatal(err)
	}
	config.For(v)
	if err := config.Target("prometheus", address); err != nil {
		t.Fatal(err)
	}
	text, err := config.Text()
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "prometheus.yml"), text)
	for name, text := range files {
		write(t, filepath.Join(dir, name), text)
	}
	flags = append([]string{
		"--config.file=" + filepath.Join(dir, "prometheus.yml"),
		"--storage.tsdb.path=" + filepath.Join(dir, "data"),
		"--web.listen-address=" + address,
	}, flags...)
	p := &Prometheus{Process: Start(t, tools.Prometheus, flags...), URL: "http://" + address, Dir: dir}
	if err := p.Ready(t.Context(), p.URL+"/-/ready"); err != nil {
		t.Fatal(err)
	}
	return p
}

// AddRules adds files of rules, by their paths in Dir, and returns when the server
// has read them.
func (p *Prometheus) AddRules(t testing.TB, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		write(t, filepath.Join(p.Dir, name), text)
	}
	if err := p.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	Eventually(t, patience, func() error {
		groups, err := p.RuleGroups()
		if err == nil && len(groups) == 0 {
			err = fmt.Errorf("%s has no rules", p.Name)
		}
		return err
	})
}

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// An Alert is one that is pending or fires.
type Alert struct {
	Labels, Annotations map[string]string
	State               string // pending or firing
	Value               string
}

// Alerts returns those that are pending or fire.
func (p *Prometheus) Alerts() ([]Alert, error) {
	var data struct{ Alerts []Alert }
	return data.Alerts, get(p.URL+"/api/v1/alerts", &data)
}

// A Rule is one as it was evaluated last.
type Rule struct {
	Name, Type     string
	Health         string // ok, err or unknown
	LastError      string
	EvaluationTime float64 // seconds
}

// A RuleGroup is a group as it was evaluated last.
type RuleGroup struct {
	Name                     string
	Interval, EvaluationTime float64 // seconds
	Rules                    []Rule
}

// RuleGroups returns all groups.
func (p *Prometheus) RuleGroups() ([]RuleGroup, error) {
	var data struct{ Groups []RuleGroup }
	return data.Groups, get(p.URL+"/api/v1/rules", &data)
}

// A Target is one as it was scraped last.
type Target struct {
	Labels             map[string]string
	Health             string // up, down or unknown
	LastError          string
	LastScrapeDuration float64 // seconds
}

// Targets returns the active targets of all jobs.
func (p *Prometheus) Targets() ([]Target, error) {
	var data struct{ ActiveTargets []Target }
	return data.ActiveTargets, get(p.URL+"/api/v1/targets?state=active", &data)
}

// A Value is an element of an instant vector.
type Value struct {
	Labels map[string]string
	Value  float64
}

// Query evaluates an expression that gives an instant vector.
func (p *Prometheus) Query(expr string) ([]Value, error) {
	var data struct {
		Result []struct {
			Metric map[string]string
			Value  [2]any
		}
	}
	if err := get(p.URL+"/api/v1/query?query="+url.QueryEscape(expr), &data); err != nil {
		return nil, err
	}
	var values []Value
	for _, r := range data.Result {
		v, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
		if err != nil {
			return nil, err
		}
		values = append(values, Value{r.Metric, v})
	}
	return values, nil
}

var client = http.Client{Timeout: 20 * time.Second}

// get decodes the data of an answer of Prometheus' API.
func get(url string, data any) error {
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	var body struct {
		Status, Error string
		Data          any
	}
	body.Data = data
	if err := json.NewDecoder(answer.Body).Decode(&body); err != nil {
		return fmt.Errorf("%s: %s: %w", url, answer.Status, err)
	}
	if body.Status != "success" {
		return fmt.Errorf("%s: %s", url, body.Error)
	}
	return nil
}
