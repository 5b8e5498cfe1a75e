package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

var aboutPeers = map[string]entry{
	"PacketScopeChallengeAcks": {
		means:   "Established connections of {host} receive segments that try to reset or reopen them, with a number that does not fit. The kernel asks back instead of obeying. Somebody off the path guesses, or a firewall or load balancer has lost its state.",
		verdict: answer.TargetedAttack,
		weighs: []weigh{
			says("challenge_acks", "It asks back {}."),
			above("resets_received", 10, "Connections are also reset for real, {}, as when a box between has lost its state.").but().so(answer.NetworkFault),
			below("resets_received", 1, "Hardly any connection is really reset ({}), so the guesses fail.").hints(answer.TargetedAttack),
			says("top_senders", "Most packets come from {remote}, {}."),
		},
		checks: []check{ask("Are connections reset for real?", "resets_received"), ask("Who sends most?", "top_senders"), run("On the host, with the device for DEVICE: the senders of such segments.", "tcpdump -ni DEVICE 'tcp[tcpflags] & (tcp-rst|tcp-syn) != 0'")},
		steps:  []string{"If the senders are machines of yours, look for what was restarted there.", "If they are not, have forged senders filtered upstream, and protect connections that live long."},
	},
	"PacketScopeBadChecksums": {
		means:   "TCP segments arrive at {host} with a wrong checksum ({@family}) although the frames that carried them were right. Memory or firmware of a card, switch or router damages them, or somebody sends forged ones.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("bad_checksums", "{} arrive damaged."),
			above("device_errors", 0.1, "Frames are damaged as well, {}, so a cable or a port may be the cause."),
			below("device_errors", 0.1, "Frames arrive whole: damaged ones are {}.").but(),
			above("retransmits", 0.01, "TCP sends {} of its segments again."),
			says("top_senders", "Most packets come from {remote}, {}."),
		},
		checks: []check{ask("Are frames damaged too?", "device_errors"), ask("Who sends most?", "top_senders"), run("On the host: the connections of damaged segments.", "packetscope drops --reason TCP_CSUM --count 20")},
		steps:  []string{"Switch off the check of the card on receive, so that the CPU checks. If the errors end, the card is broken.", "If they go on, walk back along the path: what passes the same box unprotected is damaged too."},
	},
	"PacketScopeOutOfOrder": {
		means:   "Many TCP segments reach {host} while others before them are missing: those were lost on the way here, or take another path of another length. Transfers to this host are slow.",
		verdict: answer.NetworkFault,
		weighs: []weigh{
			says("out_of_order", "{} of the segments arrive out of order."),
			above("loss_share", 0.001, "This host loses packets itself, {} of them.").but().so(answer.HostFault),
			below("loss_share", 0.0005, "This host itself loses only {} of its packets."),
			above("retransmits", 0.01, "What it sends is lost too: {} is sent again."),
			below("retransmits", 0.002, "What it sends arrives: only {} is sent again, so only the way here is affected."),
		},
		checks: []check{ask("Does this host lose packets itself?", "loss_share"), ask("Is the other direction affected?", "retransmits"), run("On the host: with whom it talks.", "packetscope flows --sort rate")},
		steps:  []string{"Ask the peers for their retransmits.", "Look for devices that spread single packets of a connection over several links."},
	},
}
