package collector

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/collector/metric"
)

// annotatorReader is an annotator that always reports the same.
type annotatorReader struct {
	state Annotator
	err   error
}

func (r annotatorReader) Annotator() (Annotator, error) { return r.state, r.err }

// observed returns one observation in each of some slots.
func observed(sum float64, slots ...int) metric.Observations {
	h := histogram(sum, slots...)
	return metric.Observations{Counts: h.Buckets[:], Sum: sum}
}

// fullAnnotator has something in every field.
func fullAnnotator() Annotator {
	left := int64(120_000)
	return Annotator{
		Since: since, At: stopped(),
		Requests: map[int]uint64{202: 40, 200: 7, 503: 1}, RequestSeconds: observed(0.1, 60, 61, 62),
		Alerts: map[string]uint64{"firing": 90, "resolved": 30, "bad": 2}, Truncated: 5, Duplicates: 7,
		Inbox: Waiting{3, stopped().Add(-2 * time.Second)}, InboxBytes: 4096, FileBytes: 1 << 20, FreeBytes: 1 << 16,
		Reconciled: map[string]uint64{"done": 60, "closed": 1}, Open: 4, Closed: 11, Storm: true,
		Jobs: map[[2]string]uint64{
			{"gathered", "done"}: 15, {"explained", "done"}: 15, {"asked", "failed"}: 2, {"asked", "dead"}: 1,
		},
		JobSeconds:  map[string]metric.Observations{"gathered": observed(0.3, 80), "asked": observed(20, 113)},
		PendingJobs: 2, FirstSeconds: observed(1.5, 90, 91),
		Queries:      map[[2]string]uint64{{"drop_rate", "ok"}: 30, {"drop_rate", "no_data"}: 4, {"rtt", "timed_out"}: 1},
		FactsSeconds: observed(0.4, 85),
		Explanations: map[[3]string]uint64{{"builtin", "overload", "medium"}: 10, {"model", "volumetric_attack", "high"}: 5},
		Withheld:     9, Suspected: map[string]uint64{"other": 2}, Feedback: map[bool]uint64{true: 3, false: 1},
		Providers: []AnnotatorProvider{
			{"local", "json_object", false, map[string]uint64{"ok": 5, "invalid": 1}, observed(30, 110, 112), 5400, 700, 0},
			{"azure", "json_schema", true, map[string]uint64{"auth": 5}, observed(1, 82), 0, 0, 0.25},
		},
		Skipped: map[string]uint64{"breaker": 4}, Rejections: map[string]uint64{"uncited_number": 1}, Cache: map[string]uint64{"hit": 2, "miss": 6}, TokensLeft: &left,
		Suggestions: map[string]uint64{"pending": 2, "approved": 1}, SuggestionRejections: map[string]uint64{"protected": 1},
		Sinks: []AnnotatorSink{
			{"grafana", map[string]uint64{"ok": 18, "retry": 1}, Waiting{}, false, false},
			{"pager", map[string]uint64{"pause": 1}, Waiting{2, stopped().Add(-time.Minute)}, true, true},
		},
		Dead: map[string]int{"message": 1},
	}
}

func newAnnotatorSet(a Annotator) *Set {
	return NewSet(quiet, stopped, NewAnnotator(annotatorReader{a, nil}))
}

// TestCountersOfClosedSetsBeginAtZero: what was never counted has a rate when it is for the
// first time.
func TestCountersOfClosedSetsBeginAtZero(t *testing.T) {
	families := gatherFrom(t, newAnnotatorSet(Annotator{Since: since, At: stopped()}))
	for f, want := range map[*metric.Family]int{
		metric.AnnotatorRequests: 9, metric.AnnotatorAlerts: 3, metric.AnnotatorReconciled: 5, metric.AnnotatorJobs: 30, metric.AnnotatorJobDuration: 5,
		metric.AnnotatorQueries: 13, metric.AnnotatorFeedback: 2, metric.AnnotatorLLMSkipped: 6, metric.AnnotatorLLMRejections: 17, metric.AnnotatorCache: 2,
		metric.AnnotatorSuggestions: 4, metric.AnnotatorDead: 4, metric.AnnotatorFirst: 1, metric.AnnotatorTokensLeft: 0, metric.AnnotatorLLMRequests: 0,
	} {
		metrics := find(families, f.Name).GetMetric()
		if len(metrics) != want {
			t.Errorf("%s has %d series, want %d", f.Name, len(metrics), want)
		}
		for _, m := range metrics {
			if m.GetCounter().GetValue()+m.GetGauge().GetValue()+float64(m.GetHistogram().GetSampleCount()) != 0 {
				t.Errorf("%s begins with %v", f.Name, m)
			}
		}
	}
}

