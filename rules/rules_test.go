package rules

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"
	"github.com/prometheus/prometheus/model/rulefmt"

	"github.com/packetscope/packetscope/internal/query"
)

// parseAsServer reads a rule file as Prometheus does.
func parseAsServer(t *testing.T, name string) *rulefmt.RuleGroups {
	t.Helper()
	groups, errs := rulefmt.ParseFile("prometheus/"+name, false, model.UTF8Validation, query.Parser, promslog.NewNopLogger())
	for _, err := range errs {
		t.Error(err)
	}
	return groups
}

func TestServerReadsTheSameRules(t *testing.T) {
	var got []string
	for _, r := range Recordings() {
		got = append(got, r.File+" "+r.Group+" "+r.Name)
	}
	for _, a := range Alerts() {
		got = append(got, a.File+" "+a.Group+" "+a.Name+" "+a.Severity+" "+model.Duration(a.For).String()+" "+model.Duration(a.KeepFiringFor).String())
	}
	var want []string
	for _, name := range fileNames(t) {
		for _, g := range parseAsServer(t, name).Groups {
			for _, r := range g.Rules {
				if r.Record != "" {
					want = append(want, name+" "+g.Name+" "+r.Record)
				} else {
					want = append(want, name+" "+g.Name+" "+r.Alert+" "+r.Labels["severity"]+" "+r.For.String()+" "+r.KeepFiringFor.String())
				}
			}
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// TestEveryExpressionKeepsTheHost claims that each result tells of which host it is, that
// expressions name nothing that does not exist, and that templates have their labels.
func TestEveryExpressionKeepsTheHost(t *testing.T) {
	for _, r := range Recordings() {
		for _, label := range query.TargetLabels {
			if !slices.Contains(r.Labels, label) {
				t.Errorf("%s: %s has no label %q", r.File, r.Name, label)
			}
		}
	}
	c := Catalogue()
	for _, a := range Alerts() {
		labels, err := c.Check(a.Expr)
		if err != nil {
			t.Errorf("%s: %s: %v", a.File, a.Name, err)
			continue
		}
		for _, label := range query.TargetLabels {
			if !labels.Has(label) && a.Name != "PacketScopeAbsent" {
				t.Errorf("%s: %s has no label %q", a.File, a.Name, label)
			}
		}
		for _, m := range labelInTemplate.FindAllStringSubmatch(a.Summary+a.Description+a.Dashboard, -1) {
			if !labels.Has(m[1]) {
				t.Errorf("%s: %s inserts the label %q, which it does not have", a.File, a.Name, m[1])
			}
		}
	}
}

var labelInTemplate = regexp.MustCompile(`\$labels\.(\w+)`)

// TestLevelsNameTheLabels claims that the first word of a recorded name is what its
// labels are, as the convention level:metric:operations wants it.
func TestLevelsNameTheLabels(t *testing.T) {
	for _, r := range Recordings() {
		parts := strings.Split(r.Name, ":")
		if len(parts) != 3 || !strings.HasPrefix(parts[1], "packetscope_") {
			t.Errorf("%s: %s is not level:packetscope_…:operations", r.File, r.Name)
			continue
		}
		level, ok := strings.CutPrefix(parts[0]+"_", "instance_")
		if !ok {
			t.Errorf("%s: %s does not begin with instance", r.File, r.Name)
		}
		for _, label := range r.Labels {
			if slices.Contains(query.TargetLabels, label) {
				continue
			}
			if !strings.Contains("_"+level, "_"+label+"_") {
				t.Errorf("%s: %s does not name its label %q", r.File, r.Name, label)
			}
			level = strings.Replace(level, label+"_", "", 1)
		}
		if level != "" {
			t.Errorf("%s: %s names %q, which is none of its labels %q", r.File, r.Name, level, r.Labels)
		}
	}
}

var (
	alertName    = regexp.MustCompile(`^PacketScope[A-Z][A-Za-z]+$`)
	dashboard    = regexp.MustCompile(`^/d/packetscope-(overview|stack|kernelpaths|drops|tcp|guarder|paths|annotator|self)(\?var-instance=\{\{ \$labels\.instance \}\})?$`)
	severities   = []string{"critical", "warning", "info"}
	areas        = []string{"drops", "tcp", "stack", "softirq", "flows", "sockets", "guarder", "paths", "packetscope"}
	longestFor   = time.Hour
	runbookStart = "https://github.com/packetscope/packetscope/blob/main/rules/README.md#"
)

func TestAlertsAreComplete(t *testing.T) {
	for _, a := range Alerts() {
		for what, ok := range map[string]bool{
			"name":                          alertName.MatchString(a.Name),
			"severity":                      slices.Contains(severities, a.Severity),
			"area":                          slices.Contains(areas, a.Area),
			"for":                           a.For > 0 && a.For <= longestFor,
			"keep_firing_for":               a.KeepFiringFor <= longestFor,
			"summary that ends in a period": strings.HasSuffix(a.Summary, ".") && !strings.Contains(a.Summary, "\n"),
			"summary with its labels":       a.Name == "PacketScopeAbsent" || strings.Contains(a.Summary, "$labels.instance"),
			"description":                   len(a.Description) > 100 && !strings.Contains(strings.TrimSpace(a.Description), "\n"),
			"runbook_url":                   a.RunbookURL == runbookStart+strings.ToLower(a.Name),
			"dashboard":                     dashboard.MatchString(a.Dashboard),
		} {
			if !ok {
				t.Errorf("%s: %s (%s): wrong or missing %s", a.File, a.Name, a.Severity, what)
			}
		}
	}
}

// TestPairsDifferInSeverityOnly claims that two alerts of one name tell of the same
// thing, so that one may inhibit the other.
func TestPairsDifferInSeverityOnly(t *testing.T) {
	first := make(map[string]Alert)
	for _, a := range Alerts() {
		b, ok := first[a.Name]
		if !ok {
			first[a.Name] = a
			continue
		}
		if a.Severity == b.Severity || a.Area != b.Area || a.Summary != b.Summary || a.Description != b.Description || a.Dashboard != b.Dashboard {
			t.Errorf("%s: the two alerts %s differ in more than their severity, or not in that", a.File, a.Name)
		}
	}
}

func TestFaultsInFilesAreFound(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"unknown key":    {"groups: [{name: x, rules: [{record: a, exp: up}]}]", "x.rules.yaml: yaml: unmarshal errors:\n  line 1: field exp not found in type rules.ruleYAML"},
		"unknown metric": {"groups: [{name: x, rules: [{record: 'a:b:c', expr: packetscope_nothing}]}]", `a:b:c: 1:1: no metric or recording rule is named "packetscope_nothing"`},
		"bad duration":   {"groups: [{name: x, rules: [{alert: A, expr: up, for: soon}]}]", `x.rules.yaml: not a valid duration string: "soon"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := read(fstest.MapFS{"x.rules.yaml": {Data: []byte(c.text)}})
			if err == nil || err.Error() != c.want {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
		})
	}
}
