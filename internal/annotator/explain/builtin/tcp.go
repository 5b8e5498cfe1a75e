package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

var aboutTCP = map[string]entry{
	"PacketScopeRetransmitsHigh": {
		means:   "{host} sends many TCP segments again: they, or their acknowledgements, get lost on the way. Transfers are slow, and short requests stall.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("retransmits", "It sends {} of its segments again."),
			above("loss_share", 0.001, "This host loses packets itself, {} of them.").but().so(answer.HostFault),
			above("device_drops", 1, "Its own device {device} drops {} on {direction}.").but().so(answer.HostFault),
			below("loss_share", 0.0005, "This host itself loses only {} of its packets, so the loss is farther away."),
			above("out_of_order", 0.02, "Of what it receives {} arrive out of order, so the way here loses packets too."),
			above("tcp_round_trip_change", 2, "Round trips take {} what they took, as on a link that is full."),
		},
		checks: []check{
			ask("Does this host lose packets itself?", "loss_share"), ask("Have round trips grown?", "tcp_round_trip"),
			run("On the host: the peers that are affected.", "packetscope flows --sort retransmits"),
		},
		steps: []string{"If this host drops, begin with that alert.", "If all affected peers are behind the same network, tell its provider; if they are everywhere, look at the uplink of this host."},
	},
	"PacketScopeRTTJump": {
		means:   "TCP segments of {host} take much longer to its peers and back than before. A path has changed, a queue has filled, or the host talks with other peers than it did.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("tcp_round_trip", "In the middle a round trip takes {}."),
			above("qdisc_wait_most", 0.01, "Packets wait up to {} in a queue of this host's own.").but().so(answer.Overload),
			above("retransmits", 0.01, "It sends {} of its segments again, as when a queue on the way overflows."),
			below("qdisc_wait_most", 0.005, "Its own queues are short: packets wait {} at the most."),
			says("rtt_slowest", "The slowest round trips take {}."),
		},
		checks: []check{ask("Is it a queue of this host?", "qdisc_wait_most"), ask("Are segments lost?", "retransmits"), run("On the host: with whom it talks, by round trip.", "packetscope flows --sort rtt")},
		steps:  []string{"See whether the slow peers are new ones; then nothing is wrong.", "If they are not, look at the paths to them: Locator measures where the time is spent."},
	},
	"PacketScopeConnectFailures": {
		means:   "Many connections that programs of {host} open end as {@result}. Refused: nobody listens there. Timeout: no answer, by a firewall or a dead host. Unreachable: no way there.",
		verdict: answer.HostFault,
		weighs: []weigh{
			says("failed_connects", "{} of the connects end so."),
			says("failed_connect_rate", "That is {}."),
			above("failed_connects", 0, "Refused means that the other host is there and the service is not.").of("result", "refused"),
			above("failed_connects", 0, "A timeout means that nothing comes back: a firewall that drops, or a host that is gone.").of("result", "timeout").so(answer.NetworkFault),
			above("route_failures", 1, "This host has no route for {}.").so(answer.Misconfiguration),
			above("good_connects", 1, "Other connects succeed, {}, so the network of this host works.").but(),
		},
		checks: []check{ask("Do other connects succeed?", "good_connects"), ask("Are there routes?", "route_failures"), run("On the host: the destinations.", "ss -tn state syn-sent")},
		steps:  []string{"Find the destination, and see whether its service runs.", "If nothing answers, see whether a firewall between was changed."},
	},
	"PacketScopeResetsBurst": {
		means:   "TCP connections of {host} are torn down in great number ({@direction}). Resets that it sends answer a scan, or clients of a service that died; those it receives are refusals of the other end, or of a firewall between.",
		verdict: answer.Unknown,
		weighs: []weigh{
			says("resets", "They come at {}."),
			above("resets_without_socket", 10, "Of what it sends, {} answer attempts at ports where nobody listens.").of("direction", "transmit").hints(answer.Reconnaissance),
			above("top_sender_share", 0.5, "One sender alone makes {} of what arrives."),
			above("resets", 0, "They are received: the other ends, or something between, refuse.").of("direction", "receive").so(answer.NetworkFault),
			below("resets_without_socket", 1, "Hardly any are about closed ports ({}), so an application may close without reading.").of("direction", "transmit").so(answer.HostFault),
		},
		checks: []check{ask("Are they about closed ports?", "resets_without_socket"), ask("Who sends most?", "top_senders"), run("On the host: the packets behind them.", "packetscope drops --reason NO_SOCKET")},
		steps:  []string{"If a service of yours has died, start it.", "If it is a scan, watch its sender; a closed port is no harm in itself."}, propose: true,
	},
	"PacketScopeZeroWindow": {
		means:   "TCP connections of {host} stand still because the receiver does not read (side {@side}). Side local is an application of this host that is too slow; side peer is the other end.",
		verdict: answer.HostFault,
		weighs: []weigh{
			says("stalled", "On average {} stand still."),
			says("zero_windows", "A window closes {}."),
			above("read_wait", 0.5, "Data waits up to {} for applications of this host.").of("side", "local"),
			below("read_wait", 0.1, "Applications of this host read quickly, within {}, so one of them alone is slow.").of("side", "local").but(),
			says("transmit_queues", "{} wait to be sent.").of("side", "peer"),
		},
		checks: []check{ask("How long does data wait here?", "read_wait"), ask("How much waits to be read?", "receive_queues"), run("On the host: connections with full queues, and their processes.", "ss -tnp")},
		steps:  []string{"Side local: help the application whose receive queue is full.", "Side peer: ask the operator of the other end; nothing here can help it."},
	},
	"PacketScopeAcceptQueueNearFull": {
		means:   "The application that listens on {@port} of {host} accepts connections more slowly than they come. When its queue is full the kernel turns clients away.",
		verdict: answer.Overload,
		weighs: []weigh{
			says("queue_fill", "Its queue is {} full."),
			says("queue_length", "{} wait."),
			above("listen_overflows", 0.1, "This host already turns away {}."),
			above("port_connections_change", 2, "The connections of the port are {} what they were an hour ago."),
			below("listen_overflows", 0.1, "Nobody of note is turned away yet: {}.").but(),
		},
		checks: []check{ask("How many wait?", "queue_length"), ask("Are clients turned away?", "listen_overflows"), run("On the host, with the port for PORT: the application.", "ss -tlnp sport = :PORT")},
		steps:  []string{"See whether the application hangs or lacks CPU.", "If it works and is only busy, give it a larger backlog, and the kernel a larger limit for it."},
	},
	"PacketScopeListenOverflows": {
		means:   "{host} turns TCP connections away because the accept queue of a listening socket is full. Clients wait and try again, or fail.",
		verdict: answer.Overload,
		weighs: []weigh{
			says("listen_overflows", "{} are turned away."),
			says("fullest_ports", "The longest queue is that of {port}: {}."),
			above("accepted_change", 2, "Connections come at {} the former rate."),
			above("cookies_back", 0.5, "Of the SYN cookies {} come back, so the clients are real."),
			below("cookies_back", 0.1, "Only {} of the SYN cookies come back, so most senders are forged.").so(answer.VolumetricAttack),
		},
		checks: []check{ask("Which port is it?", "fullest_ports"), ask("Are the clients real?", "cookies_back"), run("On the host: listening sockets with a queue above its limit.", "ss -tln")},
		steps:  []string{"Look at the application of the fullest port: it hangs, lacks CPU or needs a larger backlog.", "If the senders are forged, see the alert about SYN cookies."},
	},
	"PacketScopeSYNFlood": {
		means:   "So many connection requests to {host} are open that the kernel does not remember them any more and answers with SYN cookies. Either senders are forged, which is a SYN flood, or real clients come faster than an application accepts them.",
		verdict: answer.Unknown,
		weighs: []weigh{
			says("cookies_sent", "SYN cookies are sent at {}."),
			below("cookies_back", 0.1, "Only {} of the cookies come back: the senders are forged.").so(answer.VolumetricAttack),
			above("cookies_back", 0.5, "Of the cookies {} come back: the clients are real.").so(answer.Overload),
			above("accept_queue_fill", 0.8, "The fullest accept queue is {} full: an application accepts too slowly.").so(answer.Overload),
			below("accept_queue_fill", 0.5, "Accept queues have room, the fullest is {} full, so no application is behind."),
			below("accepted_change", 0.5, "Connections are made at {} the rate of an hour ago, so real clients suffer."),
		},
		checks: []check{ask("Do cookies come back?", "cookies_back"), ask("Does an application accept too slowly?", "accept_queue_fill"), run("On the host: the port and the senders.", "ss -tn state syn-recv")},
		steps: []string{
			"Forged: see that SYN cookies stay on, and ask the provider or the load balancer to filter. Blocking single senders does not help, as they are not who they say.",
			"Real: help the application to accept faster, or give it a larger backlog.",
		},
	},
}
