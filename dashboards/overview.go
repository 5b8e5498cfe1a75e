package dashboards

import "github.com/grafana/grafana-foundation-sdk/go/stat"

// overview answers: is something wrong, where, and on which host?
func overview() Board {
	return Board{
		Name:        "overview",
		Title:       "PacketScope / Overview",
		Description: "Is the network stack of these hosts healthy? One light per area, what fires, and the hosts that do worst.",
		rows: []row{
			{title: "Health", panels: healthLights()},
			{title: "Problems", panels: []panel{problems(), firingOverTime()}},
			{title: "Traffic and losses", panels: []panel{packetsByLayer(), dropsBySeverity()}},
			{title: "Guarder", panels: guarded()},
			{title: "Paths", panels: pathsOfHosts()},
			{title: "Latency", panels: []panel{receiveLatency(), transmitLatency()}},
			{title: "TCP", panels: []panel{roundTrips(), retransmitShare()}},
			{title: "Hosts", panels: []panel{hosts()}},
		},
	}
}

// A thousand hosts cost as little as one here: per host, the recording rules of
// rules/prometheus have done the work. Their rates are over five minutes.

// The thresholds of single hosts, which lights and the table of hosts share.
var (
	lossSteps  = []step{{1, yellow}, {50, red}}       // packets per second
	againSteps = []step{{0.01, yellow}, {0.03, red}}  // share of segments
	stageSteps = []step{{0.001, yellow}, {0.01, red}} // seconds
	waitSteps  = []step{{0.1, yellow}, {1, red}}      // seconds
)

// What several panels show of each host.
const (
	lossesOfHosts   = `sum by (instance) (instance_severity:packetscope_drops:rate5m{<host>,severity="loss"})`
	againOfHosts    = `max by (instance) (instance:packetscope_tcp_retransmits:ratio_rate5m{<host>})`
	receiveOfHosts  = `max by (instance) (instance_direction_from_to:packetscope_stage_duration_seconds:p99_rate5m{<host>,direction="receive",from="link",to="transport"})`
	transmitOfHosts = `max by (instance) (instance_direction_from_to:packetscope_stage_duration_seconds:p99_rate5m{<host>,direction="transmit",from="transport",to="driver"})`
	waitOfHosts     = `max by (instance) (instance_protocol:packetscope_socket_read_wait_seconds:p99_rate5m{<host>})`
	queueOfHosts    = `max by (instance) (instance:packetscope_tcp_accept_queue_length:max_ratio{<host>})`

	// acceptQueueShare is by port; a service with a backlog of 0 has none.
	acceptQueueShare = `packetscope_tcp_accept_queue_length{<host>} / (packetscope_tcp_accept_queue_limit{<host>} > 0)`
)

// healthLights are one number per area, each that of the worst host, so that one
// sick host shows among a thousand.
func healthLights() []panel {
	return []panel{
		light("Hosts down", unitCount,
			"Exporters that Prometheus cannot reach. Look at the target page of Prometheus, then at the service on the host: systemctl status packetscope.",
			thresholds(step{1, red}),
			last(`count(up{<host>,job!="packetscope-annotator"}) - sum(up{<host>,job!="packetscope-annotator"})`, "down")).Decimals(0),
		light("Lost packets", unitPackets,
			"Packets that the kernel dropped and somebody misses, on the host that loses most. Single ones are normal; the board Drops says which and why.",
			thresholds(lossSteps...), over("max("+lossesOfHosts+")", "worst host")),
		light("TCP sent again", unitShare,
			"Share of TCP segments that had to be sent again, on the worst host. Above 1 % users notice; above 3 % something on the path loses packets. See the board TCP and flows.",
			thresholds(againSteps...), over("max("+againOfHosts+")", "worst host")),
		light("Receive latency", unitSeconds,
			"99th percentile of the time from the network card's driver to the transport layer, on the worst host. It rises if the CPU that handles packets is busy, or a firewall is slow. See the board Stack.",
			thresholds(stageSteps...), over("max("+receiveOfHosts+")", "worst host")),
		light("CPU wait", unitSeconds,
			"99th percentile of the time that received packets wait for the kernel's network softirq to run, on the worst host. Milliseconds mean that something else hogs the CPU.",
			thresholds(step{0.002, yellow}, step{0.02, red}),
			over(`max(instance_vector:packetscope_softirq_wait_seconds:p99_rate5m{<host>,vector="net_rx"})`, "worst host")),
		light("Application wait", unitSeconds,
			"99th percentile of the time that received data lies in a socket until the application reads it, on the worst host. Long waits are the application's: busy, stopped or starved of CPU.",
			thresholds(waitSteps...), over("max("+waitOfHosts+")", "worst host")),
		light("Accept queue", unitShare,
			"How full the fullest queue of connections is that a listening application has not accepted yet. At 1 new clients are turned away: it accepts too slowly, or its backlog is too small.",
			thresholds(step{0.5, yellow}, step{0.9, red}), over("max("+queueOfHosts+")", "fullest")),
		light("Blind spots", unitCount,
			"Collectors that failed in the last scrape, and probes that could not be attached: what the other numbers do not include. packetscope doctor on the host says why and what cures it.",
			thresholds(step{1, yellow}),
			last(`sum(1 - packetscope_scrape_collector_success{<host>}) + sum(instance:packetscope_probe_attached:missing{<host>})`, "blind spots")).Decimals(0),
	}
}

