package policy

import (
	"fmt"

	"github.com/packetscope/packetscope/internal/locator/judge"
)

// Signals are what happened to a path of late; how long that is, the caller says.
type Signals struct {
	ASChanged, CountryChanged, Flapping bool
}

// A Factor is a part of the risk.
type Factor struct {
	Name   string // of the rule, or of a weight as in the file
	Points int    // what it adds to the score
	Text   string
	TTLs   []uint8
}

// Risk is how much speaks against a route.
type Risk struct {
	// Score is from 0 to 100: the sum of the points of the factors.
	Score   int
	Factors []Factor
	// Unknown are the names of rules that add nothing since they are unknown. A score
	// of 0 with some of them is no all-clear.
	Unknown []string
}

// most is the greatest score. What goes beyond is left off the last factors.
const most = 100

// Score adds up the results of a route and what else speaks against it.
func (p *Policy) Score(route Route, results []Result, s Signals) Risk {
	var risk Risk
	add := func(name string, points int, text string, ttls []uint8) {
		if left := most - risk.Score; points > left {
			text += fmt.Sprintf("; %d of its %d points count, as the score ends at %d", left, points, most)
			points = left
		}
		risk.Score += points
		risk.Factors = append(risk.Factors, Factor{name, points, text, ttls})
	}
	for _, r := range results {
		switch r.State {
		case Violated:
			add(r.Rule.Name, r.Points, r.Text, r.TTLs)
		case Unknown:
			risk.Unknown = append(risk.Unknown, r.Rule.Name)
		}
	}
	if s.CountryChanged {
		add("country_changed", p.Risk.CountryChanged, "passes other countries than before", nil)
	}
	if s.ASChanged {
		add("as_changed", p.Risk.ASChanged, "passes other networks than before", nil)
	}
	if s.Flapping {
		add("flapping", p.Risk.Flapping, "goes to and fro between paths", nil)
	}
	var odd []uint8
	for _, h := range route.Hops {
		if h.Plausibility == judge.Implausible && !judge.AnycastHint(h) {
			odd = append(odd, h.TTL)
		}
	}
	if len(odd) > 0 {
		add("implausible", p.Risk.Implausible, "cannot be where a database says, at TTL "+ttls(odd), odd)
	}
	return risk
}
