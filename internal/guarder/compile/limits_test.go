package compile

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

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
	want := []string{
		"a.yaml:7:5: error[G402]: g/many: the policy has more than 64 different matches beside addresses, ports, protocols, TCP flags and ICMP types",
		"a.yaml: error[G402]: the tables of 1 rules take more than 1 bytes; use sets, or fewer different ranges of ports",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
