//go:build bench

package bench

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
)

// aimedEnd is what a rule that ends may add to a packet that it matches, in ns, and
// aimedBeside what it may add to others.
const (
	aimedEnd    = 60
	aimedBeside = 2
)

// endRules measures what it costs that a rule ends.
func endRules(t *testing.T) section {
	m := workload.New(guardSeed)
	rules := m.Rules(1000)
	// It asks for more than an address, by which alone a rule would be found in another way.
	match := policy.All{
		policy.Addresses{Of: policy.Source, Prefixes: []netip.Prefix{netip.MustParsePrefix("192.0.2.7/32")}}, policy.Protocols{packet.UDP},
	}
	frames := map[string][]byte{
		"matched": padded(packet.Frame{Source: netip.MustParseAddr("192.0.2.7"), Destination: netip.MustParseAddr("192.0.2.1"), Protocol: packet.UDP, DestinationPort: 53}),
		"other":   padded(packet.Frame{Source: netip.MustParseAddr("192.0.2.8"), Destination: netip.MustParseAddr("192.0.2.1"), Protocol: packet.UDP, DestinationPort: 53}),
	}
	programs := make(map[string]*ebpf.Program)
	for name, until := range map[string]time.Time{"stays": {}, "ends": time.Now().AddDate(1, 0, 0), "over": time.Unix(0, 0)} {
		p := workload.Policy(rules)
		p.Rules = append([]policy.Rule{{Group: "ends", Name: name, Match: match, Action: policy.Drop, Mode: policy.Enforce, Stage: policy.PolicyRule, Until: until}}, p.Rules...)
		for i := range p.Rules {
			p.Rules[i].Stage = policy.PolicyRule
		}
		tables, err := compile.Compile(p, compile.Options{})
		if err != nil {
			t.Fatal(err)
		}
		programs[name], _ = guardLoaded(t, tables, "bench_policy")
	}
	var all []guardRound
	for range *rounds {
		round := make(guardRound)
		for name, p := range programs {
			for kind, frame := range frames {
				_, perRun, err := p.Benchmark(frame, guardRuns, nil)
				if err != nil {
					t.Fatal(err)
				}
				round[name+kind] = float64(perRun)
			}
		}
		all = append(all, round)
	}
	rows := table{{"packet", "rule stays", "rule ends, more", "rule is over, more", "aim"}}
	for _, kind := range []string{"matched", "other"} {
		aim := map[string]float64{"matched": aimedEnd, "other": aimedBeside}[kind]
		more := func(name string) spread {
			return over(all, func(r guardRound) float64 { return r[name+kind] - r["stays"+kind] })
		}
		rows = append(rows, []string{
			kind, over(all, func(r guardRound) float64 { return r["stays"+kind] }).text(0),
			more("ends").text(0), more("over").text(0), met(more("ends").median <= aim),
		})
	}
	return section{
		title: "Guarder: rules that end",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn, in ns per run, by a policy of 1,001 rules whose first drops the
matched packet, and stays, ends later, or is over. The aim is that the end of a rule costs at most
%d ns where it matches, and %d ns elsewhere.`, guardRuns, aimedEnd, aimedBeside),
		table: rows,
	}
}
