package builtin

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
	"github.com/packetscope/packetscope/internal/annotator/explain/evidence"
	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// A Dwell says what to look at first of a host.
type Dwell int

// What can be first.
const (
	Both    Dwell = iota // in the order of the table
	Threats              // what speaks of an attack
	Waste                // what is slow or lost
)

// The factors between which a number is much the same as it was, and from which on it
// stands out. They are choices: traffic of an hour differs by a third from another one
// without any cause.
const (
	sameFrom, sameTo = 0.67, 1.5
	rises, falls     = 2, 0.5
)

// Host explains how a host is that no alert is about: what stands out by itself or against
// the baselines, and that nothing does otherwise.
func Host(g answer.Ground, first Dwell) answer.Answer {
	w := &hostWriter{writer: writer{g: g, e: entry{propose: true}, a: answer.Answer{Findings: []answer.Finding{}, Checks: []answer.Check{}, Steps: []string{}}}}
	all := standing(first)
	var calm []watch
	for _, one := range all {
		if !w.standsOut(one) && len(w.g.Set.Now(one.fact)) > 0 && one.always {
			calm = append(calm, one)
		}
	}
	w.conclude(calm)
	w.propose()
	return judged(g, w.a)
}

// standing returns the table with what is to be first in front.
func standing(first Dwell) []watch {
	all := slices.Clone(hostWatches)
	if first != Both {
		slices.SortStableFunc(all, func(a, b watch) int { return order(a.threat != (first == Threats), b.threat != (first == Threats)) })
	}
	return all
}

// order sorts false before true.
func order(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}

// A hostWriter fills in an answer about a host.
type hostWriter struct {
	writer
	topics []string
	// sure tells that a number is beyond what is usual anywhere, and not of this host alone.
	sure bool
}

// standsOut adds a finding if the number of a watch stands out, as long as there is room.
func (w *hostWriter) standsOut(one watch) bool {
	now := w.g.Set.Now(one.fact)
	if len(now) == 0 {
		return false
	}
	beyond := one.fits(now[0].Value)
	var changes []fact.Fact
	if now[0].Value > one.floor || one.low {
		changes = w.changes(one, now)
	}
	if !beyond && len(changes) == 0 {
		return false
	}
	if len(w.a.Findings) == answer.MostFindings {
		return true // what comes first in the table is worth more
	}
	text, ok := w.fill(one.says, now[:1])
	if !ok {
		return false
	}
	f := answer.Finding{Text: text, Weighs: answer.For, Facts: []string{now[0].ID}}
	if was := compared(changes); was != "" && len(f.Text)+len(was) <= answer.MostFinding {
		f.Text += was
		for _, c := range changes {
			f.Facts = append(f.Facts, c.ID)
		}
	}
	w.add(one, f, beyond)
	return true
}

// add takes a finding over, with what follows from it.
func (w *hostWriter) add(one watch, f answer.Finding, beyond bool) {
	if w.a.Verdict == "" && one.verdict != "" {
		w.a.Verdict = one.verdict
	}
	w.contested = w.contested || one.verdict != "" && w.a.Verdict != one.verdict
	w.sure = w.sure || beyond
	w.a.Findings = append(w.a.Findings, f)
	w.topics = append(w.topics, one.topic)
	w.look(one)
	if one.step != "" && len(w.a.Steps) < answer.MostSteps && !slices.Contains(w.a.Steps, one.step) {
		w.a.Steps = append(w.a.Steps, one.step)
	}
}

// look adds the query of a fact to what to look at next, or the command that says more.
func (w *hostWriter) look(one watch) {
	text, name := "Look at "+one.topic+" over time.", ""
	if i := slices.IndexFunc(w.g.Set.Asked, func(a fact.Asked) bool { return a.Name == one.fact }); i >= 0 {
		name = w.g.Set.Asked[i].Query
	}
	if one.command != "" {
		text = "On the host: " + one.topic + "."
		name, _ = w.g.Table.Name(handle.Command, one.command)
	}
	if name != "" && len(w.a.Checks) < answer.MostChecks {
		w.a.Checks = append(w.a.Checks, answer.Check{Text: text, Query: name})
	}
}

