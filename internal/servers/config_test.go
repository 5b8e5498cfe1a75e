package servers

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// same compares two YAML texts as what they mean.
func same(t *testing.T, want string, got []byte) {
	t.Helper()
	w, err := decode([]byte(want))
	if err != nil {
		t.Fatal(err)
	}
	g, err := decode(got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(w, g); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func text(t *testing.T, c interface{ Text() ([]byte, error) }) []byte {
	t.Helper()
	out, err := c.Text()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const prometheusYML = `
global: {scrape_interval: 15s, external_labels: {replica: a}}
scrape_configs:
  - job_name: packetscope
    scrape_native_histograms: true
    always_scrape_classic_histograms: true
    sample_limit: 5
    static_configs: [{targets: ['127.0.0.1:10142'], labels: {instance: localhost}}]
  - job_name: prometheus
    static_configs: [{targets: ['127.0.0.1:9090']}]
`

func TestPrometheusConfigIsEdited(t *testing.T) {
	c, err := newPrometheusConfig([]byte(prometheusYML))
	if err != nil {
		t.Fatal(err)
	}
	c.For(Version{2, 42})
	c.Every(500*time.Millisecond, time.Minute)
	c.Alertmanagers("127.0.0.1:3")
	if err := c.Target("packetscope", "127.0.0.1:1"); err != nil {
		t.Error(err)
	}
	same(t, `
global: {scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 1m, external_labels: {replica: a}}
alerting: {alertmanagers: [{static_configs: [{targets: ['127.0.0.1:3']}]}]}
scrape_configs:
  - job_name: packetscope
    sample_limit: 5
    static_configs: [{targets: ['127.0.0.1:1'], labels: {instance: localhost}}]
  - job_name: prometheus
    static_configs: [{targets: ['127.0.0.1:9090']}]
`, text(t, c))
	const want = `prometheus.yml has no job "node" with static targets`
	if err := c.Target("node", ""); err == nil || err.Error() != want {
		t.Errorf("unknown job: %v", err)
	}
}

func TestPrometheusConfigStaysForNewVersions(t *testing.T) {
	c, err := newPrometheusConfig([]byte(prometheusYML))
	if err != nil {
		t.Fatal(err)
	}
	c.For(Version{3, 8})
	same(t, prometheusYML, text(t, c))
}

func TestFilesAreMerged(t *testing.T) {
	c, err := newPrometheusConfig([]byte(prometheusYML))
	if err != nil {
		t.Fatal(err)
	}
	const other = `
global: {external_labels: {replica: b}}
remote_write: [{url: x}]
scrape_configs: [{job_name: packetscope, file_sd_configs: [{files: [x]}]}]
`
	if err := c.Merge([]byte(other)); err != nil {
		t.Fatal(err)
	}
	same(t, `
global: {scrape_interval: 15s, external_labels: {replica: b}}
remote_write: [{url: x}]
scrape_configs:
  - job_name: prometheus
    static_configs: [{targets: ['127.0.0.1:9090']}]
  - job_name: packetscope
    file_sd_configs: [{files: [x]}]
`, text(t, c))
}

func TestAlertmanagerConfigIsEdited(t *testing.T) {
	c, err := ReadAlertmanager([]byte(`
route: {receiver: a, group_wait: 30s, routes: [{receiver: b, group_interval: 5m, repeat_interval: 12h}]}
receivers:
  - name: a
    webhook_configs: [{url: x, timeout: 5s, max_alerts: 3, http_config: {authorization: {credentials_file: y}}}]
  - name: b
  - name: c
    webhook_configs: [{url_file: x}]
`))
	if err != nil {
		t.Fatal(err)
	}
	if err := c.At(60); err != nil {
		t.Error(err)
	}
	for _, receiver := range []string{"a", "b"} {
		if err := c.Call(receiver, "http://127.0.0.1:1/"+receiver); err != nil {
			t.Error(err)
		}
	}
	c.Tokens("z")
	c.For(Version{0, 25})
	same(t, `
route: {receiver: a, group_wait: 500ms, routes: [{receiver: b, group_interval: 5s, repeat_interval: 12m}]}
receivers:
  - name: a
    webhook_configs: [{url: 'http://127.0.0.1:1/a', max_alerts: 3, http_config: {authorization: {credentials_file: z}}}]
  - name: b
    webhook_configs: [{url: 'http://127.0.0.1:1/b'}]
  - name: c
    webhook_configs: [{url: 'http://127.0.0.1:1/'}]
`, text(t, c))
	if err := c.Call("d", ""); err == nil || err.Error() != `alertmanager.yml has no receiver "d"` {
		t.Errorf("unknown receiver: %v", err)
	}
	c.WithoutTokens()
	if out := string(text(t, c)); strings.Contains(out, "authorization") || !strings.Contains(out, "max_alerts: 3") {
		t.Errorf("without tokens it is\n%s", out)
	}
}

func TestRulesAtAPace(t *testing.T) {
	got, err := Pace(60).Rules([]byte(`
groups:
  - name: x
    interval: 1m
    rules:
      - {record: a, expr: 'rate(b[5m] offset 1h) > 5'}
      - {alert: A, expr: 'max_over_time(c[1h:1m]) > 300', for: 10m, keep_firing_for: 1h, annotations: {summary: in 5m}}
`))
	if err != nil {
		t.Fatal(err)
	}
	same(t, `
groups:
  - name: x
    interval: 1s
    rules:
      - {record: a, expr: 'rate(b[5s] offset 1m) > 5'}
      - {alert: A, expr: 'max_over_time(c[1m:1s]) > 300', for: 10s, keep_firing_for: 1m, annotations: {summary: in 5m}}
`, got)
	for _, bad := range []string{
		"groups: [{interval: soon, rules: []}]",
		"groups: [{rules: [{expr: 'rate(', for: 5m}]}]",
		"groups: [{rules: [{expr: a, for: soon}]}]",
		"- groups",
	} {
		if _, err := Pace(60).Rules([]byte(bad)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestRuleFilesAreWhereTheConfigLooks(t *testing.T) {
	folder := fstest.MapFS{"a.rules.yaml": {Data: []byte("groups: [{name: x, interval: 1h}]")}, "doc.go": {}}
	files, err := Pace(60).RuleFiles(folder)
	if err != nil || len(files) != 1 {
		t.Errorf("got %v, %v", files, err)
	}
	same(t, "groups: [{name: x, interval: 1m}]", files["rules/a.rules.yaml"])
	folder["b.rules.yaml"] = &fstest.MapFile{Data: []byte("groups: [{interval: soon}]")}
	const want = `b.rules.yaml: interval: not a valid duration string: "soon"`
	if _, err := Pace(60).RuleFiles(folder); err == nil || err.Error() != want {
		t.Errorf("bad file: %v", err)
	}
}

func TestVersions(t *testing.T) {
	for text, want := range map[string]Version{
		"prometheus, version 2.42.0+ds (branch: debian/sid, revision: 2.42.0+ds-5+deb12u1)\n": {2, 42},
		"alertmanager, version 0.34.2 (branch: HEAD)":                                         {0, 34},
	} {
		if got, err := parseVersion(text); got != want || err != nil {
			t.Errorf("%q: got %v, %v", text, got, err)
		}
	}
	if _, err := parseVersion("usage: prometheus"); err == nil {
		t.Error("a usage has a version")
	}
	for _, c := range []struct {
		v    Version
		want bool
	}{{Version{2, 99}, true}, {Version{3, 7}, true}, {Version{3, 8}, false}, {Version{4, 0}, false}} {
		if got := c.v.Before(3, 8); got != c.want {
			t.Errorf("%v before 3.8: %t", c.v, got)
		}
	}
}
