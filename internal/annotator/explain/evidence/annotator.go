package evidence

import (
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
)

// What several alerts about the annotator ask for.
var (
	annotatorAge = Query{Name: "annotator_age", Says: "since when the annotator runs",
		Expr: `time() - process_start_time_seconds{$host}`, Unit: fact.Seconds}
	annotatorCPU = Query{Name: "annotator_cpu", Says: "the CPU time of the annotator",
		Expr: `rate(process_cpu_seconds_total{$host}[5m])`, Unit: fact.CPUs, Window: five}
	inboxDepth = Query{Name: "inbox_depth", Says: "the messages that wait to be worked on",
		Expr: `packetscope_annotator_inbox_depth{$host}`}
	episodesOpen = Query{Name: "episodes_open", Says: "the episodes of which an alert fires",
		Expr: `packetscope_annotator_episodes{$host,state="open"}`}
	storm = Query{Name: "storm", Says: "whether one summary stands for many episodes",
		Expr: `packetscope_annotator_storm{$host}`, Unit: fact.State}
	factsTime = Query{Name: "facts_time", Says: "how long the facts of an alert take",
		Expr: `histogram_quantile(0.9, sum by (le) (rate(packetscope_annotator_facts_duration_seconds_bucket{$host}[15m])))`, Unit: fact.Seconds, Window: quarter}
	alertsTaken = Query{Name: "alerts_taken", Says: "the alerts that come in",
		Expr: `sum(rate(packetscope_annotator_webhook_alerts_total{$host}[15m]))`, Unit: fact.PerSecond, Window: quarter}
	outboxDepth = Query{Name: "outbox_depth", Says: "the explanations that wait to be delivered",
		Expr: `packetscope_annotator_sink_outbox_depth{$host,$sink}`}
	outboxOldest = Query{Name: "outbox_oldest", Says: "how long the oldest explanation waits to be delivered",
		Expr: `packetscope_annotator_sink_oldest_seconds{$host,$sink}`, Unit: fact.Seconds}
	delivered = Query{Name: "delivered", Says: "the attempts to deliver that worked",
		Expr: `sum(increase(packetscope_annotator_sink_requests_total{$host,$sink,class="ok"}[1h]))`, Window: time.Hour}
	attempts = Query{Name: "attempts", Says: "how attempts to deliver end", MayBeEmpty: true,
		Expr: `topk(3, sum by (class) (increase(packetscope_annotator_sink_requests_total{$host,$sink,class!="ok"}[1h])) > 0)`, Window: time.Hour, By: []string{"class"}}
	builtinOnly = Query{Name: "explained_builtin", Says: "the explanations without a model",
		Expr: `sum(increase(packetscope_annotator_explanations_total{$host,by="builtin"}[1h]))`, Window: time.Hour}
	byModels = Query{Name: "explained_model", Says: "the explanations by models",
		Expr: `sum(increase(packetscope_annotator_explanations_total{$host,by="model"}[1h]))`, Window: time.Hour}
)

