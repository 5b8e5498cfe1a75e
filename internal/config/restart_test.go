package config

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOfTheStackOnlyWatchesChangeWithoutRestart(t *testing.T) {
	const before = "stack: {hooks: {link_receive: kprobe}, disable: [napi]}\nwatches: [{name: web}]\n"
	for after, want := range map[string][]string{
		before: nil,
		"stack: {hooks: {link_receive: kprobe}, disable: [napi]}\n":                     nil,
		"stack: {hooks: {link_receive: kprobe}, disable: [napi], sample_every: 16}\n":   nil,
		"stack: {hooks: {link_receive: net}, disable: [napi]}\n":                        {"stack.hooks"},
		"stack: {hooks: {link_receive: kprobe}, disable: [qdisc]}\nseries_limit: 100\n": {"stack.disable", "series_limit"},
		"stack: {scope: own, sample_every: 2, netfilter_timing: true, run_stats: off, disable: [napi]}": {
			"stack.scope", "stack.sample_every", "stack.netfilter_timing", "stack.run_stats", "stack.hooks",
		},
		before + "drops: {severity: {XDP: loss}}":                   {"drops.severity"},
		before + "flows: {ipv4_prefix: 32}\n":                       {"flows"},
		before + "flows: {api: true}\n":                             {"flows"},
		before + "guarder: {api: true}\n":                           {"guarder"},
		before + "alerting: {alertmanagers: [{url: 'http://a'}]}\n": {"alerting"},
		before + "guarder: {bans: true}\n":                          {"guarder"},
		before + "geo: {databases: [a.mmdb]}\n":                     {"geo"},
		before + "locator: {discover: {}}\n":                        {"locator"},
	} {
		a, errA := Parse("before.yaml", []byte(before), testNames)
		b, errB := Parse("after.yaml", []byte(after), testNames)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if diff := cmp.Diff(want, NeedsRestart(a, b)); diff != "" {
			t.Errorf("keys of %q (-want +got):\n%s", after, diff)
		}
	}
}

func TestMostOfTheLocatorChangesWithoutRestart(t *testing.T) {
	const before = "locator: {discover: {}, history: {path: a}}\n"
	for after, want := range map[string][]string{
		before: nil,
		"":     {"locator"},
		"locator: {discover: {top: 3, protocol: udp, every: 30s}, history: {path: a}, interval: 1m, rate: 10, max_ttl: 9, names: false, " +
			"mtu: false, branches: false, policy: p.yaml, position: {country: DE}}\n": nil,
		"locator: {destinations: [example.com], files: [a/*.txt], history: {path: a}}\n": nil,
		"locator: {discover: {}, history: {path: a}, timeout: 1s, way: raw}\n":           {"locator.timeout", "locator.way"},
		"locator: {discover: {}, history: {path: b}}\n":                                  {"locator.history"},
		"locator: {discover: {}, history: {path: a, max_size: 1MiB}}\n":                  {"locator.history"},
		"locator: {discover: {}, history: {path: a, max_age: 1d}}\n":                     {"locator.history"},
		"locator: {discover: {}}\n":                                                      {"locator.history"},
	} {
		a, errA := Parse("before.yaml", []byte(before), testNames)
		b, errB := Parse("after.yaml", []byte(after), testNames)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if diff := cmp.Diff(want, NeedsRestart(a, b)); diff != "" {
			t.Errorf("keys of %q (-want +got):\n%s", after, diff)
		}
	}
}
