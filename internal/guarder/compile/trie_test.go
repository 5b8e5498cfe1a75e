package compile

import (
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// nested returns rules for each length of prefix of an address, none of which hides
// the next.
func nested(address string, step int) *policy.Policy {
	a := netip.MustParseAddr(address)
	p := new(policy.Policy)
	for bits := a.BitLen(); bits >= 0; bits -= step {
		p.Rules = append(p.Rules, policy.Rule{Mode: policy.Enforce, Action: policy.Drop, Match: policy.All{
			policy.Addresses{Of: policy.Source, Prefixes: []netip.Prefix{netip.PrefixFrom(a, bits).Masked()}}, policy.Protocols{6},
		}})
	}
	return p
}

// depth6 returns how many nodes the longest path has.
func (t *Tables) depth6(e uint32) int {
	if e&isNode == 0 {
		return 0
	}
	n := t.Trie6[e&^isMark:]
	deepest := 0
	for way := range n[nodeChoice]>>8&(1<<maxChoice-1) + 1 {
		deepest = max(deepest, t.depth6(uint32(n[nodeChildren+way])))
	}
	return 1 + deepest
}

// TestTrieOfIPv6IsNotTooDeep has the deepest tries: chains of prefixes in each other.
func TestTrieOfIPv6IsNotTooDeep(t *testing.T) {
	deepest := 0
	for step := 1; step < 20; step++ {
		for _, address := range []string{"::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db8::1", "5555:5555:5555:5555:5555:5555:5555:5555"} {
			tables, err := Compile(nested(address, step), Options{})
			if err != nil {
				t.Fatal(err)
			}
			deepest = max(deepest, tables.depth6(tables.Source6))
		}
	}
	t.Logf("deepest: %d nodes", deepest)
	if deepest > maxDepth6 {
		t.Errorf("%d nodes are more than the program looks at, %d", deepest, maxDepth6)
	}
}
