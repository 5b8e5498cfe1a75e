package config

import (
	"regexp"
	"slices"

	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/yamlfile"
	"gopkg.in/yaml.v3"
)

// reasonName is what the names of drop reasons look like.
var reasonName = regexp.MustCompile(`^([A-Z][A-Z0-9_]*|reason_[0-9]+)$`)

func decodeDrops(d *decoder, n *yaml.Node, config *stack.Config) {
	d.Mapping(n, "drops", yamlfile.Keys{
		"severity": func(n *yaml.Node) { config.DropSeverity = decodeSeverity(d, n) },
	})
}

// decodeSeverity returns severities by reason, nil for none. A kernel may have reasons
// that are not known here, so a name is a fault only if it cannot be one or looks like
// a slip of the pen.
func decodeSeverity(d *decoder, n *yaml.Node) map[string]stack.Severity {
	severities := make([]string, 0, len(stack.Severities))
	for _, s := range stack.Severities {
		severities = append(severities, s.String())
	}
	known := stack.Reasons()
	slices.Sort(known)
	byReason := make(map[string]stack.Severity)
	d.Entries(n, "drops.severity", func(key, value, first *yaml.Node) {
		reason, ok := d.Text(yamlfile.Resolve(key))
		if first != nil {
			d.Duplicate(key, first)
		}
		if !ok || first != nil || yamlfile.IsNull(value) {
			return
		}
		if !slices.Contains(known, reason) {
			if meant := yamlfile.Nearest(reason, known); meant != "" {
				d.Fault(key, yamlfile.DidYouMean(meant), "unknown drop reason %q", reason)
				return
			}
			if !reasonName.MatchString(reason) {
				d.Fault(key, "write it as in the label reason, such as NETFILTER_DROP", "%q cannot be a drop reason", reason)
				return
			}
		}
		byReason[reason] = stack.Severities[d.Choice(value, "severity", severities...)]
	})
	if len(byReason) == 0 {
		return nil
	}
	return byReason
}
