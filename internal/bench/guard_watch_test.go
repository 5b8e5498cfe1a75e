//go:build bench

package bench

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// aimedForged is what noting hits may add to a dropped packet of a flood whose
// sources are forged, in ns.
const aimedForged = 40

// watched are the ways in which a rule can be watched.
var watched = []struct {
	name    string
	hits    bool
	samples float64
}{{"no", false, 0}, {"hits", true, 0}, {"samples", false, 1000}, {"both", true, 1000}}

// watchPackets measures what hits and samples cost, of packets that come as fast as
// they can.
func watchPackets(t *testing.T) section {
	udp := policy.Protocols{packet.UDP}
	policies := map[string]*policy.Policy{
		"drop": {Rules: []policy.Rule{{Match: udp, Action: policy.Drop, Mode: policy.Enforce, Sample: &policy.Sampling{Rate: 10, Snap: 128}}}},
		"pass": {Rules: []policy.Rule{{Match: udp, Action: policy.Pass, Mode: policy.Enforce, Sample: &policy.Sampling{Rate: 10, Snap: 128}}}},
	}
	frame := padded(packet.Frame{Source: netip.MustParseAddr("192.0.2.7"), Destination: netip.MustParseAddr("192.0.2.1"), Protocol: packet.UDP, DestinationPort: 53})
	forge := guardProgram(t, "bench_forge_only")
	programs := make(map[string]*ebpf.Program)
	for action, p := range policies {
		for _, w := range watched {
			for sender, name := range map[string]string{"one": "bench_policy", "forged": "bench_forge_policy"} {
				programs[action+sender+w.name] = watchedProgram(t, p, name, compile.LoadOptions{Hits: w.hits, MaxSamples: w.samples})
			}
		}
	}
	var all []guardRound
	for range *rounds {
		round := make(guardRound)
		run := func(name string, p *ebpf.Program) {
			_, perRun, err := p.Benchmark(frame, guardRuns, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			round[name] = float64(perRun)
		}
		run("forge", forge)
		for name, p := range programs {
			run(name, p)
		}
		all = append(all, round)
	}
	rows := table{{"rule", "sources", "watched by nobody", "hits, more", "samples, more", "both, more", "aim"}}
	for _, action := range []string{"drop", "pass"} {
		for _, sender := range []string{"one", "forged"} {
			more := func(name string) spread {
				return over(all, func(r guardRound) float64 { return r[action+sender+name] - r[action+sender+"no"] })
			}
			rows = append(rows, []string{
				action, sender, over(all, func(r guardRound) float64 { return r[action+sender+"no"] }).text(0),
				more("hits").text(0), more("samples").text(0), more("both").text(0), met(more("hits").median <= aimedForged),
			})
		}
	}
	return section{
		title: "Guarder: noting whom rules hit, and copying packets",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn, in ns per run, by a policy of one rule: packets come as fast as one CPU
takes them. Sources are always the same, or each packet has another one (which alone takes %s ns, with an
empty program). The rule samples 10/s, 128 bytes each. The aim is that noting hits adds at most %d ns.`,
			guardRuns, over(all, func(r guardRound) float64 { return r["forge"] }).text(0), aimedForged),
		table: rows,
	}
}

// watchedProgram loads a program with maps as an agent has them.
func watchedProgram(t *testing.T, p *policy.Policy, name string, o compile.LoadOptions) *ebpf.Program {
	tables, err := compile.Compile(p, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if o.State, err = compile.NewState(1024); err != nil {
		t.Fatal(err)
	}
	delete(o.State, compile.MapResults)
	for _, m := range o.State {
		t.Cleanup(func() { m.Close() })
	}
	spec, err := bpf.LoadBenchGuard()
	if err != nil {
		t.Fatal(err)
	}
	g, err := tables.LoadProgram(spec, name, o)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(g.Close)
	return g.Program
}
