package compile

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestLimitsAreFaultsOfARule has a rule with more conditions than bits, and tables that are
// too large.
func TestLimitsAreFaultsOfARule(t *testing.T) {
	p := policy.Policy{Rules: []policy.Rule{{Group: "g", Name: "first", At: policy.Position{File: "a.yaml", Line: 3, Column: 5}, Match: policy.All{}}}}
	if faults := Check(&p, Options{}); faults != nil {
		t.Errorf("%v", faults)
	}
	var many policy.Any
	for n := range maxAtoms + 1 {
		many = append(many, policy.Number{Of: policy.TTL, Ranges: []policy.Range{{Low: uint32(n), High: uint32(n)}}})
	}
	p.Rules = append(p.Rules, policy.Rule{Group: "g", Name: "many", At: policy.Position{File: "a.yaml", Line: 7, Column: 5}, Match: many})
	var got []string
	for _, faults := range [][]policy.Fault{Check(&p, Options{}), Check(&policy.Policy{Rules: p.Rules[:1]}, Options{MaxBytes: 1})} {
		for _, f := range faults {
			got = append(got, fmt.Sprint(f))
		}
	}
	// A set each, and one with a prefix that the tables have no room for.
	sets := policy.Policy{Sets: make(map[string]*policy.Set)}
	for n := range maxSets {
		name := fmt.Sprint("set", n)
		sets.Sets[name] = &policy.Set{Name: name, Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.1/32")}}
		sets.Rules = append(sets.Rules, policy.Rule{
			Group: "g", Name: name, At: policy.Position{File: "a.yaml", Line: n + 1, Column: 5}, Match: policy.Addresses{Of: policy.Source, Set: name},
		})
	}
	one := sets
	one.Rules = sets.Rules[:1]
	for _, faults := range [][]policy.Fault{Check(&sets, Options{InlinePrefixes: 1}), Check(&one, Options{InlinePrefixes: 1, MaxBytes: 1 << 20})} {
		for _, f := range faults {
			got = append(got, fmt.Sprint(f))
		}
	}
	want := []string{
		"a.yaml:7:5: error[G402]: g/many: the policy has more than 128 different matches beside addresses, ports, protocols, TCP flags and ICMP types (each end of temporary files is one)",
		"a.yaml: error[G402]: the tables of 1 rules take more than 1 bytes; use sets, or fewer different ranges of ports",
		"a.yaml:64:5: error[G402]: g/set63: the policy looks addresses up in more than 63 sets",
		"a.yaml: error[G402]: the sets of the policy take 4202576 bytes, more than 1048576; use fewer prefixes",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestPayloadsOfARuleAreOneCondition has more payloads than conditions, two of each rule.
func TestPayloadsOfARuleAreOneCondition(t *testing.T) {
	p := &policy.Policy{}
	for n := range byte(maxAtoms) {
		p.Rules = append(p.Rules, policy.Rule{Action: policy.Drop, Mode: policy.Enforce, Match: policy.All{
			policy.Protocols{packet.TCP}, policy.Payload{At: 0, Values: [][]byte{{n}}}, policy.Payload{At: 2, Values: [][]byte{{n}, {n, n + 1}}},
		}})
	}
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if n := len(tables.Atoms); n != maxAtoms {
		t.Errorf("%d atoms, want %d", n, maxAtoms)
	}
	for _, payload := range [][]byte{{7, 0, 7, 7}, {7, 0, 7, 8}, {7, 0, 7, 9}, {7, 0, 8, 8}, {8, 0, 7, 7}, {7, 0, 7}, {7}, nil} {
		pkt := &packet.Packet{Family: 4, Protocol: packet.TCP, HasPorts: true, Payload: payload}
		want, got := p.Judge(pkt, &policy.Env{}), tables.Classify(pkt, &policy.Env{})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("% x: (-want +got)\n%s", payload, diff)
		}
		if drops := len(payload) == 4 && payload[0] == 7 && payload[2] == 7 && payload[3] < 9; (got.Verdict == policy.Dropped) != drops {
			t.Errorf("% x: %v", payload, got)
		}
	}
}
