package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

// aboutPosture are the alerts on how exposed a host is.
var aboutPosture = map[string]entry{
	"PacketScopePostureExposed": {
		means:   "A setting of the kernel of {host} helps attackers ({@check}). The kernel does not put it there by itself, so a program, an image or a person has. Nothing says that somebody makes use of it.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("exposed_places", "Places where it is wrong: {}."),
			above("right_places", 0, "Places where it is right: {}, so it is not one setting for all."),
			above("hosts_exposed", 1, "Hosts that have it wrong: {}, so it rather came with an image or by their management."),
			above("checks_exposed", 10, "Of all checks {} find the host exposed, so nobody has hardened it."),
		},
		checks: []check{ask("Which hosts have it wrong?", "hosts_exposed"), run("On the host: which attack it is about, and the cure.", doctor), run("On the host: which file sets it.", "grep -r . /etc/sysctl.conf /etc/sysctl.d /run/sysctl.d /usr/lib/sysctl.d")},
		steps:  []string{"Set it as the doctor says, and keep the line in a file of its own among the settings that are read at the start.", "If a program sets it again, mend the configuration of that."},
	},
	"PacketScopePostureForgedPMTU": {
		means:   "{host} has believed ICMP messages that packets to some destinations must be tiny. No link of today asks for that, so they were forged. Its packets to them are now cut into fragments, which is the first step to put forged ones among them.",
		verdict: answer.TargetedAttack,
		weighs: []weigh{
			above("tiny_paths", 0, "Destinations whose path MTU is at the floor: {}."),
			above("tiny_paths", 20, "They are many, so it is rather a sweep than one victim."),
			says("quoted", "ICMP errors that arrive quote {protocol} most, {}."),
			below("guard_in_force", 1, "No policy of Guarder is in force, which would keep them away."),
			above("guard_in_force", 0, "A policy of Guarder is in force, which may have come after them.").but(),
			above("learned_paths", 100, "Other path MTUs that were learned: {}, so the network does have links with small packets.").but(),
		},
		checks: []check{ask("Does it grow?", "tiny_paths"), run("On the host: which destinations.", "ip route show cache"), run("On the host: which settings let it happen.", doctor)},
		steps:  []string{"Put the policy against forged ICMP of Guarder in force.", "Then have the kernel forget what it believes: ip route flush cache.", "If a destination comes back, ask who runs the path to it: a broken tunnel is the honest cause."},
	},
}
