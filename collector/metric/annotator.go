package metric

// CollectorAnnotator is the name of the collector of what the annotator does.
const CollectorAnnotator = "annotator"

// How alerts come to the annotator, and what waits there.
var (
	AnnotatorRequests = define(Family{
		Name: "packetscope_annotator_webhook_requests_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"code"},
		Help:   "Requests to the webhook by the code of the answer: 202 is stored, 200 stored before. Alertmanager sends 503 again soon, and gives up on 400, 401, 403 and 413.",
	})
	AnnotatorRequestDuration = define(Family{
		Name: "packetscope_annotator_webhook_duration_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorAnnotator, Scale: Durations,
		Help: "Time from a request to the webhook to its answer, which waits for the disk and nothing else.",
	})
	AnnotatorAlerts = define(Family{
		Name: "packetscope_annotator_webhook_alerts_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"state"},
		Help:   "Alerts in messages of Alertmanager: firing, resolved, or bad, which are those that cannot be understood.",
	})
	AnnotatorTruncated = define(Family{
		Name: "packetscope_annotator_truncated_alerts_total", Type: Counter, Collector: CollectorAnnotator,
		Help: "Alerts that Alertmanager left out of its messages because of max_alerts.",
	})
	AnnotatorDuplicates = define(Family{
		Name: "packetscope_annotator_duplicates_total", Type: Counter, Collector: CollectorAnnotator,
		Help: "Messages without news: retries, twins of a cluster of Alertmanagers, and what is repeated.",
	})
	AnnotatorInboxDepth = define(Family{
		Name: "packetscope_annotator_inbox_depth", Type: Gauge, Collector: CollectorAnnotator,
		Help: "Messages that are stored and not worked on yet.",
	})
	AnnotatorInboxOldest = define(Family{
		Name: "packetscope_annotator_inbox_oldest_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorAnnotator,
		Help: "Time for which the oldest of these messages has waited, 0 if there is none.",
	})
	AnnotatorInboxBytes = define(Family{
		Name: "packetscope_annotator_inbox_bytes", Type: Gauge, Unit: "bytes", Collector: CollectorAnnotator,
		Help: "Size of the messages that are not worked on yet.",
	})
	AnnotatorStoreBytes = define(Family{
		Name: "packetscope_annotator_store_bytes", Type: Gauge, Unit: "bytes", Collector: CollectorAnnotator,
		Help: "Size of the file of the database. It never shrinks while the annotator runs.",
	})
	AnnotatorStoreFree = define(Family{
		Name: "packetscope_annotator_store_free_bytes", Type: Gauge, Unit: "bytes", Collector: CollectorAnnotator,
		Help: "Part of the file of the database that is free and used before the file grows.",
	})
	AnnotatorReconciled = define(Family{
		Name: "packetscope_annotator_reconciled_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"kind"},
		Help: "Looks at Alertmanager's list of alerts that worked (done) or did not (failed), and what they healed: " +
			"episodes closed whose end was not told, alerts ended of episodes that go on, episodes opened of alerts that were not told.",
	})
	AnnotatorEpisodes = define(Family{
		Name: "packetscope_annotator_episodes", Type: Gauge, Unit: "episodes", Collector: CollectorAnnotator,
		Labels: []string{"state"},
		Help:   "Episodes that are kept, by whether an alert of them fires (open) or all have ended (closed).",
	})
	AnnotatorStorm = define(Family{
		Name: "packetscope_annotator_storm", Type: Gauge, Collector: CollectorAnnotator,
		Help: "Whether so many episodes are open (1) that one summary is told beside what is told of each, and only the worst are shown to a model.",
	})
)