// firing selects alerts that fire. One about all hosts has no instance.
const firing = `ALERTS{alertstate="firing",alertname=~"PacketScope.+",cluster=~"$cluster",instance=~"$instance|"}`

// problems lists the alerts that fire, by what they mean.
func problems() panel {
	return withColumns(grid("What fires",
		"Alerts that fire now, by the rules in rules/prometheus. The runbook says what each means and what to do; click a host for its packets. Empty is good, if Prometheus has loaded the rules.",
		rows("A", `label_replace(sum by (severity, alertname, instance) (`+firing+`), "problem", "$1", "alertname", "(.*)")`)).
		Span(16).NoValue("nothing fires"), 1,
		col("severity", "Severity", widthOf(90)).with(valueColours("severity")),
		col("problem", "Problem", valueTexts(sentences())),
		col("instance", "Host", widthOf(170), linkTo("Open the stack of this host", uid("stack"), rowHost)),
		col("alertname", "Alert", widthOf(260), property{Id: "links", Value: []link{{Title: "Open the runbook", URL: runbook, TargetBlank: true}}}),
		col("Value", "Series", widthOf(70)),
	)
}

func firingOverTime() panel {
	return stack("Firing alerts by severity", unitCount,
		"How many alerts fire at a time. A step up marks the moment to look at on all other graphs; the red marks on those are the same alerts.",
		over(`sum by (severity) (`+firing+`)`, "{{severity}}")).
		Span(third).Decimals(0)
}

func packetsByLayer() panel {
	return lines("Packets received by layer", unitPackets,
		"Packets (socket buffers) that each layer handled. Layers that drift apart lose packets in between, or hand them to something else: a bridge, a tunnel, a packet socket. The board Stack shows where.",
		over(`sum by (layer) (instance_layer_direction:packetscope_packets:rate5m{<host>,direction="receive"})`, "{{layer}}"))
}

func dropsBySeverity() panel {
	return stack("Drops by severity", unitPackets,
		"Dropped packets: loss is missed by somebody, policy is what the host was told to drop, benign is missed by nobody. Only loss is a fault. The board Drops names reasons and functions.",
		over(`sum by (severity) (instance_severity:packetscope_drops:rate5m{<host>})`, "{{severity}}"))
}

// guarded are what hosts that run Guarder have to show.
func guarded() []panel {
	const notUsed = "not in use"
	open := property{Id: "links", Value: []link{{Title: "Open Guarder", URL: boardURL(uid("guarder"), sameHosts)}}}
	var all []panel
	for _, p := range []*stat.PanelBuilder{
		number("Dropped by Guarder", unitPackets,
			"Packets that Guarder drops, all chosen hosts together. They are gone before the kernel's own stack sees them, so no other panel has them. The board Guarder says which rules do it.",
			over(`sum(instance_verdict:packetscope_guarder_packets:rate5m{<host>,verdict="drop"})`, "dropped")),
		number("Would be dropped", unitPackets,
			"Packets that audited rules of Guarder would drop if they were enforced. Look who sends them before you enforce those rules; the board Guarder has them by rule.",
			over(`sum(instance:packetscope_guarder_would_drop_packets:rate5m{<host>})`, "would be dropped")),
		light("Without protection", unitCount,
			"Hosts whose policy dropped so much that it was taken for a mistake (tripped), or on which nothing is in force: they drop nothing until somebody applies a policy. packetscope guard status on the host says why.",
			thresholds(step{1, red}), last(openHosts, "without protection")).Decimals(0),
		light("Agents of Guarder gone", unitCount,
			"Agents that do not answer: what they have put in force still is, but nobody looks after it. Look at the service packetscope-guard on the host.",
			thresholds(step{1, red}), last(silentAgents, "gone")).Decimals(0),
	} {
		all = append(all, p.Span(6).NoValue(notUsed).OverrideByRegexp("/.*/", []property{open}))
	}
	return all
}

