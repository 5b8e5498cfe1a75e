//go:build unix

package annotator

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/builtin"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// explain publishes what the built-in explainer says, if that is news.
func (e *Engine) explain(ctx context.Context, job store.Job) (store.Result, func(), error) {
	o, err := readOutputs(job.Outputs)
	if err != nil {
		return store.Result{}, nil, err
	}
	g, err := o.ground()
	if err != nil {
		return store.Result{}, nil, err
	}
	a := builtin.Explain(g)
	if o.known.Storm != nil {
		a = o.known.Storm.explain()
	}
	top, err := e.watched(ctx, job.Episode)
	if err != nil {
		return store.Result{}, nil, err
	}
	r := record{Serial: o.known.Serial, Answer: &a, Table: g.Table}
	result, err := e.publish(ctx, job, o, &r, voice{by: byBuiltin}, top)
	if err != nil {
		return store.Result{}, nil, err
	}
	result.Final = e.Model == nil || !top || o.known.Storm != nil || e.stageLeft(job) <= 0
	if e.Model != nil && !top {
		e.Tally.skip(whyStorm)
	}
	return result, func() {
		e.Tally.explained(r)
		if job.Revision == 1 && r.Published == 1 {
			e.Tally.first(e.Store.Time().Sub(job.Since))
		}
	}, nil
}

// validate judges what the model said once more, as it may come from a version before, and
// publishes it if it says something else than is known already.
func (e *Engine) validate(ctx context.Context, job store.Job) (store.Result, func(), error) {
	o, err := readOutputs(job.Outputs)
	if err != nil {
		return store.Result{}, nil, err
	}
	g, err := o.ground()
	if err != nil {
		return store.Result{}, nil, err
	}
	r := record{Serial: o.known.Serial}
	if o.asked == nil || o.asked.Answer == nil || o.asked.Serial != o.known.Serial {
		out, err := json.Marshal(r)
		return store.Result{Output: out}, func() {}, err
	}
	a, code := g.Parse(o.asked.Answer)
	if code != answer.OK {
		r.Code = code
		out, err := json.Marshal(r)
		return store.Result{Output: out}, func() { e.Tally.reject(code) }, err
	}
	r.Answer, r.Table = &a, g.Table
	result, err := e.publish(ctx, job, o, &r, voice{byModel, o.asked.Model}, true)
	return result, func() { e.Tally.explained(r) }, err
}

// resolve publishes the end.
func (e *Engine) resolve(ctx context.Context, job store.Job) (store.Result, error) {
	o, err := readOutputs(job.Outputs)
	if err != nil {
		return store.Result{}, err
	}
	if err := e.endProposals(job.Episode.ID); err != nil {
		return store.Result{}, err
	}
	holds := o.current()
	if holds == nil || o.known == nil {
		return e.resolveAnew(ctx, job)
	}
	suggestion, err := e.refresh(holds.Said.Suggestion)
	if err != nil {
		return store.Result{}, err
	}
	r := record{Serial: holds.Serial}
	said := e.message(job, *o.known, holds.Said.Explanation, suggestion)
	return e.publishAs(job, o, &r, said, false)
}

// resolveAnew explains what has ended once more. What was said of it was lost with a damaged
// store, but whoever was told is to hear of its end.
func (e *Engine) resolveAnew(ctx context.Context, job store.Job) (store.Result, error) {
	gathered, _, err := e.gather(ctx, job)
	if err != nil {
		return store.Result{}, err
	}
	job.Outputs = map[store.Step][]byte{store.Gathered: gathered.Output}
	result, _, err := e.explain(ctx, job)
	return result, err
}

// Who explained.
const (
	byBuiltin = "builtin"
	byModel   = "model"
)

// A voice says who explains.
type voice struct{ by, model string }

// publish makes a message of an answer, and publishes it to the sinks if it says anything
// new. All tells that no sink is spared.
func (e *Engine) publish(ctx context.Context, job store.Job, o outputs, r *record, v voice, all bool) (store.Result, error) {
	g := answer.Ground{Set: o.known.Set, Table: r.Table}
	suggestion, err := e.propose(ctx, job.Episode, o.known.Lead.Labels["instance"], g, *r.Answer, v)
	if err != nil {
		return store.Result{}, err
	}
	return e.publishAs(job, o, r, e.message(job, *o.known, toExplanation(g, *r.Answer, v), suggestion), all)
}

func (e *Engine) publishAs(job store.Job, o outputs, r *record, said sink.Message, all bool) (store.Result, error) {
	r.Said = said
	told := o.told()
	r.To = slices.Clone(told)
	var to []string
	for _, name := range e.sinkNames() {
		if all || !e.quiet(name) || slices.Contains(told, name) {
			to = append(to, name)
		}
	}
	var result store.Result
	if last := o.last(); len(to) > 0 && (last == nil || !same(last.Said, said) || !covers(told, to)) {
		r.Published = job.Revision
		raw, err := e.lastBody(job.Episode.ID)
		if err != nil {
			return result, err
		}
		said.Alertmanager = raw
		payload, err := json.Marshal(said)
		if err != nil {
			return result, err
		}
		for _, name := range to {
			result.Publish = append(result.Publish, store.Publication{Sink: name, Payload: payload})
			if !slices.Contains(r.To, name) {
				r.To = append(r.To, name)
			}
		}
	}
	out, err := json.Marshal(r)
	result.Output = out
	return result, err
}

func covers(told, to []string) bool {
	return !slices.ContainsFunc(to, func(name string) bool { return !slices.Contains(told, name) })
}

// same tells whether two messages differ in nothing that people read. Who wrote it does not
// count: a model that says what is known already says nothing new.
func same(a, b sink.Message) bool {
	texts := make([][]byte, 2)
	for i, m := range []sink.Message{a, b} {
		m.ID, m.Revision, m.Time, m.Alertmanager = "", 0, time.Time{}, nil
		m.Explanation.By, m.Explanation.Model = "", ""
		text, err := json.Marshal(m)
		if err != nil {
			return false
		}
		texts[i] = text
	}
	return bytes.Equal(texts[0], texts[1])
}
