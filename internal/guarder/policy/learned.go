package policy

import (
	"maps"
	"net/netip"
	"slices"
)

// Learned are the MAC addresses that were learnt, by the name of the set and the IP
// address, sorted.
type Learned map[string]map[netip.Addr][][6]byte

// With returns the policy with what was learnt: sets that learn bind these addresses too,
// and rules that ask whether an address is in such a set find them. An address that the
// policy itself binds is not changed. The policy stays as it is.
func (p *Policy) With(learned Learned) *Policy {
	next := *p
	next.Bindings = maps.Clone(p.Bindings)
	more := map[string][]netip.Prefix{}
	for name, set := range p.Bindings {
		if !set.Learn || len(learned[name]) == 0 {
			continue
		}
		with := *set
		with.MACs = maps.Clone(learned[name])
		for ip := range learned[name] {
			more[name] = append(more[name], netip.PrefixFrom(ip, ip.BitLen()))
		}
		maps.Copy(with.MACs, set.MACs)
		next.Bindings[name] = &with
	}
	if len(more) == 0 {
		return p
	}
	next.Rules = slices.Clone(p.Rules)
	for i := range next.Rules {
		next.Rules[i].Match = withAddresses(next.Rules[i].Match, more)
	}
	return &next
}

// withAddresses returns an expression in which sets that learn have more addresses.
func withAddresses(e Expr, more map[string][]netip.Prefix) Expr {
	each := func(of []Expr) []Expr {
		all := make([]Expr, len(of))
		for i, x := range of {
			all[i] = withAddresses(x, more)
		}
		return all
	}
	switch e := e.(type) {
	case All:
		return All(each(e))
	case Any:
		return Any(each(e))
	case Not:
		return Not{withAddresses(e.Of, more)}
	case Addresses:
		if add := more[e.Learns]; e.Learns != "" && add != nil {
			e.Prefixes = merged(slices.Concat(e.Prefixes, add))
		}
		return e
	}
	return e
}