var ofAnnotator = map[string][]Query{
	"PacketScopeAnnotatorDown": {
		with(Query{Name: "annotator_up", Says: "whether the annotator answers", Expr: `up{$host}`, Unit: fact.State}),
		{Name: "targets_up", Says: "the share of all targets that answer", Expr: `avg(up)`, Unit: fact.Ratio},
		{Name: "scrape_time", Says: "how long the last scrape took", Expr: `scrape_duration_seconds{$host}`, Unit: fact.Seconds},
		{Name: "waiting_before", Says: "the messages that waited at last", Expr: `last_over_time(packetscope_annotator_inbox_depth{$host}[1h])`, Window: time.Hour},
	},
	"PacketScopeAnnotatorConfigReloadFailed": {
		{Name: "config_loaded", Says: "whether the last configuration was accepted", Expr: `packetscope_config_last_reload_successful{$host}`, Unit: fact.State, Baseline: true},
		{Name: "config_age", Says: "the age of the configuration in force", Expr: `time() - packetscope_config_last_reload_success_timestamp_seconds{$host}`, Unit: fact.Seconds},
		annotatorAge,
	},
	"PacketScopeAnnotatorRefuses": {
		with(Query{Name: "refused", Says: "the messages that are refused", Expr: `sum(increase(packetscope_annotator_webhook_requests_total{$host,$code}[15m]))`, Window: quarter}),
		{Name: "taken", Says: "the messages that are taken", Expr: `sum(increase(packetscope_annotator_webhook_requests_total{$host,code=~"200|202"}[15m]))`, Window: quarter},
		inboxDepth, annotatorAge,
	},
	"PacketScopeAnnotatorBehind": {
		with(Query{Name: "inbox_oldest", Says: "how long the oldest message waits", Expr: `packetscope_annotator_inbox_oldest_seconds{$host}`, Unit: fact.Seconds}),
		inboxDepth, storm, alertsTaken, annotatorCPU,
	},
	"PacketScopeAnnotatorExplainsLate": {
		with(Query{Name: "first_explanation", Says: "how long alerts wait for an explanation", Expr: `instance:packetscope_annotator_time_to_first_explanation_seconds:p90_rate15m{$host}`, Unit: fact.Seconds, Window: quarter}),
		factsTime, storm, alertsTaken, annotatorCPU,
	},
	"PacketScopeAnnotatorFactsFail": {
		with(Query{Name: "queries_failed", Says: "the share of queries that get no answer", Expr: `instance:packetscope_annotator_facts_queries_failed:ratio_rate15m{$host}`, Unit: fact.Ratio, Window: quarter}),
		{Name: "queries_timed_out", Says: "the share of queries that take too long", Unit: fact.Ratio, Window: quarter,
			Expr: `sum(rate(packetscope_annotator_facts_queries_total{$host,result="timed_out"}[15m])) / (sum(rate(packetscope_annotator_facts_queries_total{$host}[15m])) > 0)`},
		factsTime, alertsTaken,
	},
	"PacketScopeAnnotatorNotReconciled": {
		{Name: "looks_failed", Says: "the looks at Alertmanager's list that failed", Expr: `sum(increase(packetscope_annotator_reconciled_total{$host,kind="failed"}[15m]))`, Window: quarter},
		{Name: "messages", Says: "the messages that come from Alertmanager", Expr: `sum(increase(packetscope_annotator_webhook_requests_total{$host,code=~"200|202"}[1h]))`, Window: time.Hour},
		episodesOpen, annotatorAge,
	},
	"PacketScopeAnnotatorSinkRefuses": {
		{Name: "sink_paused", Says: "whether the sink rests", Expr: `packetscope_annotator_sink_paused{$host,$sink}`, Unit: fact.State},
		{Name: "sink_unfit", Says: "whether the check of the sink failed", Expr: `packetscope_annotator_sink_unfit{$host,$sink}`, Unit: fact.State},
		outboxDepth, outboxOldest, delivered,
	},
	"PacketScopeAnnotatorSinkBehind": {
		with(outboxOldest), outboxDepth, delivered, attempts,
	},
	"PacketScopeAnnotatorDeadLetters": {
		with(Query{Name: "dead_letters", Says: "the dead letters of this kind", Expr: `packetscope_annotator_dead_letters{$host,$kind}`}),
		{Name: "dead_of_all", Says: "the dead letters of all kinds", Expr: `sum(packetscope_annotator_dead_letters{$host})`},
		{Name: "jobs_failed", Says: "the steps that failed", Expr: `sum(increase(packetscope_annotator_jobs_total{$host,result="failed"}[1h]))`, Window: time.Hour},
		annotatorAge,
	},
	"PacketScopeAnnotatorModelFailing": {
		{Name: "left_alone", Says: "the share of the time in which the model is left alone", Expr: `avg_over_time(packetscope_annotator_llm_breaker_state{$host,$provider}[30m])`, Unit: fact.Ratio, Window: 30 * time.Minute},
		{Name: "model_failures", Says: "how requests to the model end", MayBeEmpty: true, Window: time.Hour, By: []string{"class"},
			Expr: `topk(3, sum by (class) (increase(packetscope_annotator_llm_requests_total{$host,$provider,class!="ok"}[1h])) > 0)`},
		{Name: "model_answers", Says: "the answers of the model that were fit", Expr: `sum(increase(packetscope_annotator_llm_requests_total{$host,$provider,class="ok"}[1h]))`, Window: time.Hour},
		byModels,
	},
	"PacketScopeAnnotatorBudgetSpent": {
		{Name: "not_asked", Says: "the times that no model was asked for lack of tokens", Expr: `sum(increase(packetscope_annotator_llm_skipped_total{$host,reason="budget"}[1h]))`, Window: time.Hour},
		{Name: "tokens_used", Says: "the tokens of the last day", Expr: `sum(increase(packetscope_annotator_llm_tokens_total{$host}[1d]))`, Window: 24 * time.Hour},
		{Name: "tokens_left", Says: "the tokens that are left for critical alerts", Expr: `packetscope_annotator_budget_tokens_remaining{$host}`},
		byModels, builtinOnly,
	},
	"PacketScopeAnnotatorSuspectedInjection": {
		with(Query{Name: "suspected", Says: "the labels that read like instructions", Expr: `sum(increase(packetscope_annotator_suspected_injection_total{$host,$field}[1h]))`, Window: time.Hour}),
		{Name: "labels_withheld", Says: "the labels that are shown to no model", Expr: `increase(packetscope_annotator_withheld_labels_total{$host}[1h])`, Window: time.Hour},
		{Name: "answers_rejected", Says: "the answers of models that were not fit", Expr: `sum(increase(packetscope_annotator_llm_rejections_total{$host}[1h]))`, Window: time.Hour},
		byModels,
	},
}
