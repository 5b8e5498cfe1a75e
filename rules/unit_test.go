package rules

import (
	"path/filepath"
	"regexp"
	"testing"

	"github.com/packetscope/packetscope/internal/promtest"
)

// unitTests returns the files of tests, by their path.
func unitTests(t *testing.T) map[string]*promtest.RuleTestFile {
	t.Helper()
	paths, err := filepath.Glob("prometheus/tests/*_test.yaml")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no tests of rules: %v", err)
	}
	files := make(map[string]*promtest.RuleTestFile)
	for _, path := range paths {
		f, err := promtest.ReadRuleTests(path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = f
	}
	return files
}

func TestUnitTestsOfRules(t *testing.T) {
	for path, f := range unitTests(t) {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			if err := f.Run(); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestEveryRuleHasATest claims that each alert is seen to fire and not to fire, at each
// severity, and that each recorded series is compared.
func TestEveryRuleHasATest(t *testing.T) {
	fires, quiet, compared := make(map[string]bool), make(map[string]bool), make(map[string]bool)
	for _, f := range unitTests(t) {
		for _, test := range f.Tests {
			for _, a := range test.AlertRuleTests {
				for _, x := range a.ExpAlerts {
					fires[a.AlertName+" "+x.Labels["severity"]] = true
				}
				if len(a.ExpAlerts) == 0 {
					quiet[a.AlertName] = true
				}
			}
			for _, e := range test.PromQLExprTests {
				if len(e.ExpSamples) > 0 {
					compared[recordedName.FindString(e.Expr)] = true
				}
			}
		}
	}
	for _, a := range Alerts() {
		if !fires[a.Name+" "+a.Severity] {
			t.Errorf("no test has %s fire as %s", a.Name, a.Severity)
		}
		if !quiet[a.Name] {
			t.Errorf("no test has %s stay quiet", a.Name)
		}
	}
	for _, r := range Recordings() {
		if !compared[r.Name] {
			t.Errorf("no test compares %s", r.Name)
		}
	}
}

var recordedName = regexp.MustCompile(`\w+:\w+:\w+`)
