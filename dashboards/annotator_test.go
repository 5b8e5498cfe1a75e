package dashboards

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/collector/metric"
)

// TestAnnotatorShowsAllThatThereIs runs every query of the board on the sample, which has
// something in every family.
func TestAnnotatorShowsAllThatThereIs(t *testing.T) {
	db := sampleOfHosts(t, 2)
	d, err := annotatorBoard().Build()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range Panels(d) {
		for _, q := range Targets(p) {
			expr, unknown := Interpolate(q.Expr, looking)
			v, warnings, err := db.Instant(expr, sampleTime)
			if err != nil || len(unknown) > 0 || len(warnings) > 0 {
				t.Fatalf("%s: %v, unknown %v, warnings %v\n%s", *p.Title, err, unknown, warnings, expr)
			}
			if len(v) == 0 {
				t.Errorf("%s/%s has no results:\n%s", *p.Title, *q.RefId, expr)
			}
		}
		if p.Type == "table" {
			if frames := framesOf(t, db, sampleTime, p, looking); len(frames) != 1 || frames[0].Rows() == 0 {
				t.Errorf("%s gets %d frames", *p.Title, len(frames))
			}
		}
	}
}

// TestAnnotatorShowsEveryFamily claims that nothing is counted that the board leaves out.
func TestAnnotatorShowsEveryFamily(t *testing.T) {
	d, err := annotatorBoard().Build()
	if err != nil {
		t.Fatal(err)
	}
	queries, missing := []string{}, []string{}
	for _, p := range Panels(d) {
		for _, q := range Targets(p) {
			queries = append(queries, q.Expr)
		}
	}
	all := strings.Join(queries, "\n")
	for _, f := range metric.Of(metric.CollectorAnnotator) {
		if !strings.Contains(all, f.Name+"{") && !strings.Contains(all, f.Name+"_bucket{") {
			missing = append(missing, f.Name)
		}
	}
	if len(missing) > 0 {
		t.Errorf("no panel shows %s", strings.Join(missing, ", "))
	}
}

// TestTheAnnotatorsTablesHaveARowForEach compares what people read of models and sinks.
func TestTheAnnotatorsTablesHaveARowForEach(t *testing.T) {
	db := sampleOfHosts(t, 2)
	d, err := annotatorBoard().Build()
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{"Models": {"azure", "local"}, "Sinks": {"grafana", "pager"}}
	label := map[string]string{"Models": "provider", "Sinks": "sink"}
	for _, p := range Panels(d) {
		if want[*p.Title] == nil {
			continue
		}
		var got []string
		for _, f := range framesOf(t, db, sampleTime, p, looking) {
			for row := range f.Rows() {
				got = append(got, cell(f, label[*p.Title], row))
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want[*p.Title], got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", *p.Title, diff)
		}
		delete(want, *p.Title)
	}
	if len(want) > 0 {
		t.Errorf("no table is called %v", want)
	}
}
