package policy

import "net/netip"

// Trusted calls f for each prefix of sources that the policy says must get through, with a
// name for why: those that the failsafe allows something, and those of rules that pass
// whatever comes from a source. What would be everybody is left out.
func (p *Policy) Trusted(f func(prefix netip.Prefix, why string)) {
	for i := range p.Rules {
		r := &p.Rules[i]
		if r.Action != Pass {
			continue
		}
		from, alone := p.sources(r.Match)
		if r.Stage != Failsafe && !alone {
			continue
		}
		why := "what " + r.Group + "/" + r.Name + " passes"
		if r.Stage == Failsafe {
			why = "what the failsafe allows (" + r.Name + ")"
		}
		for _, prefix := range from {
			if prefix.Bits() > 0 {
				f(prefix, why)
			}
		}
	}
}

// sources returns prefixes that the source of a packet must be in if the expression is
// true, or nil if it may be any; and whether the expression says nothing else.
func (p *Policy) sources(e Expr) (from []netip.Prefix, alone bool) {
	switch e := e.(type) {
	case Addresses:
		if e.Of != Source {
			return nil, false
		}
		if set := p.Sets[e.Set]; set != nil {
			return append(set.Prefixes[:len(set.Prefixes):len(set.Prefixes)], e.Prefixes...), true
		}
		return e.Prefixes, true
	case All:
		alone = true
		for _, part := range e {
			of, only := p.sources(part)
			if alone = alone && only; of != nil && from == nil {
				from = of // what other parts say makes it fewer
			}
		}
		return from, alone && from != nil
	case Any:
		alone = true
		for _, part := range e {
			of, only := p.sources(part)
			if of == nil {
				return nil, false
			}
			from, alone = append(from, of...), alone && only
		}
		return from, alone && from != nil
	case Family:
		return nil, true
	}
	return nil, false
}
