package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

const locate = "packetscope locate --once DEST"

// aboutPaths are the alerts on whether packets arrive, and how fast.
var aboutPaths = map[string]entry{
	"PacketScopePathUnreachable": {
		means:   "{@dest} does not answer the probes of {host} any more ({@protocol}, {@family}). The destination is down, something on the way drops the probes, or it does not answer this kind by choice.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			below("reached", 1, "The destination does not answer."),
			above("reached_share", 0.5, "Of all destinations {} answer, so the connection of this host works and it is this one alone."),
			below("reached_share", 0.5, "Only {} of all destinations answer, so it is rather this host or its provider.").but(),
			says("blocked", "Somebody on the way refuses to forward, with the reason {}."),
			above("first_hop_loss", 0.5, "Probes are lost at the first router already, {} of them.").so(answer.HostFault),
		},
		checks: []check{
			ask("Do other destinations answer?", "reached_share"), ask("Does somebody refuse to forward?", "blocked"),
			run("On the host, with the destination for DEST: how far packets get.", locate),
		},
		steps: []string{"See from the last hop that answers whose network it ends in, and ask there.", "If the destination does not answer such probes by choice, measure it by another protocol."},
	},
	"PacketScopePathAllUnreachable": {
		means:   "None of several destinations answers {host}. Its own connection is down, or a firewall drops what it sends, or all answers.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			below("reached_share", 0.01, "Of all destinations {} answer."),
			above("first_hop_loss", 0.5, "Probes are lost at the first router already, {} of them."),
			below("first_hop_loss", 0.1, "The first router answers, only {} is lost there, so it is farther away: the provider."),
			above("policy_drops", 100, "Rules of this host drop {}, perhaps the answers.").but().so(answer.Misconfiguration),
			above("device_drops", 1, "The device {device} drops {}.").so(answer.HostFault),
		},
		checks: []check{ask("Does the first router answer?", "first_hop_loss"), ask("Does this host handle packets at all?", "traffic"), run("On the host: devices and their state.", "ip -br link")},
		steps:  []string{"Look at the device and at the first router.", "If both are well, call the provider. If rules have changed, take that back."},
	},
	"PacketScopePathLoss": {
		means:   "Probes from {host} to {@dest}, or their answers, get lost on the way ({@protocol}, {@family}). It is the loss of the destination itself, and no chance. Routers that limit their answers are not counted.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("path_loss_low", "At least {} of the probes are lost for certain."),
			says("lossy_from", "Packets get lost from the distance {} on."),
			above("passive_retransmits", 0.01, "Real connections to it suffer too: {} of their segments are sent again."),
			below("passive_retransmits", 0.001, "Real connections to it do not suffer: only {} is sent again.").but(),
			above("path_rtt_change", 1.5, "Round trips take {} what they took an hour ago, as on a link that is full."),
		},
		checks: []check{
			ask("From which distance on are they lost?", "lossy_from"), ask("Do real connections suffer?", "passive_retransmits"),
			run("On the host, with the destination for DEST: the loss of each hop.", locate),
		},
		steps: []string{"Find the network that the loss begins in, on the board of paths, and tell its operator since when.", "If another way leads there, take it meanwhile."},
	},
	"PacketScopePathRTTJump": {
		means:   "The round trip from {host} to {@dest} takes much longer than an hour ago, and than yesterday at this time if that is known ({@protocol}, {@family}). The path has changed, or a link on it is full.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("path_rtt", "In the middle it takes {}."),
			below("since_change", 7200, "The path changed {} ago, which explains it."),
			above("since_change", 7200, "The path has not changed for {}, so a link on it is rather full."),
			above("path_loss_low", 0.01, "At least {} is lost as well."),
			above("path_jitter", 0.02, "One round trip differs from the next by {}, as with a queue that fills."),
		},
		checks: []check{ask("When did the path change?", "since_change"), ask("Is anything lost?", "path_loss_low"), run("On the host, with the destination for DEST: what the path was.", "packetscope locate history DEST")},
		steps:  []string{"If the path has moved, see whether the new networks are meant to carry it.", "If it has not, tell the operator of the network where the times part on the board of paths."},
	},
	"PacketScopePathJitterHigh": {
		means:   "Round trips from {host} to {@dest} differ much from one to the next ({@protocol}, {@family}), which calls and games suffer from. A link on the way is full, or the destination is busy.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("path_jitter", "One differs from the next by {}."),
			says("path_rtt", "In the middle a round trip takes {}."),
			above("path_loss_low", 0.01, "At least {} is lost as well, as with a queue that overflows."),
			above("user_clock", 0.1, "The exporter takes {} of the times itself, which is late when the host is busy.").but().so(answer.MonitoringFault),
			below("user_clock", 0.1, "The times are the kernel's: the exporter takes only {} itself."),
		},
		checks: []check{ask("Are the times the kernel's?", "user_clock"), ask("Is anything lost?", "path_loss_low"), run("On the host, with the destination for DEST: the jitter of each hop.", locate)},
		steps:  []string{"See at which distance it begins; if at the first, it is your own uplink.", "Limit what fills the link, or give calls a place before it."},
	},
	"PacketScopePathFlapping": {
		means:   "The path from {host} to {@dest} leaves its usual routers and comes back, again and again ({@protocol}, {@family}). A link on the way goes up and down, or routers disagree.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("changes", "Within the last hour it did so {} times."),
			above("path_loss_low", 0.005, "At least {} is lost, as at each change."),
			above("path_jitter", 0.02, "One round trip differs from the next by {}."),
			below("path_loss_low", 0.001, "Hardly anything is lost by it, {}.").but(),
		},
		checks: []check{ask("Does it lose packets?", "path_loss_low"), run("On the host, with the destination for DEST: the times and the hops that differ.", "packetscope locate history DEST")},
		steps:  []string{"Tell the operator of the network that the hops which differ are in, with the times."},
	},
	"PacketScopePathBlackHole": {
		means:   "Large packets from {host} to {@dest} vanish, and no router says that they are too big ({@protocol}, {@family}). Connections start and then hang. Somebody on the way filters ICMP.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			above("black_hole", 0, "Large packets vanish without a word."),
			says("path_mtu", "The largest packet that gets through has {}."),
			says("mtu_hop", "They vanish behind the router at a distance of {}."),
			above("path_loss_low", 0.01, "Small ones are lost as well, at least {}, so it may be loss of another kind.").but(),
			above("retransmits", 0.01, "TCP of this host sends {} of its segments again."),
		},
		checks: []check{ask("Behind which router?", "mtu_hop"), run("On the host, with the destination for DEST: the path with its sizes.", "packetscope locate DEST")},
		steps:  []string{"Let the errors about packets that are too big pass on your own firewalls.", "If it is not yours, let TCP agree on smaller segments at your gateway."},
	},
	"PacketScopePathBlocked": {
		means:   "A router on the way from {host} to {@dest} answers probes with an error: {@reason} ({@protocol}, {@family}). A firewall is meant to stop them, or the router has no way there.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("blocked", "The reason that it gives is {}."),
			below("reached", 1, "The destination does not answer."),
			above("reached", 0, "The destination answers all the same, so only some probes are stopped.").but(),
			above("reached_share", 0.5, "Of all destinations {} answer, so it is this one alone."),
			says("since_change", "The path has been as it is for {}."),
		},
		checks: []check{ask("Does the destination answer?", "reached"), run("On the host, with the destination for DEST: which hop refuses.", locate)},
		steps:  []string{"Ask the owner of the last hop whether it is meant.", "If it is, measure with a protocol that may pass."},
	},
	"PacketScopePathNotMeasured": {
		means:   "{host} cannot measure {@dest} ({@protocol}, {@family}). Its name has no address of this family, or this host cannot send probes there: no route, no address of its own, or a firewall of its own.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			above("failing", 0, "The measurement fails."),
			above("unresolved", 0, "The name has no address."),
			below("unresolved", 1, "The name has an address, so it is the sending that fails.").so(answer.HostFault),
			above("route_failures", 0.1, "For packets of this family there is no route: {}."),
			above("reached_share", 0.5, "Of the other destinations {} answer."),
		},
		checks: []check{ask("Has the name an address?", "unresolved"), ask("Is there a route?", "route_failures"), run("On the host, with the destination for DEST: what is wrong.", locate)},
		steps:  []string{"Mend the name, or the route.", "A destination for IPv6 on a host without IPv6 is never measured: let it have any family."},
	},
}
