//go:build unix

package annotator

import (
	"fmt"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// An EpisodeView is an episode with what is said of it.
type EpisodeView struct {
	Episode store.Episode `json:"episode"`
	// Alert is the one that leads, with all its labels: strangers have written them.
	Alert sink.Alert `json:"alert"`
	// Waits is the step that is to be done next, or "" if there is none.
	Waits string `json:"waits,omitempty"`
	// Explanation is the one that holds, nil before the first. Builtin and Model are those of
	// both sides, if there are any.
	Explanation *sink.Explanation `json:"explanation,omitempty"`
	Builtin     *sink.Explanation `json:"builtin,omitempty"`
	Model       *sink.Explanation `json:"model,omitempty"`
	Suggestion  *sink.Suggestion  `json:"-"`
	// Proposal is the name of the suggestion, "" if there is none.
	Proposal string `json:"proposal,omitempty"`
	// NoModel says why there is no answer of a model if one was asked: a class or a skip of
	// package model, "time", "storm", or a code of package answer.
	NoModel string `json:"no_model,omitempty"`
	// Facts and Gaps are what is known, with handles in place of names; Known are the facts
	// for people. All are empty in lists.
	Facts []fact.Fact `json:"facts,omitempty"`
	Gaps  []fact.Gap  `json:"gaps,omitempty"`
	Known string      `json:"known,omitempty"`
	// Gathered is when they were asked for.
	Gathered time.Time `json:"gathered,omitzero"`
	// Sinks are those that were told.
	Sinks []string `json:"sinks,omitempty"`
}

// mostListed is the most episodes of a list.
const mostListed = 1000

// Episodes returns the newest episodes, the newest first, at most limit and never more than
// 1,000. They have no facts.
func (e *Engine) Episodes(limit int) ([]EpisodeView, error) {
	all, err := e.Store.Episodes(0, min(max(limit, 0), mostListed))
	if err != nil {
		return nil, err
	}
	views := make([]EpisodeView, 0, len(all))
	for _, p := range all {
		v, err := e.view(p)
		if err != nil {
			return nil, fmt.Errorf("show episode %q: %w", p.ID, err)
		}
		v.Facts, v.Gaps, v.Known = nil, nil, ""
		views = append(views, v)
	}
	return views, nil
}

// Episode returns an episode with all that is known of it, or [ErrUnknown].
func (e *Engine) Episode(id string) (EpisodeView, error) {
	p, err := e.Store.Episode(id)
	if err == nil {
		var v EpisodeView
		if v, err = e.view(p); err == nil {
			return v, nil
		}
	}
	return EpisodeView{}, fmt.Errorf("show episode %.20q: %w", id, err)
}

func (e *Engine) view(p store.Episode) (EpisodeView, error) {
	v := EpisodeView{Episode: p, Alert: sink.Alert{Severity: p.Severity, StartsAt: p.Started, EndsAt: p.Ended, Count: len(p.Alerts), Truncated: p.Truncated}}
	step, waits, err := e.Store.Pending(p.ID)
	if err != nil {
		return v, err
	}
	if waits {
		v.Waits = step.String()
	}
	o, err := e.outputsOf(p.ID)
	if err != nil || o.known == nil {
		return v, err
	}
	v.Alert.Name, v.Alert.Labels = o.known.Lead.Labels["alertname"], o.known.Lead.Labels
	v.Facts, v.Gaps, v.Gathered, v.Sinks = o.known.Set.Facts, o.known.Set.Gaps, o.known.At, o.told()
	g, err := o.ground()
	if err != nil {
		return v, err
	}
	v.Known = g.Known()
	if o.explained != nil {
		v.Builtin = &o.explained.Said.Explanation
	}
	if o.validated != nil && o.validated.Answer != nil {
		v.Model = &o.validated.Said.Explanation
	}
	if holds := o.current(); holds != nil {
		v.Explanation, v.Suggestion = &holds.Said.Explanation, holds.Said.Suggestion
	}
	if v.Suggestion != nil {
		v.Proposal = v.Suggestion.ID
	}
	v.NoModel = o.noModel()
	return v, nil
}

// noModel says why a model that was asked has said nothing of use.
func (o outputs) noModel() string {
	switch {
	case o.asked == nil || o.asked.Serial != o.known.Serial:
		return ""
	case o.asked.Answer == nil:
		return o.asked.Why
	case o.validated != nil && o.validated.Serial == o.known.Serial && o.validated.Code != answer.OK:
		return string(o.validated.Code)
	}
	return ""
}
