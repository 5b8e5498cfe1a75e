package promtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/servers"
)

// runText runs a file of tests beside the rules in testdata.
func runText(t *testing.T, text string) error {
	t.Helper()
	rules, err := os.ReadFile("testdata/small.rules.yaml")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "small.rules.yaml"), rules, 0o644); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "x_test.yaml")
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := ReadRuleTests(path)
	if err != nil {
		return err
	}
	return f.Run()
}

func small(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("testdata/small_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRuleTestsPass(t *testing.T) {
	if err := runText(t, small(t)); err != nil {
		t.Error(err)
	}
}

// spoiled are changes of small_test.yaml after which it must fail, with a part of what
// the failure says.
var spoiled = map[string]struct{ old, new, want string }{
	"value":            {"value: 2\n", "value: 2.5\n", `- {__name__="x_total", job="a"} 2.5`},
	"missing sample":   {"          - labels: 'job:x:rate5m{job=\"b\"}'\n            value: 2\n", "", `+ {__name__="job:x:rate5m", job="b"} 2`},
	"label":            {"{job: a, severity: warning}", "{job: a, severity: critical}", `- {alertname="High", job="a", severity="critical"}`},
	"extra label":      {"{job: a, severity: warning}", "{job: a}", `- {alertname="High", job="a"}`},
	"annotation":       {"a at 3 in north", "a at 4 in north", `- {alertname="High", job="a", severity="warning"}`},
	"extra annotation": {"{summary: nothing}", "{summary: nothing, description: more}", `+ {alertname="Gone", job="a"}`},
	"fires too early":  {"eval_time: 11m\n        alertname: High", "eval_time: 12m\n        alertname: High", `+ {alertname="High", job="a", severity="warning"}`},
	"ends too late":    {"eval_time: 23m\n        alertname: High", "eval_time: 22m\n        alertname: High", `+ {alertname="High", job="a", severity="warning"}`},
	"nothing fires":    {"alertname: Gone\n        exp_alerts:\n", "alertname: Gon\n        exp_alerts:\n", `- {alertname="Gon", job="a"}`},
	"a gap is filled":  {"1 _x2 2 stale", "1 1x1 2 stale", `+ {job="a"} 4`},
	"no end":           {"1 _x2 2 stale", "1 _x2 2 2", `- {alertname="Gone", job="a"}`},
}

func TestRuleTestsNoticeWrongExpectations(t *testing.T) {
	for name, c := range spoiled {
		t.Run(name, func(t *testing.T) {
			text := small(t)
			if !strings.Contains(text, c.old) {
				t.Fatalf("the file has no %q", c.old)
			}
			err := runText(t, strings.ReplaceAll(text, c.old, c.new))
			if err == nil {
				t.Fatal("passes")
			}
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v\nwant it to say %q", err, c.want)
			}
		})
	}
}

// TestPromtoolAgrees claims that promtool says the same of the file, good or spoiled.
func TestPromtoolAgrees(t *testing.T) {
	promtool := servers.Promtool(t)
	verdict := func(text string) (string, error) {
		dir := t.TempDir()
		for name, text := range map[string]string{"small.rules.yaml": read(t, "testdata/small.rules.yaml"), "small_test.yaml": text} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		out, err := exec.Command(promtool, "test", "rules", filepath.Join(dir, "small_test.yaml")).CombinedOutput()
		return string(out), err
	}
	if out, err := verdict(small(t)); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	for name, c := range spoiled {
		if out, err := verdict(strings.ReplaceAll(small(t), c.old, c.new)); err == nil {
			t.Errorf("%s: promtool passes: %s", name, out)
		}
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRulesReadNativeHistograms(t *testing.T) {
	const text = `
rule_files: [small.rules.yaml]
group_eval_order: [record, alert]
tests:
  - input_series:
      - series: y_seconds{job="a"}
        values: '{{schema:0 sum:6 count:4 buckets:[2 2]}}'
    promql_expr_test:
      - expr: job:y_seconds:p50
        eval_time: 0m
        exp_samples:
          - {labels: 'job:y_seconds:p50{job="a",kind="median"}', value: 1}
      - expr: sum(y_seconds)
        eval_time: 0m
        exp_samples:
          - histogram: '{{schema:0 sum:6 count:4 buckets:[2 2]}}'
`
	if err := runText(t, text); err != nil {
		t.Error(err)
	}
	if err := runText(t, strings.Replace(text, "histogram: '{{schema:0 sum:6", "histogram: '{{schema:0 sum:7", 1)); err == nil {
		t.Error("a wrong histogram passes")
	}
}

func TestFaultsInRuleTests(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":   {"tests: [{input: []}]", "x_test.yaml: yaml: unmarshal errors:\n  line 1: field input not found in type promtest.RuleTest"},
		"no such rules": {"rule_files: [none.yaml]\ntests: [{}]", "x_test.yaml: test 1: rule_files: no file is named none.yaml"},
		"bad series":    {"tests: [{name: n, input_series: [{series: 'x{', values: '1'}]}]", "x_test.yaml: n: series x{: 1:4: parse error: "},
		"group missing": {"rule_files: [small.rules.yaml]\ngroup_eval_order: [record]\ntests: [{}]", `x_test.yaml: test 1: group_eval_order: group "alert" is not listed`},
		"no order":      {"rule_files: [small.rules.yaml]\ntests: [{}]", `x_test.yaml: test 1: group_eval_order: group "record" is not listed`},
	} {
		t.Run(name, func(t *testing.T) {
			err := runText(t, c.text)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
