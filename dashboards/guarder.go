package dashboards

import (
	"github.com/packetscope/packetscope/collector/metric"
)

// guarderBoard answers: who may not pass, what would enforcing the rest cost, and is the
// filter itself well?
func guarderBoard() Board {
	return Board{
		Name:        "guarder",
		Title:       "PacketScope / Guarder",
		Description: "What the packet filter drops and what its audited rules would drop, what attacks are seen, and whether its agents are well.",
		marks: []annotation{{
			name: "Policy changed", colour: blue,
			expr:  `changes(packetscope_guarder_generation{<host>}[1m]) > 0`,
			title: "Policy changed", text: "{{instance}}", tags: "instance",
		}},
		rows: []row{
			{title: "State", panels: guarderLights()},
			{title: "Verdicts", panels: []panel{verdicts(), dropsByDevice(), besideVerdicts(), unreadable(), socketLookups()}},
			{title: "Rules", panels: []panel{droppingRules(), auditedRules(), ruleTable()}},
			{title: "Attacks", panels: []panel{attacks(), attackedServices(), icmpByType(), quotedErrors(), synFloods(), hitSources()}},
			{title: "Where attacks belong", panels: []panel{attackMap(), attackingCountries(), attacksOverTime(), attackingSystems()}},
			{title: "Bans, limits and neighbours", panels: statePanels()},
			{title: "Feeds", panels: feedPanels()},
			{title: "Posture (--collector.posture)", panels: posturePanels()},
			{title: "Policies and devices", panels: []panel{policies(), guardedDevices()}},
			{title: "Tables and cost", panels: []panel{guarderTables(), setEntries(), samples(), guarderCost(), feedMemory()}},
		},
	}
}

// What the board and the overview show alike.
const (
	openHosts    = `sum(packetscope_guarder_tripped{<host>}) + sum(packetscope_guarder_in_force{<host>,state="nothing"})`
	silentAgents = `sum(1 - packetscope_scrape_collector_success{<host>,collector="guarder"})`
)

func guarderLights() []panel {
	return []panel{
		light("Agents gone", unitCount,
			"Agents that do not answer. What they have put in force still is, but nobody looks after it, and what they did is missing here. Look at the log of the service packetscope-guard.",
			thresholds(step{1, red}), last(silentAgents, "gone")).Decimals(0),
		light("Without protection", unitCount,
			"Hosts whose policy dropped so much that it only audits since (tripped), or on which nothing is in force: they drop nothing. packetscope guard status says why, packetscope guard apply ends it.",
			thresholds(step{1, red}), last(openHosts, "without protection")).Decimals(0),
		light("On trial", unitCount,
			"Hosts whose policy is taken back unless somebody confirms it in time: packetscope guard confirm. The table of policies tells how much time is left.",
			thresholds(step{1, yellow}), last(`sum(packetscope_guarder_unconfirmed{<host>})`, "on trial")).Decimals(0),
		light("Changes refused", unitCount,
			"Hosts whose last change of the policy was refused; the one before is in force. packetscope guard check --host names every fault with its line.",
			thresholds(step{1, red}), last(`sum(1 - packetscope_guarder_last_apply_successful{<host>})`, "refused")).Decimals(0),
		light("Rules held back", unitCount,
			"Rules that ask to drop and only count, because of the ceiling of their host or because the trip wire tripped. That is how to begin; look at what they would drop, then raise the ceiling.",
			thresholds(step{1, yellow}), last(`sum(packetscope_guarder_clamped_rules{<host>})`, "held back")).Decimals(0),
		number("Dropped", unitPackets,
			"Packets that Guarder drops on the chosen hosts. They reach neither the kernel's own stack nor any capture; the table of rules says why they are dropped.",
			over(total(metric.GuarderPackets.Name, "", `,verdict="drop"`), "dropped")),
		number("Would be dropped", unitPackets,
			"Packets that audited rules would drop. Nothing happens to them; look who sends them before you enforce those rules.",
			over(total(metric.GuarderWouldDrop.Name, "", ""), "would be dropped")),
		light("Cost of a packet", unitSeconds,
			"CPU time that Guarder's program takes for a packet, while the kernel accounts for it. Tens to some hundreds of nanoseconds are normal; many rules with conditions that tables cannot decide cost more.",
			thresholds(step{1e-6, yellow}, step{5e-6, red}), over(guarderRunTime(""), "one packet")),
	}
}

