package config

import (
	"slices"

	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// defaultHook is the key under stack.hooks that stands for every probe that is
// not named.
const defaultHook = "default"

func decodeStack(d *decoder, n *yaml.Node, names Names, config *stack.Config) {
	d.Mapping(n, "stack", yamlfile.Keys{
		"scope": func(n *yaml.Node) {
			config.OwnNamespaceOnly = d.Choice(n, "scope", "all", "own") == 1
		},
		"sample_every": func(n *yaml.Node) {
			config.SampleEvery = d.Integer(n, 1, stack.MaxSampleEvery)
		},
		"netfilter_timing": func(n *yaml.Node) { config.NetfilterTiming = d.Boolean(n) },
		"run_stats": func(n *yaml.Node) {
			// The order is that of the constants of stack.RunStats.
			config.RunStats = stack.RunStats(d.Choice(n, "run_stats", "sampled", "always", "off"))
		},
		"disable": func(n *yaml.Node) { config.Disable = decodeGroups(d, n, names.Groups) },
		"hooks":   func(n *yaml.Node) { config.Hooks = decodeHooks(d, n, names.Probes) },
	})
}

// decodeGroups returns the groups to leave out in the order of known, so that
// two files that differ only in the order of the list mean the same.
func decodeGroups(d *decoder, n *yaml.Node, known []string) []string {
	listed := map[string]bool{}
	for _, element := range d.Sequence(n, "stack.disable") {
		group, ok := d.Text(element)
		switch {
		case !ok:
		case !slices.Contains(known, group):
			d.Fault(element, yamlfile.Suggest(group, known), "unknown probe group %q", group)
		case listed[group]:
			d.Fault(element, "", "duplicate probe group %q", group)
		default:
			listed[group] = true
		}
	}
	var groups []string
	for _, group := range known {
		if listed[group] {
			groups = append(groups, group)
		}
	}
	return groups
}

// decodeHooks returns the forced families by probe name, "" being the default.
// It returns nil rather than an empty map if nothing is forced, and no entry
// for a default of auto, because that forces nothing.
func decodeHooks(d *decoder, n *yaml.Node, probes []string) map[string]stack.HookFamily {
	words := make([]string, 0, len(stack.HookFamilies)+1)
	words = append(words, stack.Auto.String())
	for _, family := range stack.HookFamilies {
		words = append(words, family.String())
	}
	hooks := map[string]stack.HookFamily{}
	known := yamlfile.Keys{}
	for _, probe := range append([]string{defaultHook}, probes...) {
		known[probe] = func(n *yaml.Node) {
			i := d.Choice(n, "hook family", words...)
			switch {
			case probe != defaultHook && i == 0:
				hooks[probe] = stack.Auto
			case probe != defaultHook:
				hooks[probe] = stack.HookFamilies[i-1]
			case i > 0:
				hooks[""] = stack.HookFamilies[i-1]
			}
		}
	}
	d.Mapping(n, "stack.hooks", known)
	if len(hooks) == 0 {
		return nil
	}
	return hooks
}
