//go:build kernel && linux

package dashboards

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/prometheus/prometheus/promql"

	"github.com/packetscope/packetscope/internal/grafanatest"
	"github.com/packetscope/packetscope/internal/promtest"
	"github.com/packetscope/packetscope/internal/testnet"
)

// rightlyEmpty says why a query may return nothing on the host of the test, by
// board, panel and query.
var rightlyEmpty = map[string]string{
	"self/Probes that are not attached/A":     "all probes are attached",
	"drops/Lost by network cards/A":           "virtual devices count no losses of their own",
	"stack/Polls that used up their budget/A": "the demo sends too little to use up a budget of 64 packets in every run",
	"guarder/Policies/protected":              "the policy was not put in force from another host",
	"paths/Paths/blocked":                     "no router refuses to forward",
	"paths/Paths/changed":                     "no path changes, which takes longer to be certain of than the test",
}

// chosen are the variables as a reader has them who looks at one host.
var chosen = map[string]string{
	"cluster": "lab", "job": "packetscope", "instance": "live", "watch": ".*", "severity": ".+", "interval": "15s",
	"dest": ".+", "protocol": ".+", "family": ".+", "route": "far",
	"__rate_interval": "30s", "__interval": "3s", "__range": "60s",
}

// TestEveryQueryReturnsData watches a host with the demo's traffic and faults,
// and runs every query of every board on what was scraped.
func TestEveryQueryReturnsData(t *testing.T) {
	if testnet.InVM() {
		t.Skip("the emulated machine has no go command to build the programs with")
	}
	w := watchLive(t)
	t.Run("states", w.mustHaveHappened)
	excused := make(map[string]bool)
	for _, b := range All() {
		if b.Name == "annotator" {
			continue // see TestEveryQueryOfTheAnnotatorReturnsData
		}
		d, err := b.Build()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range Panels(d) {
			for _, q := range Targets(p) {
				name := fmt.Sprintf("%s/%s/%s", b.Name, *p.Title, *q.RefId)
				_, excused[name] = rightlyEmpty[name]
				t.Run(name, func(t *testing.T) { w.mustReturnData(t, q, rightlyEmpty[name]) })
			}
			t.Run(fmt.Sprintf("%s/%s", b.Name, *p.Title), func(t *testing.T) { w.mustDraw(t, p) })
		}
		for _, v := range d.Templating.List {
			if v.Query != nil && v.Query.Map != nil {
				t.Run(b.Name+"/$"+v.Name, func(t *testing.T) { w.mustOffer(t, v) })
			}
		}
		for _, a := range d.Annotations.List {
			if a.Expr == nil {
				continue // it is in Grafana's own store
			}
			t.Run(b.Name+"/annotation "+a.Name, func(t *testing.T) {
				q := prometheus.Dataquery{Expr: *a.Expr, Format: new(prometheus.PromQueryFormat)}
				if _, warnings, err := w.run(w.native, q); err != nil || len(warnings) > 0 {
					t.Errorf("%v, warnings %v", err, warnings)
				}
			})
		}
	}
	for name := range rightlyEmpty {
		if !excused[name] {
			t.Errorf("%s is excused and is no query", name)
		}
	}
}

// run evaluates a query as Grafana does: at the end, or over the whole time.
func (w live) run(db *promtest.DB, q prometheus.Dataquery) (promql.Matrix, []string, error) {
	expr, unknown := Interpolate(q.Expr, chosen)
	if len(unknown) > 0 {
		return nil, nil, fmt.Errorf("unknown variables %v", unknown)
	}
	if q.Instant == nil || !*q.Instant {
		return db.Range(expr, w.to.Add(-rateLong/2), w.to, scrapes)
	}
	v, warnings, err := db.Instant(expr, w.to)
	var m promql.Matrix
	for _, s := range v {
		m = append(m, promql.Series{Metric: s.Metric, Floats: []promql.FPoint{{T: s.T, F: s.F}}})
	}
	return m, warnings, err
}

func (w live) mustReturnData(t *testing.T, q prometheus.Dataquery, mayBeEmpty string) {
	for kind, db := range map[string]*promtest.DB{"native": w.native, "classic": w.classic} {
		result, warnings, err := w.run(db, q)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v, warnings %v", kind, err, warnings)
		}
		if !hasData(result) && mayBeEmpty == "" {
			t.Errorf("%s: %s\nreturns no data: %v", kind, q.Expr, result)
		}
		if *q.Format == prometheus.PromQueryFormatHeatmap {
			mustBeCells(t, kind, result)
		}
	}
}

// hasData tells whether some series has a value that can be drawn.
func hasData(m promql.Matrix) bool {
	return slices.ContainsFunc(m, func(s promql.Series) bool {
		return len(s.Histograms) > 0 ||
			slices.ContainsFunc(s.Floats, func(p promql.FPoint) bool { return !math.IsNaN(p.F) && !math.IsInf(p.F, 0) })
	})
}

