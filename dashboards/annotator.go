package dashboards

import "github.com/packetscope/packetscope/collector/metric"

// annotatorBoard answers: are alerts explained in time, what do the explanations say, and
// do they arrive?
func annotatorBoard() Board {
	return Board{
		Name:        "annotator",
		Title:       "PacketScope / Annotator",
		Description: "From an alert to its explanation: how long it takes, what is said, what models cost, and whether it arrives.",
		marks: []annotation{{
			name: "Annotator restarted", colour: blue,
			expr:  `changes(process_start_time_seconds{<host>,job="packetscope-annotator"}[1m]) > 0`,
			title: "Annotator restarted", text: "{{instance}}", tags: "instance",
		}},
		rows: []row{
			{title: "State", panels: annotatorLights()},
			{title: "From an alert to its explanation", panels: []panel{firstExplanation(), firstQuantiles(), episodes(), stepResults(), stepTimes(), factResults()}},
			{title: "What is said", panels: []panel{saidVerdicts(), authors(), confidences(), unknownFacts(), proposals(), opinions()}},
			{title: "Models", panels: annotatorModels()},
			{title: "Alerts that come in", panels: annotatorInbox()},
			{title: "Where explanations go", panels: annotatorSinks()},
		},
	}
}

func annotatorLights() []panel {
	const empty = "no annotator"
	return []panel{
		number("Annotators", unitCount,
			"Annotators whose metrics Prometheus has, of the chosen ones. Usually there is one for all hosts. None: start packetscope-annotator, and scrape it as the job packetscope-annotator.",
			last(`count(packetscope_annotator_inbox_depth{<host>})`, "annotators")).Decimals(0).NoValue(empty),
		number("Episodes open", unitCount,
			"Episodes of which an alert fires. Alerts that Alertmanager groups together are one episode, which has one explanation and one annotation.",
			last(`sum(packetscope_annotator_episodes{<host>,state="open"})`, "open")).Decimals(0).NoValue(empty),
		light("First explanation", unitSeconds,
			"Nine in ten alerts have their first explanation, which needs no model, on its way within this time. Above 3 s look at the time of facts below: Prometheus takes most of it.",
			thresholds(step{3, yellow}, step{8, red}),
			over(quantile(0.9, metric.AnnotatorFirst.Name, "", ""), "nine in ten")).NoValue("no alerts"),
		light("Waiting to be explained", unitSeconds,
			"For how long the oldest message waits that is stored and not worked on. It is not lost; in a storm of alerts this grows and shrinks again.",
			thresholds(step{10, yellow}, step{60, red}),
			over(`max(packetscope_annotator_inbox_oldest_seconds{<host>})`, "oldest")).NoValue(empty),
		light("Waiting to be delivered", unitSeconds,
			"For how long the oldest explanation waits for a sink that does not take it. After a day it is given up. The row Where explanations go says which sink.",
			thresholds(step{60, yellow}, step{600, red}),
			over(`max(packetscope_annotator_sink_oldest_seconds{<host>})`, "oldest")).NoValue("no sinks"),
		light("Sinks that refuse", unitCount,
			"Sinks that rest as they refuse the credentials, or where the last check found that a permission or a dashboard is missing. packetscope-annotator doctor says which and what.",
			thresholds(step{1, red}),
			last(`sum((packetscope_annotator_sink_paused{<host>} + packetscope_annotator_sink_unfit{<host>}) > bool 0)`, "refuse")).Decimals(0).NoValue("no sinks"),
		light("Models left alone", unitCount,
			"Models that are not asked for now, as they failed again and again or refused the key. Alerts are explained by the next one, or by what the annotator knows itself.",
			thresholds(step{1, yellow}),
			last(`sum(packetscope_annotator_llm_breaker_state{<host>})`, "left alone")).Decimals(0).NoValue("no models"),
		light("Dead letters", unitCount,
			"What could not be worked on and waits for a person. GET /api/v1/dead of the annotator lists them with the reasons, POST /api/v1/dead/ID/retry tries one again.",
			thresholds(step{1, yellow}),
			last(`sum(packetscope_annotator_dead_letters{<host>})`, "letters")).Decimals(0).NoValue(empty),
	}
}

func firstExplanation() panel {
	return heat("Time to the first explanation", unitSeconds,
		"How long alerts wait from their first message to the first explanation on its way. A second band far above the first one is alerts whose facts Prometheus takes long to give.",
		distribution(metric.AnnotatorFirst.Name, ""))
}

