package answer

import (
	"encoding/json"
	"slices"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// A Ground is what an answer must rest on.
type Ground struct {
	Set   *fact.Set
	Table *handle.Table
	// NoRule tells that no rule was asked for.
	NoRule bool
	// Values tells that whoever answers was shown addresses and names, and may write those
	// that he was shown in place of their handles.
	Values bool
}

// Check returns what is wrong with an answer, or OK.
func (g Ground) Check(raw []byte) Code {
	_, code := g.Parse(raw)
	return code
}

// Parse reads and judges an answer. Its confidence is lowered to what the facts that it
// cites allow.
func (g Ground) Parse(raw []byte) (Answer, Code) {
	if len(raw) > MostBytes {
		return Answer{}, TooLong
	}
	v, err := read(raw)
	if err != nil {
		return Answer{}, NotJSON
	}
	wanted := form
	if g.Set.Host != nil {
		wanted = hostForm
	}
	if !wanted.conforms(v) {
		return Answer{}, WrongForm
	}
	var a Answer
	if err := json.Unmarshal(raw, &a); err != nil {
		return Answer{}, WrongForm // a number that no int holds
	}
	if g.Values {
		g.toHandles(&a)
	}
	if code := g.judge(&a); code != OK {
		return Answer{}, code
	}
	a.Confidence = lower(a.Confidence, g.most(&a))
	return a, OK
}

// judge returns the first thing that is wrong.
func (g Ground) judge(a *Answer) Code {
	if len(a.Findings) > MostFindings || len(a.Checks) > MostChecks || len(a.Steps) > MostSteps || a.Rule != nil && len(a.Rule.Sources) > MostSources {
		return TooMany
	}
	var all []fact.Fact
	for _, f := range a.Findings {
		cited, code := g.cited(f.Facts)
		if code == OK {
			code = g.text(f.Text, cited, MostFinding)
		}
		if code != OK {
			return code
		}
		all = append(all, cited...)
	}
	if len(a.Findings) == 0 && (a.Confidence != Low || a.Rule != nil) {
		return UnsureVerdict
	}
	if code := g.text(a.Summary, all, MostSummary); code != OK {
		return code
	}
	for _, c := range a.Checks {
		if code := g.text(c.Text, all, MostCheck); code != OK {
			return code
		}
		if k, _, ok := g.Table.Value(c.Query); !ok || k != handle.Query && k != handle.Command {
			return UnknownHandle
		}
	}
	for _, s := range a.Steps {
		if code := g.text(s, all, MostStep); code != OK {
			return code
		}
	}
	return g.rule(a.Rule, all)
}

// cited returns the facts of a finding.
func (g Ground) cited(ids []string) ([]fact.Fact, Code) {
	if len(ids) == 0 {
		return nil, NoFacts
	}
	var all []fact.Fact
	for _, id := range ids {
		f, ok := g.Set.Find(id)
		if !ok {
			return nil, UnknownFact
		}
		all = append(all, f)
	}
	return all, OK
}

// rule looks at the form alone; package propose judges what it would do.
func (g Ground) rule(r *Rule, cited []fact.Fact) Code {
	switch {
	case r == nil:
		return OK
	case g.NoRule:
		return RuleNotAsked
	}
	for _, s := range r.Sources {
		if k, _, ok := g.Table.Value(s); !ok || k != handle.Source {
			return UnknownHandle
		}
	}
	if r.Target != nil {
		if k, _, ok := g.Table.Value(*r.Target); !ok || k != handle.Port {
			return UnknownHandle
		}
	}
	if r.TTLMinutes < 1 || r.TTLMinutes > 1<<20 || r.RatePPS != nil && (*r.RatePPS < 1 || *r.RatePPS > 1e9) {
		return RuleForm
	}
	return g.text(r.Why, cited, MostWhy)
}

// most returns the confidence that the evidence allows: high needs two facts of now, and
// nothing missing that was to be known of now. That a baseline is missing, as of a server
// that is younger than a week, takes nothing away from what is so now.
func (g Ground) most(a *Answer) Confidence {
	facts := map[string]bool{}
	for _, f := range a.Findings {
		for _, id := range f.Facts {
			if f, ok := g.Set.Find(id); ok && f.Before == 0 {
				facts[id] = true
			}
		}
	}
	gap := slices.ContainsFunc(g.Set.Gaps, func(gap fact.Gap) bool { return gap.Before == 0 })
	switch {
	case len(facts) >= 2 && !gap:
		return High
	case len(facts) >= 1:
		return Medium
	}
	return Low
}

func lower(a, b Confidence) Confidence {
	steps := []Confidence{Low, Medium, High}
	return steps[min(slices.Index(steps, a), slices.Index(steps, b))]
}
