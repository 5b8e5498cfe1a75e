package policy

import (
	"net/netip"
	"slices"

	"gopkg.in/yaml.v3"
)

// mappedBits is the length of ::ffff:0:0/96, all addresses of IPv4 in IPv6 form.
const mappedBits = 96

// prefix reads an address or a prefix, or returns false with a fault recorded.
func (r *reader) prefix(n *yaml.Node, text string) (netip.Prefix, bool) {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		a, err := netip.ParseAddr(text)
		if err != nil || a.Zone() != "" {
			r.fault(n, badAddress, "want an address or a prefix such as 192.0.2.0/24", "bad address %q", text)
			return p, false
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	if p.Addr().Is4In6() && p.Bits() > mappedBits {
		r.fault(n, mappedAddress, "write "+p.Addr().Unmap().String(), "%s is an IPv4 address in an IPv6 one, which no packet has", text)
		return p, false
	}
	if masked := p.Masked(); masked != p {
		r.fault(n, hostBits, "", "%s has host bits set, read as %v", text, masked)
		p = masked
	}
	return p, true
}

// merged sorts prefixes and removes those within another.
func merged(all []netip.Prefix) []netip.Prefix {
	slices.SortFunc(all, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	kept := all[:0]
	for _, p := range all {
		if len(kept) > 0 && kept[len(kept)-1].Contains(p.Addr()) {
			continue
		}
		kept = append(kept, p)
	}
	return kept
}
