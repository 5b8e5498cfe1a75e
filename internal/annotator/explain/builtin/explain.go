package builtin

import (
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// Alerts returns the names of all alerts that can be explained, sorted.
func Alerts() []string { return slices.Sorted(maps.Keys(entries)) }

// Explain explains an alert from what is known about it. Handles of commands are taken
// from the table of the ground.
//
// An alert that nobody has written about gets an answer that says so. What is about no
// alert is explained as [Host] does.
func Explain(g answer.Ground) answer.Answer {
	if g.Set.Host != nil {
		return Host(g, Both)
	}
	e, ok := entries[g.Set.Alert.Name]
	if !ok {
		return judged(g, unknown(g.Set))
	}
	w := &writer{g: g, e: e, a: answer.Answer{Verdict: e.verdict, Findings: []answer.Finding{}, Checks: []answer.Check{}, Steps: []string{}}}
	w.a.Summary, _ = w.fill(e.means, nil)
	w.weigh()
	w.trend()
	w.checks()
	for _, s := range e.steps {
		if text, ok := w.fill(s, nil); ok {
			w.a.Steps = append(w.a.Steps, text)
		}
	}
	if len(w.a.Findings) == 0 {
		w.a.Verdict = answer.Unknown // nothing is known but that the alert fires
	}
	w.a.Confidence = w.confidence()
	w.propose()
	return judged(g, w.a)
}

// judged passes an answer through the judge of all answers, which lowers its confidence.
// Should the judge refuse it, no part of it is used.
func judged(g answer.Ground, a answer.Answer) answer.Answer {
	raw, err := json.Marshal(a)
	if err == nil {
		if taken, code := g.Parse(raw); code == answer.OK {
			return taken
		}
	}
	return unknown(g.Set)
}

// unknown says only that an alert fires.
func unknown(s *fact.Set) answer.Answer {
	text := "An alert fires that has no explanation of its own here. What it is about is in the rule that fired."
	if s.Alert.Name != "" {
		text = "The alert " + s.Alert.Name + " fires. It has no explanation of its own here; what it is about is in the rule that fired."
	}
	return answer.Answer{
		Findings: []answer.Finding{}, Verdict: answer.Unknown, Confidence: answer.Low, Summary: text, Checks: []answer.Check{},
		Steps: []string{"Look at the expression of the alert in Prometheus, and at what its author has written about it."},
	}
}

// A writer fills in an answer.
type writer struct {
	g answer.Ground
	e entry
	a answer.Answer
	// contested tells that something speaks against the verdict, or that it is likely only.
	contested bool
}

// A candidate is a finding that may be said.
type candidate struct {
	answer.Finding
	// decides tells that the verdict rests on it.
	decides bool
}

// weigh says what fits. If that is too much, sentences for the verdict that it does not
// rest on are left out, from the end: never one against it.
func (w *writer) weigh() {
	var all []candidate
	decided := false
	for _, one := range w.e.weighs {
		if one.label != "" && w.g.Set.Alert.Get(one.label) != one.value {
			continue
		}
		c, ok := w.finding(one)
		if !ok {
			continue
		}
		if one.verdict != "" && !decided {
			w.a.Verdict, decided, c.decides = one.verdict, true, true
			w.contested = one.hint
		}
		all = append(all, c)
	}
	if f, ok := w.trend(); ok {
		all = slices.Insert(all, min(1, len(all)), candidate{Finding: f})
	}
	for i := len(all) - 1; i > 0 && len(all) > answer.MostFindings; i-- {
		if !all[i].decides && all[i].Weighs == answer.For {
			all = slices.Delete(all, i, i+1)
		}
	}
	for _, c := range all[:min(len(all), answer.MostFindings)] {
		w.a.Findings = append(w.a.Findings, c.Finding)
	}
	w.contested = w.contested || slices.ContainsFunc(all, func(c candidate) bool { return c.Weighs == answer.Against })
}

// finding says a sentence about the largest of the facts that fit, or about all if it asks
// for all.
func (w *writer) finding(one weigh) (candidate, bool) {
	fits := slices.DeleteFunc(w.facts(one.fact), func(f fact.Fact) bool { return !one.fits(f.Value) })
	if len(fits) == 0 {
		return candidate{}, false
	}
	if !strings.Contains(one.says, "{all") {
		fits = fits[:1]
	}
	text, ok := w.fill(one.says, fits)
	c := candidate{Finding: answer.Finding{Text: text, Weighs: one.side}}
	for _, f := range fits {
		c.Facts = append(c.Facts, f.ID)
	}
	return c, ok
}

// facts returns those of a name, the largest first; of a change it is that since an hour.
func (w *writer) facts(name string) []fact.Fact {
	if strings.HasSuffix(name, evidence.Change) {
		return w.g.Set.At(name, evidence.Baselines[0])
	}
	return w.g.Set.Now(name)
}

// trend says how the alert's own number was before.
func (w *writer) trend() (answer.Finding, bool) {
	if len(w.e.weighs) == 0 {
		return answer.Finding{}, false
	}
	name := w.e.weighs[0].fact
	now := w.g.Set.Now(name)
	var same answer.Finding
	for _, before := range evidence.Baselines {
		ago := fact.Fact{Value: before.Seconds(), Unit: fact.Seconds}.Show() + " ago"
		was, change := w.g.Set.At(name, before), w.g.Set.At(name+evidence.Change, before)
		say := func(side answer.Weight, id, text string) answer.Finding {
			return answer.Finding{Text: text, Weighs: side, Facts: []string{id}}
		}
		switch {
		case len(was) == 1 && was[0].Unit == fact.State:
			if len(now) == 1 && now[0].Value != was[0].Value {
				return say(answer.For, was[0].ID, "It was otherwise "+ago+"."), true
			}
			if len(now) == 1 && same.Text == "" {
				same = say(answer.Against, was[0].ID, "It was so "+ago+" as well, so it is nothing new.")
			}
		case len(was) == 1 && len(now) == 0:
			return say(answer.For, was[0].ID, "It was known "+ago+", with "+was[0].Show()+"; now it is not."), true
		case len(was) == 1 && len(now) == 1 && was[0].Value == 0 && now[0].Value > 0:
			return say(answer.For, was[0].ID, ago+" it was "+was[0].Show()+"."), true
		case len(change) == 1 && change[0].Value >= 2:
			return say(answer.For, change[0].ID, "That is "+change[0].Show()+" what it was "+ago+"."), true
		case len(change) == 1 && change[0].Value > 0.67 && change[0].Value < 1.5 && same.Text == "":
			same = say(answer.Against, change[0].ID, "It was much the same "+ago+", so it is nothing new.")
		}
	}
	return same, same.Text != ""
}

func (w *writer) checks() {
	for _, c := range w.e.checks {
		name := ""
		if c.command != "" {
			name, _ = w.g.Table.Name(handle.Command, c.command)
		} else if i := slices.IndexFunc(w.g.Set.Asked, func(a fact.Asked) bool { return a.Name == c.query }); i >= 0 {
			name = w.g.Set.Asked[i].Query
		}
		if text, ok := w.fill(c.text, nil); ok && name != "" {
			w.a.Checks = append(w.a.Checks, answer.Check{Text: text, Query: name})
		}
	}
}

// confidence is high if nothing speaks against the verdict, medium if something does. The
// judge lowers it to what the facts allow.
func (w *writer) confidence() answer.Confidence {
	switch {
	case len(w.a.Findings) == 0 || w.a.Verdict == answer.Unknown:
		return answer.Low
	case w.contested:
		return answer.Medium
	}
	return answer.High
}

var placeholder = regexp.MustCompile(`\{[@a-z_]*\}`)

// fill puts values into a text; {all} and {all_as} are the words of all facts. It reports
// false if a label of the fact is missing. A label that the alert lacks is said to be not
// known.
func (w *writer) fill(text string, of []fact.Fact) (string, bool) {
	whole := true
	text = placeholder.ReplaceAllStringFunc(text, func(p string) string {
		name := p[1 : len(p)-1]
		switch {
		case name == "host":
			if host := w.g.Set.Alert.Get("instance"); host != "" {
				return host
			}
			return "this host"
		case strings.HasPrefix(name, "@"):
			if value := w.g.Set.Alert.Get(name[1:]); value != "" {
				return value
			}
			return "(not known)"
		case len(of) == 0:
			whole = false
		case name == "":
			return of[0].Show()
		case name == "all", name == "all_as":
			return list(of, map[string]string{"all_as": "AS "}[name])
		default:
			if value := of[0].Get(name); value != "" {
				return value
			}
			whole = false
		}
		return p
	})
	if text != "" {
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	return text, whole
}

// list returns the words of facts, each behind a prefix.
func list(of []fact.Fact, prefix string) string {
	var all []string
	for _, f := range of {
		all = append(all, prefix+f.Show())
	}
	return strings.Join(all, ", ")
}
