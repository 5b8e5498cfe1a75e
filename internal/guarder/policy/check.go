package policy

import "slices"

// maxCompared is the most rules of a policy that are compared with each other, which
// takes time by the square of their number.
const maxCompared = 1000

// A checked rule is one with its cubes.
type checked struct {
	*Rule
	cubes []cube
	known bool // that the cubes are all of it
}

// check looks for rules that disturb each other, or the host.
func (l *loader) check() {
	rules := make([]checked, len(l.policy.Rules))
	for i := range rules {
		r := &l.policy.Rules[i]
		rules[i].Rule = r
		rules[i].cubes, rules[i].known = cubes(r.Match, true)
	}
	l.checkGuard(rules)
	l.checkBan(rules)
	if len(rules) <= maxCompared {
		l.checkOrder(rules)
	}
	l.checkManagement(rules)
	l.checkNetwork(rules)
	l.checkPayload(rules)
}

// about records a fault of a rule.
func (l *loader) about(r *Rule, code, hint, format string, args ...any) {
	l.faults = append(l.faults, r.About(code, hint, format, args...))
}

// ends reports whether a packet that the rule matches goes no further.
func (r *Rule) ends() bool { return r.Action == Pass || r.Action == Drop && r.Mode == Enforce }

// checkOrder looks for rules that an earlier one hides, and for those of one group
// whose verdicts on some packets depend on their order.
func (l *loader) checkOrder(rules []checked) {
	for i := range rules {
		late := &rules[i]
		if !late.known || len(late.cubes) == 0 {
			continue
		}
		for j := range rules[:i] {
			early := &rules[j]
			if !early.ends() || early.Stateful() || !early.known || !early.covers(late) || !early.outlasts(late) {
				continue
			}
			if late.within(early) {
				l.about(late.Rule, shadowed, "", "never reached: %q (%v) matches all it matches", early.Name, early.At)
				break
			}
			if early.Group == late.Group && early.disagrees(late) && !early.within(late) && early.overlaps(late) {
				l.about(late.Rule, overlapping, "", "overlaps %q (%v) with another verdict; order decides", early.Name, early.At)
				break
			}
		}
	}
}

// covers reports whether r is for all interfaces that other is for.
func (r *checked) covers(other *checked) bool {
	return r.Interfaces == nil || other.Interfaces != nil &&
		!slices.ContainsFunc(other.Interfaces, func(name string) bool { return !slices.Contains(r.Interfaces, name) })
}

// outlasts reports whether r is there for as long as other is.
func (r *checked) outlasts(other *checked) bool {
	return r.Until.IsZero() || !other.Until.IsZero() && !r.Until.Before(other.Until)
}

// disagrees reports whether one of them passes and the other drops.
func (r *checked) disagrees(other *checked) bool {
	return r.Action == Pass && other.Action == Drop || r.Action == Drop && other.Action == Pass
}

// within reports whether other matches all that r matches. It errs towards no.
func (r *checked) within(other *checked) bool {
	return !slices.ContainsFunc(r.cubes, func(c cube) bool {
		return !slices.ContainsFunc(other.cubes, c.within)
	})
}

// overlaps reports whether some packet is surely matched by both.
func (r *checked) overlaps(other *checked) bool {
	for _, c := range r.cubes {
		for _, d := range other.cubes {
			if len(c.tests)+len(d.tests) == 0 && !c.and(d).empty() {
				return true
			}
		}
	}
	return false
}

// checkPayload warns of rules whose bytes can be put into the next segment of TCP,
// unless another rule sees to segments that are too short.
func (l *loader) checkPayload(rules []checked) {
	var guards []checked
	for _, r := range rules {
		if r.Action == Drop && slices.ContainsFunc(r.cubes, func(c cube) bool { return c.lacks() >= 0 }) {
			guards = append(guards, r)
		}
	}
	for _, r := range rules {
		if r.Action != Drop || !r.known {
			continue
		}
		last := -1
		for _, c := range r.cubes {
			if n := c.lastByte(); n > last && c.kind.meets(tcpKinds) && c.lacks() < 0 {
				last = n
			}
		}
		if last < 0 || slices.ContainsFunc(guards, func(g checked) bool { return g.guards(r, last) }) {
			continue
		}
		l.about(r.Rule, splitPayload, "add a rule for segments that hold a beginning but not that byte",
			"payload at byte %d can be evaded by TCP segmentation", last)
	}
}

// lastByte returns the last byte of the payload that is looked at, or -1. That a payload is so
// long is no look at a byte: what was behind it is in a segment of its own, if it is split.
func (c cube) lastByte() int {
	last := -1
	for _, t := range c.tests {
		if p, ok := t.leaf.(Payload); ok && t.want && (len(p.Values) != 1 || len(p.Values[0]) != 256) {
			last = max(last, p.At+len(p.Values)-1)
		}
	}
	return last
}

// lacks returns the byte that payloads of the cube do not have, or -1.
func (c cube) lacks() int {
	for _, t := range c.tests {
		if p, ok := t.leaf.(Payload); ok && !t.want && len(p.Values) == 1 && len(p.Values[0]) == 256 {
			return p.At
		}
	}
	return -1
}

// guards reports whether r drops what ends before the last byte that other looks at, on the
// same ports.
func (r *checked) guards(other checked, last int) bool {
	for _, c := range r.cubes {
		if at := c.lacks(); at >= last && !slices.ContainsFunc(other.cubes, func(d cube) bool { return !d.toPort.within(c.toPort) }) {
			return true
		}
	}
	return false
}