// How alerts are explained.
var (
	AnnotatorJobs = define(Family{
		Name: "packetscope_annotator_jobs_total", Type: Counter, Unit: "jobs", Collector: CollectorAnnotator,
		Labels: []string{"stage", "result"},
		Help: "Steps of the work on episodes by how they ended: done, failed and tried again, dead after five tries, postponed, released at the end of the process, " +
			"or stale because news of the episode came.",
	})
	AnnotatorJobDuration = define(Family{
		Name: "packetscope_annotator_job_duration_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorAnnotator, Scale: Answers,
		Labels: []string{"stage"},
		Help:   "Time that a step of the work on an episode took.",
	})
	AnnotatorPendingJobs = define(Family{
		Name: "packetscope_annotator_pending_jobs", Type: Gauge, Unit: "jobs", Collector: CollectorAnnotator,
		Help: "Steps that wait or are worked on.",
	})
	AnnotatorFirst = define(Family{
		Name: "packetscope_annotator_time_to_first_explanation_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorAnnotator, Scale: Answers,
		Help: "Time from the first message about an episode to its first explanation on the way to the sinks.",
	})
	AnnotatorQueries = define(Family{
		Name: "packetscope_annotator_facts_queries_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"result"},
		Help:   "Facts that were asked Prometheus for, now and as they were before, by what came of it: ok, or why it is not known.",
	})
	AnnotatorMissing = define(Family{
		Name: "packetscope_annotator_facts_missing_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"query"},
		Help:   "Facts that were asked for and are not known, by the name of the query.",
	})
	AnnotatorFactsDuration = define(Family{
		Name: "packetscope_annotator_facts_duration_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorAnnotator, Scale: Answers,
		Help: "Time that it took to ask for all facts about an alert.",
	})
	AnnotatorExplanations = define(Family{
		Name: "packetscope_annotator_explanations_total", Type: Counter, Unit: "explanations", Collector: CollectorAnnotator,
		Labels: []string{"by", "verdict", "confidence"},
		Help:   "Explanations of episodes by who wrote them (builtin or model), what they say and how sure they are.",
	})
	AnnotatorWithheld = define(Family{
		Name: "packetscope_annotator_withheld_labels_total", Type: Counter, Unit: "labels", Collector: CollectorAnnotator,
		Help: "Labels of alerts that are not shown to a model as they are on no list.",
	})
	AnnotatorSuspected = define(Family{
		Name: "packetscope_annotator_suspected_injection_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"field"},
		Help:   "Labels of alerts whose value reads like instructions to a model, by the label: other stands for all that are never shown to one.",
	})
	AnnotatorFeedback = define(Family{
		Name: "packetscope_annotator_feedback_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"useful"},
		Help:   "Opinions of people on explanations by whether they were of use (true or false).",
	})
)

// What models are asked.
var (
	AnnotatorLLMRequests = define(Family{
		Name: "packetscope_annotator_llm_requests_total", Type: Counter, Unit: "requests", Collector: CollectorAnnotator,
		Labels: []string{"provider", "class"},
		Help:   "Requests to models by how they ended; ok is an answer that was fit.",
	})
	AnnotatorLLMDuration = define(Family{
		Name: "packetscope_annotator_llm_request_duration_seconds", Type: Histogram, Unit: "seconds", Collector: CollectorAnnotator, Scale: Answers,
		Labels: []string{"provider"},
		Help:   "Time from a request to a model to its answer or its failure.",
	})
	AnnotatorLLMTokens = define(Family{
		Name: "packetscope_annotator_llm_tokens_total", Type: Counter, Unit: "tokens", Collector: CollectorAnnotator,
		Labels: []string{"provider", "kind"},
		Help:   "Tokens that providers say were used, by those of the question (prompt) and of the answer (completion).",
	})
	AnnotatorLLMCost = define(Family{
		Name: "packetscope_annotator_llm_cost_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"provider"},
		Help:   "What these tokens cost, in the currency of the prices in the configuration.",
	})
	AnnotatorLLMSkipped = define(Family{
		Name: "packetscope_annotator_llm_skipped_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"reason"},
		Help: "Times that a model was not asked: budget (no tokens left), rate (too many calls), breaker (it failed before), no_key, " +
			"cached (the answer was known), storm (there is worse).",
	})
	AnnotatorLLMBreaker = define(Family{
		Name: "packetscope_annotator_llm_breaker_state", Type: Gauge, Collector: CollectorAnnotator,
		Labels: []string{"provider"},
		Help:   "Whether a provider is left alone for now because it failed or asked for it (1).",
	})
	AnnotatorLLMMode = define(Family{
		Name: "packetscope_annotator_llm_mode", Type: Gauge, Collector: CollectorAnnotator,
		Labels: []string{"provider", "mode"},
		Help:   "1 for the way in which a provider is asked for an answer of the right form: by its schema (json_schema), as any JSON (json_object), or by words (plain).",
	})
	AnnotatorLLMRejections = define(Family{
		Name: "packetscope_annotator_llm_rejections_total", Type: Counter, Collector: CollectorAnnotator,
		Labels: []string{"reason"},
		Help:   "Answers of models that are not fit to be shown, by what is wrong with them.",
	})
	AnnotatorCache = define(Family{
		Name: "packetscope_annotator_cache_requests_total", Type: Counter, Unit: "requests", Collector: CollectorAnnotator,
		Labels: []string{"result"},
		Help:   "Questions to models by whether the answer was known (hit) or not (miss).",
	})
	AnnotatorTokensLeft = define(Family{
		Name: "packetscope_annotator_budget_tokens_remaining", Type: Gauge, Collector: CollectorAnnotator,
		Help: "Tokens that the budget still has for today, the reserve for critical alerts included. It is not there if there is no limit.",
	})
)

