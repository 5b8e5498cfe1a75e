package evidence

import (
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
)

var ofGuarder = map[string][]Query{
	"PacketScopeGuardTripped": {tripped, clamped, with(wouldDrop), with(guardPasses), applyAge},
	"PacketScopeGuardNothingInForce": {
		{Name: "nothing_in_force", Says: "whether nothing is in force", Expr: `packetscope_guarder_in_force{$host,state="nothing"}`, Unit: fact.State},
		{Name: "last_apply", Says: "whether the last change of the policy succeeded", Expr: `packetscope_guarder_last_apply_successful{$host}`, Unit: fact.State},
		{Name: "unconfirmed", Says: "whether a policy is on trial", Expr: `packetscope_guarder_unconfirmed{$host}`, Unit: fact.State},
		with(guardPasses),
	},
	"PacketScopeGuardAgentDown": {
		{Name: "agent_answers", Says: "whether the agent answers", Expr: `packetscope_scrape_collector_success{$host,collector="guarder"}`, Unit: fact.State},
		scrapeUp,
		{Name: "collectors_failing", Says: "the collectors that fail", MayBeEmpty: true, Expr: `count(packetscope_scrape_collector_success{$host} == 0)`},
		exporterAge,
	},
	"PacketScopeGuardApplyFailed": {
		{Name: "last_apply", Says: "whether the last change of the policy succeeded", Expr: `packetscope_guarder_last_apply_successful{$host}`, Unit: fact.State},
		applyAge,
		{Name: "policy_in_force", Says: "whether a policy is in force", Expr: `packetscope_guarder_in_force{$host,state="policy"}`, Unit: fact.State},
		guardDrops,
	},
	"PacketScopeGuardUnconfirmed": {
		{Name: "time_left", Says: "the time until the policy is taken back", Expr: `packetscope_guarder_confirm_by_timestamp_seconds{$host} - time()`, Unit: fact.Seconds},
		{Name: "unconfirmed", Says: "whether a policy is on trial", Expr: `packetscope_guarder_unconfirmed{$host}`, Unit: fact.State},
		{Name: "protected", Says: "the time for which who applied it is protected", MayBeEmpty: true, Expr: `packetscope_guarder_protected_until_timestamp_seconds{$host} - time()`, Unit: fact.Seconds},
		with(guardDrops),
	},
	"PacketScopeGuardDeviceLost": {
		{Name: "attached", Says: "whether Guarder is attached to the device", Expr: `max(packetscope_guarder_attached{$host,$device})`, Unit: fact.State},
		{Name: "devices_attached", Says: "the devices that Guarder is attached to", Expr: `sum(packetscope_guarder_attached{$host})`},
		with(Query{Name: "device_judged", Says: "the packets of the device that are judged",
			Expr: `sum(rate(packetscope_guarder_packets_total{$host,$device}[5m]))`, Unit: fact.PacketsPerSec, Window: five}),
	},
	"PacketScopeGuardNotNative": {
		{Name: "generic", Says: "whether the program runs after the driver", Expr: `packetscope_guarder_attached{$host,$device,hook="generic"}`, Unit: fact.State},
		{Name: "packet_cost", Says: "the CPU time that Guarder takes for a packet",
			Expr: `rate(packetscope_guarder_program_run_seconds_total{$host}[15m]) / (rate(packetscope_guarder_program_runs_total{$host}[15m]) > 0)`, Unit: fact.Seconds, Window: quarter, Baseline: true},
		{Name: "device_judged", Says: "the packets of the device that are judged",
			Expr: `sum(rate(packetscope_guarder_packets_total{$host,$device}[5m]))`, Unit: fact.PacketsPerSec, Window: five, Baseline: true},
		softirqWait,
	},
	"PacketScopeGuardDropsJump": {
		with(Query{Name: "rule_drops", Says: "what the rule drops",
			Expr: `sum(instance_group_rule_verdict:packetscope_guarder_rule_packets:rate5m{$host,$group,$rule,verdict="drop"})`, Unit: fact.PacketsPerSec, Window: five}),
		{Name: "rule_bytes", Says: "the bytes that the rule drops",
			Expr: `sum(rate(packetscope_guarder_rule_bytes_total{$host,$group,$rule,verdict="drop"}[5m]))`, Unit: fact.BytesPerSecond, Window: five},
		{Name: "dropped_ports", Says: "the ports whose packets are dropped",
			Expr: `topk(3, sum by (protocol, port) (rate(packetscope_guarder_service_packets_total{$host,verdict="drop"}[5m])))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"protocol", "port"}},
		{Name: "guard_share", Says: "the share of what arrives that Guarder drops",
			Expr: `sum(instance_verdict:packetscope_guarder_packets:rate5m{$host,verdict="drop"}) / (sum(instance_verdict:packetscope_guarder_packets:rate5m{$host}) > 0)`, Unit: fact.Ratio, Window: five},
		applyAge, with(guardPasses),
	},
	"PacketScopeGuardWouldCutService": {
		with(Query{Name: "port_would_drop", Says: "what audited rules would drop to the port",
			Expr: `sum(rate(packetscope_guarder_service_packets_total{$host,$protocol,$port,verdict="would_drop"}[5m]))`, Unit: fact.PacketsPerSec, Window: five}),
		with(Query{Name: "port_connections", Says: "the connections of the port", Expr: `packetscope_listener_connections{$host,$port}`, Unit: fact.Connections}),
		{Name: "audited_rules", Says: "the audited rules that would drop most",
			Expr: `topk(3, sum by (group, rule) (instance_group_rule_verdict:packetscope_guarder_rule_packets:rate5m{$host,verdict="would_drop"}))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"group", "rule"}},
	},
	"PacketScopeGuardKeepsConnections": {
		with(Query{Name: "kept_packets", Says: "the packets that pass only as their connections are older than the policy",
			Expr: `sum(rate(packetscope_guarder_kept_packets_total{$host}[5m]))`, Unit: fact.PacketsPerSec, Window: five}),
		{Name: "kept_connections", Says: "the connections that are kept", Expr: `packetscope_guarder_kept_connections{$host}`, Unit: fact.Connections},
		applyAge,
	},
	"PacketScopeGuardUnparsable": {
		with(Query{Name: "unparsable", Says: "the packets that cannot be read for this reason",
			Expr: `sum(rate(packetscope_guarder_unparsable_packets_total{$host,$reason}[5m]))`, Unit: fact.PacketsPerSec, Window: five}),
		{Name: "unparsable_share", Says: "their share in what arrives",
			Expr: `sum(rate(packetscope_guarder_unparsable_packets_total{$host,$reason}[5m])) / (sum(instance_verdict:packetscope_guarder_packets:rate5m{$host}) > 0)`, Unit: fact.Ratio, Window: five},
		deviceErrors, guardDrops,
	},
	"PacketScopeGuardMapNearlyFull": {
		with(Query{Name: "table_fill", Says: "how full the table is", Expr: `instance_map:packetscope_guarder_map_entries:ratio{$host,$map}`, Unit: fact.Ratio}),
		{Name: "table_entries", Says: "the entries of the table", Expr: `packetscope_guarder_map_entries{$host,$map}`},
		{Name: "kept_connections", Says: "the connections that are kept", Expr: `packetscope_guarder_kept_connections{$host}`, Unit: fact.Connections},
		applyAge,
	},
	"PacketScopeGuardBindingChanged": {
		{Name: "binding_changes", Says: "how often another MAC address was believed in an hour",
			Expr: `sum(increase(packetscope_guarder_binding_changes_total{$host,$set}[1h]))`, Window: time.Hour},
		{Name: "bindings_changed", Says: "the addresses for which another MAC address is believed now", Expr: `sum(packetscope_guarder_bindings{$host,$set,state="changed"})`},
		{Name: "spoofed", Says: "the packets of neighbours that speak for others, dropped or not", MayBeEmpty: true,
			Expr: `sum by (attack) (instance_attack_severity_verdict:packetscope_guarder_rule_packets:rate5m{$host,attack=~"arp_spoof|nd_spoof",severity="critical"})`, Unit: fact.PacketsPerSec, Window: five, By: []string{"attack"}},
		{Name: "neighbor_failures", Says: "the neighbours that are not found",
			Expr: `sum(instance_family:packetscope_neighbor_failures:rate5m{$host})`, Unit: fact.PerSecond, Window: five},
		applyAge,
	},
	"PacketScopeGuardFeedStale": {
		feedAge, feedEntries, feedPackets, feedRefusals,
	},
	"PacketScopeGuardFeedRefused": {
		{Name: "feed_refused", Says: "whether the list was refused the last time", Expr: `packetscope_guarder_feed_refused{$host,$feed,$reason}`, Unit: fact.State},
		feedRefusals, feedAge, feedEntries, feedPackets,
	},
	"PacketScopeGuardAlertsNotSent": {
		with(Query{Name: "alerts_lost", Says: "the alerts that an Alertmanager could not be told of",
			Expr: `sum(rate(packetscope_guarder_alerts_total{$host,outcome=~"failed|dropped"}[5m]))`, Unit: fact.PerSecond, Window: five}),
		{Name: "alerts_sent", Says: "the alerts that were told",
			Expr: `sum(rate(packetscope_guarder_alerts_total{$host,outcome="sent"}[5m]))`, Unit: fact.PerSecond, Window: five},
		{Name: "alerts_firing", Says: "the alerts of the policy that fire", Expr: `packetscope_guarder_alerts{$host,state="firing"}`},
		{Name: "alerts_waiting", Says: "the alerts that wait to be sent", Expr: `sum(packetscope_guarder_alert_queue_length{$host})`},
	},
	"PacketScopeGuardSYNFlood": {
		{Name: "syn_flood", Says: "whether there is a flood by the rates of the rule", Expr: `max(packetscope_guarder_syncookies_active{$host,$group,$rule})`, Unit: fact.State},
		{Name: "cookies_sent", Says: "the SYNs that are answered with cookies",
			Expr: `sum(rate(packetscope_guarder_syncookies_sent_total{$host,$group,$rule}[5m]))`, Unit: fact.PacketsPerSec, Window: five},
		{Name: "cookies_left", Says: "the SYNs that are left to the kernel",
			Expr: `sum(rate(packetscope_guarder_syncookies_left_total{$host,$group,$rule}[5m]))`, Unit: fact.PacketsPerSec, Window: five},
		{Name: "cookies_valid", Says: "the ACKs with a valid cookie",
			Expr: `sum(rate(packetscope_guarder_syncookies_checked_total{$host,$group,$rule,result="valid"}[5m]))`, Unit: fact.PacketsPerSec, Window: five},
		{Name: "cookies_invalid", Says: "the ACKs without one",
			Expr: `sum(rate(packetscope_guarder_syncookies_checked_total{$host,$group,$rule,result="invalid"}[5m]))`, Unit: fact.PacketsPerSec, Window: five},
		guardDrops,
	},
	"PacketScopeGuardSamplesLost": {
		with(Query{Name: "samples_lost", Says: "the copies of packets that are lost",
			Expr: `sum(rate(packetscope_guarder_samples_lost_total{$host}[5m]))`, Unit: fact.PacketsPerSec, Window: five}),
		{Name: "samples", Says: "the copies of packets that are taken",
			Expr: `sum(rate(packetscope_guarder_samples_total{$host}[5m]))`, Unit: fact.PacketsPerSec, Window: five},
		guardDrops, exporterCPU,
	},
	"PacketScopeGuardOnlyAudits": {clamped, with(wouldDrop),
		{Name: "audited_rules", Says: "the audited rules that would drop most",
			Expr: `topk(3, sum by (group, rule) (instance_group_rule_verdict:packetscope_guarder_rule_packets:rate5m{$host,verdict="would_drop"}))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"group", "rule"}},
		guardPasses, applyAge},
}

// attack are the packets of an attack as the alert has it, by the verdict that it tells of.
func attack(matchers string) Query {
	return with(Query{Name: "attack_packets", Says: "the packets of the attack",
		Expr: `sum(instance_attack_severity_verdict:packetscope_guarder_rule_packets:rate5m{$host,$verdict,` + matchers + `})`, Unit: fact.PacketsPerSec, Window: five})
}

// attackRules are the rules that match it.
func attackRules(matchers string) Query {
	return Query{Name: "attack_rules", Says: "the rules that match the attack",
		Expr: `topk(3, sum by (group, rule) (rate(packetscope_guarder_rule_packets_total{$host,$verdict}[5m]) * on (cluster, job, instance, group, rule) group_left () packetscope_guarder_rule_info{` + matchers + `}))`,
		Unit: fact.PacketsPerSec, Window: five, By: []string{"group", "rule"}}
}

var (
	quoted = Query{Name: "quoted", Says: "what ICMP errors quote", MayBeEmpty: true,
		Expr: `topk(3, sum by (class, protocol) (rate(packetscope_guarder_icmp_quoted_packets_total{$host}[5m])))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"class", "protocol"}}
	arrivingICMP = Query{Name: "icmp_arriving", Says: "the ICMP messages that arrive",
		Expr: `topk(3, sum by (family, type) (rate(packetscope_guarder_icmp_packets_total{$host}[5m])))`, Unit: fact.PacketsPerSec, Window: five, By: []string{"family", "type"}}
)

