//go:build unix

package annotator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/builtin"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
	"github.com/packetscope/packetscope/internal/annotator/explain/prompt"
	"github.com/packetscope/packetscope/internal/annotator/model"
	"github.com/packetscope/packetscope/internal/annotator/sink"
	"github.com/packetscope/packetscope/internal/annotator/store"
)

// A Request asks for an explanation now.
type Request struct {
	// Mode is security, performance, balanced, custom or analyze; "" is balanced.
	Mode string
	// Focus is what the operator wants to know, in the mode custom: at most 300 bytes.
	Focus string
	// Episode or, if it is "", Labels say what to explain: an alert of this name (alertname)
	// need not fire.
	Episode string
	Labels  map[string]string
	// DryRun returns what would be asked, and asks no model.
	DryRun bool
}

// Explained is the answer to a Request.
type Explained struct {
	Explanation sink.Explanation `json:"explanation"`
	// Builtin is what the built-in explainer says of the same facts.
	Builtin sink.Explanation `json:"builtin"`
	// Prompt is what was asked, or would be.
	Prompt Prompt `json:"prompt"`
	// NoModel says why the explanation is not the model's: "dry_run", "none" if there is no
	// model, or a class or a skip of package model.
	NoModel string `json:"no_model,omitempty"`
	// Usage is what it cost.
	Usage model.Usage `json:"usage"`
	// Known are the facts for people.
	Known string `json:"known"`
	// Rule is the policy that is proposed, "" if none is. It is not kept: only rules of
	// episodes can be approved.
	Rule string `json:"rule,omitempty"`
}

// A Prompt is what leaves the host for a model, but for the schema, which is always the same.
type Prompt struct {
	System  string `json:"system"`
	User    string `json:"user"`
	Version int    `json:"version"`
	Mode    string `json:"mode"`
	// LeftOut is how many facts found no room, Withheld how many labels do not leave, and
	// Suspect the names of labels that look as if somebody had planted text in them.
	LeftOut  int      `json:"left_out"`
	Withheld int      `json:"withheld"`
	Suspect  []string `json:"suspect,omitempty"`
}

func toPrompt(g answer.Ground, p prompt.Prompt) Prompt {
	return Prompt{
		System: p.System, User: p.User, Version: p.Version, Mode: string(p.Mode), LeftOut: p.LeftOut,
		Withheld: g.Set.Withheld, Suspect: g.Set.Suspect,
	}
}

// modeOf returns the mode of a name, as the API and package prompt spell it.
func modeOf(name string) (prompt.Mode, error) {
	switch name {
	case "":
		return prompt.Balanced, nil
	case "analyze":
		return prompt.Analyse, nil
	}
	if m := prompt.Mode(name); slices.Contains(prompt.Modes, m) {
		return m, nil
	}
	return "", fmt.Errorf("%w: mode %.40q is none of security, performance, balanced, custom and analyze", ErrRequest, name)
}

// Explain explains on demand, from facts of now. Nothing is published. Errors are
// [ErrUnknown], [ErrRequest], that of ctx, and of the store; that a model has no answer is
// none.
func (e *Engine) Explain(ctx context.Context, r Request) (Explained, error) {
	x, err := e.explainNow(ctx, r)
	if err != nil {
		return Explained{}, fmt.Errorf("explain on demand: %w", err)
	}
	return x, nil
}

