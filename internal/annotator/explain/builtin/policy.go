package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

// aboutPolicy are the alerts on what the policy does, or would do.
var aboutPolicy = map[string]entry{
	"PacketScopeGuardDropsJump": {
		means:   "Under the same policy the rule {@rule} of the group {@group} on {host} suddenly drops much more than an hour ago. It is a flood or a scan, which Guarder keeps away, or traffic of yours that has changed and is cut off now.",
		verdict: answer.VolumetricAttack,
		weighs: []weigh{
			says("rule_drops", "The rule drops {}."),
			alone(), inside(),
			says("guard_share", "Of all that arrives, {} is dropped."),
			says("dropped_ports", "Most of it is sent to {port} by {protocol}, {}."),
			below("policy_age", 7200, "The policy is only {} old, so it may be the policy that has changed.").but().so(answer.Misconfiguration),
			above("policy_age", 86400, "The policy is {} old, so it is the traffic that has changed."),
			busiest(), belongs(),
		},
		checks: []check{ask("Where is it sent to?", "dropped_ports"), ask("Does other traffic still pass?", "guard_passes"), run("On the host: who sends.", guardTop)},
		steps:  []string{"Look at the senders: strangers are kept away, and nothing has to be done.", "If clients of yours are among them, write a rule before this one that lets them pass."}, propose: true,
	},
	"PacketScopeGuardWouldCutService": {
		means:   "Rules of {host} that only count so far would drop packets to {@port}, which has connections. Look who sends them before these rules are enforced: strangers, whom the rules are for, or clients of yours.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("port_would_drop", "To the port they would drop {}."),
			says("port_connections", "It has {}."),
			says("audited_rules", "The rule {rule} of the group {group} would drop most, {}."),
			busiest(),
			above("port_would_drop_change", 5, "An hour ago it was far less: now it is {} that, as if somebody had begun to attack.").but(),
		},
		checks: []check{ask("Which rules would drop?", "audited_rules"), run("On the host: who sends.", guardTop)},
		steps:  []string{"If the senders are clients, let them pass by a rule before these.", "If they are strangers, the rules are right and can be enforced."},
	},
	"PacketScopeGuardKeepsConnections": {
		means:   "Connections of {host} live only because they are older than its policy, or belong to who put it in force. When they end they cannot be made again.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("kept_packets", "{} pass for that reason alone."),
			above("kept_connections", 0, "{} are kept."),
			above("policy_age", 86400, "The policy has been in force for {}, and they still live, so they matter to somebody."),
			below("policy_age", 7200, "The policy is only {} old; they may end by themselves.").but(),
		},
		checks: []check{ask("How many connections are kept?", "kept_connections"), run("On the host: which rule would drop them.", guardTop)},
		steps:  []string{"If they are wanted, add a rule that lets them pass.", "If they are not, leave it: they go when they end."},
	},
	"PacketScopeGuardUnparsable": {
		means:   "Packets arrive at {host} whose headers cannot be read to their end ({@reason}): damaged ones, or some that are made to slip past filters. The policy says whether they pass.",
		verdict: answer.Unknown,
		weighs: []weigh{
			says("unparsable", "They arrive at {}."),
			says("unparsable_share", "That is {} of all that arrives."),
			above("device_errors", 0.1, "The device damages frames, {}, so they may be damaged too.").so(answer.NetworkFault),
			below("device_errors", 0.1, "Frames arrive whole, damaged are {}, so they rather are made so.").hints(answer.TargetedAttack),
			busiest(),
		},
		checks: []check{ask("Are frames damaged?", "device_errors"), run("On the host: who sends them.", guardTop)},
		steps:  []string{"If such packets are normal here, as long chains of tags, let them pass in the policy.", "Else leave them dropped, and find their sender."},
	},
	"PacketScopeGuardOnlyAudits": {
		means:   "Rules of {host} have asked to be enforced for a week, and the ceiling of the host lets them only count. That is how to begin; it is no state to stay in.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("clamped_rules", "Such rules are {} in number."),
			says("would_drop", "Enforced, they would drop {}."),
			says("audited_rules", "The rule {rule} of the group {group} would drop most, {}."),
			busiest(),
			below("would_drop", 0.01, "They match next to nothing ({}), so little is at risk either way.").but(),
		},
		checks: []check{ask("What would be dropped?", "would_drop"), ask("By which rules?", "audited_rules"), run("On the host: whose packets they are.", guardTop)},
		steps:  []string{"If what they match should be dropped, start the agent without the ceiling.", "If not, set the rules to audit, so that the policy says what it does."},
	},
}

// passes and kept are said of attacks, by what becomes of their packets.
func passes() weigh {
	return says("attack_packets", "They come at {} and are only counted: they arrive and do their work.").of("verdict", "would_drop")
}

func kept() weigh {
	return says("attack_packets", "They come at {} and are dropped: they do not arrive.").of("verdict", "drop")
}

const byRule = "The rule {rule} of the group {group} matches them, {}."

// wire tells of the trip wire, which lets everything pass.
func wire() weigh {
	return above("tripped", 0, "The trip wire has tripped, so nothing is dropped at all.")
}

