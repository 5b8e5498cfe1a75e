package query

import (
	"slices"

	"github.com/prometheus/prometheus/promql/parser"
)

// binary follows the labels through an operator, by the rules for vector
// matching of the Prometheus documentation.
func (k *checker) binary(e *parser.BinaryExpr) Series {
	left, right := k.node(e.LHS), k.node(e.RHS)
	m := e.VectorMatching
	if m == nil { // a scalar on one side or on both
		if e.LHS.Type() == parser.ValueTypeVector {
			return Series{Labels: left.Labels}
		}
		return Series{Labels: right.Labels}
	}
	if m.On {
		k.need(left, e.LHS, m.MatchingLabels...)
		k.need(right, e.RHS, m.MatchingLabels...)
	}
	switch e.Op {
	case parser.LAND, parser.LUNLESS:
		return left
	case parser.LOR:
		if isZero(e.RHS) {
			k.fault(e.RHS.PositionRange(), "vector(0) makes a missing value look like 0; let the panel or the rule say what is missing")
		}
		return Series{Labels: left.Labels.union(right.Labels)}
	}
	many, one, from := left, right, e.RHS
	if m.Card == parser.CardOneToMany {
		many, one, from = right, left, e.LHS
	}
	if m.Card == parser.CardOneToOne {
		if m.On {
			return Series{Labels: labelSet(m.MatchingLabels)}
		}
		return Series{Labels: many.Labels.without(m.MatchingLabels...)}
	}
	k.need(one, from, m.Include...)
	return Series{Labels: many.Labels.with(m.Include...)}
}

// isZero recognises vector(0), in parentheses or not.
func isZero(e parser.Expr) bool {
	if p, ok := e.(*parser.ParenExpr); ok {
		return isZero(p.Expr)
	}
	call, ok := e.(*parser.Call)
	if !ok || call.Func.Name != "vector" {
		return false
	}
	number, ok := call.Args[0].(*parser.NumberLiteral)
	return ok && number.Val == 0
}

// needCounter are the functions that take what never falls but by a reset, and
// needGauge those that take what does.
var (
	needCounter = []string{"rate", "irate", "increase"}
	needGauge   = []string{"delta", "idelta", "deriv", "predict_linear", "double_exponential_smoothing"}
	ofHistogram = []string{"histogram_avg", "histogram_count", "histogram_sum", "histogram_fraction", "histogram_stddev", "histogram_stdvar"}
)

func (k *checker) call(e *parser.Call) Series {
	name := e.Func.Name
	args := make([]Series, len(e.Args))
	vector := -1 // the first argument that has series
	for i, arg := range e.Args {
		args[i] = k.node(arg)
		if t := arg.Type(); vector < 0 && (t == parser.ValueTypeVector || t == parser.ValueTypeMatrix) {
			vector = i
		}
	}
	if vector < 0 || name == "scalar" {
		return Series{}
	}
	s, arg := args[vector], e.Args[vector]
	switch {
	case slices.Contains(needCounter, name):
		if !s.Counter && !s.Labels.open {
			k.fault(e.PosRange, "%s of %s, which is no counter", name, arg)
		}
		return Series{Labels: s.Labels, Native: s.Native}
	case slices.Contains(needGauge, name):
		if s.Counter {
			k.fault(e.PosRange, "%s of %s, which is a counter", name, arg)
		}
	case slices.Contains(ofHistogram, name):
		if !s.Native {
			k.fault(e.PosRange, "%s of %s, which is no native histogram", name, arg)
		}
	case name == "histogram_quantile":
		if !s.Native && !s.Labels.Has("le") {
			k.fault(e.PosRange, "histogram_quantile of %s, which is no native histogram and has no label \"le\"", arg)
		}
		return Series{Labels: s.Labels.without("le")}
	case name == "absent" || name == "absent_over_time":
		return Series{Labels: equalities(arg)}
	case name == "label_replace" || name == "label_join":
		return k.relabel(e, s)
	case slices.Contains([]string{"last_over_time", "sort", "sort_desc", "sum_over_time", "avg_over_time"}, name):
		return Series{Labels: s.Labels, Native: s.Native}
	}
	return Series{Labels: s.Labels}
}

// relabel follows label_replace(v, dst, replacement, src, regex) and
// label_join(v, dst, separator, src...).
func (k *checker) relabel(e *parser.Call, s Series) Series {
	sources := e.Args[3:]
	if e.Func.Name == "label_replace" {
		sources = e.Args[3:4]
	}
	for _, source := range sources {
		if name := text(source); name != "" {
			k.need(s, e.Args[0], name)
		}
	}
	s.Labels = s.Labels.with(text(e.Args[1]))
	return Series{Labels: s.Labels, Native: s.Native}
}

func text(e parser.Expr) string {
	if s, ok := e.(*parser.StringLiteral); ok {
		return s.Val
	}
	return ""
}
