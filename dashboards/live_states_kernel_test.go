//go:build kernel && linux

package dashboards

import "testing"

// happened are what the policies of the test have rules remember. Counters and levels are
// there from the beginning, so that a panel which draws 0 for ever has data, too.
var happened = []string{
	`packetscope_guarder_bans{origin="operator"} == 1`,
	`packetscope_guarder_bans{origin="rule"} == 0`, // it is audited
	`packetscope_guarder_ban_packets_total{origin="rule",verdict="would_drop"} > 0`,
	`packetscope_guarder_ban_events_total{origin="rule",action="would_ban"} > 0`,
	`packetscope_guarder_bindings{set="neighbours",state="locked"} == 2`,
	`packetscope_guarder_bindings{set="neighbours",state="changed"} == 0`,
	`packetscope_guarder_rule_packets_total{group="states",rule="too-much",verdict="would_drop"} > 0`,
	`packetscope_guarder_rule_packets_total{group="states",rule="too-many",verdict="would_drop"} > 0`,
	`packetscope_guarder_map_entries{map="connections"} > 0`,
	`packetscope_guarder_connections > 0`,
	`packetscope_guarder_uncounted_connections_total == 0`,
	`max_over_time(packetscope_guarder_rule_connections{group="states",rule="too-many"}[1m]) > 0`,
	`packetscope_guarder_rule_limit_connections{group="states",rule="too-many"} == 1`,
	`packetscope_guarder_rule_info{group="states",rule="too-much",limit="packets"} == 1`,
	`packetscope_guarder_rule_info{group="states",rule="too-many",limit="connections"} == 1`,
	`max_over_time(packetscope_guarder_syncookies_active{group="states",rule="flood",mode="audit"}[1m]) == 1`,
}

// mustHaveHappened looks whether it was remembered.
func (w live) mustHaveHappened(t *testing.T) {
	for _, expr := range happened {
		v, warnings, err := w.native.Instant(expr, w.to)
		if err != nil || len(warnings) > 0 {
			t.Errorf("%s: %v, warnings %v", expr, err, warnings)
		}
		if len(v) != 1 {
			all, _, _ := w.native.Instant(`{__name__=~"packetscope_guarder_(bans|ban_.*|bindings|syncookies_.*|map_entries|connections|uncounted.*|rule_.*connections|rule_info)"} or packetscope_guarder_rule_packets_total{group="states"}`, w.to)
			t.Errorf("%s is not true: %v", expr, all)
		}
	}
}
