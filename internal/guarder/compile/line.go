package compile

import (
	"fmt"
	"slices"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A line is what a rule accepts without "or" across dimensions: a set of each, which
// large sets the addresses must be in or not, and atoms that must be true or false. A
// rule is one line or several.
type line struct {
	source, destination         addressSet
	sourceIn, destinationIn     setCondition
	sourcePort, destinationPort portSet
	kinds                       classSet
	yes, no                     atomSet
}

var anything = line{source: everywhere, destination: everywhere}

func (l line) and(m line) line {
	return line{
		source: l.source.and(m.source), destination: l.destination.and(m.destination),
		sourceIn: l.sourceIn.and(m.sourceIn), destinationIn: l.destinationIn.and(m.destinationIn),
		sourcePort: l.sourcePort.and(m.sourcePort), destinationPort: l.destinationPort.and(m.destinationPort),
		kinds: l.kinds.and(m.kinds), yes: l.yes.or(m.yes), no: l.no.or(m.no),
	}
}

func (l line) impossible() bool {
	return l.source.empty() || l.destination.empty() || l.sourcePort.empty() || l.destinationPort.empty() ||
		l.kinds.empty() || l.yes.and(l.no) != (atomSet{}) || l.sourceIn.impossible() || l.destinationIn.impossible()
}

// conditional tells whether atoms have a say.
func (l line) conditional() bool { return l.yes.or(l.no) != atomSet{} }

// only tells in which one dimension a line is not everything: 0 to 4, or -1.
func (l line) only() int {
	restricted := []bool{!l.source.all(), !l.destination.all(), l.sourcePort != nil, l.destinationPort != nil, l.kinds != nil}
	if l.conditional() || !l.sourceIn.any() || !l.destinationIn.any() {
		return -1
	}
	one := -1
	for d, yes := range restricted {
		if yes && one >= 0 {
			return -1
		}
		if yes {
			one = d
		}
	}
	return one
}

// or unites two lines that differ in nothing but one dimension.
func (l line) or(m line, dimension int) line {
	switch dimension {
	case 0:
		l.source = l.source.or(m.source)
	case 1:
		l.destination = l.destination.or(m.destination)
	case 2:
		l.sourcePort = l.sourcePort.or(m.sourcePort)
	case 3:
		l.destinationPort = l.destinationPort.or(m.destinationPort)
	case 4:
		l.kinds = l.kinds.or(m.kinds)
	}
	return l
}

// A liner turns expressions into lines.
type liner struct {
	kinds *kinds
	atoms *atoms
	limit int // of lines of one rule
}

// lines returns lines of which at least one is true where e is, or where it is
// false if want is.
func (n *liner) lines(e policy.Expr, want bool) ([]line, error) {
	switch e := e.(type) {
	case policy.Not:
		return n.lines(e.Of, !want)
	case policy.All:
		e = joined(e)
		if want {
			return n.product(e, want)
		}
		return n.sum(e, want)
	case policy.Any:
		if want {
			return n.sum(e, want)
		}
		return n.product(e, want)
	}
	return n.leaf(e, want)
}

func (n *liner) sum(parts []policy.Expr, want bool) ([]line, error) {
	var all []line
	for _, part := range parts {
		lines, err := n.lines(part, want)
		if err != nil {
			return nil, err
		}
		all = merge(all, lines)
		if len(all) > n.limit {
			return nil, n.tooMany()
		}
	}
	return all, nil
}

// merge adds lines to a sum, within lines that are there if it can.
func merge(all, lines []line) []line {
	for _, l := range lines {
		d := l.only()
		i := slices.IndexFunc(all, func(m line) bool { return d >= 0 && m.only() == d })
		if i >= 0 {
			all[i] = all[i].or(l, d)
		} else {
			all = append(all, l)
		}
	}
	return all
}

func (n *liner) product(parts []policy.Expr, want bool) ([]line, error) {
	all := []line{anything}
	for _, part := range parts {
		lines, err := n.lines(part, want)
		if err != nil {
			return nil, err
		}
		if len(all) == 1 && len(lines) == 1 { // as is most often
			if all[0] = all[0].and(lines[0]); all[0].impossible() {
				return nil, nil
			}
			continue
		}
		if len(all)*len(lines) > 64*n.limit {
			return nil, n.tooMany()
		}
		var next []line
		for _, l := range all {
			for _, m := range lines {
				if both := l.and(m); !both.impossible() {
					next = append(next, both)
				}
			}
		}
		if len(next) > n.limit {
			return nil, n.tooMany()
		}
		all = next
	}
	return all, nil
}

// joined makes one atom of all payloads that a rule asks for together, as a policy has room for
// few atoms, and rules that know a protocol by its bytes look at several places.
func joined(parts []policy.Expr) []policy.Expr {
	var payloads payloads
	tests := 0
	rest := make([]policy.Expr, 0, len(parts))
	for _, part := range parts {
		if p, ok := part.(policy.Payload); ok && tests+len(p.Values) <= bpf.GuardMaxTests {
			payloads.all = append(payloads.all, p)
			tests += len(p.Values)
		} else {
			rest = append(rest, part)
		}
	}
	if len(payloads.all) < 2 {
		return parts
	}
	payloads.Expr = payloads.all[0]
	return append(rest, payloads)
}

func (n *liner) tooMany() error {
	return fmt.Errorf("its alternatives multiply to more than %d; split it into several rules", n.limit)
}

// leaf returns the lines of a leaf.
func (n *liner) leaf(e policy.Expr, want bool) ([]line, error) {
	l := anything
	switch e := e.(type) {
	case policy.EtherTypes:
		return n.etherTypes(e, want)
	case policy.Addresses:
		if e.Of == policy.Source || e.Of == policy.Destination {
			return n.addresses(e, want)
		}
	case policy.Ports:
		if e.Of == policy.SourcePort || e.Of == policy.DestinationPort {
			set := portsIn(e.Ranges)
			if !want {
				set = set.not()
			}
			if e.Of == policy.SourcePort {
				l.sourcePort = set
			} else {
				l.destinationPort = set
			}
			return possible(l), nil
		}
	case policy.Own:
		if e.Of == policy.Source || e.Of == policy.Destination {
			return []line{l.in(e.Of, ownSet, want)}, nil
		}
	}
	if isKind(e) {
		l.kinds = n.kinds.in(e)
		if !want {
			l.kinds = n.kinds.not(l.kinds)
		}
		return possible(l), nil
	}
	i, err := n.atoms.of(e)
	if err != nil {
		return nil, err
	}
	if want {
		l.yes = atom(i)
	} else {
		l.no = atom(i)
	}
	return []line{l}, nil
}

// etherTypes decides about IP by the kind, and about the rest by an atom.
func (n *liner) etherTypes(e policy.EtherTypes, want bool) ([]line, error) {
	ip, rest := anything, anything
	ip.kinds = n.kinds.in(e)
	rest.kinds = n.kinds.class(n.kinds.notIP)
	others := slices.DeleteFunc(slices.Clone(e), func(t uint16) bool { return t == packet.EtherIPv4 || t == packet.EtherIPv6 })
	var other atomSet
	if len(others) > 0 {
		i, err := n.atoms.of(others)
		if err != nil {
			return nil, err
		}
		other = atom(i)
	}
	if !want {
		ip.kinds = n.kinds.not(ip.kinds)
		ip.no = other
		return possible(ip), nil
	}
	lines := possible(ip)
	if other != (atomSet{}) {
		rest.yes = other
		lines = append(lines, rest)
	}
	return lines, nil
}

// addresses leaves a set that is too large for the tries to the blocks.
func (n *liner) addresses(e policy.Addresses, want bool) ([]line, error) {
	l, large := anything, anything
	prefixes := e.Prefixes
	set := n.atoms.policy.Sets[e.Set]
	looked := set != nil && len(set.Prefixes) > n.atoms.options.inline()
	if looked {
		number, err := n.atoms.sets.named(set)
		if err != nil {
			return nil, err
		}
		large = large.in(e.Of, number, true)
		if !want {
			l = l.in(e.Of, number, false)
		}
	} else if set != nil {
		prefixes = append(slices.Clone(prefixes), set.Prefixes...)
	}
	in := addressesIn(prefixes)
	if !want {
		in = in.not()
	}
	if e.Of == policy.Source {
		l.source = in
	} else {
		l.destination = in
	}
	lines := possible(l)
	if want && looked {
		lines = append(lines, large)
	}
	return lines, nil
}

// in returns the line with one more set that an address must be in, or not.
func (l line) in(of policy.AddressField, set uint32, want bool) line {
	c := setCondition{yes: 1 << set}
	if !want {
		c = setCondition{no: 1 << set}
	}
	if of == policy.Source {
		l.sourceIn = l.sourceIn.and(c)
	} else {
		l.destinationIn = l.destinationIn.and(c)
	}
	return l
}

func possible(l line) []line {
	if l.impossible() {
		return nil
	}
	return []line{l}
}