// guarderRunTime is the time of one run by labels.
func guarderRunTime(by string) string {
	return total(metric.GuarderProgramSeconds.Name, by, "") + "\n/ (" + total(metric.GuarderProgramRuns.Name, by, "") + " > 0)"
}

func verdicts() panel {
	return stack("What became of packets", unitPackets,
		"Packets that Guarder judged, by verdict. If drop grows without pass, it is a flood from outside; if drop takes the place of pass, the policy cuts something off.",
		over(total(metric.GuarderPackets.Name, "verdict", ""), "{{verdict}}"))
}

func dropsByDevice() panel {
	return lines("Dropped by device", unitPackets,
		"Packets that were dropped, by the device that they came from, the ten with most. An attack from outside is on the devices that face it; drops on inner ones are of your own machines.",
		over("topk(10, "+total(metric.GuarderPackets.Name, "instance, device", `,verdict="drop"`)+")", "{{instance}} {{device}}"))
}

func besideVerdicts() panel {
	return lines("Beside the verdicts", unitPackets,
		"Would drop: an audited rule would have dropped it. No rule: it passed because none ended the search; a policy that means to name all that may pass wants this to be 0. Kept: it passed only because its connection is older than the policy.",
		over(total(metric.GuarderWouldDrop.Name, "", ""), "would drop"),
		over(total(metric.GuarderUnmatched.Name, "", ""), "no rule"),
		over(total(metric.GuarderKept.Name, "", ""), "kept"))
}

func unreadable() panel {
	return stack("Packets that cannot be read", unitPackets,
		"Packets whose headers could not be read to their end, by where reading stopped: damaged ones, or some that are made to slip past filters. The key unparsable of the policy says whether they pass.",
		over(total(metric.GuarderUnparsable.Name, "reason", ""), "{{reason}}"))
}

func socketLookups() panel {
	return stack("Sockets that rules asked for", unitPackets,
		"Packets for which a rule asked whether a socket of this host waits for them, by what was found. None and listen are packets of no connection: strangers, scans, late answers, or connections whose addresses are translated on this host. Unknown are those of other hosts, and of VLANs.",
		over(total(metric.GuarderSocketLookups.Name, "found", ""), "{{found}}")).Span(width)
}

func droppingRules() panel {
	return stack("Rules that drop", unitPackets,
		"The ten rules that drop most. The table below has what each is about; packetscope guard explain says why it matches a packet.",
		over("topk(10, "+total(metric.GuarderRulePackets.Name, "group, rule", `,verdict="drop"`)+" > 0)", "{{group}}/{{rule}}"))
}

func auditedRules() panel {
	return stack("What audited rules would drop", unitPackets,
		"The ten audited rules that would drop most. Before you enforce one, look who sends what it matches (packetscope guard top): strangers, or clients of yours.",
		over("topk(10, "+total(metric.GuarderRulePackets.Name, "group, rule", `,verdict="would_drop"`)+" > 0)", "{{group}}/{{rule}}"))
}

