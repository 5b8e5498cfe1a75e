package api

import (
	"time"

	"github.com/packetscope/packetscope/internal/annotator"
	"github.com/packetscope/packetscope/internal/annotator/sink"
)

// An Episode is the time from the first alert of a group until all have ended.
type Episode struct {
	ID       string `json:"id"`
	Alert    string `json:"alert"`              // the name, "" before facts are gathered
	Severity string `json:"severity,omitempty"` // critical, warning, info, or not known
	State    string `json:"state"`              // open or closed
	// Step is what is to be done next: gathered, explained, asked, validated or resolved; it
	// is missing if nothing is.
	Step string `json:"step,omitempty"`
	// Started and Ended are of the alerts, Opened and Closed when the annotator learned of
	// them. Ended and Closed are missing while the episode is open.
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	Opened  time.Time `json:"opened"`
	Closed  time.Time `json:"closed,omitzero"`
	// Firing and Resolved count alerts, Truncated those that Alertmanager left out.
	Firing    int `json:"firing"`
	Resolved  int `json:"resolved"`
	Truncated int `json:"truncated"`
	// Messages is how many had news, Revision the newest publication, 0 before the first.
	Messages int `json:"messages"`
	Revision int `json:"revision"`
	// Labels are those of the alert that leads.
	Labels map[string]string `json:"labels"`
	// Explanation is the one that holds, missing before the first. Builtin and Model are
	// those of both sides, if there are any.
	Explanation *sink.Explanation `json:"explanation,omitempty"`
	Builtin     *sink.Explanation `json:"builtin,omitempty"`
	Model       *sink.Explanation `json:"model,omitempty"`
	// NoModel says why a model that was asked has said nothing of use.
	NoModel string `json:"no_model,omitempty"`
	// Suggestion is the name of the rule that is proposed, if one is.
	Suggestion string `json:"suggestion,omitempty"`
	// Known are the facts, for people, and Gathered is when they were asked for. Facts are
	// missing in lists.
	Known    string    `json:"known,omitempty"`
	Gathered time.Time `json:"gathered,omitzero"`
	// Sinks are those that it goes to.
	Sinks []string `json:"sinks"`
}

func episodeOf(v annotator.EpisodeView) Episode {
	e := v.Episode
	out := Episode{
		ID: e.ID, Alert: v.Alert.Name, Severity: e.Severity, State: "open", Step: v.Waits,
		Started: e.Started, Ended: e.Ended, Opened: e.Opened, Closed: e.Closed, Truncated: e.Truncated, Messages: e.Messages, Revision: e.Revision,
		Labels: v.Alert.Labels, Explanation: explanationOf(v.Explanation), Builtin: explanationOf(v.Builtin), Model: explanationOf(v.Model),
		NoModel: v.NoModel, Suggestion: v.Proposal, Known: v.Known, Gathered: v.Gathered, Sinks: some(v.Sinks),
	}
	if !e.Open() {
		out.State = "closed"
	}
	if out.Labels == nil {
		out.Labels = map[string]string{}
	}
	for _, a := range e.Alerts {
		if a.EndsAt.IsZero() {
			out.Firing++
		} else {
			out.Resolved++
		}
	}
	return out
}

// explanationOf returns a copy in which no list is null in JSON.
func explanationOf(e *sink.Explanation) *sink.Explanation {
	if e == nil {
		return nil
	}
	out := *e
	out.Findings, out.Checks = []sink.Finding{}, some(e.Checks)
	for _, f := range e.Findings {
		f.Facts = some(f.Facts)
		out.Findings = append(out.Findings, f)
	}
	return &out
}

// some returns a list that is not null in JSON.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// all returns a list of what a list holds.
func all[T, U any](list []T, to func(T) U) []U {
	out := make([]U, len(list))
	for i, v := range list {
		out[i] = to(v)
	}
	return out
}

func (h *Handler) episodes(q *request) (any, error) {
	values, err := q.parameters("limit")
	if err != nil {
		return nil, err
	}
	most, err := number(values, "limit", 100, 1, 1000)
	if err != nil {
		return nil, err
	}
	views, err := h.Engine.Episodes(int(most))
	if err != nil {
		return nil, err
	}
	return struct {
		Episodes []Episode `json:"episodes"`
	}{all(views, episodeOf)}, nil
}

func (h *Handler) episode(q *request) (any, error) {
	if _, err := q.parameters(); err != nil {
		return nil, err
	}
	v, err := h.Engine.Episode(q.id)
	if err != nil {
		return nil, err
	}
	return episodeOf(v), nil
}
