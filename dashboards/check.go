package dashboards

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/packetscope/packetscope/internal/query"
	"github.com/packetscope/packetscope/rules"
)

// sample are values that make a query of a board valid PromQL: those of a reader
// who has chosen everything.
var sample = map[string]string{
	"cluster": ".*", "job": ".+", "instance": ".+", "watch": ".*", "severity": ".+",
	"dest": ".+", "protocol": ".+", "family": ".+", "route": "example.com",
	"interval": "15s", "__rate_interval": "1m", "__interval": "15s", "__range": "1h",
}

var variableName = regexp.MustCompile(`\$(?:\{([a-zA-Z_]\w*)(?::\w+)?\}|([a-zA-Z_]\w*))`)

// Interpolate replaces $name, ${name} and ${name:format} by values, and returns
// the names that have none.
func Interpolate(text string, values map[string]string) (out string, unknown []string) {
	out = variableName.ReplaceAllStringFunc(text, func(match string) string {
		groups := variableName.FindStringSubmatch(match)
		name := groups[1] + groups[2]
		value, ok := values[name]
		if !ok {
			unknown = append(unknown, name)
			return match
		}
		return value
	})
	return out, unknown
}

// check returns the faults of a built board that Grafana would show as an empty
// panel, or not at all.
func (b Board) check(d dashboard.Dashboard) []error {
	c := checker{catalogue: rules.Catalogue()}
	for _, p := range Panels(d) {
		if err := c.panel(p); err != nil {
			c.faults = append(c.faults, fmt.Errorf("panel %q: %w", *p.Title, err))
		}
	}
	for _, v := range d.Templating.List {
		if v.Query == nil || v.Query.Map == nil {
			continue
		}
		if err := c.labelValues(v.Query.Map["query"].(string)); err != nil {
			c.faults = append(c.faults, fmt.Errorf("variable %q: %w", v.Name, err))
		}
	}
	for _, a := range d.Annotations.List {
		if a.Expr == nil {
			continue // it is in Grafana's own store
		}
		if _, err := c.expr(*a.Expr); err != nil {
			c.faults = append(c.faults, fmt.Errorf("annotation %q: %w", a.Name, err))
		}
	}
	return c.faults
}

// Panels returns the panels of a dashboard that are no rows, folded ones too.
func Panels(d dashboard.Dashboard) []dashboard.Panel {
	var all []dashboard.Panel
	for _, p := range d.Panels {
		if p.Panel != nil {
			all = append(all, *p.Panel)
		} else {
			all = append(all, p.RowPanel.Panels...)
		}
	}
	return all
}

// Targets returns the queries of a panel.
func Targets(p dashboard.Panel) []prometheus.Dataquery {
	var all []prometheus.Dataquery
	for _, t := range p.Targets {
		if q, ok := t.(prometheus.Dataquery); ok {
			all = append(all, q)
		}
	}
	return all
}

type checker struct {
	catalogue query.Catalogue
	faults    []error
}

// words is the shortest description that says something.
const words = 60

func (c *checker) panel(p dashboard.Panel) error {
	if p.Type == "text" {
		return nil
	}
	if p.Description == nil || len(*p.Description) < words {
		return errors.New("its description does not say what the number means and what to do")
	}
	if p.FieldConfig == nil || p.FieldConfig.Defaults.Unit == nil || *p.FieldConfig.Defaults.Unit == "" {
		return errors.New("it has no unit")
	}
	targets := Targets(p)
	if len(targets) == 0 {
		return errors.New("it has no query")
	}
	var faults []error
	refs := make(map[string]bool)
	for _, t := range targets {
		if refs[*t.RefId] {
			faults = append(faults, fmt.Errorf("two queries are named %s", *t.RefId))
		}
		refs[*t.RefId] = true
		labels, err := c.expr(t.Expr)
		if err == nil {
			err = legendSays(t, labels)
		}
		if err == nil {
			err = onlyOfHosts(t.Expr)
		}
		if err != nil {
			faults = append(faults, fmt.Errorf("query %s: %w", *t.RefId, err))
		}
	}
	return errors.Join(faults...)
}

func (c *checker) expr(expr string) (query.Labels, error) {
	text, unknown := Interpolate(expr, sample)
	if len(unknown) > 0 {
		return query.Labels{}, fmt.Errorf("no variable is named %s", strings.Join(unknown, ", "))
	}
	return c.catalogue.Check(text)
}

var (
	labelValuesQuery = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)
	resultQuery      = regexp.MustCompile(`^query_result\((.+)\)$`)
)

// LabelValues takes the query of a variable apart. Of a query_result it is the label tag,
// which the variable picks by its regular expression.
func LabelValues(text string) (selector, label string, err error) {
	if groups := resultQuery.FindStringSubmatch(text); groups != nil {
		return groups[1], "tag", nil
	}
	groups := labelValuesQuery.FindStringSubmatch(text)
	if groups == nil {
		return "", "", fmt.Errorf("%q is not label_values(selector, label)", text)
	}
	return groups[1], groups[2], nil
}

func (c *checker) labelValues(text string) error {
	selector, label, err := LabelValues(text)
	if err != nil {
		return err
	}
	labels, err := c.expr(selector)
	if err == nil && !labels.Has(label) {
		err = fmt.Errorf("%q is no label of %s (has %s)", label, selector, labels)
	}
	return err
}

var legendLabel = regexp.MustCompile(`\{\{(\w+)\}\}`)

// legendSays reports a legend that is missing, that names a label which the
// result has not, or that is the same for several series.
func legendSays(t prometheus.Dataquery, labels query.Labels) error {
	if *t.Format != prometheus.PromQueryFormatTimeSeries {
		return nil // tables have columns, heat maps an axis
	}
	if t.LegendFormat == nil || *t.LegendFormat == "" {
		return errors.New("it has no legend")
	}
	var told []string
	for _, match := range legendLabel.FindAllStringSubmatch(*t.LegendFormat, -1) {
		if told = append(told, match[1]); !labels.Has(match[1]) {
			return fmt.Errorf("legend %q names a label that the result has not (has %s)", *t.LegendFormat, labels)
		}
	}
	for _, name := range labels.Names() {
		if !slices.Contains(told, name) {
			return fmt.Errorf("legend %q does not tell series apart by %s", *t.LegendFormat, name)
		}
	}
	return nil
}

// onlyOfHosts reports a selector that leaves the choice of hosts out: such a panel
// shows hosts that the reader has not chosen.
func onlyOfHosts(expr string) error {
	text, _ := Interpolate(strings.ReplaceAll(expr, "$instance", "chosen"), sample)
	parsed, err := query.Parser.ParseExpr(text)
	if err != nil {
		return err
	}
	var fault error
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		s, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		for _, m := range s.LabelMatchers {
			if m.Name == "instance" && strings.HasPrefix(m.Value, "chosen") {
				return nil
			}
		}
		fault = fmt.Errorf("%s is of all hosts, not of the chosen ones", s.Name)
		return nil
	})
	return fault
}