func (e *Engine) explainNow(ctx context.Context, r Request) (Explained, error) {
	mode, err := modeOf(r.Mode)
	switch {
	case err != nil:
		return Explained{}, err
	case (mode == prompt.Custom) != (r.Focus != ""):
		return Explained{}, fmt.Errorf("%w: a focus belongs to the mode custom, and to no other", ErrRequest)
	case len(r.Focus) > prompt.MostFocus:
		return Explained{}, fmt.Errorf("%w: the focus has %d bytes, more than %d", ErrRequest, len(r.Focus), prompt.MostFocus)
	}
	labels, table, err := e.subject(r)
	if err != nil {
		return Explained{}, err
	}
	set := evidence.Gather(ctx, e.Querier, evidence.Alert{Labels: labels}, table, e.Now().UTC(), e.config.Limits)
	if err := ctx.Err(); err != nil {
		return Explained{}, err
	}
	g := answer.Ground{Set: set, Table: table}
	said := builtin.Explain(g)
	p, err := e.prompt(g, mode, r.Focus)
	if err != nil {
		return Explained{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	x := Explained{Builtin: toExplanation(g, said, voice{by: byBuiltin}), Prompt: toPrompt(g, p), Known: g.Known()}
	v := voice{by: byBuiltin}
	switch {
	case r.DryRun:
		x.NoModel = "dry_run"
	case e.Model == nil:
		x.NoModel = "none"
	default:
		asked := answer.Ground{Set: set, Table: table, NoRule: !mode.Rule()}
		if said, v, err = e.askNow(ctx, asked, p, said, &x); err != nil {
			return Explained{}, err
		}
	}
	x.Explanation = toExplanation(g, said, v)
	if mode.Rule() {
		if d, fit := e.draft(cmp.Or(r.Episode, shortHash(labels["alertname"], labels["instance"])), g, said); fit {
			x.Rule = string(d.YAML)
		}
	}
	return x, nil
}

// askNow returns the model's answer, or the one that is known if there is none.
func (e *Engine) askNow(ctx context.Context, g answer.Ground, p prompt.Prompt, known answer.Answer, x *Explained) (answer.Answer, voice, error) {
	result, err := e.complete(ctx, g, p, false)
	var failed *model.Error
	switch {
	case err == nil:
		x.Usage = result.Usage
		if a, code := g.Parse(result.Answer); code == answer.OK {
			return a, voice{byModel, result.Model}, nil
		} else {
			x.NoModel = string(code)
		}
	case ctx.Err() != nil:
		return known, voice{}, ctx.Err()
	case errors.As(err, &failed):
		x.Usage = failed.Usage
		if x.NoModel = string(failed.Class); x.NoModel == "" {
			x.NoModel = string(failed.Skip)
		}
		if x.NoModel == "" {
			x.NoModel = "none"
		}
	default:
		return known, voice{}, err
	}
	return known, voice{by: byBuiltin}, nil
}

// subject returns the labels of what is to be explained, and handles, which are those of its
// episode.
func (e *Engine) subject(r Request) (map[string]string, *handle.Table, error) {
	if r.Episode == "" {
		if r.Labels["alertname"] == "" {
			return nil, nil, fmt.Errorf("%w: neither an episode nor an alertname is named", ErrRequest)
		}
		return maps.Clone(r.Labels), &handle.Table{}, nil
	}
	o, err := e.known(r.Episode)
	if err != nil {
		return nil, nil, err
	}
	g, err := o.ground()
	return o.known.Lead.Labels, g.Table, err
}

// known returns what an episode is known by, [ErrUnknown] if nothing is yet.
func (e *Engine) known(id string) (outputs, error) {
	if _, err := e.Store.Episode(id); errors.Is(err, store.ErrUnknown) {
		return outputs{}, fmt.Errorf("episode %.20q: %w", id, ErrUnknown)
	} else if err != nil {
		return outputs{}, err
	}
	o, err := e.outputsOf(id)
	if err == nil && o.known == nil {
		err = fmt.Errorf("episode %q: its facts are %w yet", id, ErrUnknown)
	}
	return o, err
}

// Prompt returns the bytes that a model is asked about an episode, with a marker of their own.
// Errors are [ErrUnknown], and of the store.
func (e *Engine) Prompt(id string) (Prompt, error) {
	o, err := e.known(id)
	if err != nil {
		return Prompt{}, fmt.Errorf("show prompt: %w", err)
	}
	g, err := o.ground()
	if err != nil {
		return Prompt{}, err
	}
	p, err := e.prompt(g, prompt.Balanced, "")
	return toPrompt(g, p), err
}
