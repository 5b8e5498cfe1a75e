package dashboards

import "github.com/packetscope/packetscope/collector/metric"

// annotatorModels are what models are asked, what that costs, and how well they are.
func annotatorModels() []panel {
	return []panel{
		stack("Requests to models", unitEvents,
			"Requests by how they ended, all models together; ok is an answer that was fit. auth and quota are a matter of the account, timeout of a model that is too slow, invalid of one that is too weak.",
			over(total(metric.AnnotatorLLMRequests.Name, "class", ""), "{{class}}")),
		lines("Time of models", unitSeconds,
			"How long a request to each model takes, nine in ten. Explanations without a model are out long before; within 10 minutes a model has to be done, retries included.",
			over(quantile(0.9, metric.AnnotatorLLMDuration.Name, "provider", ""), "{{provider}}")),
		stack("Tokens", unitCount,
			"Tokens that providers say were used, by question (prompt) and answer (completion). llm.budget.tokens_per_day in the configuration is the most for a day.",
			over(`sum by (provider, kind) (increase(packetscope_annotator_llm_tokens_total{<host>}[$__rate_interval]))`, "{{provider}}: {{kind}}")),
		lines("Tokens left, and models not asked", unitCount,
			"What the budget still has for today, and how often a model was not asked: no tokens (budget), too many calls (rate), failed before (breaker), the answer known (cached), or worse to do (storm). A hit in the cache is an answer that was known.",
			over(`sum(packetscope_annotator_budget_tokens_remaining{<host>})`, "tokens left"),
			over(`sum by (reason) (increase(packetscope_annotator_llm_skipped_total{<host>}[$__rate_interval]))`, "not asked: {{reason}}"),
			over(`sum by (result) (increase(packetscope_annotator_cache_requests_total{<host>}[$__rate_interval]))`, "cache: {{result}}")),
		lines("Answers that were not fit", unitCount,
			"Answers that were refused by what was wrong with them: numbers that are no facts, links, addresses, commands. They are never shown. Many of them ask for a larger model.",
			over(`sum by (reason) (increase(packetscope_annotator_llm_rejections_total{<host>}[$__rate_interval])) > 0`, "{{reason}}")),
		lines("Labels kept from models", unitCount,
			"Labels of alerts that no model is shown as they are on no list, and those that read like instructions to one, by the label. The latter are an attempt by whoever can set it.",
			over(`sum(increase(packetscope_annotator_withheld_labels_total{<host>}[$__rate_interval]))`, "withheld"),
			over(`sum by (field) (increase(packetscope_annotator_suspected_injection_total{<host>}[$__rate_interval]))`, "instructions in {{field}}")),
		models(),
	}
}

func models() panel {
	within := func(of, more string) string {
		return "sum by (provider) (increase(" + of + "{<host>" + more + "}[$__range]))"
	}
	return withColumns(grid("Models",
		"Each model within the time of the board, in the order of their names. Cost is in the currency of the prices in the configuration. The form is how an answer is asked for: json_schema is the strictest that a model understands.",
		rows("mode", `max by (provider, mode) (packetscope_annotator_llm_mode{<host>} == 1)`),
		rows("alone", `max by (provider) (packetscope_annotator_llm_breaker_state{<host>})`),
		rows("requests", within(metric.AnnotatorLLMRequests.Name, "")),
		rows("fit", within(metric.AnnotatorLLMRequests.Name, `,class="ok"`)),
		rows("tokens", within(metric.AnnotatorLLMTokens.Name, "")),
		rows("cost", within(metric.AnnotatorLLMCost.Name, "")),
	).NoValue("no models: name providers under llm: in the annotator's configuration"), 6,
		col("provider", "Model"),
		col("mode", "Form"),
		col("Value #mode", ""),
		col("Value #alone", "State", valueTexts(map[string]string{"0": "is asked", "1": "is left alone"})),
		col("Value #requests", "Requests"),
		col("Value #fit", "Answers that were fit"),
		col("Value #tokens", "Tokens"),
		col("Value #cost", "Cost"),
	)
}

