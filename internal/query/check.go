package query

import (
	"errors"
	"fmt"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/parser/posrange"
)

// Parser reads PromQL as a server with default settings does.
var Parser = parser.NewParser(parser.Options{})

// Check returns the labels of an expression's result, or all of its faults: what
// does not parse, metrics and labels that nothing exposes, rates of gauges,
// quantiles of what is no histogram, and "or vector(0)", which turns "nothing is
// known" into "nothing happened".
//
// Faults begin with line:column of the expression.
func (c Catalogue) Check(expr string) (Labels, error) {
	parsed, err := Parser.ParseExpr(expr)
	if err != nil {
		return Labels{}, err
	}
	k := &checker{catalogue: c, text: expr}
	result := k.node(parsed)
	return result.Labels, errors.Join(k.faults...)
}

// A checker walks one expression.
type checker struct {
	catalogue Catalogue
	text      string
	faults    []error
}

func (k *checker) fault(at posrange.PositionRange, format string, args ...any) {
	line, column := 1, 1
	for _, r := range k.text[:min(int(at.Start), len(k.text))] {
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	k.faults = append(k.faults, fmt.Errorf("%d:%d: %s", line, column, fmt.Sprintf(format, args...)))
}

// need reports each name that is no label of what the expression e returns.
func (k *checker) need(s Series, e parser.Expr, names ...string) {
	for _, name := range names {
		if !s.Labels.Has(name) {
			k.fault(e.PositionRange(), "%q is no label of %s (has %s)", name, e, s.Labels)
		}
	}
}

// node returns what is known of the result of an expression.
func (k *checker) node(e parser.Expr) Series {
	switch e := e.(type) {
	case *parser.VectorSelector:
		return k.selector(e)
	case *parser.MatrixSelector:
		return k.node(e.VectorSelector)
	case *parser.SubqueryExpr:
		s := k.node(e.Expr)
		// A subquery of a rate is no counter, and nobody takes the rate of one.
		return Series{Labels: s.Labels, Native: s.Native}
	case *parser.ParenExpr:
		return k.node(e.Expr)
	case *parser.UnaryExpr:
		return Series{Labels: k.node(e.Expr).Labels}
	case *parser.StepInvariantExpr:
		return k.node(e.Expr)
	case *parser.AggregateExpr:
		return k.aggregate(e)
	case *parser.BinaryExpr:
		return k.binary(e)
	case *parser.Call:
		return k.call(e)
	}
	return Series{} // numbers and strings
}

func (k *checker) selector(e *parser.VectorSelector) Series {
	s, ok := k.catalogue[e.Name]
	if !ok {
		k.fault(e.PosRange, "no metric or recording rule is named %q", e.Name)
		return Series{Labels: Labels{open: true}}
	}
	for _, m := range e.LabelMatchers {
		if m.Name != model.MetricNameLabel && !s.Labels.Has(m.Name) {
			k.fault(e.PosRange, "%q is no label of %s (has %s)", m.Name, e.Name, s.Labels)
		}
	}
	return s
}

func (k *checker) aggregate(e *parser.AggregateExpr) Series {
	if e.Param != nil {
		k.node(e.Param)
	}
	s := k.node(e.Expr)
	switch e.Op {
	case parser.TOPK, parser.BOTTOMK, parser.LIMITK, parser.LIMIT_RATIO:
		k.need(s, e.Expr, e.Grouping...)
		return s
	case parser.COUNT, parser.GROUP, parser.COUNT_VALUES:
		s.Native = false
	}
	k.need(s, e.Expr, e.Grouping...)
	out := Series{Native: s.Native}
	if e.Without {
		out.Labels = s.Labels.without(e.Grouping...)
	} else {
		out.Labels = labelSet(e.Grouping)
	}
	if name, ok := e.Param.(*parser.StringLiteral); ok && e.Op == parser.COUNT_VALUES {
		out.Labels = out.Labels.with(name.Val)
	}
	return out
}
