package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

const (
	guardStatus = "packetscope guard status"
	guardTop    = "packetscope guard top"
)

// aboutGuarder are the alerts on whether Guarder is at work.
var aboutGuarder = map[string]entry{
	"PacketScopeGuardTripped": {
		means:   "The policy of {host} dropped so much of what arrived that Guarder took it for a mistake. Since then it drops nothing and only counts. Either the policy is wrong, or an attack passes now.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			above("tripped", 0, "The trip wire has tripped."),
			above("clamped_rules", 0, "Rules that ask to drop and only count now: {}."),
			above("would_drop_change", 5, "Rules would drop {} what they would have an hour ago, which is rather an attack than a wrong rule.").so(answer.VolumetricAttack),
			says("would_drop", "Enforced, the rules would drop {}."),
			busiest(), inside(),
			above("policy_age", 86400, "The policy has been in force for {}, so that a new mistake in it is less likely.").but(),
		},
		checks: []check{ask("How much would be dropped now?", "would_drop"), ask("How old is the policy?", "policy_age"), run("On the host: the rule that it was.", guardStatus), run("On the host: who sends.", guardTop)},
		steps:  []string{"Decide first: are the senders strangers, or clients of yours?", "Strangers: apply the policy again, it is enforced then. Clients: mend the rule before you do."},
	},
	"PacketScopeGuardNothingInForce": {
		means:   "The agent of Guarder runs on {host} without a policy, so all packets pass. The first policy was refused, or was not confirmed in time, and there was none before it.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			above("nothing_in_force", 0, "Nothing is in force."),
			below("last_apply", 1, "The last attempt to put a policy in force has failed."),
			above("last_apply", 0, "The last attempt did not fail, so the policy was rather not confirmed in time.").but(),
			above("unconfirmed", 0, "A policy is on trial right now.").but(),
			says("guard_passes", "{} pass."),
		},
		checks: []check{ask("Did the last attempt fail?", "last_apply"), run("On the host: why nothing is in force.", guardStatus)},
		steps:  []string{"Check the policy on the host, and mend what is refused.", "Put it in force, and confirm it within its time."},
	},
	"PacketScopeGuardAgentDown": {
		means:   "The agent of Guarder on {host} does not answer. What is in force stays in force, but nobody looks after it: there is no trip wire, no trial is taken back, and nothing of it is measured.",
		verdict: answer.HostFault,
		weighs: []weigh{
			below("agent_answers", 1, "The exporter reaches no agent."),
			above("scrape_up", 0, "The exporter itself answers, so it is the agent alone."),
			above("collectors_failing", 1, "Of the collectors of this exporter {} fail, so it may be the exporter.").but().so(answer.MonitoringFault),
			below("exporter_age", 900, "The exporter has been running for {} only: the host may have just started.").but(),
		},
		checks: []check{ask("Do other collectors fail?", "collectors_failing"), run("On the host, as root: what the agent says.", guardStatus), run("On the host: the log of the service.", "journalctl -u packetscope-guard -n 50")},
		steps:  []string{"Start the agent again; it takes over what is in force.", "If it ends again, its log says why."},
	},
	"PacketScopeGuardApplyFailed": {
		means:   "The last change of the policy of {host} could not be put in force, and the one from before still is. At the next start of the agent the new one would be refused again.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			below("last_apply", 1, "The last attempt has failed."),
			above("policy_in_force", 0, "A policy is in force, the one from before."),
			below("policy_in_force", 1, "No policy of the files is in force.").so(answer.Misconfiguration),
			says("policy_age", "What is in force has been so for {}."),
			says("guard_drops", "It drops {}."),
		},
		checks: []check{ask("Is a policy in force?", "policy_in_force"), run("On the host: every fault with its line.", "packetscope guard check --host /etc/packetscope/guard")},
		steps:  []string{"Mend the faults that the check names, and apply the policy again.", "Do not restart the agent before."},
	},
	"PacketScopeGuardUnconfirmed": {
		means:   "A policy on trial at {host} is taken back soon unless somebody confirms it. If whoever put it in force can still reach the host, it should be confirmed; if not, it cuts them off, and coming back is right.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("time_left", "It is taken back in {}."),
			above("unconfirmed", 0, "The policy is on trial."),
			above("protected", 0, "Who applied it is protected for {} more."),
			above("guard_drops_change", 5, "Since an hour ago drops have grown: they are {} what they were.").but(),
		},
		checks: []check{ask("How much time is left?", "time_left"), ask("What does it drop?", "guard_drops"), run("On the host: what is on trial.", guardStatus)},
		steps:  []string{"Open a new connection to the host. If that works, confirm the policy there.", "If it does not, wait: the policy from before comes back by itself."},
	},
	"PacketScopeGuardDeviceLost": {
		means:   "Guarder is not attached to {@device} of {host}, which its policy is for. What arrives there is not judged. The device is gone, somebody took the program off, or another program has its place.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			below("attached", 1, "It is not attached to the device."),
			above("devices_attached", 0, "It is attached elsewhere, to a number of devices that is {}."),
			below("devices_attached", 1, "It is attached to no device at all.").so(answer.HostFault),
			above("device_judged", 1, "Within the last minutes packets of the device were still judged, {}.").but(),
		},
		checks: []check{ask("Is it attached elsewhere?", "devices_attached"), run("On the host: what is in the way.", guardStatus), run("On the host, with the device for DEVICE: is it there, and what runs on it?", "ip -d link show DEVICE")},
		steps:  []string{"If the device is gone on purpose, take it out of the policy.", "If another program has its place, decide which of them is to run; Guarder comes back by itself."},
	},
	"PacketScopeGuardNotNative": {
		means:   "On {@device} of {host} Guarder runs after the driver, where it ran in the driver within the last day. Everything is judged as before, but each packet costs several times as much, so a flood reaches further.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			above("generic", 0, "The program runs in the kernel, after the driver."),
			says("packet_cost", "A packet costs it {} of CPU time."),
			says("device_judged", "From the device come {}."),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU."),
			below("softirq_wait", 0.001, "It is no burden yet: network softirqs wait {} at the most.").but(),
		},
		checks: []check{ask("What does a packet cost?", "packet_cost"), run("On the host: why it does not run in the driver.", guardStatus)},
		steps:  []string{"Look for what has changed at the device: its driver, its size of packets, or the number of its queues.", "Attach again when that is mended."},
	},
	"PacketScopeGuardMapNearlyFull": {
		means:   "A table of Guarder on {host} is nearly full ({@map}). What comes next is not in it: connections older than the policy are then cut like new ones, new addresses of the host are strangers to its rules, new bans are refused, or connections of more senders are not counted.",
		verdict: answer.Overload,
		weighs: []weigh{
			says("table_fill", "The table is {} full."),
			says("table_entries", "Its entries are {} in number."),
			above("kept_connections", 10000, "{} are kept from before the policy."),
			above("policy_age", 86400, "The policy is {} old, so old connections should have become fewer.").but(),
		},
		checks: []check{ask("Does it still fill?", "table_fill"), run("On the host: how many connections found no room.", guardStatus)},
		steps:  []string{"Table of kept connections: write a rule that lets them pass before you apply the next change.", "Table of own addresses: name their networks in a set instead.", "Table of bans: shorten them, or ban networks instead of addresses.", "Table of connections: count by shorter prefixes."},
	},
	"PacketScopeGuardBindingChanged": {
		means:   "The kernel of {host} believed another MAC address for an address of the set {@set} than the one that was learnt and locked. Somebody on the link speaks for it, or the machine was replaced or has failed over. Meanwhile what is for that address, for a gateway nearly everything, goes to another machine.",
		verdict: answer.TargetedAttack,
		weighs: []weigh{
			says("binding_changes", "Changes of what is believed, within an hour: {}."),
			above("bindings_changed", 0, "Addresses for which another one is believed right now: {}."),
			above("spoofed", 0, "Packets that claim an address for another machine: {}."),
			above("neighbor_failures", 1, "Neighbours are also not found, {}."),
			below("policy_age", 86400, "The policy is only {} old: it may have learnt the wrong one.").but(),
		},
		checks: []check{ask("Is another one believed now?", "bindings_changed"), run("On the host: both MAC addresses, and since when.", guardStatus)},
		steps:  []string{"Ask who keeps the network whether the machine was replaced, or has a stand-in.", "If not, find the port of the other MAC address at the switch and take it off; enforce the rules about the set.", "If so, unlock the address, or write both MAC addresses into the set."},
	},
	"PacketScopeGuardFeedStale": {
		means:   "The list of the feed {@feed} on {host} is older than its policy takes for current. It stays in force: addresses that were listed since are not kept away, and those that were taken off the list still are.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("feed_age", "The last good list is {} old."),
			above("feed_refusals", 0, "Failed attempts to read it in a day: {}."),
			says("feed_entries", "It has entries in the number of {}."),
			above("feed_packets", 1, "From listed addresses come {}, so it is of use."),
		},
		checks: []check{ask("Is it still as old?", "feed_age"), run("On the host: why the source cannot be read.", guardStatus)},
		steps:  []string{"See whether the host reaches the source: names, proxy, key, and what its own policy drops.", "If the source is gone for good, take the feed out of the policy."},
	},
	"PacketScopeGuardFeedRefused": {
		means:   "The source of the feed {@feed} on {host} answers, and what it sends may not be used ({@reason}). The last good list stays in force.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			above("feed_refused", 0, "What came the last time was refused."),
			above("feed_refusals", 0, "Refusals in a day: {}."),
			says("feed_age", "The last good list is {} old."),
			says("feed_entries", "It has entries in the number of {}."),
			above("feed_packets", 1, "From listed addresses come {}, so it is of use."),
		},
		checks: []check{ask("Is it still refused?", "feed_refused"), run("On the host: the place in the list, and what can be done.", guardStatus)},
		steps:  []string{"Fetch the list by hand and look at that place: another page in its stead, or addresses that nobody should list?", "Tell those who keep the list; raise a limit of the feed only if you know why."},
	},
	"PacketScopeGuardAlertsNotSent": {
		means:   "The exporter of {host} pushes alerts of the policy, and an Alertmanager does not take them. Packets are judged as before; what is lost is that people hear of it.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("alerts_lost", "Alerts are lost at {}."),
			below("alerts_sent", 0.0001, "None is told to any other Alertmanager."),
			above("alerts_sent", 0.0001, "Others are told, at {}: another Alertmanager works, or this one does now and then.").but(),
			above("alerts_firing", 0, "Of the alerts that fire now there are {}, of which somebody may not know."),
			above("alerts_waiting", 100, "Waiting to be sent are {}, so an Alertmanager rather does not answer than refuse."),
		},
		checks: []check{ask("Are others told?", "alerts_sent"), ask("How many alerts fire?", "alerts_firing"), run("On the host: whether each Alertmanager answers, with the configuration of the exporter.", "packetscope doctor --config.file FILE")},
		steps:  []string{"See whether the Alertmanager runs, and whether its address, certificate and token in the configuration are right.", "Nothing has to be sent by hand: what still fires is told again within a minute."},
	},
	"PacketScopeGuardSYNFlood": {
		means:   "More connections are asked of {host} in a second than the rule {@rule} of {@group} takes for possible. Sources of such a flood are forged as a rule. Enforced, the rule answers with cookies; audited, the kernel is alone with it.",
		verdict: answer.VolumetricAttack,
		weighs: []weigh{
			above("syn_flood", 0, "There is a flood by the rates of the rule."),
			above("cookies_sent", 1, "Of the SYNs, {} are answered with cookies, before the kernel sees them."),
			above("cookies_left", 1000, "The kernel is left {}: its queue has room, or nobody listens."),
			above("cookies_valid", 0.1, "Clients are served all the same: {} have a valid cookie."),
			above("cookies_valid", 1000, "So many clients are rather a busy hour than a flood.").but().so(answer.Overload),
			above("cookies_invalid", 100, "Beside the SYNs come {} that belong to no connection."),
			above("guard_drops", 1000, "Guarder drops {} in all."),
		},
		checks: []check{ask("How many SYNs are answered?", "cookies_sent"), ask("How many clients are served?", "cookies_valid"), run("On the host: the rules that match most.", guardTop)},
		steps:  []string{"If the rule is audited, enforce it. Do not ban the sources: they are forged.", "If the link is full, ask those upstream to filter.", "If these are clients, raise the rate from which the rule takes them for a flood."},
	},
	"PacketScopeGuardSamplesLost": {
		means:   "More packets of {host} are to be copied for inspection than may be, so lists of top senders and capture files miss some. Verdicts and counters are complete.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("samples_lost", "The copies of {} are lost."),
			says("samples", "Those of {} are taken."),
			above("guard_drops", 1000, "Guarder drops {}, so much matches.").hints(answer.VolumetricAttack),
			above("exporter_cpu", 0.9, "The exporter uses {}, so the host may be short of CPU."),
		},
		checks: []check{ask("How much is dropped?", "guard_drops"), run("On the host: the rules that match most.", guardTop)},
		steps:  []string{"Lower the rates of samples in the policy.", "If they are modest already, see whether the agent gets enough CPU."},
	},
}