// mustBeCells looks for what a heat map draws: one native histogram, or buckets.
func mustBeCells(t *testing.T, kind string, m promql.Matrix) {
	t.Helper()
	for _, s := range m {
		if native := len(s.Histograms) > 0; native != (kind == "native") || native != (s.Metric.Get("le") == "") {
			t.Errorf("%s: a heat map gets %v with %d histograms", kind, s.Metric, len(s.Histograms))
		}
	}
}

// mustOffer runs the query of a variable.
func (w live) mustOffer(t *testing.T, v dashboard.VariableModel) {
	selector, label, err := LabelValues(v.Query.Map["query"].(string))
	if err != nil {
		t.Fatal(err)
	}
	result, warnings, err := w.run(w.native, prometheus.Dataquery{Expr: selector})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	if !slices.ContainsFunc(result, func(s promql.Series) bool { return s.Metric.Get(label) != "" }) {
		t.Errorf("%s offers nothing", selector)
	}
}

// mustDraw runs the transformations of tables, node graphs and maps, and looks for the
// fields that those read.
func (w live) mustDraw(t *testing.T, p dashboard.Panel) {
	switch p.Type {
	case "table":
		if frames := framesOf(t, w.native, w.to, p, chosen); len(frames) != 1 {
			t.Errorf("the table gets %d frames", len(frames))
		}
	case "nodeGraph":
		frames := framesOf(t, w.native, w.to, p, chosen)
		if *p.Title == "Path map" {
			mustBePath(t, frames)
		} else {
			mustBeFunctions(t, frames)
		}
	case "geomap":
		got := drawn(t, p, framesOf(t, w.native, w.to, p, chosen))
		for _, places := range got {
			slices.Sort(places)
		}
		if want, ok := onMaps[*p.Title]; !ok && len(got) == 0 {
			t.Error("nothing is drawn")
		} else if diff := cmp.Diff(want, got); ok && diff != "" {
			t.Errorf("places (-want +got):\n%s", diff)
		}
	}
}

// mustBePath looks for the whole way of a packet in the map, with numbers on it.
func mustBePath(t *testing.T, frames []grafanatest.Frame) {
	t.Helper()
	g, err := grafanatest.NodeGraph(frames)
	if err != nil {
		t.Error(err)
	}
	for _, id := range []string{
		"receive link > receive network", "receive network > receive transport", "receive transport > socket",
		"socket > transmit transport", "transmit transport > transmit network", "transmit network > transmit qdisc", "transmit qdisc > transmit driver",
	} {
		e, ok := g.Edges[id]
		if rate, _ := e["mainstat"].(float64); !ok || rate <= 0 {
			t.Errorf("edge %q is %v", id, e)
		}
		if p99, timed := e["secondarystat"].(float64); !strings.HasPrefix(id, "socket") && id != "receive transport > socket" && (!timed || p99 <= 0) {
			t.Errorf("edge %q has no time: %v", id, e)
		}
	}
	for id, n := range g.Nodes {
		if n["title"] == "" || n["title"] == nil {
			t.Errorf("node %q has no title: %v", id, n)
		}
	}
	for _, id := range []string{"receive link", "socket", "transmit driver"} {
		n := g.Nodes[id]
		if rate, _ := n["mainstat"].(float64); rate <= 0 {
			t.Errorf("node %q is %v", id, n)
		}
		if _, ok := n["arc__through"].(float64); !ok {
			t.Errorf("node %q has no ring: %v", id, n)
		}
	}
}

// mustBeFunctions looks for functions that every kernel has, for times on some lines, and for
// the colours of ends.
func mustBeFunctions(t *testing.T, frames []grafanatest.Frame) {
	t.Helper()
	g, err := grafanatest.NodeGraph(frames)
	if err != nil {
		t.Error(err)
	}
	timed, dropped := 0, 0
	for id, e := range g.Edges {
		if rate, _ := e["mainstat"].(float64); rate <= 0 {
			t.Errorf("edge %q is %v", id, e)
		}
		if took, ok := e["secondarystat"].(float64); ok && took > 0 {
			timed++
		}
		drop := strings.Contains(id, " > dropped: ")
		if drop {
			dropped++
		}
		if red := e["color"] == red; red != drop {
			t.Errorf("edge %q has the colour %v", id, e["color"])
		}
	}
	if timed == 0 || dropped == 0 {
		t.Errorf("%d edges have a time and %d end in a drop, of %d", timed, dropped, len(g.Edges))
	}
	for id, n := range g.Nodes {
		if rate, _ := n["mainstat"].(float64); n["title"] != id || rate <= 0 {
			t.Errorf("node %q is %v", id, n)
		}
	}
	for id, layer := range map[string]string{"__dev_queue_xmit": "link", "process_backlog": "softirq"} {
		if n := g.Nodes[id]; n["subtitle"] != layer {
			t.Errorf("node %q is %v, want layer %s", id, n, layer)
		}
	}
}
