package dashboards

import (
	"github.com/packetscope/packetscope/collector/metric"
)

// tcp answers: do connections work, how well, and between whom?
func tcp() Board {
	return Board{
		Name:        "tcp",
		Title:       "PacketScope / TCP and flows",
		Description: "Connections and their troubles, queues of listening services, and who talks to whom.",
		rows: []row{
			{title: "Quality", panels: []panel{retransmits(), rttQuantiles(), rttHeat(), congestion()}},
			{title: "Connections", panels: []panel{connects(), connectTime(), resets(), socketStates()}},
			{title: "Windows and queues", panels: []panel{zeroWindows(), zeroWindowTime(), acceptQueues(), listenTrouble(), listeners(), queuedBytes()}},
			{title: "Signs of attack or damage", panels: []panel{synCookies(), oddSegments()}},
			{title: "Who talks to whom", panels: []panel{flowBytes(), flowRetransmits(), topFlows()}},
		},
	}
}

func retransmits() panel {
	return stack("Segments sent again, by kind", unitEvents,
		"Why TCP sent segments again: fast (the peer told of a gap), timeout (nothing came back), probe of the tail, syn and synack (no answer to a connect). Timeouts and syn hurt most: whole seconds of silence.",
		over(total(metric.TCPRetransmits.Name, "kind", ""), "{{kind}}"))
}

func rttQuantiles() panel {
	return lines("Round trips by family", unitSeconds,
		"Smoothed round-trip times of all connections. If one family is much slower than the other, its path differs: look at routes and tunnels. Both up together is a queue near this host.",
		over(quantile(0.5, metric.TCPRoundTrip.Name, "family", ""), "{{family}} median"),
		over(quantile(0.99, metric.TCPRoundTrip.Name, "family", ""), "{{family}} 99th percentile"))
}

func rttHeat() panel {
	return heat("Distribution of round trips", unitSeconds,
		"How many samples had which round-trip time. Bands are groups of peers at a distance; a band that moves is a path that changed, a band that smears upwards is a queue that fills.",
		distribution(metric.TCPRoundTrip.Name, "")).Span(half)
}

func congestion() panel {
	return lines("Changes of the congestion state", unitEvents,
		"How often connections entered a state of congestion control: disorder (a gap was seen), cwr (told by ECN), recovery (sends again), loss (after a timeout). Recovery is everyday life; loss is a stall.",
		over(total(metric.TCPCongestion.Name, "state", ""), "{{state}}"))
}

func connects() panel {
	return stack("Connects by result", unitEvents,
		"Connections that were tried, by how that ended, opened by this host (active) or by others (passive). Refused: nobody listens. Timeout: a firewall swallows packets, or the host is gone.",
		over(`sum by (role, result) (rate(packetscope_tcp_connect_duration_seconds_count{<host>}[$__rate_interval]))`, "{{role}} {{result}}"))
}

func connectTime() panel {
	return lines("Time to connect", unitSeconds,
		"Quantiles of the time that successful connects took. One second and three are lost SYNs, which TCP repeats after those times; everything else is the round trip.",
		over(quantile(0.5, metric.TCPConnectDuration.Name, "role", `,result="established"`), "{{role}} median"),
		over(quantile(0.99, metric.TCPConnectDuration.Name, "role", `,result="established"`), "{{role}} 99th percentile"))
}

func resets() panel {
	return stack("Resets by reason", unitEvents,
		"Connections that were torn down, sent and received, with the kernel's reason where it gives one (Linux 6.10). NO_SOCKET sent: somebody speaks to a closed port. Resets received in the middle of connections can be forged.",
		over(total(metric.TCPResets.Name, "direction, reason", ""), "{{direction}} {{reason}}"))
}

func socketStates() panel {
	return stack("TCP sockets by state", unitCount,
		"Sockets of all network namespaces by state. Growing close_wait is an application that does not close; growing syn_recv is a flood or a slow accept; many time_wait are short connections, and harmless.",
		over(`sum by (state) (packetscope_sockets{<host>,protocol="tcp"}) > 0`, "{{state}}"))
}

func zeroWindows() panel {
	return lines("Closed windows", unitEvents,
		"How often a receiver said that it has no room. local: an application here does not read; peer: the one at the other end does not. It is a slow reader, never the network.",
		over(total(metric.TCPZeroWindowEvents.Name, "side", ""), "{{side}}"))
}

func zeroWindowTime() panel {
	return lines("How long windows stay closed", unitSeconds,
		"99th percentile of the time for which a sender had to wait with a closed window. Compare local with the wait for the application on the board Stack: the same program shows on both.",
		over(quantile(0.99, metric.TCPZeroWindow.Name, "side", ""), "{{side}}"))
}

