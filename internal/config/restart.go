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
		// The content of the files may change at any time; which they are is asked once.
		{"geo", before.Geo.equal(after.Geo)},
		{"series_limit", before.SeriesLimit == after.SeriesLimit},
	} {
		if !setting.same {
			keys = append(keys, setting.key)
		}
	}
	return keys
}

// sampleEvery returns the setting in force: 0 and 1 both mean every packet.
func sampleEvery(c stack.Config) int { return max(1, c.SampleEvery) }
