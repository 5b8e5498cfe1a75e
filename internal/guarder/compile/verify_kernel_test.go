//go:build kernel

package compile

import (
	"net/netip"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
	"github.com/packetscope/packetscope/internal/testnet"
)

// maxVerified is how much the verifier may look at for 10,000 rules, so that an
// update is quick; the kernel's limit is a million.
const maxVerified = 350_000

func TestVerifierHasLittleToDo(t *testing.T) {
	m := workload.New(newMaker(t).Uint64())
	tables, err := Compile(workload.Policy(m.Rules(10_000)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	tables.UnparsableSamples = &policy.Sampling{Rate: 1, Snap: 128}
	for i := range policy.MaxFeeds {
		tables.Feeds = append(tables.Feeds, Credit(1+i%3))
	}
	verifies(t, tables, maxVerified)
}

// verifies fails if the verifier looks at more than so many instructions.
func verifies(t *testing.T, tables *Tables, most uint32) {
	t.Helper()
	g := loaded(t, tables, LoadOptions{Hits: true, Sockets: true, MaxSamples: 1000, Explain: true})
	defer g.Close()
	info, err := g.Program.Info()
	if err != nil {
		t.Fatal(err)
	}
	n, known := info.VerifiedInstructions()
	t.Logf("%d instructions verified", n)
	if known && n > most {
		t.Errorf("%d instructions are verified, more than %d", n, most)
	}
}

// TestLargestPolicyLoads has as many lines as there may be, which ask for all that makes
// the program longer.
func TestLargestPolicyLoads(t *testing.T) {
	lines := MaxPolicyLines
	if testnet.InVM() {
		lines /= 16 // to load as many takes minutes there
	}
	p := &policy.Policy{
		Sets: map[string]*policy.Set{"large": {Name: "large", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/24"), netip.MustParsePrefix("2001:db8::/64")}}},
		Life: policy.Life{KeepEstablished: true, ProtectApplier: time.Minute},
	}
	for i := range uint32(lines) {
		match := policy.All{
			policy.Addresses{Of: policy.Source, Prefixes: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), 32)}},
			policy.Ports{Of: policy.SourcePort, Ranges: []policy.Range{{Low: i % 100, High: i%100 + 9}}},
			policy.Protocols{packet.UDP},
			policy.Number{Of: policy.TTL, Ranges: []policy.Range{{Low: i % 20, High: 40}}},
		}
		r := policy.Rule{Stage: policy.PolicyRule, Mode: policy.Enforce, Action: policy.Drop}
		switch i % 5 {
		case 0:
			r.Mode = policy.Audit
			if i%10 == 0 {
				r.Limit = &policy.Limit{Rate: 1, Burst: 2, Levels: []policy.Level{{Per: policy.PerFlow}, {Per: policy.PerSource, Prefix4: 24, Prefix6: 48}}}
			}
		case 1:
			r.Action = policy.Count
		case 2:
			match = append(match, policy.Addresses{Of: policy.Destination, Set: "large"}, policy.Own{Of: policy.Destination})
		case 3:
			match = append(match, policy.Addresses{Of: policy.Source, Set: "large"}, policy.Not{Of: policy.Own{Of: policy.QuotedSource}},
				policy.Bits{Of: policy.Fragments, None: uint32(packet.Overlap)})
		case 4:
			match = append(match, policy.Socket{States: policy.SocketNone}, policy.Sequence{Of: policy.Inner, Is: policy.OutOfWindow})
		}
		r.Match = match
		p.Rules = append(p.Rules, r)
	}
	tables, err := Compile(p, Options{InlinePrefixes: 1})
	if err != nil {
		t.Fatal(err)
	}
	tables.UnparsableSamples = &policy.Sampling{Rate: 1, Snap: 128}
	for i := range policy.MaxFeeds {
		tables.Feeds = append(tables.Feeds, Credit(1+i%3))
	}
	const half = 500_000 // of what the kernel takes
	verifies(t, tables, half)
}
