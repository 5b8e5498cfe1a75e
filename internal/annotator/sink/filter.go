package sink

import (
	"context"
	"slices"
)

// A Filter says which messages a sink is to get.
type Filter struct {
	// First is the first one of an episode that fires, Update another one of the built-in
	// explainer, Model one of a model, and Resolved that it has ended. All of them false
	// are as all of them true.
	First, Update, Model, Resolved bool
	// MinSeverity is the least severity of an alert: "info", "warning", "critical", or ""
	// for any. An alert without one of these has less than all.
	MinSeverity string
}

// Severities are what Filter.MinSeverity may be, the least first.
var Severities = []string{"info", "warning", "critical"}

// Filtered returns a sink that gets what the filter lets through. The rest counts as
// delivered.
func Filtered(s Sink, f Filter) Sink {
	if f == (Filter{}) {
		return s
	}
	return filtered{s, f}
}

type filtered struct {
	Sink
	filter Filter
}

// Send sends what is let through. An episode of which nothing was sent has a nil state,
// so that its first message is the first that is severe enough, and its end is told only
// to who knows of it.
func (s filtered) Send(ctx context.Context, m Message, last State) (State, error) {
	if !s.filter.passes(m, last) {
		return last, nil
	}
	return s.Sink.Send(ctx, m, last)
}

func (f Filter) passes(m Message, last State) bool {
	all := !f.First && !f.Update && !f.Model && !f.Resolved
	if m.Status == Resolved && last != nil {
		return all || f.Resolved // whatever became of its severity
	}
	if slices.Index(Severities, m.Alert.Severity) < slices.Index(Severities, f.MinSeverity) {
		return false
	}
	switch {
	case all:
		return true
	case m.Status == Resolved:
		return f.Resolved && !f.First && !f.Update && !f.Model
	case last == nil && f.First:
		return true
	case m.Explanation.By == "model":
		return f.Model
	}
	return f.Update && last != nil
}
