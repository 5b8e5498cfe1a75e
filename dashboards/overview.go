package dashboards

import "github.com/packetscope/packetscope/collector/metric"

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
			{title: "Latency", panels: []panel{receiveLatency(), transmitLatency()}},
			{title: "TCP", panels: []panel{roundTrips(), retransmitShare()}},
			{title: "Hosts", panels: []panel{hosts()}},
		},
	}
}

// Shares of TCP that several panels show.
const (
	retransmitsOfSegments = `sum by (instance) (rate(packetscope_tcp_retransmits_total{<host>}[$__rate_interval]))
/ (sum by (instance) (rate(packetscope_packets_total{<host>,layer="transport",direction="transmit",protocol="tcp"}[$__rate_interval])) > 0)`
	lossesOfHosts    = `sum by (instance) (rate(packetscope_drops_total{<host>,severity="loss"}[$__rate_interval]))`
	acceptQueueShare = `packetscope_tcp_accept_queue_length{<host>} / (packetscope_tcp_accept_queue_limit{<host>} > 0)`
)

// healthLights are one number per area, each that of the worst host, so that one
// sick host shows among a thousand.
func healthLights() []panel {
	return []panel{
		light("Hosts down", unitCount,
			"Exporters that Prometheus cannot reach. Look at the target page of Prometheus, then at the service on the host: systemctl status packetscope.",
			thresholds(step{1, red}),
			last(`count(up{<host>}) - sum(up{<host>})`, "down")).Decimals(0),
		light("Lost packets", unitPackets,
			"Packets that the kernel dropped and somebody misses, on the host that loses most. Single ones are normal; the board Drops says which and why.",
			thresholds(step{1, yellow}, step{50, red}),
			over("max("+lossesOfHosts+")", "worst host")),
		light("TCP sent again", unitShare,
			"Share of TCP segments that had to be sent again, on the worst host. Above 1 % users notice; above 3 % something on the path loses packets. See the board TCP and flows.",
			thresholds(step{0.01, yellow}, step{0.03, red}),
			over("max("+retransmitsOfSegments+")", "worst host")),
		light("Receive latency", unitSeconds,
			"99th percentile of the time from the network card's driver to the transport layer, on the worst host. It rises if the CPU that handles packets is busy, or a firewall is slow. See the board Stack.",
			thresholds(step{0.001, yellow}, step{0.01, red}),
			over("max("+quantile(0.99, metric.StageDuration.Name, "instance", `,direction="receive",from="link",to="transport"`)+")", "worst host")),
		light("CPU wait", unitSeconds,
			"99th percentile of the time that received packets wait for the kernel's network softirq to run, on the worst host. Milliseconds mean that something else hogs the CPU.",
			thresholds(step{0.002, yellow}, step{0.02, red}),
			over("max("+quantile(0.99, metric.SoftirqWait.Name, "instance", `,vector="net_rx"`)+")", "worst host")),
		light("Application wait", unitSeconds,
			"99th percentile of the time that received data lies in a socket until the application reads it, on the worst host. Long waits are the application's: busy, stopped or starved of CPU.",
			thresholds(step{0.1, yellow}, step{1, red}),
			over("max("+quantile(0.99, metric.SocketReadWait.Name, "instance", "")+")", "worst host")),
		light("Accept queue", unitShare,
			"How full the fullest queue of connections is that a listening application has not accepted yet. At 1 new clients are turned away: it accepts too slowly, or its backlog is too small.",
			thresholds(step{0.5, yellow}, step{0.9, red}),
			over("max("+acceptQueueShare+")", "fullest")),
		light("Blind spots", unitCount,
			"Collectors that failed in the last scrape, and probes that could not be attached: what the other numbers do not include. packetscope doctor on the host says why and what cures it.",
			thresholds(step{1, yellow}),
			last(`sum(1 - packetscope_scrape_collector_success{<host>}) + sum(1 - packetscope_probe_attached{<host>})`, "blind spots")).Decimals(0),
	}
}

// problems lists the alerts that fire, by what they mean.
func problems() panel {
	return withColumns(grid("What fires",
		"Alerts that fire now, by the rules in rules/prometheus. Click a host for its packets; the runbook (rules/README.md) says what each alert means and what to do. Empty is good, if Prometheus has loaded the rules.",
		rows("A", `sum by (severity, alertname, area, instance) (ALERTS{alertstate="firing",alertname=~"PacketScope.+",cluster=~"$cluster",instance=~"$instance|"})`)).
		Span(half).NoValue("nothing fires"), 1,
		col("severity", "Severity", widthOf(90)).with(valueColours("severity")),
		col("alertname", "Alert"),
		col("area", "Area", widthOf(110)),
		col("instance", "Host", linkTo("Open the stack of this host", uid("stack"), rowHost)),
		col("Value", "Series", widthOf(70)),
	)
}

