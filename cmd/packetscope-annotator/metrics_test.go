package main

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/collector"
	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/propose"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
	"github.com/packetscope/packetscope/rules"
)

// words returns texts of any type.
func words[T any](values ...T) []string {
	var all []string
	for _, v := range values {
		all = append(all, fmt.Sprint(v))
	}
	return all
}

// TestLabelsAreThoseThatTheEngineCountsBy: a value that the collector does not know has no
// series before it occurs, or none at all.
func TestLabelsAreThoseThatTheEngineCountsBy(t *testing.T) {
	for _, c := range []struct {
		family *metric.Family
		label  string
		want   []string
	}{
		{metric.AnnotatorJobDuration, "stage", words(store.Gathered, store.Explained, store.Asked, store.Validated, store.Resolved)},
		{metric.AnnotatorExplanations, "confidence", words(answer.Low, answer.Medium, answer.High)},
		{metric.AnnotatorLLMRequests, "class", words(model.Classes()...)},
		{metric.AnnotatorLLMSkipped, "reason", append(words(model.Skips()...), "cached", "storm")},
		{metric.AnnotatorLLMMode, "mode", words(model.Modes()...)},
		{metric.AnnotatorLLMRejections, "reason", words(answer.Codes...)},
		{metric.AnnotatorSuggestions, "state", words(annotator.States...)},
		{metric.AnnotatorSinkRequests, "class", append(words(sink.Retry, sink.Pause, sink.Dead, sink.Gone), "ok", "unreadable")},
		{metric.AnnotatorDead, "kind", words(store.Kinds...)},
	} {
		got := slices.Sorted(slices.Values(collector.AnnotatorValues(c.family, c.label)))
		slices.Sort(c.want)
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s of %s (-engine +collector):\n%s", c.label, c.family.Name, diff)
		}
	}
	for _, v := range collector.AnnotatorValues(metric.AnnotatorExplanations, "verdict") {
		if answer.Verdict(v).Words() == "" {
			t.Errorf("there is no verdict %q", v)
		}
	}
	for _, w := range collector.AnnotatorValues(metric.AnnotatorQueries, "result") {
		if w != "ok" && fact.Why(w).Words() == "" {
			t.Errorf("nothing is missing because of %q", w)
		}
	}
}

func TestCatalogueIsWithinTheBoundOfSeries(t *testing.T) {
	queries := map[string]bool{}
	for _, a := range rules.Alerts() {
		for _, q := range evidence.For(a.Name) {
			queries[q.Name] = true
		}
	}
	if n := len(queries); n < 100 || n > collector.MostAnnotatorQueries {
		t.Errorf("%d names of queries, the bound is %d", n, collector.MostAnnotatorQueries)
	}
	// One more refusal is that there are too many proposals.
	if n := len(propose.Codes); n+1 > collector.MostAnnotatorRefusals {
		t.Errorf("%d refusals of rules, the bound is %d", n+1, collector.MostAnnotatorRefusals)
	}
}
