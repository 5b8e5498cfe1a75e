package dashboards

import (
	"github.com/packetscope/packetscope/collector/metric"
)

// stackBoard answers: where do packets spend their time, and where do they leave
// their way?
func stackBoard() Board {
	return Board{
		Name:        "stack",
		Title:       "PacketScope / Stack",
		Description: "The way of packets through the kernel: how many cross from layer to layer, how long that takes, and where they leave it.",
		more:        []variable{watchVariable()},
		rows: []row{
			{title: "Path", panels: []panel{pathMap()}},
			{title: "Layers", panels: []panel{
				handledBy("receive"), handledBy("transmit"), crossings(), unmatched(), segments(), bytesOfLinks(),
			}},
			{title: "Latency by stage", panels: []panel{stageQuantile("receive"), stageQuantile("transmit")}},
			{title: "Distribution of latency", panels: stageHeats()},
			{title: "Sockets and applications", panels: []panel{readWait(), readWaitHeat()}},
			{title: "Devices", panels: []panel{qdiscWait(), driverXmit(), napiPoll(), napiBudget()}},
			{title: "CPUs", panels: []panel{softirqWait(), softirqRun()}},
			{title: "Forwarding", folded: true, panels: []panel{handledBy("forward"), stageQuantile("forward")}},
			{title: "Firewall hooks (--collector.netfilter)", folded: true, panels: []panel{netfilterTime(), netfilterDrops()}},
		},
	}
}

func handledBy(direction string) panel {
	return lines("Packets by layer, "+direction, unitPackets,
		"Packets (socket buffers) that each layer handled. GRO and GSO let one stand for many on the wire; at the socket it is one read or write. A layer that handles fewer than the one before it lost or gave away the difference.",
		over(total(metric.Packets.Name, "layer", `,<watch>,direction="`+direction+`"`), "{{layer}}"))
}

func crossings() panel {
	return lines("Crossings between layers", unitEvents,
		"How often packets went from one layer to the next, every packet counted. Compare with the board's own past: a stage that falls silent while the one before it does not is where to look.",
		over("sum by (direction, from, to) ("+neighbours(metric.LayerCrossings.Name, "<watch>")+")", "{{direction}}: {{from}} to {{to}}"))
}

func unmatched() panel {
	return stack("Packets that left their way", unitEvents,
		"Packets that were seen in a layer but not in the next: dropped by the kernel, departed (to a bridge, a tunnel, a packet socket), or missed (made in between, such as segments). Only dropped is lost; the board Drops says why.",
		over(total(metric.UnmatchedStages.Name, "cause", ""), "{{cause}}"))
}

func segments() panel {
	return lines("Segments per packet", unitCount,
		"How many packets of the wire one packet of the stack stands for: the work that GRO (receive) and GSO (transmit) save. Near 1 under bulk load, check the offloads of the card with ethtool -k.",
		over(`sum by (direction) (rate(packetscope_wire_packets_total{<host>,<watch>}[$__rate_interval]))
/ sum by (direction) (rate(packetscope_packets_total{<host>,<watch>,layer="link",direction="receive"}[$__rate_interval]) or rate(packetscope_packets_total{<host>,<watch>,layer="driver",direction="transmit"}[$__rate_interval]))`,
			"{{direction}}"))
}

func bytesOfLinks() panel {
	return lines("Bytes on the wire, by device class", unitBytesRate,
		"What network cards, loopback and virtual devices carry, from the network header on. Much on loopback or virtual devices is traffic between programs and containers of one host.",
		over(`sum by (device_class, direction) (rate(packetscope_bytes_total{<host>,<watch>,layer="link",direction="receive"}[$__rate_interval])
or rate(packetscope_bytes_total{<host>,<watch>,layer="driver",direction="transmit"}[$__rate_interval]))`, "{{device_class}} {{direction}}"))
}

func stageQuantile(direction string) panel {
	return lines("99th percentile by stage, "+direction, unitSeconds,
		"Time that 99 of 100 packets need at most, from layer to layer; link to transport and transport to driver are whole ways. The stage whose line rises is where packets wait; a click on its diamond shows the flow of a slow one.",
		over(quantile(0.99, metric.StageDuration.Name, "from,to", `,<watch>,direction="`+direction+`"`), "{{from}} to {{to}}").withExemplars())
}

