package collector

import (
	"slices"

	"github.com/packetscope/packetscope/collector/metric"
)

// AnnotatorSize is what the number of an annotator's series depends on: its configuration.
type AnnotatorSize struct{ Providers, Sinks int }

// TypicalAnnotator and LargestAnnotator are an annotator with a local model and another one
// in its place, Grafana and one receiver; and one with more than anybody needs.
var (
	TypicalAnnotator = AnnotatorSize{Providers: 2, Sinks: 2}
	LargestAnnotator = AnnotatorSize{Providers: 8, Sinks: 16}
)

// MostAnnotatorQueries is how many names queries for facts may have, and
// MostAnnotatorRefusals for how many reasons a rule may be found unfit.
const (
	MostAnnotatorQueries  = 300
	MostAnnotatorRefusals = 25
)

// annotatorValues are the values of each label of the annotator's metrics. Those of a label
// that is not in a closed set are nil: provider and sink are names of the configuration, query
// is one of a catalogue, and field a label that may be shown to a model.
var annotatorValues = map[*metric.Family][][]string{
	metric.AnnotatorRequests:   {{"200", "202", "400", "401", "403", "404", "405", "413", "503"}},
	metric.AnnotatorAlerts:     {{"firing", "resolved", "bad"}},
	metric.AnnotatorReconciled: {{"done", "failed", "closed", "ended", "opened"}},
	metric.AnnotatorEpisodes:   {{"open", "closed"}},
	metric.AnnotatorJobs: {
		annotatorStages,
		{"done", "failed", "dead", "postponed", "released", "stale"},
	},
	metric.AnnotatorJobDuration: {annotatorStages},
	metric.AnnotatorQueries:     {{"ok", "no_data", "failed", "timed_out", "left_out", "not_finite", "ambiguous", "no_label", "no_evidence", "unlisted", "off", "no_answer", "over"}},
	metric.AnnotatorMissing:     {nil},
	metric.AnnotatorExplanations: {
		{"builtin", "model"},
		{"volumetric_attack", "reconnaissance", "targeted_attack", "overload", "host_fault", "network_fault", "misconfiguration", "monitoring_fault", "unknown"},
		{"low", "medium", "high"},
	},
	metric.AnnotatorSuspected: {nil},
	metric.AnnotatorFeedback:  {{"true", "false"}},
	metric.AnnotatorLLMRequests: {nil, {
		"ok", "timeout", "network", "rate_limited", "server", "quota", "auth", "bad_request", "too_large", "not_openai",
		"refused", "filtered", "truncated", "invalid_json", "invalid",
	}},
	metric.AnnotatorLLMDuration: {nil},
	metric.AnnotatorLLMTokens:   {nil, {"prompt", "completion"}},
	metric.AnnotatorLLMCost:     {nil},
	metric.AnnotatorLLMSkipped:  {{"budget", "rate", "breaker", "no_key", "cached", "storm"}},
	metric.AnnotatorLLMBreaker:  {nil},
	metric.AnnotatorLLMMode:     {nil, {"json_schema", "json_object", "plain"}},
	metric.AnnotatorLLMRejections: {{
		"too_long", "not_json", "wrong_form", "too_many", "text_length", "bad_character", "markup", "link", "address", "command", "uncited_number",
		"no_facts", "unknown_fact", "unknown_handle", "rule_form", "rule_not_asked", "unfounded_claim",
	}},
	metric.AnnotatorCache:       {{"hit", "miss"}},
	metric.AnnotatorSuggestions: {{"pending", "approved", "rejected", "expired"}},
	// There are refusals of the rule's form, and one of the queue of rules.
	metric.AnnotatorSuggestionRejections: {nil},
	metric.AnnotatorSinkRequests:         {nil, {"ok", "retry", "pause", "dead", "gone", "unreadable"}},
	metric.AnnotatorOutboxDepth:          {nil},
	metric.AnnotatorOutboxOldest:         {nil},
	metric.AnnotatorSinkPaused:           {nil},
	metric.AnnotatorSinkUnfit:            {nil},
	metric.AnnotatorDead:                 {{"message", "alert", "job", "delivery"}},
}

var annotatorStages = []string{"gathered", "explained", "asked", "validated", "resolved"}

// AnnotatorValues returns the values of a label of the annotator's metrics, which must not be
// changed; nil if they are in no closed set.
func AnnotatorValues(f *metric.Family, label string) []string {
	if i := slices.Index(f.Labels, label); i >= 0 && annotatorValues[f] != nil {
		return annotatorValues[f][i]
	}
	return nil
}

// mostAnnotatorFields is how many labels may be shown to a model, and "other".
const mostAnnotatorFields = 40

// bound returns the greatest number of label sets of a family.
func (a AnnotatorSize) bound(f *metric.Family) int {
	n := 1
	for i, label := range f.Labels {
		switch values := annotatorValues[f][i]; {
		case label == "provider":
			n *= a.Providers
		case label == "sink":
			n *= a.Sinks
		case values != nil:
			n *= len(values)
		case label == "query":
			n *= MostAnnotatorQueries
		case label == "field":
			n *= mostAnnotatorFields
		default:
			n *= MostAnnotatorRefusals
		}
	}
	return n
}

// Series returns the greatest number of classic series of an annotator, but for those of its
// process.
func (a AnnotatorSize) Series() int {
	n := 0
	for _, f := range metric.Of(metric.CollectorAnnotator) {
		n += a.bound(f) * f.SeriesPerSet()
	}
	return n
}
