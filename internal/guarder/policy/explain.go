package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A Step is what one rule does to a packet.
type Step struct {
	Rule *Rule
	// Matched tells whether the rule matches; Why says, if it does not, which
	// condition does not hold.
	Matched bool
	Why     string
	// Within tells that the rule matches, but that its state has it do nothing.
	Within bool
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
	_, ended := p.listedBy(pkt, env)
	ended = ended || j.Ban.ends()
	for i := range p.Rules {
		r := &p.Rules[i]
		if ended && r.Stage == PolicyRule {
			break
		}
		s := Step{Rule: r, Matched: true}
		switch {
		case r.Over(env.Now):
			s.Matched, s.Why = false, "it was over at "+r.Until.Format(time.RFC3339)
		case !r.of(env):
			s.Matched, s.Why = false, "it is not for interface "+fmt.Sprintf("%q", env.Interface)
		case !env.Eval(r.Match, pkt):
			s.Matched, s.Why = false, env.why(r.Match, pkt)
		}
		if s.Within = slices.Contains(j.Within, i); s.Within {
			s.Why = r.withinText()
		}
		s.Kept = s.Matched && !s.Within && env.keeps(pkt, r)
		steps = append(steps, s)
		if s.Matched && !s.Within && r.ends() {
			break
		}
	}
	return steps, j
}

// A FeedStep is what a feed that lists a packet's source does to the packet.
type FeedStep struct {
	Feed *Feed
	// Kept tells that it drops, but not this packet: see [Env.Kept].
	Kept bool
}

// ExplainFeeds returns what feeds do to a packet that was judged so, if it comes as far as
// to them, up to the one that ends the search; those that do not list its source do nothing.
func (p *Policy) ExplainFeeds(pkt *packet.Packet, env *Env, j Judgement) []FeedStep {
	if pkt.Reason != packet.OK || j.By != None && p.Rules[j.By].Stage != PolicyRule || j.Ban.ends() {
		return nil
	}
	steps, _ := p.listedBy(pkt, env)
	return steps
}

// listedBy returns the feeds that list a source, up to one that ends the search, and
// whether there is one.
func (p *Policy) listedBy(pkt *packet.Packet, env *Env) (steps []FeedStep, ended bool) {
	if env.Feeds == nil || pkt.Family == 0 {
		return nil, false
	}
	for i, bits := 0, env.Feeds(pkt.Source); i < len(p.Feeds); i++ {
		if bits>>i&1 == 0 {
			continue
		}
		f := &p.Feeds[i]
		steps = append(steps, FeedStep{f, f.Action == Drop && env.Kept != nil && env.Kept(pkt)})
		if f.Action == Drop && f.Mode == Enforce {
			return steps, true
		}
	}
	return steps, false
}

// feedNamed returns a feed with its place.
func (p *Policy) feedNamed(name string) string {
	for i := range p.Feeds {
		if p.Feeds[i].Name == name {
			return fmt.Sprintf("feed %s (%v)", name, p.Feeds[i].At)
		}
	}
	return "feed " + name
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
	case Socket:
		if t := env.Truth(e.Of, p); t.State != 0 {
			return Describe(e) + " does not hold, it is " + stateWords(t.State)
		}
	case Sequence:
		if t := env.Truth(e.Of, p); t.Sequence != 0 {
			return Describe(e) + " does not hold, it is " + placeWords(t.Sequence)
		}
	}
	return Describe(e) + " does not hold"
}

// String returns the judgement in one line; rules are named with their places.
func (p *Policy) String(j Judgement) string {
	named := func(i int) string {
		r := &p.Rules[i]
		if !r.Until.IsZero() {
			return fmt.Sprintf("%s/%s (%v, until %s)", r.Group, r.Name, r.At, r.Until.Format(time.RFC3339))
		}
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
	case j.Ban == BanDropped:
		b.WriteString(", by a ban")
	case j.Listed.By != "":
		b.WriteString(", by " + p.feedNamed(j.Listed.By))
	case j.Kept == None && j.Listed.Kept == "" && j.Ban != BanKept:
		b.WriteString(", as no rule ends the search")
	}
	if j.Kept != None {
		audited := ""
		if p.Rules[j.Kept].Mode == Audit {
			audited = "audited "
		}
		b.WriteString(", kept from " + audited + named(j.Kept))
	}
	switch j.Ban {
	case BanKept:
		b.WriteString(", kept from a ban")
	case BanWouldKept:
		b.WriteString(", kept from an audited ban")
	case BanWouldDrop:
		b.WriteString("; enforced, it would be dropped by a ban")
	}
	if j.Listed.Kept != "" {
		b.WriteString(", kept from " + p.feedNamed(j.Listed.Kept))
	}
	if j.Listed.WouldDrop != "" {
		b.WriteString("; enforced, it would be dropped by " + p.feedNamed(j.Listed.WouldDrop))
	}
	if j.WouldDrop != None {
		b.WriteString("; enforced, it would be dropped by " + named(j.WouldDrop))
	}
	return b.String()
}
