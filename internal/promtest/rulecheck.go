package promtest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// check compares the alerts that fire with those that are expected.
func (a *AlertRuleTest) check(rules *Rules) error {
	var got, want []string
	for _, x := range rules.Firing(a.AlertName) {
		got = append(got, describe(x.Labels, x.Annotations))
	}
	for _, x := range a.ExpAlerts {
		l := labels.NewBuilder(labels.FromMap(x.Labels)).Set(model.AlertNameLabel, a.AlertName).Labels()
		want = append(want, describe(l, x.Annotations))
	}
	if diff := diffLines(want, got); diff != "" {
		return fmt.Errorf("alert %q at %s (-want +got):\n%s", a.AlertName, a.EvalTime, diff)
	}
	return nil
}

// describe puts one label or annotation on a line.
func describe(l labels.Labels, annotations map[string]string) string {
	var lines []string
	for name, text := range annotations {
		lines = append(lines, "  "+name+": "+text)
	}
	slices.Sort(lines)
	return l.String() + "\n" + strings.Join(lines, "\n")
}

// check compares all samples of the query with those that are expected.
func (e *PromQLExprTest) check(db *DB) error {
	result, _, err := db.Instant(e.Expr, epoch.Add(time.Duration(e.EvalTime)))
	if err != nil {
		return err
	}
	var got, want []string
	for _, s := range result {
		if s.H != nil {
			got = append(got, s.Metric.String()+" "+s.H.Compact(0).String())
			continue
		}
		got = append(got, fmt.Sprint(s.Metric, " ", s.F))
	}
	for _, s := range e.ExpSamples {
		line, err := s.describe()
		if err != nil {
			return fmt.Errorf("%s: %w", e.Expr, err)
		}
		want = append(want, line)
	}
	if diff := diffLines(want, got); diff != "" {
		return fmt.Errorf("%s at %s (-want +got):\n%s", e.Expr, e.EvalTime, diff)
	}
	return nil
}

func (s *ExpectedSample) describe() (string, error) {
	p := parser.NewParser(parser.Options{})
	l := labels.EmptyLabels()
	if s.Labels != "" {
		var err error
		if l, err = p.ParseMetric(s.Labels); err != nil {
			return "", err
		}
	}
	if s.Histogram == "" {
		return fmt.Sprint(l, " ", s.Value), nil
	}
	_, values, err := p.ParseSeriesDesc("x " + s.Histogram)
	if err != nil {
		return "", err
	}
	if len(values) != 1 || values[0].Histogram == nil {
		return "", fmt.Errorf("%q is not one histogram", s.Histogram)
	}
	return l.String() + " " + values[0].Histogram.Compact(0).String(), nil
}

// diffLines compares two lists as sets: what is missing has a "-" in front, what is
// too much a "+". It returns "" if they are equal.
func diffLines(want, got []string) string {
	var b strings.Builder
	for _, line := range want {
		if !slices.Contains(got, line) {
			fmt.Fprintln(&b, "-", line)
		}
	}
	for _, line := range got {
		if !slices.Contains(want, line) {
			fmt.Fprintln(&b, "+", line)
		}
	}
	if b.Len() == 0 && len(want) != len(got) {
		fmt.Fprintf(&b, "%d equal ones instead of %d\n", len(got), len(want))
	}
	return b.String()
}
