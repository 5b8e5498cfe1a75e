//go:build unix

package annotator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
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
	// need not fire. Without either it is how a host is.
	Episode string
	Labels  map[string]string
	// Host says which host, and what of it, if there is neither an episode nor an alert.
	Host HostRequest
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

// A Prompt is what leaves the host for a model.
type Prompt struct {
	System string `json:"system"`
	User   string `json:"user"`
	// Schema is that of the answer. Appendix is what may be appended to System, see
	// [model.Appendix].
	Schema   json.RawMessage `json:"schema"`
	Appendix []string        `json:"appendix"`
	Version  int             `json:"version"`
	Mode     string          `json:"mode"`
	// Privacy is handles, or values if addresses and names leave.
	Privacy string `json:"privacy"`
	// LeftOut is how many facts found no room, Withheld how many labels do not leave, Hidden
	// their names, and Suspect the names of labels that look as if somebody had planted
	// text in them.
	LeftOut  int      `json:"left_out"`
	Withheld int      `json:"withheld"`
	Hidden   []string `json:"hidden,omitempty"`
	Suspect  []string `json:"suspect,omitempty"`
}

func (e *Engine) toPrompt(g answer.Ground, p prompt.Prompt) Prompt {
	privacy := "handles"
	if e.config.Values {
		privacy = "values"
	}
	return Prompt{
		System: p.System, User: p.User, Schema: g.Schema(), Appendix: model.Appendix(g.Schema()), Version: p.Version, Mode: string(p.Mode), LeftOut: p.LeftOut,
		Privacy: privacy, Withheld: g.Set.Withheld, Hidden: g.Set.Hidden, Suspect: g.Set.Suspect,
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
	g, at, err := e.gatherNow(ctx, r)
	if err != nil {
		return Explained{}, err
	}
	said := firstSaid(g, mode)
	p, err := e.prompt(g, mode, r.Focus)
	if err != nil {
		return Explained{}, fmt.Errorf("%w: %w", ErrRequest, err)
	}
	x := Explained{Builtin: toExplanation(g, said, voice{by: byBuiltin}), Prompt: e.toPrompt(g, p), Known: g.Known()}
	v := voice{by: byBuiltin}
	switch {
	case r.DryRun:
		x.NoModel = "dry_run"
	case e.Model == nil:
		x.NoModel = "none"
	default:
		asked := answer.Ground{Set: g.Set, Table: g.Table, NoRule: !mode.Rule()}
		if said, v, err = e.askNow(ctx, asked, p, said, &x); err != nil {
			return Explained{}, err
		}
	}
	x.Explanation = toExplanation(g, said, v)
	if mode.Rule() {
		if d, fit := e.draft(ctx, at.episode, at.instance, g, said); fit {
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

// A subject names what is explained on demand.
type subject struct {
	// episode is the name that its rules would have, instance that of the host.
	episode, instance string
}

// gatherNow returns the ground of what is to be explained, from facts of now, and the name
// that a rule about it would have. Handles are those of its episode, if there is room for more.
func (e *Engine) gatherNow(ctx context.Context, r Request) (g answer.Ground, at subject, err error) {
	labels, now := r.Labels, e.Now().UTC()
	g.Table = &handle.Table{}
	switch {
	case r.Episode != "":
		o, err := e.known(r.Episode)
		if err != nil {
			return g, at, err
		}
		if g, err = o.ground(); err != nil {
			return g, at, err
		}
		if g.Table.Room() < mostOfAGathering {
			g.Table = &handle.Table{}
		}
		at.episode, labels = r.Episode, o.known.Lead.Labels
	case r.Labels["alertname"] == "":
		host, err := e.host(ctx, r)
		if err != nil {
			return g, at, err
		}
		g.Set = evidence.GatherHost(ctx, e.Querier, host, g.Table, now, e.config.Limits)
		return g, subject{shortHash("host", host.Labels["instance"]), host.Labels["instance"]}, ctx.Err()
	}
	if r.Host.any() {
		return g, at, fmt.Errorf("%w: an instance, a scope and a window are of a host, which is asked about without an episode and an alertname", ErrRequest)
	}
	g.Set = evidence.Gather(ctx, e.Querier, e.about(labels, false), g.Table, now, e.config.Limits)
	return g, subject{cmp.Or(at.episode, shortHash(labels["alertname"], labels["instance"])), labels["instance"]}, ctx.Err()
}

// firstSaid returns what the built-in explainer says, of a host in the order of the mode.
func firstSaid(g answer.Ground, mode prompt.Mode) answer.Answer {
	switch {
	case g.Set.Host != nil && mode == prompt.Security:
		return builtin.Host(g, builtin.Threats)
	case g.Set.Host != nil && mode == prompt.Performance:
		return builtin.Host(g, builtin.Waste)
	}
	return builtin.Explain(g)
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
	return e.toPrompt(g, p), err
}
