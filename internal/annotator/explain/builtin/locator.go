package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

const exporterLog = "journalctl -u packetscope -n 100"

// aboutLocator are the alerts on the measurement of paths itself.
var aboutLocator = map[string]entry{
	"PacketScopePathProbesLeftOut": {
		means:   "{host} has too small a budget of packets for its destinations, so probes are left out. Loss and round trips are right, but rest on fewer probes.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("left_out", "For each probe that is sent, {} of one is left out."),
			says("probes_sent", "{} are sent."),
			says("destinations", "The destinations that share them are {} in number."),
			says("round_interval", "From round to round it takes {}."),
		},
		checks: []check{ask("How much is left out?", "left_out"), ask("How many destinations are there?", "destinations")},
		steps:  []string{"Measure fewer destinations, or in longer intervals.", "If the network bears it, raise the rate of the locator in the configuration."},
	},
	"PacketScopePathProbesLate": {
		means:   "Probes leave {host} later than they should: the exporter does not get the CPU in time. Round trips stay right, as the kernel takes the times; rounds become longer.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("lag", "They are late by {}."),
			above("exporter_cpu", 0.9, "The exporter uses {}, perhaps all that it may."),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU: the host is overloaded.").so(answer.Overload),
			below("exporter_cpu", 0.3, "The exporter itself needs little, {}, so others take the CPU."),
		},
		checks: []check{ask("How much CPU does the exporter use?", "exporter_cpu"), ask("Is the host overloaded?", "softirq_wait")},
		steps:  []string{"Raise the limit of CPU of the service or container.", "If the host is overloaded, begin with that."},
	},
	"PacketScopePathUserClock": {
		means:   "For many probes of {host} there are no times of the kernel ({@direction}), so the exporter takes them itself. That is late whenever the host is busy: round trips and jitter look worse than they are.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("user_clock", "Of these times it takes {} itself."),
			above("way_queue", 0, "Probes are sent without privileges, where some kinds have no times of the kernel."),
			below("way_queue", 1, "Probes are sent with privileges, so a device or a clock that was set gets in the way."),
			above("lag", 0.05, "The exporter is late by {}, so its times are too."),
		},
		checks: []check{ask("Are probes sent without privileges?", "way_queue"), run("On the host: what is missing.", "packetscope doctor")},
		steps:  []string{"Give the exporter the privilege to send raw packets, if it has not.", "Until then, take jitter and small differences of round trips lightly."},
	},
	"PacketScopeGeoDatabaseOld": {
		means:   "The data of {@db} on {host} are old. Addresses move, so networks, countries and positions become wrong, and most vendors ask for an update by then.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("database_age", "The data are {} old."),
			above("reload_successful", 0, "The file itself loads without fault."),
			below("reload_successful", 1, "The file could not be loaded at the last attempt."),
			above("implausible_all", 0, "Hops that cannot be where a database has them: {}."),
		},
		checks: []check{ask("How old are the data?", "database_age"), run("On the host, with the file for FILE: what it says of itself.", "packetscope geodb info FILE")},
		steps:  []string{"Update the file in place; the exporter notices.", "See why the usual update has not come: a key that has expired, or a timer that does not run."},
	},
	"PacketScopeGeoReloadFailed": {
		means:   "{host} cannot load {@db}. The data of before are in force, or none if it never loaded, and countries, networks or blocklists are then old or unknown.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			below("reload_successful", 1, "The last attempt to load it has failed."),
			says("database_age", "The data in force are {} old."),
			above("rules_unknown", 0, "Rules about paths that cannot be judged: {}."),
			above("database_entries", 0, "The data in force have {} entries, so something is known.").but(),
		},
		checks: []check{ask("Is anything in force?", "database_entries"), run("On the host: the log of the exporter has the error.", exporterLog), run("On the host: look at the files again.", "packetscope check-config /etc/packetscope/packetscope.yaml")},
		steps:  []string{"Copy the file again, whole, under another name and then in place.", "See that the exporter may read it."},
	},
	"PacketScopePathHistoryNotWritten": {
		means:   "What happens to paths is measured on {host}, but not kept: the newest record of the history could not be written. The disk is full, or the exporter may not write there.",
		verdict: answer.HostFault,
		weighs: []weigh{
			below("history_written", 1, "The newest record was not written."),
			above("history_lost", 0, "Records that were lost of late: about {}."),
			says("history_size", "The history has {}."),
			below("exporter_age", 3600, "The exporter has been running for {} only, so its settings may be new.").so(answer.Misconfiguration),
		},
		checks: []check{ask("How much is lost?", "history_lost"), run("On the host: the log of the exporter has the error.", exporterLog), run("On the host, with the folder of the history for FOLDER: is there room?", "df -h FOLDER")},
		steps:  []string{"Make room on the disk.", "If it is a container, give it a volume for the history; if it is a service, let it write to the folder."},
	},
	"PacketScopePathLabelsFolded": {
		means:   "More hops, links or destinations were met on {host} than may have series of their own, so some are added up or left out ({@reason}). Loss and round trips of destinations are not touched; maps and tables of hops miss some.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("folded", "{} have no series of their own."),
			above("changes_all", 20, "Paths change all the time, about {} times within the hour, which is the usual cause.").so(answer.NetworkFault),
			says("destinations", "The destinations are {} in number."),
			says("exporter_age", "It is counted since the exporter started, {} ago."),
		},
		checks: []check{ask("Do paths change all the time?", "changes_all"), ask("How many destinations are there?", "destinations")},
		steps:  []string{"If paths flap, mend that first.", "Measure fewer destinations if the maps must be whole."},
	},
	"PacketScopePathDestinationsRefused": {
		means:   "Destinations of {host} find no room and are not measured: too many were asked for or found, or some have the same name. Those of the configuration come first.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("refused", "{} are not measured."),
			says("destinations", "{} are measured."),
			above("destinations_found", 0, "Of those the exporter found {} itself."),
		},
		checks: []check{ask("How many were found by the exporter?", "destinations_found"), ask("How many are measured?", "destinations")},
		steps:  []string{"Let the exporter find fewer by itself.", "Give destinations of the same name other names, or let several hosts share them."},
	},
}
