package policy

import (
	"fmt"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A Step is what one rule does to a packet.
type Step struct {
	Rule *Rule
	// Matched tells whether the rule matches; Why says, if it does not, which
	// condition does not hold.
	Matched bool
	Why     string
	// Kept tells that the rule matches and drops, but not this packet: see [Env.Kept].
	Kept bool
}

// Explain returns what each rule up to the one that ends the search does to a
// packet, and the judgement.
func (p *Policy) Explain(pkt *packet.Packet, env *Env) ([]Step, Judgement) {
	j := p.Judge(pkt, env)
	if pkt.Reason != packet.OK {
		return nil, j
	}
	var steps []Step
	for i := range p.Rules {
		r := &p.Rules[i]
		s := Step{Rule: r, Matched: true}
		switch {
		case !r.of(env):
			s.Matched, s.Why = false, "it is not for interface "+fmt.Sprintf("%q", env.Interface)
		case !env.Eval(r.Match, pkt):
			s.Matched, s.Why = false, env.why(r.Match, pkt)
		}
		s.Kept = s.Matched && env.keeps(pkt, r)
		steps = append(steps, s)
		if s.Matched && r.ends() {
			break
		}
	}
	return steps, j
}

// why names the first condition of an expression that does not hold.
func (env *Env) why(e Expr, p *packet.Packet) string {
	switch e := e.(type) {
	case All:
		for _, part := range e {
			if !env.Eval(part, p) {
				return env.why(part, p)
			}
		}
	case Any:
		return "none of its alternatives holds"
	case Not:
		return Describe(e.Of) + " holds"
	}
	return Describe(e) + " does not hold"
}

// String returns the judgement in one line; rules are named with their places.
func (p *Policy) String(j Judgement) string {
	named := func(i int) string {
		r := &p.Rules[i]
		return fmt.Sprintf("%s/%s (%v)", r.Group, r.Name, r.At)
	}
	var b strings.Builder
	b.WriteString(map[Verdict]string{Passed: "pass", Dropped: "drop"}[j.Verdict])
	switch {
	case j.Reason != packet.OK:
		fmt.Fprintf(&b, ", as it cannot be read: %v", j.Reason)
		if p.Unparsable == Drop && j.Verdict == Passed {
			b.WriteString("; enforced, it would be dropped")
		}
	case j.By != None:
		b.WriteString(", by " + named(j.By))
	case j.Kept == None:
		b.WriteString(", as no rule ends the search")
	}
	if j.Kept != None {
		audited := ""
		if p.Rules[j.Kept].Mode == Audit {
			audited = "audited "
		}
		b.WriteString(", kept from " + audited + named(j.Kept))
	}
	if j.WouldDrop != None {
		b.WriteString("; enforced, it would be dropped by " + named(j.WouldDrop))
	}
	return b.String()
}
