package evidence

import "github.com/packetscope/packetscope/internal/annotator/explain/fact"

var probesSent = Query{Name: "probes_sent", Says: "the probes that are sent",
	Expr: `sum(rate(packetscope_locator_packets_sent_total{$host}[5m]))`, Unit: fact.PerSecond, Window: five}

var destinations = Query{Name: "destinations", Says: "the destinations that are measured",
	Expr: `count(packetscope_locator_destination_info{$host})`}

var ofLocator = map[string][]Query{
	"PacketScopePathProbesLeftOut": {
		with(Query{Name: "left_out", Says: "the probes that are left out for each that is sent",
			Expr: `sum(rate(packetscope_locator_probes_skipped_total{$host,reason="global"}[5m])) / (sum(rate(packetscope_locator_packets_sent_total{$host}[5m])) > 0)`, Unit: fact.Ratio, Window: five}),
		probesSent, destinations,
		{Name: "round_interval", Says: "the time from round to round", Expr: `packetscope_locator_round_interval_seconds{$host}`, Unit: fact.Seconds},
	},
	"PacketScopePathProbesLate": {
		with(Query{Name: "lag", Says: "how late probes are sent", Expr: `avg_over_time(packetscope_locator_scheduler_lag_seconds{$host}[5m])`, Unit: fact.Seconds, Window: five}),
		exporterCPU, probesSent, softirqWait,
	},
	"PacketScopePathUserClock": {
		with(Query{Name: "user_clock", Says: "the share of times that the exporter takes itself",
			Expr: `sum(rate(packetscope_locator_timestamps_total{$host,$direction,clock="user"}[5m])) / (sum(rate(packetscope_locator_timestamps_total{$host,$direction}[5m])) > 0)`, Unit: fact.Ratio, Window: five}),
		{Name: "way_queue", Says: "whether probes are sent without privileges", Expr: `packetscope_locator_way{$host,way="queue"}`, Unit: fact.State},
		{Name: "lag", Says: "how late probes are sent", Expr: `avg_over_time(packetscope_locator_scheduler_lag_seconds{$host}[5m])`, Unit: fact.Seconds, Window: five},
	},
	"PacketScopeGeoDatabaseOld": {
		{Name: "database_age", Says: "the age of the data", Expr: `time() - packetscope_locator_db_build_timestamp_seconds{$host,$db}`, Unit: fact.Seconds},
		{Name: "reload_successful", Says: "whether the file could be loaded", Expr: `packetscope_locator_db_last_reload_successful{$host,$db}`, Unit: fact.State},
		{Name: "implausible_all", Says: "the hops that cannot be where a database has them", Expr: `sum(packetscope_locator_hop_geo_implausible{$host})`},
	},
	"PacketScopeGeoReloadFailed": {
		{Name: "reload_successful", Says: "whether the file could be loaded", Expr: `packetscope_locator_db_last_reload_successful{$host,$db}`, Unit: fact.State, Baseline: true},
		{Name: "database_age", Says: "the age of the data in force", Expr: `time() - packetscope_locator_db_build_timestamp_seconds{$host,$db}`, Unit: fact.Seconds},
		{Name: "database_entries", Says: "the entries of the data in force", Expr: `packetscope_locator_db_entries{$host,$db}`},
		{Name: "rules_unknown", Says: "the rules of paths that cannot be judged", Expr: `sum(packetscope_locator_risk_unknown{$host})`},
	},
	"PacketScopePathHistoryNotWritten": {
		{Name: "history_written", Says: "whether the newest record was written", Expr: `packetscope_locator_history_last_write_successful{$host}`, Unit: fact.State, Baseline: true},
		{Name: "history_lost", Says: "the records that were lost in a quarter of an hour", Expr: `increase(packetscope_locator_history_dropped_total{$host}[15m])`, Window: quarter},
		{Name: "history_size", Says: "the size of the history", Expr: `packetscope_locator_history_bytes{$host}`, Unit: fact.Bytes},
		exporterAge,
	},
	"PacketScopePathLabelsFolded": {
		{Name: "folded", Says: "what has no series of its own", Expr: `sum(packetscope_locator_label_overflow_total{$host,$reason})`},
		{Name: "changes_all", Says: "the changes of all paths",
			Expr: `sum(instance_kind:packetscope_locator_path_changes:increase1h{$host})`, Window: Baselines[0]},
		destinations, exporterAge,
	},
	"PacketScopePathDestinationsRefused": {
		with(Query{Name: "refused", Says: "the destinations that find no room", Expr: `packetscope_locator_refused_destinations{$host}`}),
		destinations,
		{Name: "destinations_found", Says: "the destinations that the exporter found itself", MayBeEmpty: true, Expr: `count(packetscope_locator_destination_info{$host,found="true"})`},
	},
}