func TestWhatWaitsHasAnAge(t *testing.T) {
	a := fullAnnotator()
	c := NewAnnotator(annotatorReader{a, nil})
	check(t, c, metric.AnnotatorInboxOldest, map[string]float64{"": 2})
	check(t, c, metric.AnnotatorOutboxOldest, map[string]float64{"grafana": 0, "pager": 60}, "sink")
	a.At = a.At.Add(-time.Hour)
	check(t, NewAnnotator(annotatorReader{a, nil}), metric.AnnotatorOutboxOldest, map[string]float64{"grafana": 0, "pager": 0}, "sink")
}

func TestFactsAreCountedByResultAndMissingOnesByQuery(t *testing.T) {
	c := NewAnnotator(annotatorReader{fullAnnotator(), nil})
	check(t, c, metric.AnnotatorMissing, map[string]float64{"drop_rate": 4, "rtt": 1}, "query")
	got := valuesOf(t, c, metric.AnnotatorQueries, "result")
	for result, want := range map[string]float64{"ok": 30, "no_data": 4, "timed_out": 1, "failed": 0} {
		if got[result] != want {
			t.Errorf("%s: %v, want %v", result, got[result], want)
		}
	}
}

func TestAProviderIsAskedInOneWay(t *testing.T) {
	c := NewAnnotator(annotatorReader{fullAnnotator(), nil})
	check(t, c, metric.AnnotatorLLMMode, map[string]float64{
		"local json_schema": 0, "local json_object": 1, "local plain": 0, "azure json_schema": 1, "azure json_object": 0, "azure plain": 0,
	}, "provider", "mode")
	check(t, c, metric.AnnotatorLLMBreaker, map[string]float64{"local": 0, "azure": 1}, "provider")
}

func TestAnAnnotatorThatCannotBeReadHasNoMetrics(t *testing.T) {
	broken := errors.New("count store: broken")
	metrics, err := gather(newScrape(), NewAnnotator(annotatorReader{fullAnnotator(), broken}))
	if len(metrics) != 0 || !errors.Is(err, broken) {
		t.Errorf("%d metrics, %v", len(metrics), err)
	}
}

// busiest returns an annotator in which every combination of labels occurs that can.
func busiest(size AnnotatorSize) Annotator {
	all := func(f *metric.Family, i int) map[string]uint64 {
		counts := map[string]uint64{}
		for _, value := range annotatorValues[f][i] {
			counts[value] = 1
		}
		return counts
	}
	a := fullAnnotator()
	a.Suspected, a.SuggestionRejections, a.Queries = map[string]uint64{}, map[string]uint64{}, map[[2]string]uint64{}
	for i := range mostAnnotatorFields {
		a.Suspected[fmt.Sprint("label", i)] = 1
	}
	for i := range MostAnnotatorRefusals {
		a.SuggestionRejections[fmt.Sprint("code", i)] = 1
	}
	for i := range MostAnnotatorQueries {
		a.Queries[[2]string{fmt.Sprint("query", i), "no_data"}] = 1
	}
	a.Explanations = map[[3]string]uint64{}
	values := annotatorValues[metric.AnnotatorExplanations]
	for _, by := range values[0] {
		for _, verdict := range values[1] {
			for _, confidence := range values[2] {
				a.Explanations[[3]string{by, verdict, confidence}] = 1
			}
		}
	}
	provider, sink := a.Providers[0], a.Sinks[0]
	a.Providers, a.Sinks = nil, nil
	for i := range size.Providers {
		provider.Name, provider.Requests = fmt.Sprint("provider", i), all(metric.AnnotatorLLMRequests, 1)
		a.Providers = append(a.Providers, provider)
	}
	for i := range size.Sinks {
		sink.Name, sink.Requests = fmt.Sprint("sink", i), all(metric.AnnotatorSinkRequests, 1)
		a.Sinks = append(a.Sinks, sink)
	}
	return a
}

func TestAnnotatorsHaveTheSeriesOfTheirBound(t *testing.T) {
	for _, size := range []AnnotatorSize{{}, TypicalAnnotator, LargestAnnotator} {
		families := gatherFrom(t, newAnnotatorSet(busiest(size)))
		total := 0
		for _, f := range metric.Of(metric.CollectorAnnotator) {
			got := len(find(families, f.Name).GetMetric())
			if got != size.bound(f) {
				t.Errorf("%+v: %s has %d label sets, the bound is %d", size, f.Name, got, size.bound(f))
			}
			total += got * f.SeriesPerSet()
		}
		if total != size.Series() {
			t.Errorf("%+v: %d series, the bound is %d", size, total, size.Series())
		}
	}
}

func TestEachLabelOfTheAnnotatorHasItsValues(t *testing.T) {
	for _, f := range metric.Of(metric.CollectorAnnotator) {
		if len(annotatorValues[f]) != len(f.Labels) {
			t.Errorf("%s has labels %q and values for %d", f.Name, f.Labels, len(annotatorValues[f]))
		}
		for i, values := range annotatorValues[f] {
			sorted := slices.Clone(values)
			slices.Sort(sorted)
			if diff := cmp.Diff(len(values), len(slices.Compact(sorted))); diff != "" {
				t.Errorf("%s: a value of %s is there twice: %q", f.Name, f.Labels[i], values)
			}
		}
	}
}