// What leaves the annotator.
var (
	AnnotatorSuggestions = define(Family{
		Name: "packetscope_annotator_suggestions_total", Type: Counter, Unit: "suggestions", Collector: CollectorAnnotator,
		Labels: []string{"state"},
		Help:   "Proposed rules that came into a state: pending, approved, rejected or expired.",
	})
	AnnotatorSuggestionRejections = define(Family{
		Name: "packetscope_annotator_suggestion_rejections_total", Type: Counter, Unit: "rejections", Collector: CollectorAnnotator,
		Labels: []string{"reason"},
		Help:   "Rules of explanations that were not fit to be proposed, by what is wrong with them.",
	})
	AnnotatorSinkRequests = define(Family{
		Name: "packetscope_annotator_sink_requests_total", Type: Counter, Unit: "requests", Collector: CollectorAnnotator,
		Labels: []string{"sink", "class"},
		Help: "Attempts to deliver to a sink: ok, retry (it is tried again), pause (the sink takes nothing before somebody mends it), dead (it will never take this), " +
			"gone (what was there has vanished), unreadable (what is stored cannot be sent).",
	})
	AnnotatorOutboxDepth = define(Family{
		Name: "packetscope_annotator_sink_outbox_depth", Type: Gauge, Collector: CollectorAnnotator,
		Labels: []string{"sink"},
		Help:   "Messages that are to be delivered to a sink.",
	})
	AnnotatorOutboxOldest = define(Family{
		Name: "packetscope_annotator_sink_oldest_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorAnnotator,
		Labels: []string{"sink"},
		Help:   "Time for which the oldest of these messages has waited, 0 if there is none.",
	})
	AnnotatorSinkPaused = define(Family{
		Name: "packetscope_annotator_sink_paused", Type: Gauge, Collector: CollectorAnnotator,
		Labels: []string{"sink"},
		Help:   "Whether a sink rests (1) until somebody mends its credentials or permissions.",
	})
	AnnotatorSinkUnfit = define(Family{
		Name: "packetscope_annotator_sink_unfit", Type: Gauge, Collector: CollectorAnnotator,
		Labels: []string{"sink"},
		Help:   "Whether the last check of a sink's credentials, permissions and dashboards failed (1), which is done at the start and each hour.",
	})
	AnnotatorDead = define(Family{
		Name: "packetscope_annotator_dead_letters", Type: Gauge, Unit: "letters", Collector: CollectorAnnotator,
		Labels: []string{"kind"},
		Help:   "What could not be worked on and waits for a person: messages and alerts that cannot be understood, jobs that failed, deliveries that were not taken.",
	})
)