func acceptQueues() panel {
	return lines("Accept queues, fullest services", unitShare,
		"How full the queues of connections are that a service has not accepted yet. At 1 the kernel turns clients away. Let it accept faster, or raise its backlog and net.core.somaxconn.",
		over("topk(10, max by (instance, port) ("+acceptQueueShare+"))", "{{instance}} port {{port}}")).
		Max(1)
}

func listenTrouble() panel {
	return lines("Connections turned away", unitEvents,
		"Connections that listening sockets dropped, and of those the ones for which the accept queue was full. Clients see timeouts and slow connects. The graph of accept queues names the service.",
		over(total(metric.TCPListenDrops.Name, "", ""), "dropped"),
		over(total(metric.TCPListenOverflows.Name, "", ""), "of these, queue full"))
}

func listeners() panel {
	return lines("Connections by service", unitCount,
		"Established connections of the ten busiest listening ports. A service that suddenly has none, or many more than its clients explain, deserves a look at the flows below.",
		over(`topk(10, sum by (port) (packetscope_listener_connections{<host>}))`, "port {{port}}"))
}

func queuedBytes() panel {
	return lines("Bytes that wait in sockets", unitBytes,
		"Bytes in the queues of all sockets, by protocol. Receive: applications have not read them yet. Transmit: peers have not acknowledged them yet, or the network is slower than the application.",
		over(`sum by (protocol, queue) (packetscope_socket_queue_bytes{<host>}) > 0`, "{{protocol}} {{queue}}"))
}

func synCookies() panel {
	return lines("SYN cookies and challenges", unitEvents,
		"Cookies sent: more half-open connections than the backlog holds, most often a SYN flood. Failed ones are answers with forged cookies. Challenge acknowledgements answer segments out of the window: blind attacks probe that way.",
		over(total(metric.TCPSYNCookies.Name, "event", ""), "cookies {{event}}"),
		over(total(metric.TCPChallengeAcks.Name, "", ""), "challenge acknowledgements"))
}

func oddSegments() panel {
	return lines("Disorder and damage", unitEvents,
		"Out of order: the path reorders, or segments before were lost. Duplicate acknowledgements: what we send arrives with gaps. Bad checksums: damaged on the way, by a cable, a card or a middlebox.",
		over(total(metric.TCPOutOfOrder.Name, "", ""), "out of order"),
		over(total(metric.TCPDuplicateAcks.Name, "", ""), "duplicate acknowledgements"),
		over(total(metric.TCPBadChecksums.Name, "", ""), "bad checksums"))
}

func flowBytes() panel {
	return stack("Busiest flows", unitBytesRate,
		"The ten busiest pairs of a service and a remote network, both directions together; other is everything that is not listed by itself. The table below has all that are.",
		over("topk(10, "+total(metric.FlowBytes.Name, "remote, service_port, protocol, role", "")+")", "{{protocol}} {{role}} {{remote}} port {{service_port}}"))
}

func flowRetransmits() panel {
	return lines("Flows that send again", unitEvents,
		"TCP segments sent again, by flow, of those that are listed. If one remote network has them all, its path is bad; if all have some, the trouble is near this host.",
		over("topk(10, "+total(metric.FlowRetransmits.Name, "remote, service_port, protocol, role", "")+" > 0)", "{{protocol}} {{role}} {{remote}} port {{service_port}}"))
}

// topFlows has one row per listed flow of each host.
func topFlows() panel {
	const flow = "instance, remote, service_port, protocol, role"
	return withColumns(grid("Flows",
		"The busiest flows of each host: with which remote network it exchanges how much over which service, and how far away that is. packetscope flows on the host shows single addresses and the processes behind them.",
		rows("in", "topk(100, "+total(metric.FlowBytes.Name, flow, `,direction="receive"`)+")"),
		rows("out", "topk(100, "+total(metric.FlowBytes.Name, flow, `,direction="transmit"`)+")"),
		rows("packets", "topk(200, "+total(metric.FlowPackets.Name, flow, "")+")"),
		rows("again", "topk(200, "+total(metric.FlowRetransmits.Name, flow, "")+")"),
		rows("rtt", "max by ("+flow+") (packetscope_flow_rtt_seconds{<host>})"),
	).Height(tallHeight), 5,
		col("instance", "Host", linkTo("Open the stack of this host", uid("stack"), rowHost)),
		col("remote", "Remote network"),
		col("service_port", "Port", widthOf(80)),
		col("protocol", "Protocol", widthOf(90)),
		col("role", "Role", widthOf(90)),
		col("Value #in", "Received", unitOf(unitBytesRate)),
		col("Value #out", "Sent", unitOf(unitBytesRate)),
		col("Value #packets", "Packets", unitOf(unitPackets)),
		col("Value #again", "Sent again", unitOf(unitEvents)).with(colouredBy(step{0.1, yellow}, step{5, red})),
		col("Value #rtt", "Round trip", unitOf(unitSeconds)),
	)
}
