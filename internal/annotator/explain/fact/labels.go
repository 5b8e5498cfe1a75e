package fact

import (
	"regexp"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/clean"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// named are the labels whose values become handles.
var named = map[string]handle.Kind{
	"instance": handle.Host, "dest": handle.Destination, "remote": handle.Source, "hop": handle.Router,
	"port": handle.Port, "service_port": handle.Port, "db": handle.Geo, "metric": handle.Metric,
}

// worded are the labels whose values are words of programs or of policies.
var worded = []string{
	"area", "asn", "attack", "cause", "check", "class", "clock", "code", "collector", "country", "device", "direction", "event", "factor", "family", "feed", "field",
	"from", "function", "group", "hook", "kind", "layer", "map", "mode", "mtu", "protocol", "provider", "queue", "reason", "result", "role", "rule", "set", "severity", "side",
	"sink", "source", "stage", "state", "to", "ttl", "type", "vector", "verdict",
}

// Allowed tells whether a label may be shown at all.
func Allowed(name string) bool { return named[name] != 0 || slices.Contains(worded, name) }

// Show returns the labels that may be shown, by name, with handles from the table. Hidden are
// the names of the others, and of those whose values have not their form or, where they are
// words, could have an address in them; suspect are the names of labels in which somebody
// hides characters or writes sentences.
//
// An empty value is no label.
func Show(t *handle.Table, labels map[string]string) (shown []Label, hidden, suspect []string) {
	for name, value := range labels {
		if value == "" || name == "alertname" {
			continue
		}
		if clean.Changed(value) || strings.Count(value, " ") > 3 || !clean.IsWord(strings.ReplaceAll(name, "_", "")) {
			suspect = append(suspect, clean.Line(name, 40))
		}
		if shownValue, ok := showOne(t, name, value); ok {
			shown = append(shown, Label{name, shownValue})
		} else {
			hidden = append(hidden, clean.Line(name, 40))
		}
	}
	slices.SortFunc(shown, compareLabels)
	slices.Sort(hidden)
	slices.Sort(suspect)
	return shown, hidden, suspect
}

// HasForm tells whether the value of a label has the form of what it claims to be. Those
// of labels that are not shown are names all the same.
func HasForm(name, value string) bool {
	if k := named[name]; k != 0 {
		return handle.HasForm(k, value)
	}
	return clean.IsWord(value) || !slices.Contains(worded, name) && clean.IsHost(value)
}

// likeHandle finds words that could be taken for handles or facts.
var likeHandle = regexp.MustCompile(`^[A-Z][1-9][0-9]*$`)

func showOne(t *handle.Table, name, value string) (string, bool) {
	k := named[name]
	switch {
	case k == 0:
		return value, slices.Contains(worded, name) && clean.IsWord(value) && !likeHandle.MatchString(value) && !clean.LikeAddress(value)
	case value == "other":
		return value, true // the sum of what has no series of its own
	}
	return t.Name(k, value)
}
