package compile

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
)

// mixed returns the policy of rules, some of which are audited or count.
func mixed(rules []workload.Rule) *policy.Policy {
	p := workload.Policy(rules)
	for i := range p.Rules {
		switch {
		case i%5 == 1:
			p.Rules[i].Action, p.Rules[i].Mode = policy.Drop, policy.Audit
		case i%50 == 3:
			p.Rules[i].Action = policy.Count
		}
	}
	return p
}

// TestTablesOfManyRules has rows of several summaries.
func TestTablesOfManyRules(t *testing.T) {
	m := workload.New(newMaker(t).Uint64())
	rules := map[string][]workload.Rule{"typical": m.Rules(10_000)}
	for _, kind := range workload.Kinds {
		rules[kind] = m.Hard(kind, 2000)
	}
	for name, rules := range rules {
		t.Run(name, func(t *testing.T) {
			p := mixed(rules)
			tables, err := Compile(p, Options{})
			if err != nil {
				t.Fatal(err)
			}
			byBits := 0
			for _, f := range m.Trace(rules, 2000) {
				pkt := packet.Parse(f.Bytes())
				e := env(p, &packet.Packet{})
				want, got := p.Judge(&pkt, e), tables.Classify(&pkt, e)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Fatalf("packet %+v: (-want +got)\n%s", pkt, diff)
				}
				if want.By != policy.None {
					byBits++
				}
			}
			if byBits < 500 {
				t.Errorf("rules ended the search of only %d packets", byBits)
			}
		})
	}
}

// A fault is told with the rule, and nothing is left out.
func TestCompileTellsWhichRuleIsTooMuch(t *testing.T) {
	at := policy.Position{File: "p.yaml", Line: 7, Column: 5}
	var alternatives policy.All // 2^13 lines
	for i := range 13 {
		alternatives = append(alternatives, policy.Any{
			policy.Payload{At: i, Values: [][]byte{{1}}}, policy.Payload{At: i, Values: [][]byte{{2}}},
		})
	}
	var atoms policy.All
	for i := range maxAtoms + 1 {
		atoms = append(atoms, policy.Number{Of: policy.TTL, Ranges: []policy.Range{{Low: uint32(i), High: uint32(i)}}})
	}
	var many []policy.Range
	for i := range uint32(257) {
		many = append(many, policy.Range{Low: 2 * i, High: 2 * i})
	}
	for _, c := range []struct {
		match policy.Expr
		want  string
	}{
		{alternatives, `p.yaml:7:5: rule "r" of group "g": its alternatives multiply to more than 4096; split it into several rules`},
		{atoms, `p.yaml:7:5: rule "r" of group "g": the policy has more than 128 different matches beside addresses, ports, protocols, TCP flags and ICMP types (each end of temporary files is one)`},
		{policy.Number{Of: policy.TTL, Ranges: many}, `p.yaml:7:5: rule "r" of group "g": a match has 257 alternatives, more than 256`},
	} {
		_, err := Compile(&policy.Policy{Rules: []policy.Rule{{Group: "g", Name: "r", Match: c.match, At: at}}}, Options{})
		if got := fmt.Sprint(err); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
	crowd := make([]policy.Rule, MaxPolicyLines+1)
	for i := range crowd {
		crowd[i] = policy.Rule{Group: "g", Name: fmt.Sprint(i), Match: policy.Protocols{6}, At: at}
	}
	_, err := Compile(&policy.Policy{Rules: crowd}, Options{})
	want := `p.yaml:7:5: rule "32768" of group "g": up to here the rules have more than 32768 alternatives; use sets`
	if got := fmt.Sprint(err); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	m := workload.New(1)
	_, err = Compile(workload.Policy(m.Rules(1000)), Options{MaxBytes: 100_000})
	if err == nil {
		t.Error("no error for tables that are too large")
	}
}
