package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

// A watch says when a number of a host stands out.
type watch struct {
	fact string
	// topic is what it is about, for people: it follows "look at".
	topic string
	// says is the sentence about the number, which holds also if that does not stand out.
	says string
	// fits tells that it stands out by itself.
	fits func(v float64) bool
	// floor is the number up to which no change of it stands out; low tells that a fall
	// from above it does, too.
	floor float64
	low   bool
	// verdict is what it speaks for, "" for nothing in particular.
	verdict answer.Verdict
	// threat tells that it speaks of an attack, always that it is worth telling if nothing
	// stands out.
	threat, always bool
	step, command  string
}

// over stands out above a number, and never() by its changes alone.
func over(limit float64) func(float64) bool { return func(v float64) bool { return v > limit } }

func never(float64) bool { return false }

// hostWatches are in the order of their weight. The limits are those of the alerts about the
// same numbers, where there are any, see the rule files.
var hostWatches = []watch{
	{fact: "attacks", topic: "attacks that rules of Guarder match", says: "Rules of Guarder match {attack}, {}.", fits: over(0), verdict: answer.TargetedAttack, threat: true,
		step: "Look at the board of Guarder: does a rule stop it, or only count it?"},
	{fact: "alerts", topic: "alerts", says: "Alerts of the severity {severity} fired: {}.", fits: over(0), step: "Ask for the explanations of the alerts, which look closer."},
	{fact: "answered", topic: "times without an exporter", says: "Whether the exporter answered all the time: {}.", fits: func(v float64) bool { return v < 1 }, verdict: answer.MonitoringFault,
		step: "See why the exporter was away; what happened meanwhile is not in these numbers."},
	{fact: "loss_share", topic: "lost packets", says: "The host loses {} of its packets.", fits: over(0.001), floor: 0.0001, verdict: answer.HostFault, always: true,
		step: "Look at the reasons for which packets are lost.", command: dropsOnHost},
	{fact: "loss_by_reason", topic: "the reason of most losses", says: "The most frequent reason to lose packets is {reason}, with {}.", fits: over(10), verdict: answer.HostFault},
	{fact: "cookies_sent", topic: "SYN cookies", says: "SYN cookies are sent at {}.", fits: over(1), verdict: answer.VolumetricAttack, threat: true,
		step: "Leave SYN cookies on, and see who sends the requests."},
	{fact: "listen_overflows", topic: "connections that are turned away", says: "Full accept queues turn away {}.", fits: over(0.1), verdict: answer.Overload,
		step: "Help the application with the fullest accept queue to accept faster."},
	{fact: "accept_queue_fill", topic: "the fullest accept queue", says: "The fullest accept queue was {} full.", fits: over(0.8), verdict: answer.Overload},
	{fact: "socket_overflows", topic: "full sockets", says: "Full sockets throw away {}.", fits: over(1), floor: 0.1, verdict: answer.Overload,
		step: "See which application does not read fast enough.", command: socketsOnHost},
	{fact: "udp_overflows", topic: "full sockets of UDP", says: "Full sockets of UDP throw away {}.", fits: over(1), verdict: answer.Overload},
	{fact: "retransmits", topic: "TCP segments that are sent again", says: "Of the TCP segments {} are sent again.", fits: over(0.02), floor: 0.002, verdict: answer.NetworkFault, always: true,
		step: "See whether this host or the path loses them: the board of TCP has both."},
	{fact: "out_of_order", topic: "TCP segments out of order", says: "Of the TCP segments {} arrive out of order.", fits: over(0.05), verdict: answer.NetworkFault},
	{fact: "tcp_round_trip", topic: "round trips of TCP", says: "The round trip of TCP takes {} in the middle.", fits: never, floor: 0.005, verdict: answer.NetworkFault, always: true},
	{fact: "failed_connects", topic: "connects that fail", says: "Of the connects {} fail.", fits: over(0.2), verdict: answer.NetworkFault},
	{fact: "resets_without_socket", topic: "packets to ports where nobody listens", says: "Packets to ports where nobody listens are answered with resets, {}.", fits: over(20), verdict: answer.Reconnaissance, threat: true,
		step: "See whether one sender tries many ports."},
	{fact: "resets", topic: "TCP resets", says: "TCP resets come and go at {}.", fits: over(50), floor: 5},
	{fact: "malformed", topic: "packets that cannot be read", says: "Packets that cannot be read ({reason}) arrive at {}.", fits: over(10), verdict: answer.TargetedAttack, threat: true},
	{fact: "bad_checksums", topic: "wrong checksums", says: "TCP segments with a wrong checksum arrive at {}.", fits: over(0.1), verdict: answer.NetworkFault},
	{fact: "top_sender_share", topic: "the busiest sender", says: "The busiest sender sends {} of what arrives.", fits: over(0.8), threat: true},
	{fact: "icmp_errors", topic: "ICMP errors", says: "The host sends ICMP errors at {}.", fits: over(20), floor: 2, verdict: answer.Reconnaissance, threat: true},
	{fact: "icmp_received", topic: "arriving ICMP", says: "Packets of ICMP arrive at {}.", fits: over(1000), floor: 50, verdict: answer.VolumetricAttack, threat: true, always: true},
	{fact: "udp_received", topic: "arriving UDP", says: "Packets of UDP arrive at {}.", fits: never, floor: 1000, threat: true, always: true},
	{fact: "udp_sent", topic: "UDP that is sent", says: "Packets of UDP are sent at {}.", fits: never, floor: 1000},
	{fact: "policy_drops", topic: "what rules of the host drop", says: "Rules of the host drop {}.", fits: over(1000), floor: 50, threat: true},
	{fact: "guard_drops", topic: "what Guarder drops", says: "Guarder drops {}.", fits: over(1000), floor: 50, threat: true},
	{fact: "device_drops", topic: "losses of network devices", says: "The device {device} drops most, {}.", fits: over(10), verdict: answer.Overload},
	{fact: "device_errors", topic: "damaged frames", says: "Damaged frames arrive at {}.", fits: over(0.1), verdict: answer.NetworkFault, step: "Change the cable, and look at the port of the switch."},
	{fact: "softirq_wait", topic: "softirqs that wait for a CPU", says: "The slowest network softirqs wait {} for a CPU.", fits: over(0.01), floor: 0.001, verdict: answer.Overload},
	{fact: "polls_full", topic: "polls that leave packets behind", says: "Of the polls of a device {} leave packets behind.", fits: over(0.2), verdict: answer.Overload},
	{fact: "tcp_read_wait", topic: "data of TCP that waits for applications", says: "In the slowest reads data of TCP had waited for {}.", fits: over(1), verdict: answer.HostFault},
	{fact: "udp_read_wait", topic: "data of UDP that waits for applications", says: "In the slowest reads data of UDP had waited for {}.", fits: over(1), verdict: answer.HostFault},
	{fact: "stalled", topic: "connections that stand still", says: "On average {} stand still.", fits: over(1), verdict: answer.HostFault},
	{fact: "accepted", topic: "connections that are made", says: "Connections are made at {}.", fits: never, floor: 1, low: true, always: true},
	{fact: "traffic", topic: "traffic", says: "The host handles {}.", fits: never, floor: 100, low: true, always: true},
}
