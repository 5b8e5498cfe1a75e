package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

const dropsOnHost = "packetscope drops --severity loss"

var aboutDrops = map[string]entry{
	"PacketScopePacketLoss": {
		means:   "The kernel of {host} throws away packets that somebody misses. Drops by firewall rules and harmless ones are not counted. Connections through this host stall or repeat what was lost.",
		verdict: answer.HostFault,
		weighs: []weigh{
			says("loss_share", "Of the packets that it handles, {} are lost."),
			says("loss_by_reason", "The most frequent reason is {reason}, with {}."),
			above("device_drops", 1, "The device {device} itself drops {} on {direction}, before or after the kernel sees them.").so(answer.Overload),
			above("socket_overflows", 1, "Full sockets throw away {}: applications read too slowly.").so(answer.Overload),
			above("polls_full", 0.2, "Of the polls of a device {} leave packets behind: a CPU that receives is at its limit.").so(answer.Overload),
			below("socket_overflows", 1, "Applications keep up: full sockets throw away only {}.").but(),
		},
		checks: []check{
			ask("Which reason leads, and since when?", "loss_by_reason"), ask("Does a device drop?", "device_drops"),
			run("On the host: the reason and the connection of each lost packet.", dropsOnHost),
		},
		steps: []string{
			"Begin with the leading reason: a device or its queues, sockets of one application, or neighbours that do not answer.",
			"If a device or its polls lead, spread the load over more queues or CPUs; if sockets do, help their application.",
		},
	},
	"PacketScopeLossRateHigh": {
		means:   "{host} loses many packets per second for one reason, {@reason}. On a busy host it may be a small share of all, but it is somebody's traffic.",
		verdict: answer.HostFault,
		weighs: []weigh{
			says("loss_for_reason", "For this reason it loses {}."),
			says("drop_functions", "The function {function} of the kernel drops most of them, {}."),
			above("socket_overflows", 1, "Full sockets throw away {}: an application reads too slowly.").so(answer.Overload),
			below("loss_share", 0.001, "Of all packets only {} are lost.").but(),
		},
		checks: []check{
			ask("Where in the kernel are they dropped?", "drop_functions"), ask("What share of all packets is lost?", "loss_share"),
			run("On the host, with the reason of the alert for REASON: whose packets they are, and what it means.", "packetscope drops --reason REASON"),
		},
		steps: []string{"Find the connection or the program that the dropped packets belong to, and mend the reason there.", "If the reason is intended on this host, say so in the configuration of the exporter, so that it does not count as loss."},
	},
	"PacketScopePolicyDropsHigh": {
		means:   "Firewall rules and other policies of {host} drop many packets. They do as they were told: either somebody scans or floods this host, or a rule forbids what is needed.",
		verdict: answer.Unknown,
		weighs: []weigh{
			says("policy_drops", "Its rules drop {}."),
			above("top_sender_share", 0.5, "One sender alone makes {} of what arrives, as a scan or a flood does.").hints(answer.VolumetricAttack),
			above("resets_without_socket", 10, "It also answers {} of attempts at ports where nobody listens, as under a scan.").hints(answer.Reconnaissance),
			says("drops_by_hook", "Most are dropped at the {family} hook {hook}, at {}."),
			below("top_sender_share", 0.2, "No sender stands out: the busiest makes {} of what arrives.").but(),
		},
		checks: []check{
			ask("Who sends most?", "top_senders"), ask("Which hook drops?", "drops_by_hook"),
			run("On the host: single packets that rules drop.", "packetscope drops --severity policy"),
		},
		steps:   []string{"If the packets are of your own clients, mend the rule that drops them.", "If they are a stranger's, the rules work: watch whether the rate is a burden, and block it farther outside if it is."},
		propose: true,
	},
	"PacketScopeDeviceDrops": {
		means:   "The network card or the driver of {@device} on {host} loses packets on {@direction}, outside of the kernel's stack. Every application behind it loses them.",
		verdict: answer.HostFault,
		weighs: []weigh{
			says("drops_of_device", "The device loses {}."),
			says("drops_by_kind", "The counter that rises most is {kind}, by {}."),
			above("device_polls_full", 0.2, "Of its polls {} leave packets behind: the CPU of its queue is at its limit.").so(answer.Overload),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU, so that buffers run full.").so(answer.Overload),
			below("device_polls_full", 0.05, "Its polls keep up: only {} of them leave packets behind.").but(),
		},
		checks: []check{
			ask("Which counter of the device rises?", "drops_by_kind"), ask("Do its polls keep up?", "device_polls_full"),
			run("On the host: all counters of the card.", "ethtool -S DEVICE"), run("On the host: the length of its ring buffers.", "ethtool -g DEVICE"),
		},
		steps: []string{"Make the ring buffers longer, if they are below their limit.", "Spread the interrupts of its queues over more CPUs.", "If the load is a flood, drop it before the stack does the work."},
	},
	"PacketScopeDeviceErrors": {
		means:   "Frames arrive damaged at {@device} of {host}, or cannot be sent (errors of the kind {@kind}). That is a cable, an optic, a port or a wrong duplex setting, and hardly ever software.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("errors_of_device", "It counts {} of these errors."),
			says("drops_by_kind", "Of all counters of the device, {kind} rises most, by {}."),
			above("retransmits", 0.01, "TCP sends {} of its segments again, so applications suffer from it."),
			below("retransmits", 0.001, "TCP hardly suffers: it sends {} of its segments again.").but(),
		},
		checks: []check{
			ask("Which errors does the device count?", "drops_by_kind"), ask("Does TCP suffer?", "retransmits"),
			run("On the host: speed, duplex and counters of the card.", "ethtool DEVICE"),
		},
		steps: []string{"Swap the cable or the optic first, then the port of the switch.", "Compare speed and duplex of both ends."},
	},
	"PacketScopeNeighborFailures": {
		means:   "Next hops of {host} do not answer when it asks for their hardware addresses ({@family}), so packets to them are lost. A gateway is down, a netmask is wrong, or a program on this host tries addresses that nobody has.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("neighbor_failures", "It asks in vain at a rate of {}."),
			above("neighbor_losses", 1, "It loses {} because of it."),
			above("route_failures", 1, "It also has no route for {}, which points to its own settings.").so(answer.Misconfiguration),
			below("route_failures", 1, "Its routes are not the cause: packets without a route are {}.").but(),
		},
		checks: []check{
			ask("How many packets are lost by it?", "neighbor_losses"), run("On the host: the addresses that do not answer.", "ip neigh show nud failed"),
		},
		steps: []string{"If the gateway is among them, look at it and at the link first.", "If they are many addresses of the same network, find the program that scans it, or the wrong netmask."},
	},
	"PacketScopeRouteFailures": {
		means:   "The routing table of {host} has no answer for packets that programs send, or that others forward through it ({@family}). They are lost at once.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("route_failures", "{} have no route."),
			above("connects_unreachable", 0.1, "Programs notice: {} end as unreachable."),
			above("neighbor_failures", 1, "Neighbours are missing as well, {}, so the link may be down.").so(answer.NetworkFault),
			below("connects_unreachable", 0.1, "Hardly any connect of a program fails by it ({}), so it may be forwarded traffic.").but(),
		},
		checks: []check{
			ask("Do connects of programs fail?", "connects_unreachable"), run("On the host: is there a default route?", "ip route; ip -6 route"),
			run("On the host: the destinations.", "packetscope drops --reason IP_OUTNOROUTES"),
		},
		steps: []string{"Put the missing route back, by whatever manages the network of this host.", "If the destinations are in no network of yours, find the program that wants to reach them."},
	},
	"PacketScopeICMPErrorsBurst": {
		means:   "{host} answers many packets with ICMP errors of type {@type}, code {@code}. It is asked for what it does not have: a service that has died, a scan, a routing loop, or a traceroute.",
		verdict: answer.Unknown,
		weighs: []weigh{
			says("icmp_errors", "It sends {} of these errors."),
			above("icmp_errors", 0, "Errors of this kind say that nobody listens on the port: a service that died, or a scan by UDP.").of("code", "3"),
			above("icmp_errors", 0, "Errors of this kind say that a packet has been forwarded too often: a routing loop, or a traceroute.").of("type", "11").so(answer.NetworkFault),
			above("top_sender_share", 0.5, "One sender alone makes {} of what arrives, as a scan does.").hints(answer.Reconnaissance),
			above("resets_without_socket", 10, "By TCP it also answers {} of attempts at ports where nobody listens.").hints(answer.Reconnaissance),
			below("top_sender_share", 0.2, "No sender stands out: the busiest makes {} of what arrives.").but(),
		},
		checks: []check{
			ask("Who sends most?", "top_senders"), ask("Are closed ports of TCP tried as well?", "resets_without_socket"),
			run("On the host: the packets that are answered so.", "packetscope drops --reason NO_SOCKET"),
		},
		steps:   []string{"If a service of yours should listen there, start it.", "If it is a scan, watch its sender; the errors themselves are limited by the kernel and do no harm."},
		propose: true,
	},
	"PacketScopeFlowTableEvicting": {
		means:   "{host} talks with more networks and services than the table of flows has room for, so flows are forgotten and begin anew. Sums stay right; single flows are too small.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("flow_evictions", "Flows leave the table at a rate of {}."),
			above("resets_without_socket", 10, "It answers {} of attempts at ports where nobody listens, so a scan may fill the table.").hints(answer.Reconnaissance),
			above("flow_bytes_other", 0.3, "Already {} of the bytes belong to no single flow."),
			above("traffic_change", 2, "The packets of this host are {} what they were an hour ago."),
			below("resets_without_socket", 1, "It does not look like a scan: attempts at closed ports are {}.").but(),
		},
		checks: []check{ask("Has traffic grown?", "traffic"), ask("Are closed ports tried?", "resets_without_socket"), run("On the host: who talks with whom.", "packetscope flows")},
		steps:  []string{"Raise the room for flows in the configuration of the exporter, or group remote addresses by shorter prefixes.", "If traffic has not grown, look for a scan or forged senders first."},
	},
}
