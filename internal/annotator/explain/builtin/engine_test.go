package builtin

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
	"github.com/packetscope/packetscope/internal/promtest"
	"github.com/packetscope/packetscope/internal/query"
)

// engine asks the query engine of Prometheus.
type engine struct{ db *promtest.DB }

func (e engine) Query(_ context.Context, expr string, at time.Time) ([]evidence.Sample, error) {
	v, _, err := e.db.Instant(expr, at)
	var out []evidence.Sample
	for _, s := range v {
		out = append(out, evidence.Sample{Labels: s.Metric.Map(), Value: s.F})
	}
	return out, err
}

// load fills a database with the series of a test of rules.
func load(t *testing.T, test promtest.RuleTest) *promtest.DB {
	t.Helper()
	db := promtest.New()
	for _, in := range test.InputSeries {
		l, values, err := query.Parser.ParseSeriesDesc(in.Series + " " + in.Values)
		if err != nil {
			t.Fatal(err)
		}
		for i, v := range values {
			if v.Omitted {
				continue
			}
			ms := int64(i) * max(time.Duration(test.Interval), time.Minute).Milliseconds()
			if v.Histogram != nil {
				err = db.AddHistogram(l, ms, v.Histogram)
			} else {
				err = db.Add(l, ms, v.Value)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	return db
}

// TestEvidenceOfRealAlerts has the engine of Prometheus fire each alert on the series of
// the tests of its rules, and answer the queries about it: none of them fails, and what
// the alert itself is about is known.
func TestEvidenceOfRealAlerts(t *testing.T) {
	const folder = "../../../../rules/prometheus/tests"
	paths, err := filepath.Glob(folder + "/*_alerts_test.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	more, err := filepath.Glob(folder + "/*_baseline_test.yaml")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, path := range append(append(paths, more...), folder+"/guarder_ceiling_test.yaml") {
		file, err := promtest.ReadRuleTests(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range file.Tests {
			for _, a := range test.AlertRuleTests {
				if len(a.ExpAlerts) > 0 && !seen[a.AlertName] {
					seen[a.AlertName] = true
					fire(t, file, test, a.AlertName, time.Duration(a.EvalTime))
				}
			}
		}
	}
	for _, name := range Alerts() {
		if !seen[name] {
			t.Errorf("%s never fired", name)
		}
	}
}

func fire(t *testing.T, file *promtest.RuleTestFile, test promtest.RuleTest, name string, at time.Duration) {
	t.Helper()
	db := load(t, test)
	all := promtest.NewRules(db)
	for _, f := range file.RuleFiles {
		path := filepath.Join("../../../../rules/prometheus/tests", f)
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := all.Parse(path, text); err != nil {
			t.Fatal(err)
		}
	}
	step := time.Duration(file.EvaluationInterval)
	var last time.Time
	for d := time.Duration(0); d <= at; d += step {
		last = time.UnixMilli(d.Milliseconds())
		if err := all.Eval(last); err != nil {
			t.Fatal(err)
		}
	}
	firing := all.Firing(name)
	if len(firing) == 0 {
		t.Errorf("%s does not fire at %v", name, at)
		return
	}
	own := firing[0].Labels.Map()
	table := &handle.Table{}
	limits := evidence.Defaults
	limits.PerQuery, limits.Total = time.Minute, time.Minute // a slow machine is no fault of a query
	set := evidence.Gather(t.Context(), engine{db}, evidence.Alert{Labels: own}, table, last, limits)
	for _, g := range set.Gaps {
		if g.Why != fact.NoData {
			t.Errorf("%s: %s before %v: %s", name, g.Name, g.Before, g.Why)
		}
	}
	first := evidence.For(name)[0].Name
	if len(set.Now(first)) == 0 && name != "PacketScopeAbsent" {
		t.Errorf("%s fires, and %s is not known", name, first)
	}
	a := Explain(answer.Ground{Set: set, Table: table})
	if strings.Contains(a.Summary, "has no explanation") || len(a.Findings) == 0 && name != "PacketScopeAbsent" {
		t.Errorf("%s: %+v", name, a)
	}
}
