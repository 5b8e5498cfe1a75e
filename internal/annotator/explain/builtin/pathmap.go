package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

// aboutPathMap are the alerts on the ways of packets through the kernel.
var aboutPathMap = map[string]entry{
	"PacketScopePathMapStale": {
		means:   "The exporter on {host} answers, but it has sampled no packets for a while, so what is known of their ways through the kernel is old. Traffic does not suffer by it.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("map_age", "Since the last turn of sampling: {}."),
			above("exporter_cpus", 0.5, "The exporter uses {}, so it may be starved."),
			above("map_spent", 0.5, "Turns that are used up: {}, so there is much traffic.").but(),
		},
		checks: []check{ask("Does sampling go on?", "map_age"), run("On the host: what the exporter says.", "journalctl --unit packetscope --since -1h")},
		steps:  []string{"Restart the exporter.", "If it comes back, start it without the path map; all else goes on without it."},
	},
	"PacketScopePathMapNewDrop": {
		means:   "On {host} the kernel drops packets in {@source}, and did not in the week before. Nothing says by itself that this is wrong: a new rule of a firewall does the same.",
		verdict: answer.Unknown,
		weighs: []weigh{
			says("new_drops", "Samples that ended there: {}."),
			above("all_drops", 0, "All drops of the kernel: {}."),
			above("loss_share", 0.001, "Packets that the host loses: {}, so it is more than one stray sender.").so(answer.HostFault),
			below("loss_share", 0.0001, "Packets that the host loses: {}, which nobody notices.").but(),
		},
		checks: []check{ask("Does it grow?", "new_drops"), run("On the host: which packets, and why.", "packetscope drops --duration 10s"), run("On the host: by which way they come.", "packetscope trace map --duration 10s")},
		steps:  []string{"Find out what changed on the host since: rules of firewalls, limits, programs that ended.", "If the drops are meant, nothing: what goes on is soon no longer new."},
	},
}