var ofAttacks = map[string][]Query{
	"PacketScopeGuardForgedICMP": {attack(`$attack`), attackRules(`$attack`), quoted, tripped},
	"PacketScopeGuardRedirects":  {attack(`attack="icmp_redirect"`), attackRules(`attack="icmp_redirect"`), arrivingICMP, tripped},
	"PacketScopeGuardNeighborSpoofing": {attack(`$attack`), attackRules(`$attack`), tripped,
		{Name: "neighbor_failures", Says: "the neighbours that are not found",
			Expr: `sum(instance_family:packetscope_neighbor_failures:rate5m{$host})`, Unit: fact.PerSecond, Window: five}},
	"PacketScopeGuardControllerWrite": {attack(`$attack`), attackRules(`$attack`), topSenders, tripped},
	"PacketScopeGuardExhaustion":      {attack(`$attack`), attackRules(`$attack`), topSenders, topShare, tripped},
	"PacketScopeGuardScan":            {attack(`$attack`), attackRules(`$attack`), topSenders, topShare, tripped},
	"PacketScopeGuardAttack":          {attack(`$attack`), attackRules(`$attack`), topSenders, topShare, tripped},
}

// What is known of the feed that an alert is about.
var (
	feedAge = Query{Name: "feed_age", Says: "the age of the last good list",
		Expr: `time() - packetscope_guarder_feed_last_success_timestamp_seconds{$host,$feed}`, Unit: fact.Seconds}
	feedEntries = Query{Name: "feed_entries", Says: "the entries of the last good list", Expr: `packetscope_guarder_feed_entries{$host,$feed}`}
	feedPackets = Query{Name: "feed_packets", Says: "the packets from listed addresses",
		Expr: `sum(rate(packetscope_guarder_feed_packets_total{$host,$feed}[5m]))`, Unit: fact.PacketsPerSec, Window: five}
	feedRefusals = Query{Name: "feed_refusals", Says: "the failed attempts to read the list, by reason",
		Expr: `topk(3, sum by (reason) (increase(packetscope_guarder_feed_refusals_total{$host,$feed}[1d])))`, Window: 24 * time.Hour, By: []string{"reason"}}
)
