package dashboards

import "github.com/packetscope/packetscope/collector/metric"

// locatorSelf answers: can these numbers be trusted, and what do they cost?
func locatorSelf() []panel {
	return []panel{probesSent(), probesLeftOut(), probePace(), answersUnused(), probeClocks(), locatorLimits(), addressFiles(), pathHistory()}
}

func probesSent() panel {
	return stack("Probes by purpose", unitPackets,
		"Packets that Locator sends, all destinations together, by what for. locator.rate in the configuration is the most; near it, other work waits.",
		over(total(metric.LocatorPackets.Name, "purpose", ""), "{{purpose}}"))
}

func probesLeftOut() panel {
	return lines("Probes that were not sent", unitPackets,
		"Probes that were due and left out by a budget, by its name, and those saved because one to another destination had just asked the same router. The latter are how it should be; many of the former ask for fewer destinations or a higher locator.rate.",
		over(total(metric.LocatorSkipped.Name, "reason", ""), "left out: {{reason}}"),
		over(total(metric.LocatorShared.Name, "", ""), "shared"))
}

func probePace() panel {
	return lines("Pace", unitSeconds,
		"How late the newest probe was sent, and the time from round to round, of the slowest host. Lag above some milliseconds is a host without CPU to spare; rounds longer than locator.interval mean that the budget is too small for so many destinations.",
		over(`max(packetscope_locator_scheduler_lag_seconds{<host>})`, "lag"),
		over(`max(packetscope_locator_round_interval_seconds{<host>})`, "round"))
}

func answersUnused() panel {
	return lines("Answers that do not count", unitPackets,
		"Late: after the timeout, so counted as lost; if there are many, raise locator.timeout. Duplicate: routers that answer twice. Unmatched: errors about packets of others, and forged ones. Dropped: the socket was full, which looks like loss and is none.",
		over(total(metric.LocatorLate.Name, "", ""), "late"),
		over(total(metric.LocatorDuplicate.Name, "", ""), "duplicate"),
		over(total(metric.LocatorUnmatched.Name, "", ""), "unmatched"),
		over(total(metric.LocatorDropped.Name, "", ""), "dropped"))
}

func probeClocks() panel {
	return stack("Who took the times", unitPackets,
		"Times of probes and answers by who took them. Those of the kernel are right to microseconds; those of the exporter itself (user) are late when the host is busy, and then round trips and jitter look worse than they are.",
		over(total(metric.LocatorTimestamps.Name, "direction, clock", ""), "{{direction}}: {{clock}}"))
}

func locatorLimits() panel {
	return withColumns(grid("Ways and limits",
		"How each host sends probes: raw sockets do everything, queue is the way without privileges. Destinations refused found no room among 64; labels folded are hops and names beyond what may have series of their own.",
		rows("way", `max by (instance, way) (packetscope_locator_way{<host>} == 1)`),
		rows("interval", `max by (instance) (packetscope_locator_round_interval_seconds{<host>})`),
		rows("refused", `sum by (instance) (packetscope_locator_refused_destinations{<host>})`),
		rows("overflow", `sum by (instance) (packetscope_locator_label_overflow_total{<host>})`),
		rows("position", `max by (instance) (packetscope_locator_local_position_known{<host>})`),
	).Span(half).NoValue("Locator is off: name destinations under locator: in the configuration"), 5,
		col("instance", "Host"),
		col("way", "Way", valueTexts(map[string]string{"raw": "raw sockets", "queue": "without privileges"})),
		col("Value #way", ""),
		col("Value #interval", "Round", unitOf(unitSeconds), widthOf(80)),
		col("Value #refused", "Destinations refused").with(colouredBy(step{1, yellow})),
		col("Value #overflow", "Labels folded").with(colouredBy(step{1, yellow})),
		col("Value #position", "Own position", valueTexts(map[string]string{"0": "not known", "1": "known"})),
	)
}

// addressFiles has a row per database, override and blocklist.
func addressFiles() panel {
	by := func(of string) string { return "max by (instance, db) (" + of + "{<host>})" }
	return withColumns(grid("Databases, overrides and blocklists",
		"What is known of addresses comes from these files, read from disk and never asked of anybody. An old database is wrong about some; one that does not load leaves the former one in force, or nothing.",
		rows("info", `max by (instance, db, role, type) (packetscope_locator_db_info{<host>})`),
		rows("age", `min by (instance, db) (time() - packetscope_locator_db_build_timestamp_seconds{<host>})`),
		rows("entries", by(metric.LocatorDBEntries.Name)),
		rows("good", by(metric.LocatorDBSuccessful.Name)),
		rows("failures", `sum by (instance, db) (increase(packetscope_locator_db_reload_total{<host>,result="failure"}[$__range]))`),
		rows("damaged", `sum by (instance, db) (increase(packetscope_locator_db_damaged_total{<host>}[$__range]))`),
	).NoValue("none: give geo.databases files, and geo.blocklists"), 6,
		col("db", "File"),
		col("instance", "Host"),
		col("role", "Role", widthOf(90)),
		col("type", "Calls itself"),
		col("Value #info", ""),
		col("Value #age", "Age of its data", unitOf(unitSeconds)).with(colouredBy(step{30 * 86400, yellow}, step{90 * 86400, red})),
		col("Value #entries", "Entries"),
		col("Value #good", "Last load", valueTexts(map[string]string{"0": "failed", "1": "succeeded"})),
		col("Value #failures", "Loads that failed").with(colouredBy(step{1, yellow})),
		col("Value #damaged", "Look-ups that failed").with(colouredBy(step{1, yellow})),
	)
}

func pathHistory() panel {
	return withColumns(grid("History",
		"The record of changes that each host keeps on disk, which packetscope locate history shows. Records not written are lost: the disk is full, or the folder may not be written to.",
		rows("bytes", `sum by (instance) (packetscope_locator_history_bytes{<host>})`),
		rows("records", `sum by (instance) (increase(packetscope_locator_history_records_total{<host>}[$__range]))`),
		rows("dropped", `sum by (instance) (increase(packetscope_locator_history_dropped_total{<host>}[$__range]))`),
		rows("good", `min by (instance) (packetscope_locator_history_last_write_successful{<host>})`),
	).NoValue("none is kept: give locator.history a path"), 4,
		col("instance", "Host"),
		col("Value #bytes", "Size", unitOf(unitBytes)),
		col("Value #records", "Records written"),
		col("Value #dropped", "Records lost").with(colouredBy(step{1, red})),
		col("Value #good", "Last record", valueTexts(map[string]string{"0": "was not written", "1": "was written"})),
	)
}
