package dashboards

import (
	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"

	"github.com/packetscope/packetscope/collector/metric"
	"github.com/packetscope/packetscope/internal/dropreason"
)

// drops answers: what is lost, where, why, and does it matter?
func drops() Board {
	return Board{
		Name:        "drops",
		Title:       "PacketScope / Drops",
		Description: "What is lost between the network card and the application, by whom and why.",
		more:        []variable{severityVariable()},
		rows: []row{
			{title: "One time line", panels: []panel{whereLost()}},
			{title: "Reasons", panels: []panel{reasonsOverTime(), layersOverTime(), reasonTable()}},
			{title: "Functions", panels: []panel{functionTable()}},
			{title: "Devices, sockets and neighbours", panels: []panel{deviceDrops(), socketOverflows(), icmpErrors(), unreachable()}},
		},
	}
}

func whereLost() panel {
	return stack("Card, stack, firewall, socket", unitPackets,
		"All that is lost on its way through the host, by place: in the network card or its driver (the greatest of its counters, which overlap), in the kernel's stack, by policy (firewall, rp_filter), or at a socket without room. What rises first is the cause, what follows is the effect.",
		// As the recorded series: drivers count one packet under several kinds.
		over(`sum(max by (cluster, job, instance, device, direction) (rate(`+metric.DeviceDrops.Name+`{<host>}[$__rate_interval])))`, "network card"),
		over(total(metric.Drops.Name, "", `,severity="loss",layer!="socket"`), "stack (loss)"),
		over(total(metric.Drops.Name, "", `,severity="loss",layer="socket"`), "socket (loss)"),
		over(total(metric.Drops.Name, "", `,severity="policy"`), "firewall and policy")).
		Span(width)
}

// severityVariable filters what the panels of reasons show.
func severityVariable() variable {
	return dashboard.NewCustomVariableBuilder("severity").
		Label("Severity").
		Description("Loss is missed by somebody, policy is what the host was told to drop, benign is missed by nobody.").
		Values(dashboard.StringOrMap{String: cog.ToPtr("loss,policy,benign")}).
		Multi(true).IncludeAll(true).AllValue(".+").
		Current(options([]string{"All"}, []string{"$__all"}))
}

func reasonsOverTime() panel {
	return stack("Reasons of drops", unitPackets,
		"The ten reasons that drop most, of the chosen severities. The table below says what each means; NOT_SPECIFIED is a place in the kernel that gives no reason, which the table of functions names.",
		over("topk(10, "+total(metric.Drops.Name, "reason", `,severity=~"$severity"`)+")", "{{reason}}"))
}

func layersOverTime() panel {
	return stack("Layers that drop", unitPackets,
		"The layer that dropped, of the chosen severities. Below the network layer it is devices and queues, at the transport layer closed ports and connections, at the socket applications that do not read.",
		over(total(metric.Drops.Name, "layer", `,severity=~"$severity"`), "{{layer}}"))
}

// reasonTable explains each reason in plain words.
func reasonTable() panel {
	const by = "reason, severity, layer, direction, protocol"
	meanings := make(map[string]string)
	for _, reason := range dropreason.Names() {
		meanings[reason] = dropreason.Explain(reason)
	}
	return withColumns(grid("What is dropped, and what that means",
		"Each kind of drop in the time range, the most frequent first, with its meaning. Follow the reason to the function that drops in the table below, and with packetscope drops --reason NAME on the host to single packets.",
		rows("A", `label_replace(topk(100, sum by (`+by+`) (increase(packetscope_drops_total{<host>,severity=~"$severity"}[$__range])) > 0), "meaning", "$1", "reason", "(.*)")`)).
		Height(tallHeight).NoValue("nothing was dropped"), 1,
		col("reason", "Reason", widthOf(220)),
		col("meaning", "Meaning", valueTexts(meanings)),
		col("severity", "Severity", widthOf(90)).with(valueColours("severity")),
		col("layer", "Layer", widthOf(100)),
		col("direction", "Direction", widthOf(100)),
		col("protocol", "Protocol", widthOf(90)),
		col("Value", "Packets", widthOf(110)),
	)
}

func functionTable() panel {
	return withColumns(grid("Functions of the kernel that drop",
		"Which function dropped how many packets in the time range, for which reason. A function is where to put a trace, or what to search the kernel's source and mailing lists for. Unknown means that the exporter lacks CAP_SYSLOG.",
		rows("A", `topk(100, sum by (function, reason) (increase(packetscope_drop_locations_total{<host>}[$__range])) > 0)`)).
		NoValue("nothing was dropped"), 1,
		col("function", "Function"),
		col("reason", "Reason", widthOf(300)),
		col("Value", "Packets", widthOf(110)),
	)
}

func deviceDrops() panel {
	return lines("Lost by network cards", unitPackets,
		"Packets that a device or its driver lost, by the kernel's name for the counter. missed and fifo on receive: the CPU does not empty the ring fast enough (ethtool -g, RSS). Counters of a driver may overlap.",
		over("topk(10, "+total(metric.DeviceDrops.Name, "instance, device, direction, kind", "")+" > 0)", "{{instance}} {{device}} {{direction}} {{kind}}"))
}

func socketOverflows() panel {
	return stack("Sockets without room", unitPackets,
		"Packets or writes for which a socket had no room. udp_buffer and receive_queue: the application reads too slowly (more receive buffer only helps bursts); backlog: one socket takes more than its owner can unlock it for; memory: net.ipv4.tcp_mem or udp_mem.",
		over(total(metric.SocketOverflows.Name, "kind", ""), "{{kind}}"))
}

func icmpErrors() panel {
	return lines("ICMP errors sent", unitPackets,
		"Errors that this host sent about packets that it could not deliver (IPv4), as type and code of RFC 792. Many 3/3 are probes of closed ports: a scan, or a service that is not running; 11/0 is a routing loop or a traceroute.",
		over(total(metric.ICMPErrorsSent.Name, "type, code", ""), "type {{type}} code {{code}}"))
}

func unreachable() panel {
	return lines("No route, no neighbour", unitEvents,
		"Packets to send for which there was no route, and next hops that did not answer ARP or neighbour discovery. A gateway that does not answer shows here before anything else does.",
		over(total(metric.RouteLookupFailures.Name, "family", ""), "no route, {{family}}"),
		over(total(metric.NeighborFailures.Name, "family", ""), "no neighbour, {{family}}"))
}
