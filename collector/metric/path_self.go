package metric

// MostLocatorFiles is how many databases and lists have series.
const MostLocatorFiles = 50

// How Locator itself does.
var (
	LocatorWay = define(Family{
		Name: "packetscope_locator_way", Type: Gauge, Collector: CollectorPath,
		Labels: []string{"way"},
		Help:   "1 for the way in which probes are sent: raw sockets (raw), or without privileges by the error queues of plain ones (queue), which cannot do everything.",
	})
	LocatorPackets = define(Family{
		Name: "packetscope_locator_packets_sent_total", Type: Counter, Collector: CollectorPath,
		Labels: []string{"purpose"},
		Help:   "Probes that were sent to all destinations together, by what for.",
	})
	LocatorSkipped = define(Family{
		Name: "packetscope_locator_probes_skipped_total", Type: Counter, Collector: CollectorPath,
		Labels: []string{"reason"},
		Help:   "Probes that were due and not sent, by the budget that left them out.",
	})
	LocatorShared = define(Family{
		Name: "packetscope_locator_probes_shared_total", Type: Counter, Collector: CollectorPath,
		Help: "Probes that need not be sent as one to another destination had just asked the same router.",
	})
	LocatorLag = define(Family{
		Name: "packetscope_locator_scheduler_lag_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath,
		Help: "Time by which the newest probe was sent later than planned.",
	})
	LocatorInterval = define(Family{
		Name: "packetscope_locator_round_interval_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath,
		Help: "Time from round to round: that of the configuration, or more if the budget is too small for the destinations.",
	})
	LocatorLate = define(Family{
		Name: "packetscope_locator_replies_late_total", Type: Counter, Collector: CollectorPath,
		Help: "Answers that came after the timeout. Their probes are counted as lost.",
	})
	LocatorDuplicate = define(Family{
		Name: "packetscope_locator_replies_duplicate_total", Type: Counter, Collector: CollectorPath,
		Help: "Answers to probes that had been answered before.",
	})
	LocatorUnmatched = define(Family{
		Name: "packetscope_locator_replies_unmatched_total", Type: Counter, Collector: CollectorPath,
		Help: "Answers, most of them ICMP errors, that belong to no probe: those of other programs, and forged ones.",
	})
	LocatorDropped = define(Family{
		Name: "packetscope_locator_replies_dropped_total", Type: Counter, Collector: CollectorPath,
		Help: "Answers that the kernel dropped as the buffer of the socket was full. Their probes are counted as lost.",
	})
	LocatorTimestamps = define(Family{
		Name: "packetscope_locator_timestamps_total", Type: Counter, Unit: "timestamps", Collector: CollectorPath,
		Labels: []string{"direction", "clock"},
		Help:   "Times of probes (transmit) and answers (receive) by who took them: the kernel, or the exporter itself (user), which is late under load.",
	})
	LocatorRefused = define(Family{
		Name: "packetscope_locator_refused_destinations", Type: Gauge, Unit: "destinations", Collector: CollectorPath,
		Help: "Destinations that are not measured: there is room for 64, or another one has the same name.",
	})
	LocatorPositionKnown = define(Family{
		Name: "packetscope_locator_local_position_known", Type: Gauge, Collector: CollectorPath,
		Help: "Whether the position of this host is known (1). Without it nobody can tell which hops are implausible.",
	})
	LocatorOverflow = define(Family{
		Name: "packetscope_locator_label_overflow_total", Type: Counter, Collector: CollectorPath,
		Labels: []string{"reason"},
		Help: "Sets of labels that got no series of their own, each counted once: dest (more than 64 destinations, or two of one name), ttl (more than 8 hops at one distance), " +
			"hour (more than 100 new hops, or 100 new names and positions of them, of a destination in an hour), link (the same of links).",
	})
)

// What Locator's files are, and what it keeps.
var (
	LocatorDBInfo = define(Family{
		Name: "packetscope_locator_db_info", Type: Gauge, Collector: CollectorPath, MostSeries: MostLocatorFiles,
		Labels: []string{"db", "role", "type"},
		Help:   "1 for each file: its role (database, override or blocklist), and what it calls itself, empty if it could not be loaded.",
	})
	LocatorDBBuilt = define(Family{
		Name: "packetscope_locator_db_build_timestamp_seconds", Type: Gauge, Unit: "seconds", Collector: CollectorPath, MostSeries: MostLocatorFiles,
		Labels: []string{"db"},
		Help:   "Time at which the data of a file in force were made, in seconds since the Unix epoch. It is not there if none is in force.",
	})
	LocatorDBEntries = define(Family{
		Name: "packetscope_locator_db_entries", Type: Gauge, Unit: "entries", Collector: CollectorPath, MostSeries: MostLocatorFiles,
		Labels: []string{"db"},
		Help:   "Prefixes and AS numbers in the data of a file in force, of a database the nodes of its tree.",
	})
	LocatorDBReloads = define(Family{
		Name: "packetscope_locator_db_reload_total", Type: Counter, Collector: CollectorPath, MostSeries: 2 * MostLocatorFiles,
		Labels: []string{"db", "result"},
		Help:   "Loads of a file, that at the start too, by their result: success, or failure, which leaves the data of before in force.",
	})
	LocatorDBSuccessful = define(Family{
		Name: "packetscope_locator_db_last_reload_successful", Type: Gauge, Collector: CollectorPath, MostSeries: MostLocatorFiles,
		Labels: []string{"db"},
		Help:   "Whether the last load of a file succeeded (1) or failed (0).",
	})
	LocatorDBDamaged = define(Family{
		Name: "packetscope_locator_db_damaged_total", Type: Counter, Collector: CollectorPath, MostSeries: MostLocatorFiles,
		Labels: []string{"db"},
		Help:   "Look-ups that failed because the data of a file in force are damaged.",
	})
	LocatorHistoryBytes = define(Family{
		Name: "packetscope_locator_history_bytes", Type: Gauge, Unit: "bytes", Collector: CollectorPath,
		Help: "Size of the history of paths. It is not there if none is kept.",
	})
	LocatorHistoryRecords = define(Family{
		Name: "packetscope_locator_history_records_total", Type: Counter, Unit: "records", Collector: CollectorPath,
		Help: "Records that were written to the history of paths.",
	})
	LocatorHistoryDropped = define(Family{
		Name: "packetscope_locator_history_dropped_total", Type: Counter, Collector: CollectorPath,
		Help: "Records of the history of paths that were not written.",
	})
	LocatorHistorySuccessful = define(Family{
		Name: "packetscope_locator_history_last_write_successful", Type: Gauge, Collector: CollectorPath,
		Help: "Whether the newest record of the history of paths was written (1) or was not (0).",
	})
)
