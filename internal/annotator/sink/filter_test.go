package sink

import (
	"context"
	"strings"
	"testing"
)

// A recorder sends nothing and remembers what it was to send.
type recorder struct {
	Sink
	got []string
}

func (r *recorder) Send(_ context.Context, m Message, _ State) (State, error) {
	r.got = append(r.got, m.ID)
	return State(m.ID), nil
}

// story tells an episode, each revision named after what it is.
func story(severity string) []Message {
	var all []Message
	for _, name := range []string{"builtin", "builtin2", "model", "builtin3", "resolved"} {
		m := Message{ID: name, Status: Firing, Alert: Alert{Severity: severity}, Explanation: Explanation{By: strings.TrimRight(name, "23")}}
		if name == "resolved" {
			m.Status, m.Explanation.By = Resolved, "model"
		}
		all = append(all, m)
	}
	return all
}

func TestFiltersLetThroughWhatTheyName(t *testing.T) {
	const all = "builtin builtin2 model builtin3 resolved"
	for _, c := range []struct {
		filter   Filter
		severity string
		want     string
	}{
		{Filter{}, "", all},
		{Filter{First: true}, "info", "builtin"},
		{Filter{Model: true}, "info", "model"},
		{Filter{Resolved: true}, "info", "resolved"},
		{Filter{First: true, Resolved: true}, "info", "builtin resolved"},
		{Filter{First: true, Model: true}, "info", "builtin model"},
		{Filter{Model: true, Resolved: true}, "info", "model resolved"},
		{Filter{First: true, Update: true}, "info", "builtin builtin2 builtin3"},
		{Filter{Model: true, Update: true}, "info", "model builtin3"},
		{Filter{First: true, Update: true, Model: true, Resolved: true}, "info", all},
		{Filter{MinSeverity: "info"}, "", ""},
		{Filter{MinSeverity: "info"}, "page", ""},
		{Filter{MinSeverity: "warning"}, "info", ""},
		{Filter{MinSeverity: "warning"}, "warning", all},
		{Filter{MinSeverity: "warning"}, "critical", all},
		{Filter{MinSeverity: "critical", First: true}, "critical", "builtin"},
		{Filter{MinSeverity: "critical", First: true}, "warning", ""},
	} {
		r := &recorder{}
		s, last := Filtered(r, c.filter), State(nil)
		for _, m := range story(c.severity) {
			last, _ = s.Send(t.Context(), m, last)
		}
		if got := strings.Join(r.got, " "); got != c.want {
			t.Errorf("%+v of severity %q: sent %q, want %q", c.filter, c.severity, got, c.want)
		}
	}
}

func TestWhoKnowsOfAnEpisodeIsToldItsEnd(t *testing.T) {
	r := &recorder{}
	s, all := Filtered(r, Filter{MinSeverity: "critical", First: true, Resolved: true}), story("critical")
	all[0].Alert.Severity = "warning" // becomes critical with the second
	all[4].Alert.Severity = "warning" // and is not at its end
	last := State(nil)
	for _, m := range all {
		last, _ = s.Send(t.Context(), m, last)
	}
	if got, want := strings.Join(r.got, " "), "builtin2 resolved"; got != want {
		t.Errorf("sent %q, want %q", got, want)
	}
}
