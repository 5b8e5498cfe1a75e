package evidence

import "github.com/packetscope/packetscope/internal/annotator/explain/fact"

var ofSelf = map[string][]Query{
	"PacketScopeAbsent": {
		{Name: "exporters", Says: "the exporters that Prometheus knows", Expr: `count(up{job="packetscope"})`, Baseline: true},
		{Name: "targets", Says: "all that Prometheus scrapes", Expr: `count(up)`, Baseline: true},
	},
	"PacketScopeDown": {
		with(scrapeUp),
		{Name: "exporters_up", Says: "the share of exporters that answer", Expr: `avg(up{job="packetscope"})`, Unit: fact.Ratio},
		{Name: "scrape_time", Says: "how long the last scrape took", Expr: `scrape_duration_seconds{$host}`, Unit: fact.Seconds},
		{Name: "slowest_collector", Says: "how long the slowest collector took at last", Expr: `max_over_time(instance:packetscope_scrape_collector_duration_seconds:max{$host}[1h])`, Unit: fact.Seconds, Window: Baselines[0]},
	},
	"PacketScopeCollectorFailing": {
		with(Query{Name: "collector_works", Says: "whether the collector delivers", Expr: `packetscope_scrape_collector_success{$host,$collector}`, Unit: fact.State}),
		{Name: "collectors_failing", Says: "the collectors that fail", MayBeEmpty: true, Expr: `count(packetscope_scrape_collector_success{$host} == 0)`},
		{Name: "collector_time", Says: "how long the collector takes", Expr: `packetscope_scrape_collector_duration_seconds{$host,$collector}`, Unit: fact.Seconds},
		exporterAge,
	},
	"PacketScopeScrapeSlow": {
		with(Query{Name: "slowest_time", Says: "how long the slowest collector takes", Expr: `instance:packetscope_scrape_collector_duration_seconds:max{$host}`, Unit: fact.Seconds}),
		{Name: "collector_times", Says: "how long collectors take", Expr: `topk(3, max by (collector) (packetscope_scrape_collector_duration_seconds{$host}))`, Unit: fact.Seconds, By: []string{"collector"}},
		{Name: "samples_scraped", Says: "the series of the exporter", Expr: `scrape_samples_scraped{$host}`, Baseline: true},
		exporterCPU, softirqWait,
	},
	"PacketScopeConfigReloadFailed": {
		{Name: "config_loaded", Says: "whether the last configuration was accepted", Expr: `packetscope_config_last_reload_successful{$host}`, Unit: fact.State, Baseline: true},
		{Name: "config_age", Says: "the age of the configuration in force", Expr: `time() - packetscope_config_last_reload_success_timestamp_seconds{$host}`, Unit: fact.Seconds},
		exporterAge,
	},
	"PacketScopeProbeNotAttached": {
		with(Query{Name: "probes_missing", Says: "the measurement points that are not attached", Expr: `instance:packetscope_probe_attached:missing{$host}`}),
		{Name: "probes", Says: "all measurement points", Expr: `count(packetscope_probe_attached{$host})`},
		exporterAge,
	},
	"PacketScopeEventsLost": {
		with(Query{Name: "events_lost", Says: "the observations that are missed", Expr: `sum(instance_source:packetscope_lost_events:rate5m{$host,$source})`, Unit: fact.PerSecond, Window: five}),
		with(traffic),
		{Name: "fullest_map", Says: "how full the fullest table of the kernel is", Expr: `max(instance_map:packetscope_map_entries:ratio{$host})`, Unit: fact.Ratio},
		softirqWait,
	},
	"PacketScopeMapNearlyFull": {
		with(Query{Name: "map_fill", Says: "how full the table is", Expr: `instance_map:packetscope_map_entries:ratio{$host,$map}`, Unit: fact.Ratio}),
		{Name: "map_entries", Says: "the entries of the table", Expr: `packetscope_map_entries{$host,$map}`},
		{Name: "map_lost", Says: "the observations that did not fit", Expr: `sum(rate(packetscope_lost_events_total{$host}[5m]))`, Unit: fact.PerSecond, Window: five},
		exporterAge,
	},
	"PacketScopeSeriesLimited": {
		{Name: "series_folded", Says: "the series that are folded", Expr: `packetscope_series_limited_total{$host,$metric}`},
		{Name: "samples_scraped", Says: "the series of the exporter", Expr: `scrape_samples_scraped{$host}`, Baseline: true},
		exporterMemory, exporterAge,
	},
	"PacketScopeProbeCostHigh": {
		with(Query{Name: "probe_cpus", Says: "the CPUs that the probes use", Expr: `instance:packetscope_probe_run_seconds:cpus_rate5m{$host}`, Unit: fact.CPUs, Window: five}),
		{Name: "probe_cost", Says: "the CPU time of probes for a packet", Expr: `instance:packetscope_probe_run_seconds:per_packet_rate5m{$host}`, Unit: fact.Seconds, Window: five},
		{Name: "sampling", Says: "the share of packets that is timed", Expr: `packetscope_sampling_ratio{$host}`, Unit: fact.Ratio},
		with(traffic), softirqWait,
	},
	"PacketScopeNamespacesUncovered": {
		{Name: "namespaces_hidden", Says: "the network namespaces that are not seen",
			Expr: `max(packetscope_network_namespaces{$host,state="uncovered"} or packetscope_socket_namespaces{$host,state="uncovered"} or packetscope_tcp_network_namespaces{$host,state="uncovered"})`, Baseline: true},
		{Name: "namespaces_seen", Says: "the network namespaces that are seen", Expr: `max(packetscope_network_namespaces{$host,state="covered"})`},
		exporterAge,
	},
}
