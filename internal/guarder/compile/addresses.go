package compile

import (
	"net/netip"
	"slices"
)

// An addressSet is a set of addresses, and of the absence of one. An address is in
// if the longest mark that holds it says so, or without one if its family is.
// With marks that also say "out", a negation needs as many marks as what it negates.
type addressSet struct {
	none, four, six bool
	marks           []mark // ordered by comparePrefixes, each unlike what is around it
}

type mark struct {
	prefix
	in bool
}

// everywhere is the set that a rule without addresses accepts.
var everywhere = addressSet{none: true, four: true, six: true}

// addressesIn returns the union of prefixes.
func addressesIn(prefixes []netip.Prefix) addressSet {
	s := addressSet{marks: make([]mark, 0, len(prefixes))}
	for _, p := range prefixes {
		s.marks = append(s.marks, mark{prefixOf(p), true})
	}
	slices.SortFunc(s.marks, func(a, b mark) int { return comparePrefixes(a.prefix, b.prefix) })
	return s.simple()
}

func (s addressSet) all() bool { return s.none && s.four && s.six && len(s.marks) == 0 }

func (s addressSet) empty() bool {
	return !s.none && !s.four && !s.six && !slices.ContainsFunc(s.marks, func(m mark) bool { return m.in })
}

// positive tells whether a set is nothing but some prefixes.
func (s addressSet) positive() bool {
	return !s.none && !s.four && !s.six && !slices.ContainsFunc(s.marks, func(m mark) bool { return !m.in })
}

func (s addressSet) not() addressSet {
	out := addressSet{none: !s.none, four: !s.four, six: !s.six, marks: slices.Clone(s.marks)}
	for i := range out.marks {
		out.marks[i].in = !out.marks[i].in
	}
	return out
}

func (s addressSet) and(t addressSet) addressSet {
	if s.all() {
		return t
	}
	if t.all() {
		return s
	}
	return s.combine(t, func(a, b bool) bool { return a && b })
}

func (s addressSet) or(t addressSet) addressSet {
	return s.combine(t, func(a, b bool) bool { return a || b })
}

// combine goes through the marks of both sets at once.
func (s addressSet) combine(t addressSet, f func(a, b bool) bool) addressSet {
	out := addressSet{none: f(s.none, t.none), four: f(s.four, t.four), six: f(s.six, t.six)}
	a, b := tracker{of: s}, tracker{of: t}
	for len(a.rest()) > 0 || len(b.rest()) > 0 {
		var at prefix
		switch {
		case len(b.rest()) == 0:
			at = a.rest()[0].prefix
		case len(a.rest()) == 0:
			at = b.rest()[0].prefix
		case comparePrefixes(a.rest()[0].prefix, b.rest()[0].prefix) <= 0:
			at = a.rest()[0].prefix
		default:
			at = b.rest()[0].prefix
		}
		out.marks = append(out.marks, mark{at, f(a.move(at), b.move(at))})
	}
	return out.simple()
}

// simple drops marks that say what is said around them, and those of whole families.
func (s addressSet) simple() addressSet {
	kept := make([]mark, 0, len(s.marks))
	var around []mark
	for _, m := range s.marks {
		if m.bits == 0 && m.six {
			s.six = m.in
		} else if m.bits == 0 {
			s.four = m.in
		}
		around = enclosing(around, m.prefix)
		if len(around) > 0 && around[len(around)-1].prefix == m.prefix {
			continue // said twice
		}
		before := s.byFamily(m.six)
		if len(around) > 0 {
			before = around[len(around)-1].in
		}
		if m.in != before {
			kept = append(kept, m)
		}
		around = append(around, m)
	}
	s.marks = kept
	return s
}

func (s addressSet) byFamily(six bool) bool {
	if six {
		return s.six
	}
	return s.four
}

// A tracker follows the marks of a set while prefixes come in order.
type tracker struct {
	of     addressSet
	next   int
	around []mark
}

func (t *tracker) rest() []mark { return t.of.marks[t.next:] }

// move tells whether the addresses of a prefix are in, but for marks within it.
func (t *tracker) move(to prefix) bool {
	t.around = enclosing(t.around, to)
	if len(t.rest()) > 0 && t.rest()[0].prefix == to {
		t.around = append(t.around, t.rest()[0])
		t.next++
	}
	if len(t.around) > 0 {
		return t.around[len(t.around)-1].in
	}
	return t.of.byFamily(to.six)
}

// enclosing cuts a stack of marks to those that hold a prefix.
func enclosing(stack []mark, p prefix) []mark {
	for len(stack) > 0 && !stack[len(stack)-1].holds(p) {
		stack = stack[:len(stack)-1]
	}
	return stack
}
