package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

const history = "packetscope locate history DEST"

// aboutRoutes are the alerts on where packets go.
var aboutRoutes = map[string]entry{
	"PacketScopePathCountryChanged": {
		means:   "The path from {host} to {@dest} goes through other countries than before, and has been seen there often enough to be certain ({@protocol}, {@family}). It may be a repair or a better offer of a provider. It is also what a hijacked prefix looks like.",
		verdict: answer.Unknown,
		weighs: []weigh{
			says("changes", "Changes of this kind within the last hour: {}."),
			says("countries", "Countries on the way now: {all}."),
			above("hops_implausible", 0, "Hops that cannot be where a database has them: {}. The change may be one of data alone.").but(),
			above("path_rtt_change", 1.5, "Round trips take {} what they took an hour ago, so packets really go another way.").so(answer.NetworkFault),
			above("risk_score", 49, "What speaks against the path adds up to {}.").hints(answer.TargetedAttack),
			says("networks", "Networks on the way: {all_as}."),
		},
		checks: []check{ask("Which countries?", "countries"), ask("Which networks?", "networks"), run("On the host, with the destination for DEST: the path before and now.", history)},
		steps:  []string{"Compare the networks on the way with those of before. A network that has nothing to do there is a hint at a hijack: ask the owner of the destination.", "If it is a repair of a provider, wait and see that it goes back."},
	},
	"PacketScopePathASChanged": {
		means:   "The path from {host} to {@dest} goes through other networks than before, for certain ({@protocol}, {@family}). Providers do that every day. It matters if round trips, loss or the countries on the way have changed with it.",
		verdict: answer.Unknown,
		weighs: []weigh{
			says("changes", "Changes of this kind within the last hour: {}."),
			says("networks", "Networks on the way: {all_as}."),
			above("path_rtt_change", 1.5, "Round trips take {} what they took an hour ago.").so(answer.NetworkFault),
			above("path_loss_low", 0.01, "At least {} of the probes are lost.").so(answer.NetworkFault),
			above("risk_score", 49, "What speaks against the path adds up to {}.").hints(answer.TargetedAttack),
			below("path_loss_low", 0.005, "Next to nothing is lost on it, {} for certain.").but(),
		},
		checks: []check{ask("Have round trips changed?", "path_rtt"), ask("Which countries are on the way?", "countries"), run("On the host, with the destination for DEST: the path before and now.", history)},
		steps:  []string{"If times, loss and countries are as before, nothing has to be done.", "If they are not, ask your provider about the change."},
	},
	"PacketScopePathRuleViolated": {
		means:   "The way that packets take from {host} to {@dest} is not one that the policy allows: the rule {@rule} is violated ({@protocol}, {@family}). The path has changed, or a database is wrong.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			above("violated", 0, "What is known of the path violates the rule."),
			above("hops_implausible", 0, "Hops that cannot be where a database has them: {}. The data may be wrong.").but(),
			below("since_change", 86400, "The path changed {} ago.").so(answer.NetworkFault),
			says("countries", "Countries on the way: {all}."),
			says("networks", "Networks on the way: {all_as}."),
		},
		checks: []check{ask("Which countries?", "countries"), ask("Which networks?", "networks"), run("On the host, with the destination for DEST: which hop it is.", locate)},
		steps:  []string{"If the hop is where the database has it, ask the provider for another way, or keep the traffic from it.", "If the data are wrong, correct them by an override."},
	},
	"PacketScopePathRiskHigh": {
		means:   "Violated rules, recent changes and implausible places on the way from {host} to {@dest} add up to a high risk ({@protocol}, {@family}). The points are those of the policy.",
		verdict: answer.Unknown,
		weighs: []weigh{
			says("risk_score", "Together they make {}."),
			says("risk_points", "Most of them come from {factor}, {}."),
			below("since_change", 86400, "The path changed {} ago.").so(answer.NetworkFault),
			above("hops_implausible", 0, "Hops that cannot be where a database has them: {}. The data may be wrong.").but(),
			says("countries", "Countries on the way: {all}."),
		},
		checks: []check{ask("What adds points?", "risk_points"), ask("Which networks are on the way?", "networks"), run("On the host, with the destination for DEST: the path.", locate)},
		steps:  []string{"Begin with what adds most points.", "If the points say too much, change them in the policy."},
	},
	"PacketScopePathHopBlocklisted": {
		means:   "The address or the network of a hop on the way from {host} to {@dest} is on a blocklist ({@protocol}, {@family}). Networks on such lists are hijacked or rented by criminals.",
		verdict: answer.TargetedAttack,
		weighs: []weigh{
			above("hops_listed", 0, "On a list is {hop}, at the distance {ttl}.").hints(answer.TargetedAttack),
			above("list_age", 604800, "The oldest of the data are {} old, so the entry may be out of date.").but(),
			below("list_age", 604800, "No data are older than {}."),
			below("since_change", 86400, "The path changed {} ago, so the hop may be new."),
			says("networks", "Networks on the way: {all_as}."),
		},
		checks: []check{ask("Which hop is it?", "hops_listed"), ask("How old are the data?", "list_age"), run("On the host, with the destination for DEST: the path.", locate)},
		steps:  []string{"Load the list anew, and see whether the hop is still on it.", "If it is, ask your provider why your packets go there, and send nothing unencrypted that way."},
	},
}
