//go:build unix

package annotator

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/builtin"
	"github.com/packetscope/packetscope/internal/annotator/explain/prompt"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// Why nobody was asked: the time for the model was over, or there are too many episodes.
const (
	whyTime  = "time"
	whyStorm = "storm"
)

// ask asks the model. That there is no answer is no fault of the step: it comes again while
// that makes sense, and then the built-in explanation stays.
func (e *Engine) ask(ctx context.Context, job store.Job) (store.Result, error) {
	o, err := readOutputs(job.Outputs)
	if err != nil {
		return store.Result{}, err
	}
	g, err := o.ground()
	if err != nil {
		return store.Result{}, err
	}
	out := answered{Serial: o.known.Serial}
	left := e.stageLeft(job)
	if e.Model == nil || left <= 0 {
		out.Why = whyTime
		return final(out)
	}
	// A storm may have begun while it waited for its turn.
	top, err := e.watched(ctx, job.Episode)
	if err != nil {
		return store.Result{}, err
	}
	if !top {
		e.Tally.skip(whyStorm)
		out.Why = whyStorm
		return final(out)
	}
	p, err := e.prompt(g, prompt.Balanced, "")
	if err != nil {
		return store.Result{}, err
	}
	limited, cancel := context.WithTimeout(ctx, left)
	defer cancel()
	answer, err := e.complete(limited, g, p, job.Episode.Severity == "critical")
	var failed *model.Error
	switch {
	case err == nil:
		out.Answer, out.Provider, out.Model, out.Cached, out.Tokens = answer.Answer, answer.Provider, answer.Model, answer.Cached, answer.Usage.Tokens()
		text, err := json.Marshal(out)
		return store.Result{Output: text}, err
	case ctx.Err() != nil:
		return store.Result{}, context.Cause(ctx)
	case limited.Err() != nil:
		out.Why = whyTime
		return final(out)
	case !errors.As(err, &failed):
		return store.Result{}, err
	}
	if wait := e.again(failed, e.config.Stage-left); failed.Retry && wait < e.stageLeft(job) {
		return store.Result{}, later{wait, failed}
	}
	if out.Why = string(failed.Class); out.Why == "" {
		out.Why = string(failed.Skip)
	}
	e.Logger.Info("model not heard", "episode", job.Episode.ID, "why", out.Why, "err", failed)
	return final(out)
}

func final(out answered) (store.Result, error) {
	text, err := json.Marshal(out)
	return store.Result{Output: text, Final: true}, err
}

// again returns how long to wait for a model: as it was asked to, else as long as was waited
// already, which doubles the pause each time, from 5 s to 5 minutes.
func (e *Engine) again(failed *model.Error, waited time.Duration) time.Duration {
	if !failed.Again.IsZero() {
		return max(failed.Again.Sub(e.Now()), time.Second)
	}
	return min(max(waited, 5*time.Second), 5*time.Minute)
}

// prompt writes what is asked. What the alert means is said by the built-in explainer, whose
// commands get handles by that.
func (e *Engine) prompt(g answer.Ground, mode prompt.Mode, focus string) (prompt.Prompt, error) {
	marker, err := prompt.Marker(e.Random)
	if err != nil {
		return prompt.Prompt{}, err
	}
	return prompt.New(prompt.Input{Set: g.Set, Table: g.Table, Mode: mode, Meaning: builtin.Explain(g).Summary, Focus: focus, Marker: marker, Values: e.config.Values})
}

// complete asks, if the same was not asked before, and counts. What it returns has handles,
// also if the model was shown values.
func (e *Engine) complete(ctx context.Context, g answer.Ground, p prompt.Prompt, critical bool) (model.Result, error) {
	g.Values = e.config.Values
	if kept, ok := e.remembered(g, p); ok {
		e.Tally.cache(true)
		return kept, nil
	}
	e.Tally.cache(false)
	result, err := e.Model.Complete(ctx, model.Request{
		System: p.System, User: p.User, Schema: g.Schema(), Critical: critical,
		Check: func(text []byte) string { return string(g.Check(text)) },
	})
	var failed *model.Error
	switch {
	case err == nil:
		e.Tally.asked(result.Attempts)
		if g.Values {
			result.Answer = g.WithHandles(result.Answer)
		}
		e.remember(p, result)
	case errors.As(err, &failed):
		e.Tally.asked(failed.Attempts)
	}
	return result, err
}
