package metric

// The names of the collector that reports on the probes, and of the set of
// collectors.
const (
	CollectorProbe = "probe"
	CollectorSet   = "set"
)

// What the exporter knows about its own probes.
var (
	ProbeAttached = define(Family{
		Name: "packetscope_probe_attached", Type: Gauge, Collector: CollectorProbe,
		Labels: []string{"probe", "hook"},
		Help: "Whether a measurement point delivers (1) or could not be attached (0), and the kernel hook that it uses or that was tried first. " +
			"The command packetscope doctor says why and what would cure it.",
	})
	ProbeRuns = define(Family{
		Name: "packetscope_probe_runs_total", Type: Counter, Unit: "runs", Collector: CollectorProbe,
		Labels: []string{"probe"},
		Help:   "Runs of the BPF programs behind a measurement point, counted by the kernel while its accounting was on, see packetscope_probe_stats_window_seconds_total.",
	})
	ProbeRunSeconds = define(Family{
		Name: "packetscope_probe_run_seconds_total", Type: Counter, Unit: "seconds", Collector: CollectorProbe,
		Labels: []string{"probe"},
		Help:   "CPU time of the BPF programs behind a measurement point, measured by the kernel while its accounting was on; divided by packetscope_probe_runs_total it is the cost of one run.",
	})
	ProbeStatsWindow = define(Family{
		Name: "packetscope_probe_stats_window_seconds_total", Type: Counter, Unit: "seconds", Collector: CollectorProbe,
		Help: "Time for which the kernel accounted for the runs of BPF programs. It is on for a short part of the time because it costs two clock reads per run; " +
			"packetscope_probe_run_seconds_total divided by it is the share of one CPU that the probes use.",
	})
	MapEntries = define(Family{
		Name: "packetscope_map_entries", Type: Gauge, Unit: "entries", Collector: CollectorProbe,
		Labels: []string{"map"},
		Help:   "Entries in a BPF map that can become full.",
	})
	MapCapacity = define(Family{
		Name: "packetscope_map_capacity", Type: Gauge, Collector: CollectorProbe,
		Labels: []string{"map"},
		Help:   "Entries that a BPF map has room for; what does not fit is counted in packetscope_lost_events_total.",
	})
	NetworkNamespaces = define(Family{
		Name: "packetscope_network_namespaces", Type: Gauge, Unit: "namespaces", Collector: CollectorProbe,
		Labels: []string{"state"},
		Help: "Network namespaces whose traffic the netfilter and TCX hooks see (covered) and do not see (uncovered). " +
			"Both are 0 if no such hook is in use: then the traffic of all namespaces is seen.",
	})
	SamplingRatio = define(Family{
		Name: "packetscope_sampling_ratio", Type: Gauge, Unit: "ratio", Collector: CollectorProbe,
		Help: "Share of the packets that are timed, from 0 to 1. Packets and crossings are counted without sampling.",
	})
	SeriesLimited = define(Family{
		Name: "packetscope_series_limited_total", Type: Counter, Unit: "", Collector: CollectorProbe,
		Labels: []string{"metric"},
		Help: "Series of a metric that were folded into the one whose labels are all \"other\" because the metric had reached its limit of series. " +
			"Each is counted once, when it is first folded.",
	})
)

// What the exporter knows about a scrape.
var (
	ScrapeCollectorDuration = define(Family{
		Name: "packetscope_scrape_collector_duration_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorSet,
		Labels: []string{"collector"},
		Help:   "Time that a collector took for this scrape.",
	})
	ScrapeCollectorSuccess = define(Family{
		Name: "packetscope_scrape_collector_success", Type: Gauge, Collector: CollectorSet,
		Labels: []string{"collector"},
		Help:   "Whether a collector delivered all of its metrics in this scrape (1) or none (0).",
	})
)

// What the command exposes about itself.
var (
	BuildInfo = define(Family{
		Name: "packetscope_build_info", Type: Gauge,
		Labels: []string{"version", "revision", "branch", "goversion", "goos", "goarch", "tags"},
		Help:   "A metric with a constant '1' value labeled by version, revision, branch, goversion from which packetscope was built, and the goos and goarch for the build.",
	})
	ConfigReloadSuccessful = define(Family{
		Name: "packetscope_config_last_reload_successful", Type: Gauge,
		Help: "Whether the last attempt to load the configuration succeeded (1) or the one before it is still in force (0).",
	})
	ConfigReloadSuccessTime = define(Family{
		Name: "packetscope_config_last_reload_success_timestamp_seconds", Type: Gauge, Unit: "seconds",
		Help: "Time of the last successful load of the configuration, in seconds since the Unix epoch.",
	})
)
