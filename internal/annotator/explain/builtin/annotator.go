package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

const (
	annotatorDoctor = "packetscope-annotator doctor --config.file=FILE"
	annotatorCheck  = "packetscope-annotator check-config FILE"
)

// aboutAnnotator is for alerts about an annotator. They are routed past it; another one, or
// somebody who asks, may want them explained.
var aboutAnnotator = map[string]entry{
	"PacketScopeAnnotatorDown": {
		means:   "Prometheus cannot scrape the annotator {host}, so alerts are not explained. They reach people all the same.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			below("annotator_up", 1, "The annotator does not answer."),
			above("targets_up", 0.5, "Of all targets of Prometheus {} answer, so it is this one alone."),
			below("targets_up", 0.5, "Only {} of all targets of Prometheus answer, so it is rather the network or Prometheus.").so(answer.NetworkFault),
			above("scrape_time", 9, "The last scrape took {}, so it may be too slow and not dead.").but(),
			says("waiting_before", "When it last answered, the messages that waited to be worked on were {} in number."),
		},
		checks: []check{ask("Do other targets answer?", "targets_up"), ask("Was it behind before?", "waiting_before"), run("On its host: does it find all that it needs?", annotatorDoctor)},
		steps:  []string{"Read the error on the page of targets of Prometheus, and the log of the annotator.", "Start it again; what was stored is worked on then, and alerts that still fire come again."},
	},
	"PacketScopeAnnotatorConfigReloadFailed": {
		means:   "The annotator {host} has refused its new configuration, and the one from before is still in force. At the next restart it would not start.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			below("config_loaded", 1, "The last configuration was refused."),
			says("config_age", "The one in force has been so for {}."),
			above("annotator_age", 0, "The annotator has been running for {}; do not restart it before the file is mended."),
		},
		checks: []check{ask("Since when is the old one in force?", "config_age"), run("On its host: every fault with its line.", annotatorCheck)},
		steps:  []string{"Mend the faults that the check names, and reload.", "Do not restart the annotator before."},
	},
	"PacketScopeAnnotatorRefuses": {
		means:   "The annotator {host} refuses messages (code {@code}), so alerts may stay without an explanation.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("refused", "The messages that were refused are {} in number."),
			above("refused", 0, "The token is missing or not known here: whoever sends needs one with the scope for alerts.").of("code", "401"),
			above("refused", 0, "The token is known, and may not send alerts.").of("code", "403"),
			above("refused", 0, "What came is no message of Alertmanager: something else calls, or the receiver has a payload of its own.").of("code", "400"),
			above("refused", 0, "The messages are too large: the receiver needs a limit of alerts.").of("code", "413"),
			above("refused", 0, "There is no room to store more, or the annotator was about to end. Alertmanager tries again soon.").of("code", "503").so(answer.Overload),
			above("taken", 0, "Others were taken, {} in number, so the way is right and it is about single messages or senders."),
			below("taken", 1, "Not one was taken."),
			above("inbox_depth", 1000, "The messages that wait to be worked on are {} in number."),
			below("annotator_age", 900, "The annotator has been running for {} only, so a change of its configuration may be the cause."),
		},
		checks: []check{ask("Are others taken?", "taken"), ask("Does it fill up?", "inbox_depth"), run("Does the receiver of Alertmanager hold?", "amtool check-config ALERTMANAGER_FILE")},
		steps:  []string{"Compare the receiver of Alertmanager with the one that is shipped: token, limit of alerts, redirects.", "Alerts that still fire are explained once it is mended; those that ended are not."},
	},
	"PacketScopeAnnotatorBehind": {
		means:   "Messages about alerts wait to be worked on by the annotator {host}. They are stored and not lost, but explanations come too late.",
		verdict: answer.Overload,
		weighs: []weigh{
			says("inbox_oldest", "The oldest message has waited for {}."),
			above("inbox_depth", 0, "The messages that wait are {} in number."),
			above("storm", 0, "So many episodes are open that one summary is told of them, too."),
			below("storm", 1, "There is no storm of alerts, so it is rather slow than overwhelmed.").so(answer.MonitoringFault),
			above("alerts_taken", 10, "Alerts come at {}."),
			above("annotator_cpu", 0.9, "The annotator uses {}."),
			below("annotator_cpu", 0.1, "It uses {} only, so it waits for the disk or for Prometheus."),
		},
		checks: []check{ask("Do fewer wait than before?", "inbox_depth"), ask("How many alerts come?", "alerts_taken"), ask("Does it have CPU to spare?", "annotator_cpu")},
		steps:  []string{"In a storm look at its cause first; the annotator catches up.", "Else look at its disk, and at how long Prometheus takes to answer."},
	},
	"PacketScopeAnnotatorExplainsLate": {
		means:   "Alerts wait for their first explanation by the annotator {host}. It needs no model, so this is not about one.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("first_explanation", "The slowest alerts wait for {} or longer."),
			above("facts_time", 4, "Prometheus takes most of it: the facts of the slowest take {} or longer."),
			below("facts_time", 4, "The facts of the slowest take {}, so it is not Prometheus.").but(),
			above("storm", 0, "So many episodes are open that one summary is told of them, too.").so(answer.Overload),
			above("alerts_taken", 10, "Alerts come at {}."),
			above("annotator_cpu", 0.9, "The annotator uses {}."),
		},
		checks: []check{ask("Is it Prometheus?", "facts_time"), ask("How many alerts come?", "alerts_taken")},
		steps:  []string{"Mend what makes Prometheus slow.", "Or allow less time for facts: those that are not there in time are named as gaps."},
	},
	"PacketScopeAnnotatorFactsFail": {
		means:   "Prometheus does not answer the questions of the annotator {host}, or too slowly. Explanations have gaps and are less sure.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("queries_failed", "{} of the queries get no answer."),
			above("queries_timed_out", 0.1, "Most likely Prometheus is slow: {} of the queries take too long.").so(answer.Overload),
			below("queries_timed_out", 0.1, "Only {} of the queries take too long, so it is rather the way or the credentials."),
			says("facts_time", "The facts of the slowest alerts take {} or longer."),
			above("alerts_taken", 10, "Alerts come at {}, each with its queries."),
		},
		checks: []check{ask("Do they take too long?", "queries_timed_out"), ask("How long does it take?", "facts_time"), run("On its host: does Prometheus answer?", annotatorDoctor)},
		steps:  []string{"Mend the way to Prometheus, or what makes it slow.", "If it is just far away, allow more time for a query."},
	},
	"PacketScopeAnnotatorNotReconciled": {
		means:   "The annotator {host} cannot ask Alertmanager which alerts fire, so what messages did not say is not healed: an end that was lost leaves an annotation open.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("looks_failed", "The looks that failed are {} in number, and not one worked."),
			above("messages", 0, "Alertmanager still sends messages, {} of them within an hour, so it runs."),
			below("messages", 1, "Alertmanager sends no messages either, so it may be down.").so(answer.HostFault),
			says("episodes_open", "The episodes that are open are {} in number."),
			below("annotator_age", 3600, "The annotator has been running for {} only, so a change of its configuration may be the cause."),
		},
		checks: []check{ask("Does Alertmanager send messages?", "messages"), ask("What may be left open?", "episodes_open"), run("On its host: does Alertmanager answer?", annotatorDoctor)},
		steps:  []string{"Mend the address of Alertmanager in the configuration, its token, or the way there."},
	},
	"PacketScopeAnnotatorSinkRefuses": {
		means:   "What the annotator {host} writes is not taken ({@sink}): credentials are refused, or a permission or a dashboard is missing. Nobody sees explanations there.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			above("sink_paused", 0, "It rests, as the credentials or permissions were refused."),
			below("sink_paused", 1, "It does not rest: single things are missing, such as a dashboard."),
			above("sink_unfit", 0, "The last check found that something is missing there."),
			below("sink_unfit", 1, "The last check, which is done each hour, found nothing missing."),
			says("outbox_depth", "The explanations that wait for it are {} in number."),
			says("outbox_oldest", "The oldest of them has waited for {}."),
			above("delivered", 0, "Within the last hour deliveries worked, {} in number, so it was refused only lately."),
		},
		checks: []check{ask("What waits?", "outbox_depth"), ask("Did deliveries work lately?", "delivered"), run("On its host: what is missing?", annotatorDoctor)},
		steps:  []string{"Give the token the permissions that the doctor names, or name the right dashboards.", "Do it within a day: what waits longer is given up."},
	},
	"PacketScopeAnnotatorSinkBehind": {
		means:   "Explanations of the annotator {host} wait to be delivered ({@sink}). The other side is down or slow.",
		verdict: answer.HostFault,
		weighs: []weigh{
			says("outbox_oldest", "The oldest has waited for {}."),
			says("outbox_depth", "They are {} in number."),
			above("delivered", 0, "Within the last hour deliveries worked, {} in number, so it is slow or fails now and then.").so(answer.Overload),
			below("delivered", 1, "Within the last hour not one delivery worked."),
			says("attempts", "Attempts end as {class}: {} of them."),
		},
		checks: []check{ask("Does any delivery work?", "delivered"), ask("How do attempts end?", "attempts"), run("On its host: does it answer?", annotatorDoctor)},
		steps:  []string{"Mend the other side. Nothing needs to be sent by hand: it is tried for a day."},
	},
	"PacketScopeAnnotatorDeadLetters": {
		means:   "The annotator {host} could not go on with something (of the kind {@kind}). It is kept for a person to look at.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("dead_letters", "The dead letters of this kind are {} in number."),
			above("dead_letters", 0, "Something was sent that is no message of Alertmanager.").of("kind", "message").so(answer.Misconfiguration),
			above("dead_letters", 0, "A delivery was refused for good, or not taken for a day.").of("kind", "delivery"),
			above("dead_letters", 0, "A step of the work failed again and again.").of("kind", "job"),
			says("dead_of_all", "Of all kinds there are {}."),
			above("jobs_failed", 0, "Within the last hour steps failed, {} in number."),
			below("annotator_age", 3600, "The annotator has been running for {} only, so an update may be the cause."),
		},
		checks: []check{ask("Do steps fail?", "jobs_failed"), run("On its host: does it reach all that it needs?", annotatorDoctor)},
		steps:  []string{"List the dead letters: each has its reason.", "Mend the reason, then try them again."},
	},
	"PacketScopeAnnotatorModelFailing": {
		means:   "The annotator {host} cannot use a model ({@provider}). Alerts are explained by the next one, or by what the annotator knows itself.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("left_alone", "Lately the model was left alone for {} of the time."),
			says("model_failures", "Requests end as {class}: {} of them within an hour."),
			above("model_answers", 0, "Some answers were fit, {} in number, so the way and the key are right.").but(),
			below("model_answers", 1, "Not one answer was fit within an hour."),
			above("explained_model", 0, "Models still explain: {} within an hour."),
			below("explained_model", 1, "No model explains anything at the moment."),
		},
		checks: []check{ask("How do requests end?", "model_failures"), ask("Does another model answer?", "explained_model"), run("On its host: does the model answer?", annotatorDoctor)},
		steps:  []string{"If requests end as auth or quota, look at the account and the key.", "If they time out, give the model more time or more hardware; if answers are not fit, take a larger one."},
	},
	"PacketScopeAnnotatorBudgetSpent": {
		means:   "The tokens that the annotator {host} may use for models in a day are spent. Alerts are explained without a model until tomorrow.",
		verdict: answer.Overload,
		weighs: []weigh{
			says("not_asked", "For lack of tokens no model was asked {} times within an hour."),
			says("tokens_used", "The tokens of the last day are {} in number."),
			says("tokens_left", "For critical alerts {} are left."),
			says("explained_model", "Models have explained {} alerts within an hour."),
			says("explained_builtin", "Within the same hour {} were explained without one."),
		},
		checks: []check{ask("What was used?", "tokens_used"), ask("What is left?", "tokens_left")},
		steps:  []string{"If it is an exception, wait for tomorrow.", "If there is a storm of alerts, look at its cause; else raise the budget."},
	},
	"PacketScopeAnnotatorSuspectedInjection": {
		means:   "A label of an alert reads like instructions to a model (label {@field}). It reaches none, but somebody has put it there for whoever reads alerts.",
		verdict: answer.TargetedAttack,
		weighs: []weigh{
			says("suspected", "Such labels were met {} times within an hour."),
			says("labels_withheld", "The labels that were shown to no model are {} in number."),
			above("answers_rejected", 0, "Answers of models were refused as not fit, {} in number: look at why."),
			below("answers_rejected", 1, "No answer of a model was refused."),
			below("explained_model", 1, "No model has explained anything, so none was in reach."),
			above("explained_model", 0, "Models have explained {} alerts in this time, and were not shown these labels."),
		},
		checks: []check{ask("Does it go on?", "suspected"), ask("Were answers of models refused?", "answers_rejected")},
		steps:  []string{"Find out who can set this label: it may be the name of a device, of a host or of a rule.", "Warn those who have other programs read these alerts."},
	},
}
