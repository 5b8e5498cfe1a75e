package dashboards

import (
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
)

// Matchers that the placeholders in queries stand for.
const (
	hostMatchers  = `cluster=~"$cluster",job=~"$job",instance=~"$instance"`
	watchMatchers = `watch=~"$watch"`
	pathMatchers  = `dest=~"$dest",protocol=~"$protocol",family=~"$family"`
	routeMatchers = `dest="$route",protocol=~"$protocol",family=~"$family"`
)

// source is the data source that the reader has chosen.
var source = common.DataSourceRef{Type: cog.ToPtr("prometheus"), Uid: cog.ToPtr("${datasource}")}

// A target is one query of a panel.
type target struct {
	// ref names the frames of the result; "" stands for the next free letter.
	ref    string
	expr   string
	legend string
	// instant asks for the last value only.
	instant bool
	format  prometheus.PromQueryFormat
	// exemplars asks for those of the range too.
	exemplars bool
}

// over returns a query over the time range of the board. The legend names labels
// as {{label}}.
func over(expr, legend string) target {
	return target{expr: expr, legend: legend, format: prometheus.PromQueryFormatTimeSeries}
}

// last returns a query of the last value.
func last(expr, legend string) target {
	q := over(expr, legend)
	q.instant = true
	return q
}

// rows returns a query whose result is a frame with one row per series and one
// column per label; its value column is named "Value #<ref>" if the panel has
// other queries, and else "Value".
func rows(ref, expr string) target {
	return target{ref: ref, expr: expr, instant: true, format: prometheus.PromQueryFormatTable}
}

// cells returns a query for a heat map.
func cells(expr string) target {
	return target{expr: expr, legend: "{{le}}", format: prometheus.PromQueryFormatHeatmap}
}

func (q target) withExemplars() target {
	q.exemplars = true
	return q
}

// build returns the target; i is the place among the panel's queries.
func (q target) build(i int) *prometheus.DataqueryBuilder {
	if q.ref == "" {
		q.ref = string(rune('A' + i))
	}
	b := prometheus.NewDataqueryBuilder().
		RefId(q.ref).
		Expr(expand(q.expr)).
		Format(q.format).
		Interval("$interval").
		EditorMode(prometheus.QueryEditorModeCode).
		Datasource(source)
	if q.legend != "" {
		b.LegendFormat(q.legend)
	}
	if q.exemplars {
		b.Exemplar(true)
	}
	if q.instant {
		return b.Instant()
	}
	return b.Range()
}

// expand fills in the placeholders.
func expand(expr string) string {
	return strings.NewReplacer("<host>", hostMatchers, "<watch>", watchMatchers, "<path>", pathMatchers, "<route>", routeMatchers).Replace(expr)
}

// quantile returns the quantile of a histogram by labels, separated by commas;
// more are further matchers, each of which begins with a comma.
func quantile(q float64, histogram, by, more string) string {
	return fmt.Sprintf("histogram_quantile(%g, sum by (%s) (rate(%s_bucket{<host>%s}[$__rate_interval])))",
		q, strings.TrimPrefix(by+",le", ","), histogram, more)
}

// distribution returns the cells of a heat map: native histograms if the server
// has them, else the classic buckets.
func distribution(histogram, more string) target {
	return cells(fmt.Sprintf("sum(increase(%[1]s{<host>%[2]s}[$__rate_interval]))\n"+
		"or (sum by (le) (increase(%[1]s_bucket{<host>%[2]s}[$__rate_interval]))\n"+
		"  unless on () count(%[1]s{<host>%[2]s}))", histogram, more))
}

// total returns the sum of rates of a counter by labels; none is a single sum.
func total(counter, by, more string) string {
	aggregate := "sum"
	if by != "" {
		aggregate = "sum by (" + by + ")"
	}
	return fmt.Sprintf("%s (rate(%s{<host>%s}[$__rate_interval]))", aggregate, counter, more)
}