var aboutAttacks = map[string]entry{
	"PacketScopeGuardForgedICMP": {
		means:   "ICMP errors arrive at {host} that nobody honest sends ({@attack}). They make it believe that packets to a peer must be smaller, or that a connection has failed.",
		verdict: answer.TargetedAttack,
		weighs:  []weigh{passes(), kept(), says("attack_rules", byRule), busiest(), belongs(), alone(), says("quoted", "The errors quote {protocol} most, {}."), wire()},
		checks:  []check{ask("What do the errors quote?", "quoted"), ask("How many are there now?", "attack_packets"), run("On the host: who sends them.", guardTop)},
		steps:   []string{"If the rule only counts, look at its matches and then enforce it.", "Senders of forged errors are hard to find: what counts is that they do not arrive."},
		propose: true,
	},
	"PacketScopeGuardRedirects": {
		means:   "ICMP redirects ask {host} to send what is for a peer to another machine of its link. That is how traffic is intercepted, or a second gateway that the routing table does not know.",
		verdict: answer.TargetedAttack,
		weighs:  []weigh{passes(), kept(), says("attack_rules", byRule), busiest(), wire()},
		checks:  []check{ask("Which ICMP messages arrive?", "icmp_arriving"), ask("How many are there now?", "attack_packets"), run("On the host: who sends them.", guardTop)},
		steps:   []string{"If the sender is a gateway of yours, put the better route into the routing table.", "If it is not, find the machine on the link and take it off."},
	},
	"PacketScopeGuardNeighborSpoofing": {
		means:   "Somebody on the link of {host} claims the address of a gateway or of this host, or says that it is a router ({@attack}). Traffic then goes through that machine. It may also be a gateway of yours that the policy does not name.",
		verdict: answer.TargetedAttack,
		weighs: []weigh{
			passes(), kept(), says("attack_rules", byRule), busiest(), wire(),
			above("neighbor_failures", 1, "Neighbours are also not found, {}."),
		},
		checks: []check{ask("How many are there now?", "attack_packets"), run("On the host: who sends them.", guardTop), run("On the host: which hardware address the gateway has now.", "ip neigh")},
		steps:  []string{"Compare the hardware address of the gateway with what it should be.", "If a gateway was replaced, put the new one into the set of gateways of the policy. Else take the machine off the link."},
	},
	"PacketScopeGuardControllerWrite": {
		means:   "A host that is no engineering station sends commands to industrial controllers behind {host} ({@attack}). A machine may be started, stopped or set to wrong values. Find out who it is before anything else.",
		verdict: answer.TargetedAttack,
		weighs:  []weigh{passes(), kept(), says("attack_rules", byRule), busiest(), wire()},
		checks:  []check{ask("How many are there now?", "attack_packets"), ask("Who sends most?", "top_senders"), run("On the host: the senders.", guardTop)},
		steps:   []string{"Ask the people at the plant whether it is their work, at once.", "If it is not, keep the sender away from the controllers, and look at their state.", "If it is, put the station into the set of the policy."},
	},
	"PacketScopeGuardExhaustion": {
		means:   "A few senders make {host} hold or do much for little of their own ({@attack}): connections, fragments, or segments that have to be kept.",
		verdict: answer.TargetedAttack,
		weighs:  []weigh{passes(), kept(), says("attack_rules", byRule), busiest(), belongs(), alone(), above("top_sender_share", 0.5, "One sender alone makes {} of what arrives."), wire()},
		checks:  []check{ask("How many are there now?", "attack_packets"), ask("Which rules match?", "attack_rules"), run("On the host: who sends.", guardTop), run("On the host: what connections hold.", "ss -tm")},
		steps:   []string{"If it is a proxy, or many people behind one address, pass it before the rule or give it a wider limit.", "If nobody knows the sender, enforce the rule.", "Give the service time limits, so that it ends connections that take nothing."},
		propose: true,
	},
	"PacketScopeGuardScan": {
		means:   "Somebody tries the doors of {host}, one closed port after the other or one password after the other ({@attack}). On the Internet that is everyday; from a network of your own it is a sign of a machine in other hands.",
		verdict: answer.TargetedAttack,
		weighs:  []weigh{passes(), kept(), says("attack_rules", byRule), busiest(), belongs(), alone(), above("top_sender_share", 0.5, "One sender alone makes {} of what arrives."), wire()},
		checks:  []check{ask("How many are there now?", "attack_packets"), ask("Which rules match?", "attack_rules"), run("On the host: who sends.", guardTop), run("On the host: who has logged in.", "last")},
		steps:   []string{"If it is a scanner or a monitor of yours, pass it before the rule.", "If it comes from a network of yours, look at that machine.", "From outside, see that nothing listens that need not, and enforce the rule or ban who goes on."},
		propose: true,
	},
	"PacketScopeGuardAttack": {
		means:   "A rule of the policy of {host} that is marked as critical matches ({@attack}). Its annotations in the policy say what it is for.",
		verdict: answer.TargetedAttack,
		weighs: []weigh{
			passes(), kept(), says("attack_rules", byRule), busiest(), belongs(), alone(),
			above("top_sender_share", 0.5, "One sender alone makes {} of what arrives."), wire(),
		},
		checks:  []check{ask("How many are there now?", "attack_packets"), ask("Which rules match?", "attack_rules"), run("On the host: who sends.", guardTop)},
		steps:   []string{"If the rule only counts, look at its matches and then enforce it.", "If clients of yours are among the senders, mend the rule first."},
		propose: true,
	},
}
