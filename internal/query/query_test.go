package query

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// catalogue has one recording rule beside the metrics.
func catalogue(t *testing.T) Catalogue {
	t.Helper()
	c := Builtin()
	if err := c.Record("instance:packetscope_drops:rate5m",
		`sum by (job, instance, severity) (rate(packetscope_drops_total[5m]))`); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLabelsOfGoodQueries(t *testing.T) {
	c := catalogue(t)
	for expr, want := range map[string]string{
		`up == 0`: "cluster, instance, job",
		`rate(packetscope_tcp_challenge_acks_total[5m])`:                                                   "cluster, instance, job",
		`sum by (reason) (rate(packetscope_drops_total{severity="loss"}[5m]))`:                             "reason",
		`sum without (family) (packetscope_neighbor_failures_total)`:                                       "cluster, instance, job",
		`topk(5, sum by (function) (rate(packetscope_drop_locations_total[5m])))`:                          "function",
		`histogram_quantile(0.99, sum by (le, vector) (rate(packetscope_softirq_run_seconds_bucket[5m])))`: "vector",
		`histogram_quantile(0.99, sum by (vector) (rate(packetscope_softirq_run_seconds[5m])))`:            "vector",
		`sum(histogram_count(rate(packetscope_softirq_run_seconds[5m])))`:                                  "no labels",
		`instance:packetscope_drops:rate5m{severity="loss"} / ignoring(severity) group_left up`:            "instance, job, severity",
		`packetscope_tcp_accept_queue_length / on (instance, port) packetscope_tcp_accept_queue_limit`:     "instance, port",
		`packetscope_probe_runs_total * on (instance, probe) group_left(hook) packetscope_probe_attached`:  "cluster, hook, instance, job, probe",
		`label_replace(packetscope_flows, "id", "$1", "instance", "(.*)")`:                                 "cluster, id, instance, job",
		`label_join(packetscope_layer_crossings_total{from="link"}, "id", "/", "from", "to") unless up`:    "cluster, device_class, direction, family, from, id, instance, job, protocol, to, watch",
		`sum by (x) (label_replace(up, "x", "a", "", "")) or label_replace(vector(1), "y", "b", "", "")`:   "x, y",
		`absent(up{job="packetscope", instance=~".+"})`:                                                    "job",
		`ALERTS{alertname="X", anything="y"}`:                                                              "no labels",
		`max_over_time(sum by (job) (rate(packetscope_drops_total[5m]))[1h:1m])`:                           "job",
		`max by (hop) (packetscope_locator_hop_rtt_seconds{quantile="0.5"})`:                               "hop",
		`sum by (ttl) (rate(packetscope_locator_hop_rtt_seconds_count[5m]))`:                               "ttl",
		`1 + time()`: "no labels",
		`count_values by (job) ("version", packetscope_build_info)`: "job, version",
	} {
		got, err := c.Check(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got.String() != want {
			t.Errorf("%s has %s, want %s", expr, got, want)
		}
	}
}

func TestFaultsNameTheirPlace(t *testing.T) {
	c := catalogue(t)
	for expr, want := range map[string]string{
		`packetscope_droops_total`:                                                       `1:1: no metric or recording rule is named "packetscope_droops_total"`,
		"sum(\n  packetscope_flows{port=\"1\"})":                                         `2:3: "port" is no label of packetscope_flows (has cluster, instance, job)`,
		`sum by (reason) (instance:packetscope_drops:rate5m)`:                            `1:18: "reason" is no label of instance:packetscope_drops:rate5m (has instance, job, severity)`,
		`sum without (x) (up)`:                                                           `1:18: "x" is no label of up (has cluster, instance, job)`,
		`topk by (x) (1, up)`:                                                            `1:17: "x" is no label of up (has cluster, instance, job)`,
		`rate(packetscope_flows[5m])`:                                                    `1:1: rate of packetscope_flows[5m], which is no counter`,
		`rate(instance:packetscope_drops:rate5m[5m])`:                                    `1:1: rate of instance:packetscope_drops:rate5m[5m], which is no counter`,
		`deriv(packetscope_drops_total[5m])`:                                             `1:1: deriv of packetscope_drops_total[5m], which is a counter`,
		`histogram_quantile(0.9, sum by (job) (packetscope_softirq_run_seconds_bucket))`: `1:1: histogram_quantile of sum by (job) (packetscope_softirq_run_seconds_bucket), which is no native histogram and has no label "le"`,
		`histogram_count(packetscope_flows)`:                                             `1:1: histogram_count of packetscope_flows, which is no native histogram`,
		`rate(packetscope_locator_hop_rtt_seconds[5m])`:                                  `1:1: rate of packetscope_locator_hop_rtt_seconds[5m], which is no counter`,
		`sum by (quantile) (packetscope_locator_hop_rtt_seconds_sum)`:                    `1:20: "quantile" is no label of packetscope_locator_hop_rtt_seconds_sum (has cluster, dest, family, hop, instance, job, protocol, ttl)`,
		`up or vector(0)`:                                                                `1:7: vector(0) makes a missing value look like 0; let the panel or the rule say what is missing`,
		`sum(up) or (vector(0))`:                                                         `1:12: vector(0) makes a missing value look like 0; let the panel or the rule say what is missing`,
		`packetscope_tcp_accept_queue_length / on (port, x) packetscope_tcp_accept_queue_limit`: `1:1: "x" is no label of packetscope_tcp_accept_queue_length (has cluster, instance, job, port)` + "\n" +
			`1:52: "x" is no label of packetscope_tcp_accept_queue_limit (has cluster, instance, job, port)`,
		`up * on (job) group_left(version, x) packetscope_config_last_reload_successful`: `1:38: "version" is no label of packetscope_config_last_reload_successful (has cluster, instance, job)` + "\n" +
			`1:38: "x" is no label of packetscope_config_last_reload_successful (has cluster, instance, job)`,
		`label_replace(up, "a", "$1", "b", "(.*)")`: `1:15: "b" is no label of up (has cluster, instance, job)`,
		`sum(up`: `1:7: parse error: unclosed left parenthesis`,
	} {
		_, err := c.Check(expr)
		if err == nil {
			t.Errorf("%s: no fault", expr)
			continue
		}
		if diff := cmp.Diff(want, err.Error()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", expr, diff)
		}
	}
}

func TestRecordRefusesWhatIsThere(t *testing.T) {
	c := catalogue(t)
	for name, expr := range map[string]string{
		"up":                                "vector(1)",
		"instance:packetscope_drops:rate5m": "up",
		"new":                               "nothing",
	} {
		if err := c.Record(name, expr); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
