package config

import (
	"maps"
	"slices"

	"github.com/packetscope/packetscope/internal/stack"
)

// NeedsRestart returns the keys whose values differ and cannot be changed while
// the probes are attached, such as "stack.hooks"; nil if there is none.
func NeedsRestart(before, after Config) []string {
	a, b := before.Stack, after.Stack
	x, y := before.Locator, after.Locator
	var keys []string
	for _, setting := range []struct {
		key  string
		same bool
	}{
		{"stack.scope", a.OwnNamespaceOnly == b.OwnNamespaceOnly},
		{"stack.sample_every", sampleEvery(a) == sampleEvery(b)},
		{"stack.netfilter_timing", a.NetfilterTiming == b.NetfilterTiming},
		{"stack.run_stats", a.RunStats == b.RunStats},
		{"stack.disable", slices.Equal(a.Disable, b.Disable)},
		{"drops.severity", maps.Equal(a.DropSeverity, b.DropSeverity)},
		{"stack.hooks", maps.Equal(a.Hooks, b.Hooks)},
		{"flows", before.Flows == after.Flows && a.Flows == b.Flows},
		{"guarder", before.Guarder == after.Guarder},
		{"alerting", sameAlerting(before.Alerting, after.Alerting)},
		// The content of the files may change at any time; which they are is asked once.
		{"geo", before.Geo.equal(after.Geo)},
		// Without it, the privilege to probe was given up, and with it the collector was
		// registered.
		{"locator", (x == nil) == (y == nil)},
		{"series_limit", before.SeriesLimit == after.SeriesLimit},
	} {
		if !setting.same {
			keys = append(keys, setting.key)
		}
	}
	if x != nil && y != nil {
		keys = append(keys, locatorNeedsRestart(x, y)...)
	}
	return keys
}

// locatorNeedsRestart returns the keys of what is opened once: the sockets, which know
// how long to wait for an answer, and the history.
func locatorNeedsRestart(before, after *Locator) (keys []string) {
	a, b := before.Config, after.Config
	if a.Timeout != b.Timeout {
		keys = append(keys, "locator.timeout")
	}
	if a.History != b.History || a.HistoryBytes != b.HistoryBytes || a.HistoryAge != b.HistoryAge {
		keys = append(keys, "locator.history")
	}
	if before.Way != after.Way {
		keys = append(keys, "locator.way")
	}
	return keys
}

// sampleEvery returns the setting in force: 0 and 1 both mean every packet.
func sampleEvery(c stack.Config) int { return max(1, c.SampleEvery) }