// ruleTable has a row per rule that matched in the time range.
func ruleTable() panel {
	const by = "group, rule, mode, attack, severity"
	rulePackets := func(verdicts string) string {
		return "topk(100, sum by (" + by + ") (increase(packetscope_guarder_rule_packets_total{<host>,verdict=~\"" + verdicts + "\"}[$__range])" + saidOfRules + ") > 0)"
	}
	return withColumns(grid("Rules that matched",
		"Each rule that matched since its agent started, with what its policy says about it, and how often it matched in the time range. Audited rules with many hits wait for a decision; enforced ones that drop what you miss are mistakes; failsafe rules pass what must never be cut off.",
		rows("dropped", rulePackets("drop")),
		rows("would", rulePackets("would_drop")),
		rows("passed", rulePackets("pass|count|sample")),
		rows("last", "min by ("+by+") ((time() - packetscope_guarder_rule_last_match_timestamp_seconds{<host>})"+saidOfRules+")"),
	).Height(tallHeight).NoValue("no rule matched"), 4,
		col("group", "Group"),
		col("rule", "Rule"),
		col("mode", "Mode", widthOf(90)).with(valueColours("mode")),
		col("attack", "Attack"),
		col("severity", "Severity", widthOf(90)).with(valueColours("severity")),
		col("Value #dropped", "Dropped"),
		col("Value #would", "Would drop"),
		col("Value #passed", "Passed or counted"),
		col("Value #last", "Last match", unitOf(unitSeconds), widthOf(120)),
	)
}

// saidOfRules adds what a policy says about rules to series that are by rule.
const saidOfRules = ` * on (cluster, job, instance, group, rule) group_left (mode, attack, severity) packetscope_guarder_rule_info{<host>}`

func attacks() panel {
	return stack("Attacks", unitPackets,
		"What rules match that say by a label which attack they are about, the ten most frequent. drop: it was kept away; would_drop: the rule is audited, and it passed. The runbook of each alert says what to do.",
		over(`topk(10, sum by (attack, verdict) (rate(packetscope_guarder_rule_packets_total{<host>,verdict=~"drop|would_drop"}[$__rate_interval])
  * on (cluster, job, instance, group, rule) group_left (attack) packetscope_guarder_rule_info{<host>,attack!=""}) > 0)`, "{{attack}} ({{verdict}})"))
}

func attackedServices() panel {
	return stack("Attacked services", unitPackets,
		"Ports that dropped packets were sent to, or those that would have been dropped, the ten with most. Ports that you serve deserve a look at who is turned away; others are what strangers hope to find. Under a flood these are estimates; with --no-hits of the agent there are none.",
		over("topk(10, "+total(metric.GuarderServicePackets.Name, "protocol, port, verdict", "")+" > 0)", "{{protocol}} {{port}} ({{verdict}})"))
}

func icmpByType() panel {
	return lines("ICMP by type", unitPackets,
		"Messages of ICMP and ICMPv6 that arrived, before a rule judged them, the ten most frequent types. Redirects, timestamps and errors in numbers are rare on an honest network; neighbour discovery is everyday life.",
		over("topk(10, "+total(metric.GuarderICMPPackets.Name, "family, type", "")+")", "{{family}} {{type}}"))
}

func quotedErrors() panel {
	return lines("What ICMP errors are about", unitPackets,
		"ICMP errors that arrived, by the protocol of the packet that they quote. Errors about ICMP, or that a packet was too big where nothing large is sent, are how path MTUs are poisoned.",
		over(total(metric.GuarderICMPQuoted.Name, "class, protocol", ""), "{{class}} about {{protocol}}"))
}

func synFloods() panel {
	return lines("Floods of SYNs", unitPackets,
		"SYNs that rules answer with cookies, SYNs of a flood that are left to the kernel, as its queue has room, and ACKs with a valid cookie: clients that are served all the same. Without a rule with the action syncookie there is nothing.",
		over(total(metric.GuarderCookiesSent.Name, "", ""), "answered"),
		over(total(metric.GuarderCookiesLeft.Name, "", ""), "left to the kernel"),
		over(total(metric.GuarderCookiesChecked.Name, "result", ""), "ACKs: {{result}}"))
}

func hitSources() panel {
	return lines("Sources", unitCount,
		"Pairs of a source and a rule that hit its packets, as far as each host remembers them, the ten hosts with most. A jump is a flood from forged or many addresses. packetscope guard top on the host names them; no address is here.",
		over("topk(10, sum by (instance) (packetscope_guarder_sources{<host>}))", "{{instance}}"))
}