// pathsOfHosts are what hosts that measure paths have to show.
func pathsOfHosts() []panel {
	open := property{Id: "links", Value: []link{{Title: "Open Paths", URL: boardURL(uid("paths"), sameHosts)}}}
	var all []panel
	for _, p := range []*stat.PanelBuilder{
		light("Destinations unreachable", unitCount,
			"Destinations of the configuration that do not answer, all chosen hosts together. The board Paths says which, and how far packets get.",
			thresholds(step{1, red}), last(`sum(instance:packetscope_locator_path_reached:missing{<host>})`, "unreachable")).Decimals(0),
		light("Loss on paths", unitShare,
			"Share of probes that the worst destination of the worst host did not answer in ten minutes, of those that answer at all. The board Paths says from which hop on packets get lost.",
			thresholds(pathLossSteps...), over(`max(instance:packetscope_locator_loss_ratio:max{<host>})`, "worst")),
		light("Paths changed", unitCount,
			"Confirmed changes of paths within an hour, on all chosen hosts: other routers, networks or countries, or destinations that answer no longer or again. Balanced flows and lost answers are none.",
			thresholds(step{1, yellow}), last(`sum(instance_kind:packetscope_locator_path_changes:increase1h{<host>,kind=~"ip|as|country|reach"})`, "changes")).Decimals(0),
		light("Rules for paths violated", unitCount,
			"Pairs of a path and a rule that does not allow it: a country or a network that packets must not pass, or a blocklist that has a hop. The board Paths says which, and why.",
			thresholds(step{1, red}), last(`sum(instance:packetscope_locator_risk:violated{<host>})`, "violated")).Decimals(0),
	} {
		all = append(all, p.Span(6).NoValue("not in use").OverrideByRegexp("/.*/", []property{open}))
	}
	return all
}

func receiveLatency() panel {
	return lines("From the wire to the transport layer, slowest hosts", unitSeconds,
		"99th percentile of the time that received packets take from the driver to TCP or UDP, on the five slowest hosts. A host that leaves the others has a busy CPU or a slow firewall.",
		over("topk(5, "+receiveOfHosts+")", "{{instance}}"))
}

func transmitLatency() panel {
	return lines("From the transport layer to the wire, slowest hosts", unitSeconds,
		"99th percentile of the time that packets to send take from TCP or UDP to the driver, the queue of the device included, on the five slowest hosts. High values are queueing: the link is full, or shaped.",
		over("topk(5, "+transmitOfHosts+")", "{{instance}}"))
}

func roundTrips() panel {
	return lines("Round trips of TCP, longest", unitSeconds,
		"Median of the round-trip times that TCP measured, on the five hosts that are farthest from their peers. A rise is a longer path, or a queue on it; a host alone has a bad path of its own.",
		over("topk(5, max by (instance) (instance:packetscope_tcp_rtt_seconds:p50_rate5m{<host>}))", "{{instance}}"))
}

func retransmitShare() panel {
	return lines("TCP segments sent again, worst hosts", unitShare,
		"Share of the segments of TCP that were sent again, on the five worst hosts. Packets get lost on the way, or are delayed so long that TCP gives them up.",
		over("topk(5, "+againOfHosts+")", "{{instance}}"))
}

// hosts has one row per host, the worst first.
func hosts() panel {
	return withColumns(grid("Hosts",
		"The fifty hosts that lose most packets, with what else tells whether they are well. Click a host for its stack, a number of losses for its drops.",
		rows("loss", "topk(50, "+lossesOfHosts+")"),
		rows("packets", `sum by (instance) (instance_layer_direction:packetscope_packets:rate5m{<host>,layer="link",direction="receive"})`),
		rows("again", againOfHosts),
		rows("latency", receiveOfHosts),
		rows("rtt", "max by (instance) (instance:packetscope_tcp_rtt_seconds:p50_rate5m{<host>})"),
		rows("wait", waitOfHosts),
		rows("queue", queueOfHosts),
	).Height(tallHeight), 7,
		col("instance", "Host", linkTo("Open the stack of this host", uid("stack"), rowHost)),
		col("Value #loss", "Lost packets", unitOf(unitPackets), linkTo("Open the drops of this host", uid("drops"), rowHost)).
			with(colouredBy(lossSteps...)),
		col("Value #packets", "Received packets", unitOf(unitPackets)),
		col("Value #again", "TCP sent again", unitOf(unitShare), linkTo("Open TCP and flows of this host", uid("tcp"), rowHost)).
			with(colouredBy(againSteps...)),
		col("Value #latency", "Receive latency, p99", unitOf(unitSeconds)).with(colouredBy(stageSteps...)),
		col("Value #rtt", "Round trip, median", unitOf(unitSeconds)),
		col("Value #wait", "Application wait, p99", unitOf(unitSeconds)).with(colouredBy(waitSteps...)),
		col("Value #queue", "Accept queue", unitOf(unitShare)).with(gauged()),
	)
}
