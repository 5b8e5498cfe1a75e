package rules

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/packetscope/packetscope/internal/promtest"
	"github.com/packetscope/packetscope/internal/query"
)

// TestTestsNoticeEveryCondition changes one thing of an alert at a time and claims that
// its tests fail each time. Numbers are changed by a quarter, up and down, so the tests
// hold both a value just above and one just below each threshold.
func TestTestsNoticeEveryCondition(t *testing.T) {
	files := unitTests(t)
	for _, a := range Alerts() {
		t.Run(a.Name+" "+a.Severity, func(t *testing.T) {
			t.Parallel()
			f, needed := testsOf(t, files, a), recordingsIn(a.Expr)
			if err := f.Run(); err != nil {
				t.Fatal(err)
			}
			for what, change := range mutants(t, a, f) {
				f.Change = func(r *rulefmt.Rule) bool {
					if r.Alert == a.Name && r.Labels["severity"] == a.Severity {
						change(r)
					}
					return r.Alert == a.Name || needed[r.Record]
				}
				if f.Run() == nil {
					t.Errorf("the tests do not notice %s", what)
				}
			}
		})
	}
}

// recordingsIn returns the recorded series that an expression needs, directly or not.
func recordingsIn(expr string) map[string]bool {
	needed := make(map[string]bool)
	for _, r := range Recordings() {
		if strings.Contains(expr, r.Name) {
			needed[r.Name] = true
			maps.Copy(needed, recordingsIn(r.Expr))
		}
	}
	return needed
}

// testsOf returns the file and the tests that name an alert of a severity.
func testsOf(t *testing.T, files map[string]*promtest.RuleTestFile, a Alert) *promtest.RuleTestFile {
	t.Helper()
	for _, f := range files {
		only := *f
		only.Tests = nil
		for _, test := range f.Tests {
			for _, x := range test.AlertRuleTests {
				if x.AlertName == a.Name && len(x.ExpAlerts) > 0 && x.ExpAlerts[0].Labels["severity"] == a.Severity {
					only.Tests = append(only.Tests, test)
				}
			}
		}
		if len(only.Tests) > 0 {
			return &only
		}
	}
	t.Fatalf("no test has %s fire as %s", a.Name, a.Severity)
	return nil
}

// mutants returns ways to spoil an alert, by what they do.
func mutants(t *testing.T, a Alert, f *promtest.RuleTestFile) map[string]func(*rulefmt.Rule) {
	t.Helper()
	changes := map[string]func(*rulefmt.Rule){
		"a longer for":  func(r *rulefmt.Rule) { r.For += f.EvaluationInterval },
		"a shorter for": func(r *rulefmt.Rule) { r.For -= f.EvaluationInterval },
	}
	for i := range nodes(t, a.Expr) {
		for what, spoil := range spoilers {
			e := parse(t, a.Expr)
			if spoil(inOrder(e)[i]) {
				text := e.String()
				changes[what+": "+text] = func(r *rulefmt.Rule) { r.Expr = text }
			}
		}
	}
	return changes
}

// spoilers change a node of an expression, or return false where they do not apply.
var spoilers = map[string]func(parser.Node) bool{
	"a greater number": func(n parser.Node) bool { return scale(n, 1.25) },
	"a smaller number": func(n parser.Node) bool { return scale(n, 0.8) },
	"an inverse comparison": func(n parser.Node) bool {
		b, ok := n.(*parser.BinaryExpr)
		if !ok || !b.Op.IsComparisonOperator() {
			return false
		}
		b.Op = inverse[b.Op]
		return true
	},
	"a missing matcher": func(n parser.Node) bool {
		s, ok := n.(*parser.VectorSelector)
		if !ok || len(s.LabelMatchers) < 2 {
			return false
		}
		for i, m := range s.LabelMatchers {
			if m.Name != model.MetricNameLabel {
				s.LabelMatchers = append(s.LabelMatchers[:i:i], s.LabelMatchers[i+1:]...)
				return true
			}
		}
		return false
	},
}

var inverse = map[parser.ItemType]parser.ItemType{
	parser.GTR: parser.LTE, parser.GTE: parser.LSS, parser.LSS: parser.GTE, parser.LTE: parser.GTR,
	parser.EQLC: parser.NEQ, parser.NEQ: parser.EQLC,
}

func scale(n parser.Node, by float64) bool {
	x, ok := n.(*parser.NumberLiteral)
	if !ok || x.Val == 0 {
		return false
	}
	x.Val *= by
	return true
}

func parse(t *testing.T, expr string) parser.Expr {
	t.Helper()
	e, err := query.Parser.ParseExpr(expr)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func nodes(t *testing.T, expr string) []parser.Node { return inOrder(parse(t, expr)) }

// inOrder lists the nodes of an expression, always in the same order.
func inOrder(e parser.Expr) []parser.Node {
	var all []parser.Node
	parser.Inspect(e, func(n parser.Node, _ []parser.Node) error {
		if n != nil {
			all = append(all, n)
		}
		return nil
	})
	return all
}

// TestTestsNoticeEveryRecording claims that the tests fail if a recorded series has
// another value.
func TestTestsNoticeEveryRecording(t *testing.T) {
	files := unitTests(t)
	for _, r := range Recordings() {
		t.Run(r.Name, func(t *testing.T) {
			t.Parallel()
			f := *files[fmt.Sprintf("prometheus/tests/%s_rules_test.yaml", strings.TrimSuffix(strings.TrimPrefix(r.File, "packetscope-"), ".rules.yaml"))]
			f.Change = func(x *rulefmt.Rule) bool {
				if x.Record == r.Name {
					x.Expr = "2 * (" + x.Expr + ")"
				}
				return x.Record != ""
			}
			if f.Run() == nil {
				t.Error("the tests do not notice if it is doubled")
			}
		})
	}
}
