package feed

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/geo"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Protected are the addresses that no list must touch, with the reason for each. Its zero
// value protects nothing.
type Protected struct {
	// covers finds the one around a prefix, sorted those within one.
	covers geo.Trie[Reason]
	sorted []netip.Prefix
	outer  []netip.Prefix // those of sorted that lie in no other
}

// A Host is what is known of this host, as far as it must not be listed.
type Host struct {
	Own, Gateways, Resolvers []netip.Addr
}

// privateKinds are the addresses of those that a host may have around it: a list with such
// would cut neighbours off, and those that ask for an address by DHCP or by neighbour
// discovery.
var privateKinds = []geo.Kind{geo.Private, geo.CGNAT, geo.Loopback, geo.LinkLocal, geo.Unspecified}

// Protect returns what no list must touch, and one that is for a feed of the policy also
// what that protects.
func Protect(h Host, f *policy.Feed) *Protected {
	p := &Protected{}
	if f != nil {
		for _, prefix := range f.Protect {
			p.add(prefix, Allowlisted)
		}
	}
	for _, kind := range privateKinds {
		for _, prefix := range geo.Blocks(kind) {
			p.add(prefix, Private)
		}
	}
	// The last one counts: what is both is told by what matters more.
	for _, of := range []struct {
		addrs  []netip.Addr
		reason Reason
	}{{h.Resolvers, Resolver}, {h.Gateways, Gateway}, {h.Own, OwnAddress}} {
		for _, a := range of.addrs {
			if a = a.Unmap().WithZone(""); a.IsValid() {
				p.add(netip.PrefixFrom(a, a.BitLen()), of.reason)
			}
		}
	}
	slices.SortFunc(p.sorted, netip.Prefix.Compare)
	p.sorted = slices.Compact(p.sorted)
	for _, prefix := range p.sorted {
		if n := len(p.outer); n == 0 || !contains(p.outer[n-1], prefix) {
			p.outer = append(p.outer, prefix)
		}
	}
	return p
}

func (p *Protected) add(prefix netip.Prefix, reason Reason) {
	if p.covers.Insert(prefix, reason) {
		p.sorted = append(p.sorted, prefix.Masked())
	}
}

// Touched returns one of those that a prefix has addresses of, and why it is protected; or
// false.
func (p *Protected) Touched(prefix netip.Prefix) (netip.Prefix, Reason, bool) {
	if around, reason, ok := p.covers.LookupPrefix(prefix); ok {
		return around, reason, true
	}
	if i := p.firstIn(prefix); i < len(p.sorted) && contains(prefix, p.sorted[i]) {
		reason, _ := p.covers.Get(p.sorted[i])
		return p.sorted[i], reason, true
	}
	return netip.Prefix{}, "", false
}

// firstIn returns the index of the first that may lie in a prefix.
func (p *Protected) firstIn(prefix netip.Prefix) int {
	i, _ := slices.BinarySearchFunc(p.sorted, prefix, netip.Prefix.Compare)
	return i
}

// Cut is what was taken out of a list, as it must not be listed.
type Cut struct {
	Entries int // that were there, in whole or in part
	// First is one of them, and Reason why it must not be listed.
	First  netip.Prefix
	Reason Reason
}

// Guard returns a list that touches nothing that is protected. If the feed is not one to
// exclude from, a list that does is refused, with a [*Refusal].
func Guard(l *List, p *Protected, f *policy.Feed) (*List, Cut, error) {
	var cut Cut
	var rest []Entry // from the first entry on that is cut
	// Entries are in order, as those that are protected: those before an entry are before
	// all that follow it. To ask for each alone would take a second for a million.
	ahead := p.outer
	for i, e := range l.Entries {
		for len(ahead) > 0 && ahead[0].Addr().Less(e.Prefix.Addr()) && !ahead[0].Overlaps(e.Prefix) {
			ahead = ahead[1:]
		}
		if len(ahead) == 0 || !ahead[0].Overlaps(e.Prefix) {
			if cut.Entries > 0 {
				rest = append(rest, e)
			}
			continue
		}
		what, reason, _ := p.Touched(e.Prefix)
		switch {
		case !f.Exclude:
			return nil, Cut{}, refuse(reason, "%s: %v has %v, which must not be listed (see on_protected, or have it taken off the list)", f.Shown(), e.Prefix, what)
		default:
			if cut.Entries == 0 {
				cut.First, cut.Reason = e.Prefix, reason
				rest = slices.Clone(l.Entries[:i])
			}
			cut.Entries++
			rest = p.without(rest, e)
		}
	}
	if cut.Entries == 0 {
		return l, cut, nil
	}
	guarded := *l
	guarded.Entries = rest
	guarded.finish() // parts may have got behind what lies between them
	return &guarded, cut, nil
}

// without appends what is left of an entry.
func (p *Protected) without(to []Entry, e Entry) []Entry {
	if _, _, ok := p.covers.LookupPrefix(e.Prefix); ok {
		return to
	}
	if i := p.firstIn(e.Prefix); i == len(p.sorted) || !contains(e.Prefix, p.sorted[i]) {
		return append(to, e)
	}
	low, high := halves(e.Prefix)
	return p.without(p.without(to, Entry{low, e.Until}), Entry{high, e.Until})
}

// halves returns the two halves of a prefix of more than one address.
func halves(p netip.Prefix) (low, high netip.Prefix) {
	bits := p.Bits()
	b := p.Addr().As16()
	at := bits
	if p.Addr().Is4() {
		at += 96
	}
	b[at/8] |= 0x80 >> (at % 8)
	upper := netip.AddrFrom16(b)
	if p.Addr().Is4() {
		upper = upper.Unmap()
	}
	return netip.PrefixFrom(p.Addr(), bits+1), netip.PrefixFrom(upper, bits+1)
}

// String says how much was taken out, and why.
func (c Cut) String() string {
	return fmt.Sprintf("%d entries, such as %v (%s)", c.Entries, c.First, c.Reason)
}
