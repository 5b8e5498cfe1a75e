package answer

import (
	"fmt"
	"strings"

	"github.com/packetscope/packetscope/internal/annotator/explain/fact"
	"github.com/packetscope/packetscope/internal/annotator/explain/handle"
)

// verdictWords are the verdicts for people.
var verdictWords = map[Verdict]string{
	VolumetricAttack: "an attack by volume", Reconnaissance: "somebody looks for a way in", TargetedAttack: "a targeted attack",
	Overload: "more work than there is room for", HostFault: "a fault of this host or of an application on it",
	NetworkFault: "a fault of the network", Misconfiguration: "a wrong setting", MonitoringFault: "a fault of the monitoring itself", Unknown: "not clear yet", Inconspicuous: "nothing stands out",
}

// Words returns a verdict for people.
func (v Verdict) Words() string { return verdictWords[v] }

// Show returns an answer as text for people, a line for each part, with names in place of
// handles. What strangers have named is in it: who puts it into HTML or the like escapes
// it. missing says, for the name of a query, what it asks for.
func (g Ground) Show(a Answer, missing func(name string) string) string {
	var b strings.Builder
	line := func(format string, args ...any) {
		b.WriteString(g.Table.Expand(fmt.Sprintf(format, args...)) + "\n")
	}
	line("%s", a.Summary)
	line("Verdict: %s (confidence: %s).", a.Verdict.Words(), a.Confidence)
	for _, side := range []Weight{For, Against} {
		for _, f := range a.Findings {
			if f.Weighs == side {
				line("Speaks %s: %s", side, f.Text)
			}
		}
	}
	for _, gap := range g.Set.Gaps {
		if gap.Before == 0 {
			line("Not known: %s (%s).", missing(gap.Name), gap.Why.Words())
		}
	}
	for _, c := range a.Checks {
		line("Check: %s", c.Text)
		if _, text, ok := g.Table.Value(c.Query); ok {
			b.WriteString("  " + text + "\n")
		}
	}
	for _, s := range a.Steps {
		line("Do: %s", s)
	}
	return b.String()
}

// Known returns the numbers of a set for people, a line for each fact.
func (g Ground) Known() string {
	var b strings.Builder
	for _, f := range g.Set.Facts {
		var of []string
		for _, l := range f.Of {
			if k, _, ok := g.Table.Value(l.Value); ok && k == handle.Port {
				of = append(of, l.Value) // expands to "port 443"
				continue
			}
			of = append(of, l.Name+" "+l.Value)
		}
		line := f.ID + " " + f.Name
		if of != nil {
			line += " (" + strings.Join(of, ", ") + ")"
		}
		if f.Before > 0 && f.Unit == fact.Times {
			line += " since " + fact.Fact{Value: f.Before.Seconds(), Unit: fact.Seconds}.Show()
		} else if f.Before > 0 {
			line += " " + fact.Fact{Value: f.Before.Seconds(), Unit: fact.Seconds}.Show() + " ago"
		}
		b.WriteString(g.Table.Expand(line+": "+f.Show()) + "\n")
	}
	return b.String()
}