func firingOverTime() panel {
	return stack("Firing alerts by severity", unitCount,
		"How many alerts fire at a time. A step up marks the moment to look at on all other graphs; the red lines on those are the same alerts.",
		over(`sum by (severity) (ALERTS{alertstate="firing",alertname=~"PacketScope.+",cluster=~"$cluster",instance=~"$instance|"})`, "{{severity}}")).
		Decimals(0)
}

func packetsByLayer() panel {
	return lines("Packets received by layer", unitPackets,
		"Packets (socket buffers) that each layer handled. Layers that drift apart lose packets in between, or hand them to something else: a bridge, a tunnel, a packet socket. The board Stack shows where.",
		over(total(metric.Packets.Name, "layer", `,direction="receive"`), "{{layer}}"))
}

func dropsBySeverity() panel {
	return stack("Drops by severity", unitPackets,
		"Dropped packets: loss is missed by somebody, policy is what the host was told to drop, benign is missed by nobody. Only loss is a fault. The board Drops names reasons and functions.",
		over(total(metric.Drops.Name, "severity", ""), "{{severity}}"))
}

func receiveLatency() panel {
	const whole = `,direction="receive",from="link",to="transport"`
	return lines("From the wire to the transport layer", unitSeconds,
		"How long received packets take from the driver to TCP or UDP. A high median is work per packet (firewall rules, tunnels); a high 99th percentile with a low median is a CPU that was busy with something else.",
		over(quantile(0.5, metric.StageDuration.Name, "", whole), "median"),
		over(quantile(0.99, metric.StageDuration.Name, "", whole), "99th percentile").withExemplars())
}

func transmitLatency() panel {
	const whole = `,direction="transmit",from="transport",to="driver"`
	return lines("From the transport layer to the wire", unitSeconds,
		"How long packets to send take from TCP or UDP to the driver, the queue of the device included. High values are queueing: the link is full, or shaped.",
		over(quantile(0.5, metric.StageDuration.Name, "", whole), "median"),
		over(quantile(0.99, metric.StageDuration.Name, "", whole), "99th percentile").withExemplars())
}

func roundTrips() panel {
	return lines("Round trips of TCP", unitSeconds,
		"Round-trip times that TCP measured to all peers. A rise of the median is a longer path or a queue on it; of the 99th percentile alone, some peers that are far away or lossy.",
		over(quantile(0.5, metric.TCPRoundTrip.Name, "", ""), "median"),
		over(quantile(0.99, metric.TCPRoundTrip.Name, "", ""), "99th percentile"))
}

func retransmitShare() panel {
	return lines("TCP segments sent again", unitShare,
		"Share of the segments of TCP that were sent again, for the five worst hosts. Packets get lost on the way, or are delayed so long that TCP gives them up.",
		over("topk(5, "+retransmitsOfSegments+")", "{{instance}}"))
}

// hosts has one row per host, the worst first.
func hosts() panel {
	return withColumns(grid("Hosts",
		"The fifty hosts that lose most packets, with what else tells whether they are well. Click a host for its stack, a number of losses for its drops.",
		rows("loss", "topk(50, "+lossesOfHosts+")"),
		rows("packets", `sum by (instance) (rate(packetscope_packets_total{<host>,layer="link",direction="receive"}[$__rate_interval]))`),
		rows("again", retransmitsOfSegments),
		rows("latency", quantile(0.99, metric.StageDuration.Name, "instance", `,direction="receive",from="link",to="transport"`)),
		rows("rtt", quantile(0.5, metric.TCPRoundTrip.Name, "instance", "")),
		rows("wait", quantile(0.99, metric.SocketReadWait.Name, "instance", "")),
		rows("queue", "max by (instance) ("+acceptQueueShare+")"),
	).Height(tallHeight), 7,
		col("instance", "Host", linkTo("Open the stack of this host", uid("stack"), rowHost)),
		col("Value #loss", "Lost packets", unitOf(unitPackets), linkTo("Open the drops of this host", uid("drops"), rowHost)).
			with(colouredBy(step{1, yellow}, step{50, red})),
		col("Value #packets", "Received packets", unitOf(unitPackets)),
		col("Value #again", "TCP sent again", unitOf(unitShare), linkTo("Open TCP and flows of this host", uid("tcp"), rowHost)).
			with(colouredBy(step{0.01, yellow}, step{0.03, red})),
		col("Value #latency", "Receive latency, p99", unitOf(unitSeconds)).with(colouredBy(step{0.001, yellow}, step{0.01, red})),
		col("Value #rtt", "Round trip, median", unitOf(unitSeconds)),
		col("Value #wait", "Application wait, p99", unitOf(unitSeconds)).with(colouredBy(step{0.1, yellow}, step{1, red})),
		col("Value #queue", "Accept queue", unitOf(unitShare)).with(gauged()),
	)
}
