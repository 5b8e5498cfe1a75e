package query

import (
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql/parser"
)

// equalities returns the labels that absent makes up: those that its selector
// compares with one value.
func equalities(e parser.Expr) Labels {
	out := labelSet(nil)
	switch e := e.(type) {
	case *parser.ParenExpr:
		return equalities(e.Expr)
	case *parser.MatrixSelector:
		return equalities(e.VectorSelector)
	case *parser.VectorSelector:
		for _, m := range e.LabelMatchers {
			if m.Type == labels.MatchEqual && m.Name != model.MetricNameLabel {
				out = out.with(m.Name)
			}
		}
	}
	return out
}
