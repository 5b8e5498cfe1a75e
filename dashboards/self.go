package dashboards

import (
	"github.com/packetscope/packetscope/collector/metric"
)

// self answers: can these numbers be trusted, and what do they cost?
func self() Board {
	return Board{
		Name:        "self",
		Title:       "PacketScope / PacketScope itself",
		Description: "Whether the exporters see everything, and what that costs.",
		marks: []annotation{{
			name: "Exporter restarted", colour: blue,
			expr:  `changes(process_start_time_seconds{<host>}[1m]) > 0`,
			title: "Exporter restarted", text: "{{instance}}", tags: "instance",
		}},
		rows: []row{
			{title: "State", panels: []panel{exporters(), failing(), missingProbes(), lostEvents(), foldedSeries(), badConfigs(), sampling(), probeShare()}},
			{title: "Cost in the kernel", panels: []panel{probeCPU(), probeRunTime()}},
			{title: "Cost of a scrape", panels: []panel{collectorTime(), scrapeTime(), series(), processCost()}},
			{title: "What is not seen", panels: []panel{mapFill(), lostByMap(), uncovered(), flowTable(), detached()}},
			{title: "Versions", panels: []panel{versions()}},
		},
	}
}

func exporters() panel {
	return number("Exporters up", unitCount,
		"Exporters that Prometheus reaches, of the chosen ones. If one is missing, look at the target page of Prometheus and at the service on the host.",
		last(`sum(up{<host>,job!="packetscope-annotator"})`, "up")).Decimals(0)
}

func failing() panel {
	return light("Collectors failing", unitCount,
		"Collectors that delivered nothing in the last scrape; their metrics are missing, those of the others are complete. The exporter's log has the error.",
		thresholds(step{1, red}),
		last(`sum(1 - packetscope_scrape_collector_success{<host>})`, "failing")).Decimals(0)
}

func missingProbes() panel {
	return light("Probes not attached", unitCount,
		"Measurement points that this kernel does not let us attach, or for which the exporter lacks a privilege. What they count stays at 0. packetscope doctor says which and what would cure it.",
		thresholds(step{1, yellow}),
		last(`sum(1 - packetscope_probe_attached{<host>})`, "not attached")).Decimals(0)
}

func lostEvents() panel {
	return light("Events lost", unitEvents,
		"Observations that found a full map, per second: the other numbers are too low by them. The row What is not seen names the map.",
		thresholds(step{0.001, red}),
		over(`sum(rate(packetscope_lost_events_total{<host>}[$__rate_interval]))`, "lost"))
}

func foldedSeries() panel {
	return light("Series folded", unitCount,
		"Label sets that were folded into other because a metric reached its limit of series. Sums stay right; single values are hidden. Raise series_limit, or ask why there are so many.",
		thresholds(step{1, yellow}),
		last(`sum(packetscope_series_limited_total{<host>})`, "folded")).Decimals(0)
}

func badConfigs() panel {
	return light("Bad configurations", unitCount,
		"Exporters whose configuration file was changed to something that does not load; they go on with the one before. packetscope check-config FILE names every fault with its line.",
		thresholds(step{1, red}),
		last(`sum(1 - packetscope_config_last_reload_successful{<host>})`, "bad")).Decimals(0)
}

func sampling() panel {
	return number("Packets timed", unitShare,
		"Share of packets whose time is taken, the smallest of the chosen hosts. Counts are of every packet; this makes quantiles coarser, not wrong. sample_every in the configuration sets it.",
		last(`min(packetscope_sampling_ratio{<host>})`, "timed"))
}

func probeShare() panel {
	return light("CPU of the probes", unitShare,
		"Share of one CPU that the BPF programs use, on the most expensive host. The kernel accounts for them during a part of the time only, and this is measured there.",
		thresholds(step{0.05, yellow}, step{0.25, red}),
		over(`max(sum by (instance) (rate(packetscope_probe_run_seconds_total{<host>}[$__rate_interval]))
/ on (instance) (sum by (instance) (rate(packetscope_probe_stats_window_seconds_total{<host>}[$__rate_interval])) > 0))`, "worst host"))
}

func probeCPU() panel {
	return stack("CPU by probe", unitShare,
		"Share of one CPU that each probe uses, all hosts added up, the fifteen most expensive. stack.disable and --no-collector.NAME in the configuration switch off what costs more than it tells.",
		over(`topk(15, sum by (probe) (rate(packetscope_probe_run_seconds_total{<host>}[$__rate_interval])
/ on (cluster, job, instance) group_left () (rate(packetscope_probe_stats_window_seconds_total{<host>}[$__rate_interval]) > 0)))`, "{{probe}}"))
}