// changes returns the facts that tell how a number has changed, if by them it stands out:
// against a week ago, or against an hour ago unless it is as it was a week ago at this time.
func (w *hostWriter) changes(one watch, now []fact.Fact) []fact.Fact {
	if len(now) != 1 {
		return nil
	}
	out := false
	var all []fact.Fact
	for _, before := range evidence.Baselines {
		change := w.g.Set.At(one.fact+evidence.Change, before)
		was := w.g.Set.At(one.fact, before)
		switch {
		case len(change) == 1:
			v := change[0].Value
			if before == evidence.Baselines[1] && v > sameFrom && v < sameTo {
				return nil
			}
			out = out || v >= rises && now[0].Value > one.floor || one.low && v <= falls && was[0].Value > one.floor
			all = append(all, change[0])
		case len(was) == 1 && was[0].Value == 0 && now[0].Value > one.floor:
			out = true
			all = append(all, was[0])
		}
	}
	if !out {
		return nil
	}
	return all
}

// compared says how a number was, "" if nothing is known of it.
func compared(changes []fact.Fact) string {
	var times []string
	rest := ""
	for _, c := range changes {
		ago := fact.Fact{Value: c.Before.Seconds(), Unit: fact.Seconds}.Show() + " ago"
		if c.Unit == fact.Times {
			times = append(times, c.Show()+" what it was "+ago)
		} else {
			rest += " It was " + c.Show() + " " + ago + "."
		}
	}
	if times == nil {
		return rest
	}
	return " That is " + strings.Join(times, ", and ") + "." + rest
}

// mostCalm is how many numbers are told if none stands out.
const mostCalm = 3

// conclude writes what all of it means. calm are watches of which the number is known and
// does not stand out.
func (w *hostWriter) conclude(calm []watch) {
	switch {
	case len(w.a.Findings) > 0:
		if w.a.Verdict == "" {
			w.a.Verdict = answer.Unknown
		}
		w.summary("What stands out on {host}", ": "+strings.Join(w.topics, ", ")+".")
	case len(calm) == 0:
		w.a.Verdict = answer.Unknown
		w.summary("Nothing is known about {host}", ", so nothing can be said about it.")
		w.a.Steps = []string{"See whether Prometheus scrapes the host, and has the recording rules."}
	default:
		w.a.Verdict = answer.Inconspicuous
		for _, one := range calm[:min(len(calm), mostCalm)] {
			now := w.g.Set.Now(one.fact)
			if text, ok := w.fill(one.says, now[:1]); ok {
				w.a.Findings = append(w.a.Findings, answer.Finding{Text: text, Weighs: answer.For, Facts: []string{now[0].ID}})
				w.look(one)
			}
		}
		w.summary("Nothing stands out on {host}", ": all that is known is within its usual bounds, and much as it was before where that is known.")
	}
	w.a.Confidence = w.confidence()
	if !w.sure && w.a.Confidence == answer.High && w.a.Verdict != answer.Inconspicuous {
		w.a.Confidence = answer.Medium // it is only otherwise than it was
	}
}

// summary writes the summary, with the window if a fact that is cited has it.
func (w *hostWriter) summary(front, back string) {
	within := ""
	for _, f := range w.a.Findings {
		if cited, ok := w.g.Set.Find(f.Facts[0]); ok && cited.Window == w.g.Set.Host.Window {
			within = inWords(cited.Window)
		}
	}
	w.a.Summary, _ = w.fill(front+within+back, nil)
}

// inWords says over which time, in the largest unit in which that is a whole number.
func inWords(window time.Duration) string {
	for _, unit := range []struct {
		of   time.Duration
		word string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := window / unit.of; window%unit.of == 0 && n > 0 {
			if n > 1 {
				unit.word += "s"
			}
			return fmt.Sprintf(" over %d %s", n, unit.word)
		}
	}
	return ""
}
