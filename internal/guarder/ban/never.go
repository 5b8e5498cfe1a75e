package ban

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/geo"
)

// Never are those who are not banned, each with the reason. Its zero value is nobody.
type Never struct {
	// covers finds the one around a prefix, all, which Check sorts, those within one.
	covers geo.Trie[string]
	all    []netip.Prefix
	sorted bool
}

// nobodies are no single host of the network, or this one: who forges such a source must
// not have it banned.
var nobodies = map[string]string{
	"0.0.0.0/32": "who has no address yet", "127.0.0.0/8": "this host", "224.0.0.0/4": "a group", "255.255.255.255/32": "everybody",
	"::/128": "who has no address yet", "::1/128": "this host", "ff00::/8": "a group",
}

// NewNever returns those whom no ban ever is for.
func NewNever() *Never {
	n := &Never{}
	for text, why := range nobodies {
		n.Add(netip.MustParsePrefix(text), why)
	}
	return n
}

// Add adds a prefix; the first reason for one counts.
func (n *Never) Add(p netip.Prefix, why string) {
	p = p.Masked()
	if _, known := n.covers.Get(p); known || !n.covers.Insert(p, why) {
		return
	}
	n.all, n.sorted = append(n.all, p), false
}

// AddAddr adds an address.
func (n *Never) AddAddr(a netip.Addr, why string) {
	if a = a.Unmap().WithZone(""); a.IsValid() {
		n.Add(netip.PrefixFrom(a, a.BitLen()), why)
	}
}

// A Refusal is why somebody is not banned.
type Refusal struct {
	Prefix netip.Prefix
	// Why completes the sentence that the prefix has or is in what must not be banned.
	Why string
}

// Error implements error.
func (r *Refusal) Error() string { return fmt.Sprintf("%v is not banned: %s", r.Prefix, r.Why) }

// Check returns a [*Refusal] if a prefix has addresses that are never banned, or nil.
func (n *Never) Check(p netip.Prefix) error {
	if n == nil {
		return nil
	}
	if around, why, ok := n.covers.LookupPrefix(p); ok {
		return &Refusal{p, fmt.Sprintf("%v is %s", around, why)}
	}
	if !n.sorted {
		slices.SortFunc(n.all, netip.Prefix.Compare)
		n.sorted = true
	}
	i, _ := slices.BinarySearchFunc(n.all, p, netip.Prefix.Compare)
	if i < len(n.all) && p.Contains(n.all[i].Addr()) {
		why, _ := n.covers.Get(n.all[i])
		return &Refusal{p, fmt.Sprintf("it has %v, which is %s", n.all[i], why)}
	}
	return nil
}