// annotatorInbox are how alerts come in, and what is stored.
func annotatorInbox() []panel {
	return []panel{
		stack("Messages of Alertmanager", unitEvents,
			"Requests to the webhook by the code of the answer: 202 is stored, 200 was stored before. Alertmanager sends 503 again soon, and gives up on 400, 401, 403 and 413: those alerts are not explained.",
			over(total(metric.AnnotatorRequests.Name, "code", ""), "{{code}}")),
		lines("Time of answers to Alertmanager", unitSeconds,
			"How long the webhook takes, which waits for the disk and nothing else: 10 ms is the aim for 99 in 100. Beyond 5 s Alertmanager tries again.",
			over(quantile(0.5, metric.AnnotatorRequestDuration.Name, "", ""), "half"),
			over(quantile(0.99, metric.AnnotatorRequestDuration.Name, "", ""), "99 in 100")),
		lines("Alerts", unitEvents,
			"Alerts in these messages by their state; bad ones cannot be understood and are dead letters. Truncated ones were left out by max_alerts of Alertmanager and are found by the list that is asked for each minute.",
			over(total(metric.AnnotatorAlerts.Name, "state", ""), "{{state}}"),
			over(total(metric.AnnotatorTruncated.Name, "", ""), "truncated"),
			over(total(metric.AnnotatorDuplicates.Name, "", ""), "messages without news")),
		lines("Healed by Alertmanager's list", unitCount,
			"Looks at the list of alerts that worked (done) or failed, and what they healed: ends that were not told (closed, ended) and alerts that were not told (opened). If looks fail, mend alertmanager.url.",
			over(`sum by (kind) (increase(packetscope_annotator_reconciled_total{<host>}[$__rate_interval]))`, "{{kind}}")),
		lines("Inbox", unitCount,
			"Messages that are stored and not worked on yet. It rises in storms of alerts. When it is full (store.max_inbox) Alertmanager is told to come again.",
			over(`sum(packetscope_annotator_inbox_depth{<host>})`, "messages")),
		lines("Database", unitBytes,
			"The file of the database, the part of it that is free, and messages that wait. The file never shrinks while the annotator runs; it is packed at the start when half of it is free.",
			over(`sum(packetscope_annotator_store_bytes{<host>})`, "file"),
			over(`sum(packetscope_annotator_store_free_bytes{<host>})`, "free"),
			over(`sum(packetscope_annotator_inbox_bytes{<host>})`, "messages that wait")),
	}
}

// annotatorSinks are whether explanations arrive.
func annotatorSinks() []panel {
	return []panel{
		stack("Deliveries", unitEvents,
			"Attempts to deliver by sink and how they ended. retry comes again by itself, pause waits for better credentials, dead was refused for good and is a dead letter.",
			over(total(metric.AnnotatorSinkRequests.Name, "sink, class", ""), "{{sink}}: {{class}}")),
		lines("Waiting by sink", unitCount,
			"Explanations that are to be delivered to each sink. Of an episode only the newest waits. If it does not shrink, the sink is down or refuses.",
			over(`sum by (sink) (packetscope_annotator_sink_outbox_depth{<host>})`, "{{sink}}")),
		withColumns(grid("Sinks",
			"Where explanations go, and whether they are taken there. A sink rests when its credentials are refused; the check, at the start and each hour, looks for permissions and dashboards.",
			rows("paused", `max by (sink) (packetscope_annotator_sink_paused{<host>})`),
			rows("unfit", `max by (sink) (packetscope_annotator_sink_unfit{<host>})`),
			rows("depth", `sum by (sink) (packetscope_annotator_sink_outbox_depth{<host>})`),
			rows("oldest", `max by (sink) (packetscope_annotator_sink_oldest_seconds{<host>})`),
			rows("ok", `sum by (sink) (increase(packetscope_annotator_sink_requests_total{<host>,class="ok"}[$__range]))`),
		).Span(half).NoValue("no sinks: name grafana or notify under sinks: in the annotator's configuration"), 5,
			col("sink", "Sink"),
			col("Value #paused", "State", valueTexts(map[string]string{"0": "takes", "1": "rests"})),
			col("Value #unfit", "Last check", valueTexts(map[string]string{"0": "passed", "1": "failed"})),
			col("Value #depth", "Waiting"),
			col("Value #oldest", "Oldest", unitOf(unitSeconds)).with(colouredBy(step{60, yellow}, step{600, red})),
			col("Value #ok", "Delivered"),
		),
		lines("Dead letters by kind", unitCount,
			"What waits for a person, by kind: messages and alerts that cannot be understood, jobs that failed five times, deliveries that were refused for good or not taken for a day.",
			over(`sum by (kind) (packetscope_annotator_dead_letters{<host>})`, "{{kind}}")),
	}
}
