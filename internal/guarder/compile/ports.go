package compile

import "github.com/packetscope/packetscope/internal/guarder/policy"

// noPorts is the value of a port in packets without ports.
const noPorts = 1 << 16

// A portSet is a set of ports, and of noPorts: ranges in order, none touching
// another. The nil set is everything; a set that is empty is not nil.
type portSet []policy.Range

// portsIn returns the union of ranges.
func portsIn(ranges []policy.Range) portSet {
	s := portSet{}
	for _, r := range ranges {
		if r.Low <= r.High && r.Low < noPorts {
			s = s.or(portSet{{Low: r.Low, High: min(r.High, noPorts-1)}})
		}
	}
	return s
}

// not returns what is not in a set.
func (s portSet) not() portSet {
	out := portSet{}
	if s == nil {
		return out
	}
	next := uint32(0)
	for _, r := range s {
		if r.Low > next {
			out = append(out, policy.Range{Low: next, High: r.Low - 1})
		}
		next = r.High + 1
	}
	if next <= noPorts {
		out = append(out, policy.Range{Low: next, High: noPorts})
	}
	return out.simple()
}

// and returns what is in both sets.
func (s portSet) and(t portSet) portSet {
	if s == nil {
		return t
	}
	if t == nil {
		return s
	}
	out := portSet{}
	for i, j := 0, 0; i < len(s) && j < len(t); {
		low, high := max(s[i].Low, t[j].Low), min(s[i].High, t[j].High)
		if low <= high {
			out = append(out, policy.Range{Low: low, High: high})
		}
		if s[i].High < t[j].High {
			i++
		} else {
			j++
		}
	}
	return out
}

// or returns what is in one of the sets.
func (s portSet) or(t portSet) portSet {
	return s.not().and(t.not()).not()
}

func (s portSet) empty() bool { return s != nil && len(s) == 0 }

// simple returns nil for a set that has everything.
func (s portSet) simple() portSet {
	if len(s) == 1 && s[0] == (policy.Range{High: noPorts}) {
		return nil
	}
	return s
}
