package evidence

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/query"
	"github.com/packetscope/packetscope/rules"
)

// labelsOf returns the labels that an alert surely has: those of the result of its
// expression, for all of the rules that have its name.
func labelsOf(t *testing.T, name string) []string {
	t.Helper()
	var all []string
	for i, a := range slices.Collect(byName(name)) {
		l, err := rules.Catalogue().Check(a.Expr)
		if err != nil {
			t.Fatal(err)
		}
		if i > 0 && !slices.Equal(all, l.Names()) {
			t.Errorf("%s: its rules differ in their labels", name)
		}
		all = l.Names()
	}
	return all
}

func byName(name string) func(func(rules.Alert) bool) {
	return func(yield func(rules.Alert) bool) {
		for _, a := range rules.Alerts() {
			if a.Name == name && !yield(a) {
				return
			}
		}
	}
}

func TestEveryAlertHasEvidence(t *testing.T) {
	var want []string
	for _, a := range rules.Alerts() {
		if !slices.Contains(want, a.Name) {
			want = append(want, a.Name)
		}
	}
	slices.Sort(want)
	for _, name := range want {
		if len(For(name)) == 0 {
			t.Errorf("%s (%s): nobody has said what to ask; add it to the list of its area", name, slices.Collect(byName(name))[0].File)
		}
	}
	for _, name := range Alerts() {
		if !slices.Contains(want, name) {
			t.Errorf("%s is no alert of this repository", name)
		}
	}
}

var (
	nameForm  = regexp.MustCompile(`^[a-z][a-z_]*$`)
	seriesOf  = regexp.MustCompile(`packetscope_[a-z0-9_]+`)
	anyString = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)
)

// TestQueriesNameWhatThereIs claims that each query parses, that every metric, recorded
// series and label in it exists, that its placeholders are labels of the alert, and that
// what tells its facts apart is in the result.
func TestQueriesNameWhatThereIs(t *testing.T) {
	for _, alert := range Alerts() {
		values := map[string]string{}
		for _, name := range labelsOf(t, alert) {
			values[name] = "v"
		}
		if asks := checkQueries(t, alert, For(alert), values); asks > Defaults.Queries {
			t.Errorf("%s asks %d times, which is more than %d", alert, asks, Defaults.Queries)
		}
	}
	host := map[string]string{"cluster": "v", "job": "v", "instance": "v"}
	if asks := checkQueries(t, "a host", ForHost(quarter, Scopes), host); asks > mostHostQueries {
		t.Errorf("about a host it asks %d times, which is more than %d", asks, mostHostQueries)
	}
}

// checkQueries looks at queries, and returns how often they ask.
func checkQueries(t *testing.T, of string, queries []Query, values map[string]string) (asks int) {
	t.Helper()
	catalogue := rules.Catalogue()
	seen := map[string]bool{}
	for _, q := range queries {
		if !nameForm.MatchString(q.Name) || q.Says == "" || seen[q.Name] {
			t.Errorf("%s: query %q has a bad name or no words, or is there twice", of, q.Name)
		}
		seen[q.Name] = true
		asks++
		if q.Baseline {
			asks += len(Baselines)
		}
		expr, err := q.Render(values)
		if err != nil {
			t.Errorf("%s: %v", of, err)
			continue
		}
		result, err := catalogue.Check(expr)
		if err != nil {
			t.Errorf("%s: %s: %v\n%s", of, q.Name, err, expr)
			continue
		}
		for _, label := range append(slices.Clone(q.By), q.Text) {
			if label != "" && (!result.Has(label) || !fact.Allowed(label)) {
				t.Errorf("%s: %s: %q is no label of its result, or may not be shown", of, q.Name, label)
			}
		}
		for _, series := range seriesOf.FindAllString(anyString.ReplaceAllString(expr, ""), -1) {
			if _, ok := metric.Lookup(series); !ok && !strings.Contains(expr, ":"+series+":") {
				t.Errorf("%s: %s names %s, which is no metric", of, q.Name, series)
			}
		}
	}
	return asks
}

// FuzzRender claims that no value of a label changes what is asked: the query has the
// same shape, and the value is compared as it is.
func FuzzRender(f *testing.F) {
	for _, s := range []string{"eth0", `x"} or vector(1) #`, `\`, "\n", "\x00", "\u202e", "a\xffb", "`"} {
		f.Add(s)
	}
	q := Query{Name: "q", Expr: `sum(packetscope_device_drops_total{$host,$device})`}
	f.Fuzz(func(t *testing.T, value string) {
		expr, err := q.Render(map[string]string{"instance": value, "job": "j", "device": value})
		if err != nil {
			if value != "" {
				t.Errorf("%q: %v", value, err)
			}
			return
		}
		parsed, err := query.Parser.ParseExpr(expr)
		if err != nil {
			if strings.ToValidUTF8(value, "") != value {
				return // no label has such a value
			}
			t.Fatalf("%q: %v", expr, err)
		}
		sum, ok := parsed.(*parser.AggregateExpr)
		if !ok {
			t.Fatalf("%q is no sum", expr)
		}
		s, ok := sum.Expr.(*parser.VectorSelector)
		if !ok {
			t.Fatalf("%q is no sum of a selector", expr)
		}
		want := map[string]string{"__name__": "packetscope_device_drops_total", "cluster": "", "job": "j", "instance": value, "device": value}
		if len(s.LabelMatchers) != len(want) {
			t.Fatalf("%q has %d matchers", expr, len(s.LabelMatchers))
		}
		for _, m := range s.LabelMatchers {
			if m.Type != labels.MatchEqual || m.Value != want[m.Name] {
				t.Errorf("%q compares %s", expr, m)
			}
		}
	})
}

func TestAMissingLabelIsNoQuery(t *testing.T) {
	q := Query{Name: "q", Expr: `up{$host,$device}`}
	for _, l := range []map[string]string{{"device": "eth0"}, {"instance": "a:1"}, {}} {
		if expr, err := q.Render(l); err == nil {
			t.Errorf("%v: %s", l, expr)
		}
	}
}
