package promtest

import (
	"context"
	"fmt"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// Lookback is how old the last sample of a series may be, as on a server.
const Lookback = 5 * time.Minute

// engine is that of a server with default settings; it keeps no state.
var engine = promql.NewEngine(promql.EngineOpts{
	MaxSamples:           50_000_000,
	Timeout:              2 * time.Minute,
	LookbackDelta:        Lookback,
	EnableAtModifier:     true,
	EnableNegativeOffset: true,
	NoStepSubqueryIntervalFn: func(int64) int64 {
		return time.Minute.Milliseconds()
	},
	Parser: parser.NewParser(parser.Options{}),
})

// Instant evaluates a query at a time. A scalar becomes a vector of one element
// without labels. Warnings are what a server shows beside the result, infos
// included.
func (db *DB) Instant(expr string, at time.Time) (v promql.Vector, warnings []string, err error) {
	q, err := engine.NewInstantQuery(context.Background(), db, nil, expr, at)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	result := q.Exec(context.Background())
	if result.Err != nil {
		return nil, nil, fmt.Errorf("%s: %w", expr, result.Err)
	}
	switch value := result.Value.(type) {
	case promql.Vector:
		// The engine takes the memory back when the query is closed.
		v = append(v, value...)
	case promql.Scalar:
		v = promql.Vector{{T: value.T, F: value.V}}
	default:
		return nil, nil, fmt.Errorf("%s: is a %s, want a vector or a scalar", expr, result.Value.Type())
	}
	return v, texts(expr, result), nil
}

// Range evaluates a query at each step from start to end, which is included.
func (db *DB) Range(expr string, start, end time.Time, step time.Duration) (m promql.Matrix, warnings []string, err error) {
	q, err := engine.NewRangeQuery(context.Background(), db, nil, expr, start, end, step)
	if err != nil {
		return nil, nil, err
	}
	defer q.Close()
	result := q.Exec(context.Background())
	if result.Err != nil {
		return nil, nil, fmt.Errorf("%s: %w", expr, result.Err)
	}
	matrix, err := result.Matrix()
	if err != nil {
		return nil, nil, err
	}
	for _, s := range matrix {
		m = append(m, promql.Series{
			Metric:     s.Metric,
			Floats:     append([]promql.FPoint(nil), s.Floats...),
			Histograms: append([]promql.HPoint(nil), s.Histograms...),
		})
	}
	return m, texts(expr, result), nil
}

func texts(expr string, r *promql.Result) []string {
	warnings, infos := r.Warnings.AsStrings(expr, 0, 0)
	return append(warnings, infos...)
}
