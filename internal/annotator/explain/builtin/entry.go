package builtin

import (
	"maps"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
)

// An entry is what is known about an alert beforehand. In its texts {host} is the host of
// the alert, {@name} a label of the alert, and in those of weighs {} is the value of the
// fact, {name} a label of it, and {all} the words of all facts. No text has a number of its own.
type entry struct {
	// means is the summary.
	means   string
	verdict answer.Verdict
	// weighs are what is said if facts fit. The first one is about the alert's own number.
	weighs []weigh
	checks []check
	steps  []string
	// propose asks for a rule that watches the source of most of what rules drop, or else the
	// busiest sender, if that sends most.
	propose bool
}

// A weigh is a sentence that is said if a fact is there and fits.
type weigh struct {
	fact string
	fits func(v float64) bool
	says string
	side answer.Weight
	// verdict replaces that of the entry, if it is not "".
	verdict answer.Verdict
	// hint tells that the verdict is only likely by it: it is never as sure as can be.
	hint bool
	// label and value are of the alert; "" means that any will do.
	label, value string
}

// says is said for the verdict whenever the fact is there.
func says(fact, text string) weigh {
	return weigh{fact: fact, fits: func(float64) bool { return true }, says: text, side: answer.For}
}

func above(fact string, limit float64, text string) weigh {
	return weigh{fact: fact, fits: func(v float64) bool { return v > limit }, says: text, side: answer.For}
}

func below(fact string, limit float64, text string) weigh {
	return weigh{fact: fact, fits: func(v float64) bool { return v < limit }, says: text, side: answer.For}
}

// but makes it speak against the verdict.
func (w weigh) but() weigh { w.side = answer.Against; return w }

// so gives another verdict, if it is said.
func (w weigh) so(v answer.Verdict) weigh { w.verdict = v; return w }

// hints gives another verdict that is only likely: what is true of the whole host need not
// be true of what the alert is about.
func (w weigh) hints(v answer.Verdict) weigh { w.verdict, w.hint = v, true; return w }

// of is said only for alerts whose label has this value.
func (w weigh) of(label, value string) weigh { w.label, w.value = label, value; return w }

// A check is what to look at next: the query of a name, or a command.
type check struct{ text, query, command string }

func ask(text, query string) check { return check{text: text, query: query} }

// run names a command for the host. It never holds a value of a label, which whoever
// copies it would run: words in capitals stand for what to put in.
func run(text, command string) check { return check{text: text, command: command} }

var entries = merged(aboutDrops, aboutHost, aboutTCP, aboutPeers, aboutGuarder, aboutPolicy, aboutAttacks, aboutPosture, aboutPathMap, aboutPaths, aboutRoutes, aboutLocator, aboutSelf, aboutAnnotator)

func merged(all ...map[string]entry) map[string]entry {
	out := make(map[string]entry)
	for _, part := range all {
		for alert := range part {
			if _, ok := out[alert]; ok {
				panic(alert + " is explained twice")
			}
		}
		maps.Copy(out, part)
	}
	return out
}