func firstQuantiles() panel {
	return lines("Slow explanations and facts", unitSeconds,
		"The time that nine in ten, and 99 in 100, alerts wait for the first explanation, and the part of it in which Prometheus is asked for facts. The aim is 3 s; prometheus.total in the configuration limits the facts.",
		over(quantile(0.9, metric.AnnotatorFirst.Name, "", ""), "nine in ten"),
		over(quantile(0.99, metric.AnnotatorFirst.Name, "", ""), "99 in 100"),
		over(quantile(0.9, metric.AnnotatorFactsDuration.Name, "", ""), "facts, nine in ten")).Span(third)
}

func episodes() panel {
	return lines("Episodes", unitCount,
		"Episodes of which an alert fires, steps of work that wait, and whether there is a storm (1): then one summary stands for all, and only the worst are shown to a model.",
		over(`sum(packetscope_annotator_episodes{<host>,state="open"})`, "open"),
		over(`sum(packetscope_annotator_pending_jobs{<host>})`, "steps that wait"),
		over(`max(packetscope_annotator_storm{<host>})`, "storm")).Span(third)
}

func stepResults() panel {
	return stack("Steps", unitEvents,
		"Steps of the work on episodes by how they ended. failed ones are tried again, five times, and are dead then; stale ones are done anew as news of the episode came. Some postponed and released ones are normal.",
		over(total(metric.AnnotatorJobs.Name, "result", ""), "{{result}}")).Span(third)
}

func stepTimes() panel {
	return lines("Time of steps", unitSeconds,
		"How long steps of the work take, nine in ten: facts are gathered, explained without a model, a model is asked, its answer is judged, the end is told. Only asked may take long.",
		over(quantile(0.9, metric.AnnotatorJobDuration.Name, "stage", ""), "{{stage}}")).Span(third)
}

func factResults() panel {
	return stack("Questions to Prometheus", unitEvents,
		"Queries for facts by what came of them. Failed and timed_out are a Prometheus that is down or slow; no_data is what is not measured on a host, and normal to a part.",
		over(total(metric.AnnotatorQueries.Name, "result", ""), "{{result}}")).Span(third)
}

func saidVerdicts() panel {
	return stack("Verdicts", unitCount,
		"What the first explanations say, each alert once. Many unknown ones lack facts: see which below. monitoring_fault is PacketScope itself.",
		over(`sum by (verdict) (increase(packetscope_annotator_explanations_total{<host>,by="builtin"}[$__rate_interval]))`, "{{verdict}}")).Span(third)
}

func authors() panel {
	return stack("Explanations by whom", unitCount,
		"Explanations by what the annotator knows itself (builtin), which come first, and those by models, which revise them. Without models, or when they fail, the first ones stay.",
		over(`sum by (by) (increase(packetscope_annotator_explanations_total{<host>}[$__rate_interval]))`, "{{by}}")).Span(third)
}

func confidences() panel {
	return stack("How sure they are", unitCount,
		"How sure explanations are of their verdicts. Low ones lack facts, or some speak against the verdict. The text of each names what is not known.",
		over(`sum by (confidence) (increase(packetscope_annotator_explanations_total{<host>}[$__rate_interval]))`, "{{confidence}}")).Span(third)
}

func unknownFacts() panel {
	return withColumns(grid("Facts that are missing most",
		"Queries for facts that had no answer within the time of the board, the twenty most frequent. A collector that is off or a rule file that is not loaded is the usual cause.",
		rows("A", `topk(20, sum by (query) (increase(packetscope_annotator_facts_missing_total{<host>}[$__range])) > 0)`)).
		Span(third).NoValue("none is missing"), 1,
		col("query", "Fact"), col("Value", "Times"),
	)
}

func proposals() panel {
	return lines("Proposed rules", unitCount,
		"Rules for Guarder that explanations propose, by what became of them, and those that were not fit to be proposed. Nothing is put in force from here: packetscope guard adopt on the host does that.",
		over(`sum by (state) (increase(packetscope_annotator_suggestions_total{<host>}[$__rate_interval]))`, "{{state}}"),
		over(`sum by (reason) (increase(packetscope_annotator_suggestion_rejections_total{<host>}[$__rate_interval]))`, "not fit: {{reason}}")).Span(third)
}

func opinions() panel {
	return stack("Opinions of people", unitCount,
		"What people said of explanations, by whether they were of use (POST /api/v1/feedback). Many false ones: their notes, kept with the episodes, say what was wrong.",
		over(`sum by (useful) (increase(packetscope_annotator_feedback_total{<host>}[$__rate_interval]))`, "useful: {{useful}}")).Span(third)
}