// policies has a row per host.
func policies() panel {
	return withColumns(grid("Policies",
		"What is in force on each host: whose policy, the strongest mode that the host allows, how many rules drop or only count, for how long, how much time a trial has left, and how many connections live only because they are older than the policy.",
		rows("force", `sum by (instance, state) (packetscope_guarder_in_force{<host>} == 1)`),
		rows("ceiling", `sum by (instance, mode) (packetscope_guarder_mode_ceiling{<host>})`),
		rows("rules", `sum by (instance) (packetscope_guarder_rules{<host>,mode="enforce"})`),
		rows("audited", `sum by (instance) (packetscope_guarder_rules{<host>,mode="audit"})`),
		rows("held", `sum by (instance) (packetscope_guarder_clamped_rules{<host>})`),
		rows("age", `max by (instance) (time() - packetscope_guarder_applied_timestamp_seconds{<host>})`),
		rows("generation", `max by (instance) (packetscope_guarder_generation{<host>})`),
		rows("trial", `max by (instance) (packetscope_guarder_confirm_by_timestamp_seconds{<host>} - time())`),
		rows("kept", `sum by (instance) (packetscope_guarder_kept_connections{<host>})`),
		rows("protected", `max by (instance) (packetscope_guarder_protected_until_timestamp_seconds{<host>} - time())`),
	), 10,
		col("instance", "Host", linkTo("Open the drops of this host", uid("drops"), rowHost)),
		col("state", "In force", valueTexts(map[string]string{"earlier": "an earlier agent's policy"})),
		col("Value #force", ""),
		col("mode", "Ceiling").with(valueColours("mode")),
		col("Value #ceiling", ""),
		col("Value #rules", "Rules enforced"),
		col("Value #audited", "Rules audited"),
		col("Value #held", "Held back").with(colouredBy(step{1, yellow})),
		col("Value #age", "In force for", unitOf(unitSeconds)),
		col("Value #generation", "Generation"),
		col("Value #trial", "Trial ends in", unitOf(unitSeconds)),
		col("Value #kept", "Connections kept"),
		col("Value #protected", "Applier protected for", unitOf(unitSeconds)),
	)
}

func guardedDevices() panel {
	return withColumns(grid("Devices",
		"What Guarder is attached to, and how: native runs in the driver, generic after the kernel has made a socket buffer, which costs several times as much. none: the policy is for this device, and nothing judges what arrives there.",
		rows("attached", `sum by (instance, device, hook) (packetscope_guarder_attached{<host>})`),
	).NoValue("no device"), 1,
		col("instance", "Host", linkTo("Open the stack of this host", uid("stack"), rowHost)),
		col("device", "Device"),
		col("hook", "Hook").with(valueColours("hook")),
		col("Value", "Attached", widthOf(100)),
	)
}

func guarderTables() panel {
	return lines("How full the tables are", unitShare,
		"Fill of Guarder's tables in the kernel, the fullest host of each. At 1, what comes next is not in it, but for sources and counters, which make room by themselves. The runbook of PacketScopeGuardMapNearlyFull says what each holds.",
		over(`max by (map) (packetscope_guarder_map_entries{<host>} / (packetscope_guarder_map_max_entries{<host>} > 0))`, "{{map}}")).Max(1)
}

func setEntries() panel {
	return lines("Entries of sets", unitCount,
		"Entries of each named set, the ten largest. A set that shrinks to nothing makes the rules that need it match nothing, or everything.",
		over("topk(10, max by (set) (packetscope_guarder_set_entries{<host>}))", "{{set}}"))
}

func samples() panel {
	return lines("Samples", unitEvents,
		"Packets that were copied to user space for packetscope guard top and capture files, and those that were not: more than all rules together may copy, or no room. Verdicts and counters do not depend on it.",
		over(total(metric.GuarderSamples.Name, "", ""), "taken"),
		over(total(metric.GuarderSamplesLost.Name, "", ""), "lost"))
}

func guarderCost() panel {
	return lines("Cost of a packet, by host", unitSeconds,
		"CPU time that Guarder's program takes for one packet, the ten most expensive hosts. It depends on the rules, on what arrives and on the CPU; generic mode comes on top and is not in it.",
		over("topk(10, "+guarderRunTime("instance")+")", "{{instance}}"))
}