// stageHeats are the distributions of each stage, receive above transmit.
func stageHeats() []panel {
	var all []panel
	for _, s := range [][3]string{
		{"receive", "link", "network"}, {"receive", "network", "transport"}, {"receive", "link", "transport"},
		{"transmit", "transport", "network"}, {"transmit", "network", "qdisc"}, {"transmit", "qdisc", "driver"},
	} {
		all = append(all, heat(s[0]+": "+s[1]+" to "+s[2], unitSeconds,
			"How many packets took how long in this stage. Two bands are two kinds of packets, or two states of a CPU (idle and busy); a band that climbs is a queue that grows.",
			distribution(metric.StageDuration.Name, `,<watch>,direction="`+s[0]+`",from="`+s[1]+`",to="`+s[2]+`"`)))
	}
	return all
}

func readWait() panel {
	return lines("Wait for the application", unitSeconds,
		"Time from data becoming readable in an empty socket to the application reading it. It is the application's time, not the network's: look for CPU starvation, locks, garbage collection.",
		over(quantile(0.5, metric.SocketReadWait.Name, "protocol", ",<watch>"), "{{protocol}} median"),
		over(quantile(0.99, metric.SocketReadWait.Name, "protocol", ",<watch>"), "{{protocol}} 99th percentile").withExemplars())
}

func readWaitHeat() panel {
	return heat("Distribution of the wait for the application", unitSeconds,
		"How many reads found data that had waited how long. A band at the period of a timer is a program that polls; a band at seconds is a program that does something else first.",
		distribution(metric.SocketReadWait.Name, ",<watch>")).Span(half)
}

func qdiscWait() panel {
	return lines("Wait in the queue of a device", unitSeconds,
		"99th percentile of the time in a queueing discipline, for the ten slowest devices. It is full link time: shaping that is too tight, or more traffic than the link carries. Devices that never queue are absent.",
		over("topk(10, "+quantile(0.99, metric.QdiscWait.Name, "instance,device", "")+")", "{{instance}} {{device}}"))
}

func driverXmit() panel {
	return lines("Time in the driver", unitSeconds,
		"99th percentile of the time that a driver takes to accept a packet, for the ten slowest devices. Virtual devices handle the packet in that time, up to the receiver; a card only queues it.",
		over("topk(10, "+quantile(0.99, metric.DriverXmit.Name, "instance,device", "")+")", "{{instance}} {{device}}"))
}

func napiPoll() panel {
	return lines("Packets per poll", unitCount,
		"Mean number of packets that one NAPI poll of a device took. Near the budget (64) the CPU cannot keep up and packets will be missed by the card; near 1 at high rates, interrupts could be moderated more.",
		over(`topk(10, sum by (instance, device) (rate(packetscope_napi_poll_packets_sum{<host>}[$__rate_interval]))
/ (sum by (instance, device) (rate(packetscope_napi_poll_packets_count{<host>}[$__rate_interval])) > 0))`, "{{instance}} {{device}}"))
}

func napiBudget() panel {
	return lines("Polls that used up their budget", unitEvents,
		"Polls that stopped because their budget of packets was used up, with more waiting. Bursts are normal; a steady rate means that one CPU does the work for a busy queue: spread it with RSS or RPS.",
		over("topk(10, "+total(metric.NAPIBudgetExhausted.Name, "instance,device", "")+")", "{{instance}} {{device}}"))
}

func softirqWait() panel {
	return lines("Wait for the network softirq", unitSeconds,
		"99th percentile of the time from a network softirq being raised to its start. Packets lie in the card's ring in that time. Milliseconds mean long interrupts, other softirqs, or a hypervisor that gives no CPU.",
		over(quantile(0.99, metric.SoftirqWait.Name, "vector", ""), "{{vector}}"))
}

func softirqRun() panel {
	return lines("CPUs busy with network softirqs", unitCount,
		"How many CPUs the network softirqs keep busy, all hosts added up. Near the number of CPUs that take interrupts, packets will be lost in the card: see the board Drops, devices.",
		over(total(metric.SoftirqRun.Name+"_sum", "vector", ""), "{{vector}}"))
}

func netfilterTime() panel {
	return lines("Time in firewall hooks", unitSeconds,
		"99th percentile of the time in everything registered at a netfilter hook: rules, connection tracking, address translation. Long rule sets show here. Empty unless the exporter runs with --collector.netfilter.",
		over(quantile(0.99, metric.NetfilterHookDuration.Name, "family,hook", ""), "{{family}} {{hook}}"))
}

func netfilterDrops() panel {
	return lines("Dropped by firewall hooks", unitPackets,
		"Packets that the rules of a netfilter hook dropped. A sudden rise is an attack that the firewall stops, or a rule that stops the wrong packets. Empty unless the exporter runs with --collector.netfilter.",
		over(total(metric.NetfilterDrops.Name, "family,hook", ""), "{{family}} {{hook}}"))
}
