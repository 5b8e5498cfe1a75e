//go:build e2e && linux

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"gopkg.in/yaml.v3"

	"github.com/packetscope/packetscope/alertmanager"
	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/internal/servers"
	"github.com/packetscope/packetscope/rules"
)

// run returns what a program says, and fails the test if it does not succeed.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	out, err := exec.Command(program, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v\n%s", filepath.Base(program), strings.Join(args, " "), err, out)
	}
	return string(out)
}

// alertmanagerFile writes our configuration, for this version of amtool, with the
// examples of the receivers switched on.
func alertmanagerFile(t *testing.T, enabled ...string) string {
	t.Helper()
	text, err := alertmanager.Enable(enabled...)
	if err != nil {
		t.Fatal(err)
	}
	config, err := servers.ReadAlertmanager([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	v, err := servers.VersionOf(t.Context(), found.Tools.Amtool)
	if err != nil {
		t.Fatal(err)
	}
	config.For(v)
	out, err := config.Text()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "alertmanager.yml")
	if err := os.WriteFile(file, out, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestAmtoolAcceptsTheConfig(t *testing.T) {
	run(t, found.Tools.Amtool, "check-config", "../../alertmanager/alertmanager.yml")
	for _, enabled := range append([][]string{receivers}, []string{"annotator"}, []string{"critical"}, []string{"warning"}, []string{"info"}) {
		run(t, found.Tools.Amtool, "check-config", alertmanagerFile(t, enabled...))
	}
}

func TestAmtoolRoutes(t *testing.T) {
	file := alertmanagerFile(t)
	type route struct{ labels, want string }
	table := []route{
		{"alertname=PacketScopeX severity=critical area=drops", "annotator,critical"},
		{"alertname=PacketScopeX severity=critical area=packetscope", "annotator,critical"},
		{"alertname=PacketScopeX severity=warning area=tcp", "annotator,warning"},
		{"alertname=PacketScopeX severity=warning area=packetscope", "annotator,warning"},
		{"alertname=PacketScopeX severity=info area=flows", "annotator,info"},
		{"alertname=PacketScopeX severity=info area=flows cluster=lab", "annotator,info"},
		{"alertname=PacketScopeX", "annotator,warning"},
		{"alertname=PacketScopeX severity=fatal", "annotator,warning"},
		{"alertname=PacketScopeAnnotatorDown severity=critical job=packetscope-annotator", "critical"},
		{"alertname=DiskFull severity=critical", "critical"},
		{"alertname=DiskFull severity=page", "warning"},
	}
	// And every alert that there is.
	for _, a := range rules.Alerts() {
		table = append(table, route{
			fmt.Sprintf("alertname=%s severity=%s area=%s job=packetscope instance=web1", a.Name, a.Severity, a.Area),
			"annotator," + a.Severity,
		})
	}
	for _, r := range table {
		args := append([]string{"config", "routes", "test", "--config.file=" + file}, strings.Fields(r.labels)...)
		out, err := exec.Command(found.Tools.Amtool, args...).Output()
		if got := strings.TrimSpace(string(out)); got != r.want || err != nil {
			t.Errorf("%s: got %s (%v), want %s", r.labels, got, err, r.want)
		}
	}
}

var by = regexp.MustCompile(`\bby \(([^)]*)\)`)

// A critical alert about one device must not silence the warning about another: each
// label that alerts of two severities may have is among those that have to be equal.
func TestInhibitionTellsPartsOfAHostApart(t *testing.T) {
	var config struct {
		InhibitRules []struct {
			Source []string `yaml:"source_matchers"`
			Equal  []string
		} `yaml:"inhibit_rules"`
	}
	if err := yaml.Unmarshal([]byte(alertmanager.Config), &config); err != nil {
		t.Fatal(err)
	}
	recorded := map[string][]string{}
	for _, r := range rules.Recordings() {
		recorded[r.Name] = r.Labels
	}
	severities := map[string]int{}
	for _, a := range rules.Alerts() {
		severities[a.Name]++
	}
	checked := 0
	for _, a := range rules.Alerts() {
		if severities[a.Name] == 1 {
			continue
		}
		var labels []string
		for _, m := range by.FindAllStringSubmatch(a.Expr, -1) {
			labels = append(labels, strings.Split(m[1], ", ")...)
		}
		for name, of := range recorded {
			if strings.Contains(a.Expr, name) {
				labels = append(labels, of...)
			}
		}
		for _, rule := range config.InhibitRules {
			for _, label := range labels {
				if slices.Contains(rule.Equal, "alertname") && !slices.Contains(rule.Equal, label) && label != "severity" {
					t.Errorf("%v of one %s silences %s of another", rule.Source, label, a.Name)
				}
				checked++
			}
		}
	}
	if checked == 0 {
		t.Error("no alert has two severities")
	}
}

var named = regexp.MustCompile(`alertname="(\w+)"`)

// A rule about an alert that does not exist inhibits nothing, and nobody notices.
func TestInhibitionNamesAlertsThatThereAre(t *testing.T) {
	for _, m := range named.FindAllStringSubmatch(alertmanager.Config, -1) {
		if !slices.ContainsFunc(rules.Alerts(), func(a rules.Alert) bool { return a.Name == m[1] }) {
			t.Errorf("%s is no alert", m[1])
		}
	}
}

// A Prometheus refuses a target with more samples as a whole.
func TestSampleLimitFitsTheLargestExporter(t *testing.T) {
	text, err := os.ReadFile(scrapeConfig)
	if err != nil {
		t.Fatal(err)
	}
	var config struct {
		Jobs []struct {
			Limit int `yaml:"sample_limit"`
		} `yaml:"scrape_configs"`
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	// Those of Go's runtime and of the process are on top.
	const others = 200
	if largest := collector.SeriesBound(collector.LargestHost, collector.DefaultSeriesLimit) + others; config.Jobs[0].Limit < largest {
		t.Errorf("sample_limit is %d, the largest exporter has %d", config.Jobs[0].Limit, largest)
	}
	if largest := collector.LargestAnnotator.Series() + others; config.Jobs[1].Limit < largest {
		t.Errorf("sample_limit is %d, the largest annotator has %d", config.Jobs[1].Limit, largest)
	}
}

// promtool also reads the rules and their tests.
func TestPromtoolAcceptsTheFiles(t *testing.T) {
	v, err := servers.VersionOf(t.Context(), found.Tools.Promtool)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "rules"), os.DirFS("../../rules/prometheus")); err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob("../../rules/prometheus/fleet/*.yml")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, example := range append(examples, "") {
		name := strings.TrimSuffix(filepath.Base(example), ".yml")
		t.Run("with "+name, func(t *testing.T) {
			if name == "kubernetes" && v.Before(3, 0) {
				t.Skip("Debian builds promtool without Kubernetes")
			}
			config, err := servers.ReadPrometheus(scrapeConfig)
			if err != nil {
				t.Fatal(err)
			}
			if example != "" {
				text, err := os.ReadFile(example)
				if err != nil {
					t.Fatal(err)
				}
				if err := config.Merge(text); err != nil {
					t.Fatal(err)
				}
			}
			config.For(v)
			out, err := config.Text()
			if err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "prometheus.yml")
			if err := os.WriteFile(file, out, 0o644); err != nil {
				t.Fatal(err)
			}
			run(t, found.Tools.Promtool, "check", "config", file)
		})
	}
}
