package servers

import (
	"fmt"
	"io/fs"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"gopkg.in/yaml.v3"
)

// A Pace is how many times faster the clock of rules and routes runs than the wall's.
// At pace 60 an alert waits for 5 s instead of 5 min, on a rate over 5 s instead of 5
// min. What rates are compared with stays: a packet per second is one in any second.
type Pace int

// duration shortens one in Prometheus' notation.
func (p Pace) duration(text string) (string, error) {
	d, err := model.ParseDuration(text)
	if err != nil {
		return "", err
	}
	return model.Duration(p.of(time.Duration(d))).String(), nil
}

func (p Pace) of(d time.Duration) time.Duration {
	return (d / time.Duration(p)).Round(time.Millisecond)
}

// durations shortens those under the keys that a mapping has.
func (p Pace) durations(d document, keys ...string) error {
	for _, key := range keys {
		old, ok := d[key]
		if !ok {
			continue
		}
		shorter, err := p.duration(fmt.Sprint(old))
		if err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		d[key] = shorter
	}
	return nil
}

// Rules returns a file of rules at this pace: with shorter "for", "keep_firing_for",
// intervals of groups, and ranges and offsets in expressions.
func (p Pace) Rules(file []byte) ([]byte, error) {
	d, err := decode(file)
	if err != nil {
		return nil, err
	}
	keep := func(one error) {
		if err == nil {
			err = one
		}
	}
	each(d, "groups", func(group document) {
		keep(p.durations(group, "interval"))
		each(group, "rules", func(rule document) {
			keep(p.durations(rule, "for", "keep_firing_for"))
			expr, failed := p.expression(fmt.Sprint(rule["expr"]))
			keep(failed)
			rule["expr"] = expr
		})
	})
	if err != nil {
		return nil, err
	}
	return yaml.Marshal(d)
}

// RuleFiles returns the files of rules of a folder at this pace, by the paths that
// prometheus.yml has for them.
func (p Pace) RuleFiles(folder fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	names, err := fs.Glob(folder, "*.yaml")
	for _, name := range names {
		text, err := fs.ReadFile(folder, name)
		if err != nil {
			return nil, err
		}
		if files["rules/"+name], err = p.Rules(text); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return files, err
}

// expression shortens the ranges and offsets of a PromQL expression.
func (p Pace) expression(text string) (string, error) {
	expr, err := parser.NewParser(parser.Options{}).ParseExpr(text)
	if err != nil {
		return "", err
	}
	parser.Inspect(expr, func(node parser.Node, _ []parser.Node) error {
		switch n := node.(type) {
		case *parser.MatrixSelector:
			n.Range = p.of(n.Range)
		case *parser.SubqueryExpr:
			n.Range, n.Step, n.OriginalOffset = p.of(n.Range), p.of(n.Step), p.of(n.OriginalOffset)
		case *parser.VectorSelector:
			n.OriginalOffset = p.of(n.OriginalOffset)
		}
		return nil
	})
	return expr.String(), nil
}