func probeRunTime() panel {
	return lines("Time of one run, by probe", unitSeconds,
		"How long one run of a probe takes, the fifteen slowest. Tens to hundreds of nanoseconds are normal; more means a cold cache, a slow clock source, or a virtual machine that pays for each clock read.",
		over(`topk(15, sum by (probe) (rate(packetscope_probe_run_seconds_total{<host>}[$__rate_interval]))
/ (sum by (probe) (rate(packetscope_probe_runs_total{<host>}[$__rate_interval])) > 0))`, "{{probe}}"))
}

func collectorTime() panel {
	return lines("Time by collector", unitSeconds,
		"Time that each collector took for a scrape, on the slowest host. They run side by side, so the scrape takes about as long as the slowest. sockets and flows grow with what the host has of them.",
		over(`max by (collector) (packetscope_scrape_collector_duration_seconds{<host>})`, "{{collector}}"))
}

func scrapeTime() panel {
	return lines("Time of a scrape", unitSeconds,
		"How long Prometheus waits for an exporter, the ten slowest. Beyond its timeout (10 s by default) the scrape is lost; at a second, look at the collector that takes it.",
		over(`topk(10, scrape_duration_seconds{<host>})`, "{{cluster}} {{job}} {{instance}}"))
}

func series() panel {
	return lines("Series of an exporter", unitCount,
		"Time series that each scrape delivers, the ten largest. Labels are bounded (see collector/METRICS.md), so this levels off; a server pays about 4 kB of memory for each.",
		over(`topk(10, scrape_samples_scraped{<host>})`, "{{cluster}} {{job}} {{instance}}"))
}

func processCost() panel {
	return lines("Memory of the exporters", unitBytes,
		"Resident memory of the exporter processes, the ten largest. Tables in the kernel are not in it: those are 3 MB and the table of flows.",
		over(`topk(10, process_resident_memory_bytes{<host>})`, "{{cluster}} {{job}} {{instance}}"))
}

func mapFill() panel {
	return lines("How full the maps are", unitShare,
		"Fill of the BPF maps that can become full, the fullest host of each. At 1 events are lost. Devices, watched combinations and reasons of drops are few on any host; the table of flows makes room by itself.",
		over(`max by (map) (packetscope_map_entries{<host>} / (packetscope_map_capacity{<host>} > 0))`, "{{map}}")).Max(1)
}

func lostByMap() panel {
	return lines("Events lost, by map", unitEvents,
		"Observations that found a full map. They are missing from the metrics that are made from it, which is why this must be 0; a restart with a larger map, or fewer watches, cures it.",
		over(total(metric.LostEvents.Name, "source", ""), "{{source}}"))
}

func uncovered() panel {
	return lines("Network namespaces not seen", unitCount,
		"Namespaces (containers) whose packets, sockets or TCP counters the exporter cannot read, for lack of a privilege or of a hook. Their traffic on the host's own devices is still counted.",
		over(`sum(packetscope_network_namespaces{<host>,state="uncovered"})`, "packets"),
		over(`sum(packetscope_socket_namespaces{<host>,state="uncovered"})`, "sockets"),
		over(`sum(packetscope_tcp_network_namespaces{<host>,state="uncovered"})`, "TCP counters"))
}

func flowTable() panel {
	return lines("Flows and evictions", unitCount,
		"Flows in the kernel's table, all hosts added up, and those that had to leave a full one per second. What an evicted flow carried stays in the sums. flows.max in the configuration is the size.",
		over(`sum(packetscope_flows{<host>})`, "flows"),
		over(`sum(rate(packetscope_flow_evictions_total{<host>}[$__rate_interval]))`, "evictions per second"))
}

func detached() panel {
	return withColumns(grid("Probes that are not attached",
		"Measurement points that deliver nothing, with the hook that was tried first. What they would count stays at 0 on these hosts. packetscope doctor on the host gives the reason and the cure.",
		rows("A", `count by (probe, hook, instance) (packetscope_probe_attached{<host>} == 0)`)).
		NoValue("all are attached"), 1,
		col("probe", "Probe"), col("hook", "Hook"), col("instance", "Host"), col("Value", "Exporters", widthOf(100)),
	)
}

func versions() panel {
	return withColumns(grid("Versions",
		"Which version runs on how many hosts. Mixed versions are fine during an upgrade; metrics are only ever added within a major version.",
		rows("A", `count by (version, revision, goversion, goarch) (packetscope_build_info{<host>})`)).
		Height(statHeight+2), 1,
		col("version", "Version"), col("revision", "Revision"), col("goversion", "Go"), col("goarch", "Architecture"), col("Value", "Hosts"),
	)
}
