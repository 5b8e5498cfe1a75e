package builtin

import "github.com/packetscope/packetscope/internal/annotator/explain/answer"

const doctor = "packetscope doctor"

var aboutSelf = map[string]entry{
	"PacketScopeAbsent": {
		means:   "Prometheus has no exporter of PacketScope to scrape, so no other alert of PacketScope can fire. That nothing else is heard means nothing now.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			above("exporters", 0, "By now it knows exporters again: {}.").but(),
			above("targets", 0, "Prometheus knows {} targets of all kinds, so it works, and only these are missing."),
			below("targets", 1, "Prometheus knows no target at all."),
		},
		checks: []check{ask("Does it know other targets?", "targets"), ask("Are exporters back?", "exporters")},
		steps:  []string{"Look at the page of targets of Prometheus: discovery finds no host, or the scrape job has another name.", "Compare with the last change of the configuration of Prometheus."},
	},
	"PacketScopeDown": {
		means:   "Prometheus cannot scrape the exporter of {host}, so the network of this host is not watched. The host, the exporter or the way between is down.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			below("scrape_up", 1, "The exporter does not answer."),
			above("exporters_up", 0.5, "Of all exporters {} answer, so it is this host alone.").so(answer.HostFault),
			below("exporters_up", 0.5, "Only {} of all exporters answer, so it is rather the network or Prometheus.").so(answer.NetworkFault),
			above("scrape_time", 9, "The last scrape took {}, so it may be too slow and not dead.").but().so(answer.MonitoringFault),
			above("slowest_collector", 5, "Within the last hour a collector took up to {}.").but(),
		},
		checks: []check{ask("Do other exporters answer?", "exporters_up"), ask("Was it slow before?", "slowest_collector"), run("On the host: the state of the service.", "systemctl status packetscope")},
		steps:  []string{"Read the error on the page of targets of Prometheus.", "If the host is up, start the service again; its log says why it ended."},
	},
	"PacketScopeCollectorFailing": {
		means:   "The collector {@collector} of {host} delivers nothing, so its metrics are missing and the alerts on them are blind.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			below("collector_works", 1, "The collector fails at every scrape."),
			above("collectors_failing", 1, "Of the collectors {} fail, so the cause is one for all."),
			below("collectors_failing", 2, "It is alone: the collectors that fail are {} in number."),
			below("exporter_age", 3600, "The exporter has been running for {} only, so an update or a new kernel may be the cause."),
			above("collector_time", 5, "The collector takes {}, which is long.").so(answer.Overload),
		},
		checks: []check{ask("Do others fail too?", "collectors_failing"), run("On the host: the log names the error.", exporterLog), run("On the host, as root: what is missing.", doctor)},
		steps:  []string{"Mend what the log names.", "Until then, take silence about this part for no good news."},
	},
	"PacketScopeScrapeSlow": {
		means:   "A scrape of {host} takes long. When it takes longer than Prometheus waits, all metrics of the host are lost.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("slowest_time", "The slowest collector takes {}."),
			says("collector_times", "It is the collector {collector}, with {}."),
			above("samples_scraped_change", 1.5, "The exporter has {} the series that it had an hour ago."),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU: the host is overloaded.").so(answer.Overload),
			above("exporter_cpu", 0.9, "The exporter uses {}."),
		},
		checks: []check{ask("Which collector is it?", "collector_times"), ask("Has it more series than before?", "samples_scraped")},
		steps:  []string{"If the host is overloaded, begin with that.", "Else switch off the slow collector, or limit what it looks at."},
	},
	"PacketScopeConfigReloadFailed": {
		means:   "The exporter of {host} has refused its new configuration, and the one from before is still in force. At the next restart it would not start.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			below("config_loaded", 1, "The last configuration was refused."),
			says("config_age", "The one in force has been so for {}."),
			above("exporter_age", 0, "The exporter has been running for {}; do not restart it before the file is mended."),
		},
		checks: []check{ask("Since when is the old one in force?", "config_age"), run("On the host: every fault with its line.", "packetscope check-config /etc/packetscope/packetscope.yaml")},
		steps:  []string{"Mend the faults that the check names, and reload.", "Do not restart the exporter before."},
	},
	"PacketScopeProbeNotAttached": {
		means:   "Measurement points of PacketScope on {host} are not attached, so the metrics behind them are missing or too small.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("probes_missing", "{} are not attached."),
			says("probes", "There are {} in all."),
			below("exporter_age", 3600, "The exporter has been running for {} only, so an update or a new kernel may be the cause."),
			above("exporter_age", 86400, "The exporter has been running for {}.").but(),
		},
		checks: []check{ask("How many are missing?", "probes_missing"), run("On the host, as root: why, and what would cure it.", doctor)},
		steps:  []string{"Do what the doctor says: a missing privilege, or a kernel that lacks something.", "If the kernel lacks it, switch the collector off."},
	},
	"PacketScopeEventsLost": {
		means:   "PacketScope on {host} misses observations ({@source}), so its counts are too low. A table of the kernel is full, or interrupts pile up on a CPU.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("events_lost", "{} are missed."),
			says("traffic", "{} are handled."),
			above("fullest_map", 0.9, "The fullest table of the kernel is {} full."),
			below("fullest_map", 0.9, "No table is full: the fullest is at {}, so it is rather a CPU with too much to do.").so(answer.Overload),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU."),
		},
		checks: []check{ask("Is a table full?", "fullest_map"), ask("Is a CPU overloaded?", "softirq_wait")},
		steps:  []string{"Where a table is full, remove watches.", "Where a CPU is, spread its interrupts."},
	},
	"PacketScopeMapNearlyFull": {
		means:   "A table of PacketScope in the kernel of {host} is nearly full ({@map}). What is new is then not counted under its own labels.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("map_fill", "The table is {} full."),
			says("map_entries", "Its entries are {} in number."),
			above("map_lost", 0.1, "Observations are already missed: {}."),
			below("map_lost", 0.1, "Next to nothing is missed yet: {}.").but(),
		},
		checks: []check{ask("Is anything missed already?", "map_lost"), ask("Does it still fill?", "map_fill")},
		steps:  []string{"Tables of watches: remove watches.", "Table of drops: find out what drops for so many reasons, then restart the exporter to empty it."},
	},
	"PacketScopeSeriesLimited": {
		means:   "The metric {@metric} of {host} has reached its limit of series, and what is new is counted under other. Sums stay right, detail is missing.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("series_folded", "{} series are folded."),
			says("samples_scraped", "The exporter has {} series in all."),
			says("exporter_memory", "It uses {} of memory."),
			above("samples_scraped_change", 1.5, "That is {} what it was an hour ago, so something grows."),
		},
		checks: []check{ask("Has the number of series grown?", "samples_scraped"), ask("How much memory does it use?", "exporter_memory")},
		steps:  []string{"If Prometheus can bear it and the detail is needed, raise the limit of series.", "Else have fewer watches. The alert ends when the exporter is restarted."},
	},
	"PacketScopeProbeCostHigh": {
		means:   "The probes of PacketScope take much CPU time on {host}. The cost follows the rate of packets.",
		verdict: answer.MonitoringFault,
		weighs: []weigh{
			says("probe_cpus", "Together they use {}."),
			says("probe_cost", "For each packet it is {}."),
			above("traffic_change", 2, "The packets of this host are {} what they were an hour ago.").so(answer.Overload),
			says("sampling", "{} of the packets are timed."),
			above("softirq_wait", 0.01, "The slowest network softirqs wait {} for a CPU, so the host needs the time."),
		},
		checks: []check{ask("Has traffic grown?", "traffic"), ask("What does a packet cost?", "probe_cost")},
		steps:  []string{"If the host needs the time, time a smaller share of the packets, or remove watches.", "If that is not enough, switch off the collector whose probe costs most."},
	},
	"PacketScopeNamespacesUncovered": {
		means:   "Network namespaces of {host}, containers perhaps, are not seen by PacketScope, because the exporter may not enter them. Some metrics leave them out.",
		verdict: answer.Misconfiguration,
		weighs: []weigh{
			says("namespaces_hidden", "{} are not seen."),
			says("namespaces_seen", "{} are seen."),
			below("exporter_age", 3600, "The exporter has been running for {} only, so its privileges may have changed."),
		},
		checks: []check{ask("How many are seen?", "namespaces_seen"), run("On the host, as root: which privilege is missing for what.", doctor)},
		steps:  []string{"Give the exporter the privileges that the doctor names.", "If the containers are not to be seen, leave it and silence the alert for this host."},
	},
}
