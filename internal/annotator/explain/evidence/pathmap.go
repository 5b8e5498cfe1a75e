package evidence

import "github.com/packetscope/packetscope/internal/annotator/explain/fact"

var ofPathMap = map[string][]Query{
	"PacketScopePathMapStale": {
		{Name: "map_age", Says: "since the last turn of sampling", Unit: fact.Seconds,
			Expr: `time() - packetscope_stack_path_last_turn_timestamp_seconds{$host}`},
		{Name: "map_spent", Says: "the share of turns that are used up", Unit: fact.Ratio, MayBeEmpty: true,
			Expr: `rate(packetscope_stack_path_spent_turns_total{$host}[15m]) / (rate(packetscope_stack_path_turns_total{$host}[15m]) > 0)`},
		{Name: "exporter_cpus", Says: "the CPUs that the exporter uses", Unit: fact.CPUs, MayBeEmpty: true,
			Expr: `rate(process_cpu_seconds_total{$host}[5m])`},
	},
	"PacketScopePathMapNewDrop": {
		with(Query{Name: "new_drops", Says: "the sampled packets that ended there",
			Expr: `sum(instance_source_target:packetscope_stack_path_drop_samples:increase15m{$host,$source})`}),
		{Name: "all_drops", Says: "all packets that the kernel drops, whatever function does", Unit: fact.PacketsPerSec, MayBeEmpty: true,
			Expr: `sum(rate(packetscope_drop_locations_total{$host}[5m]))`},
		{Name: "loss_share", Says: "the share of packets that the host loses", Unit: fact.Ratio, MayBeEmpty: true,
			Expr: `instance:packetscope_drops_loss:ratio_rate5m{$host}`},
	},
}
