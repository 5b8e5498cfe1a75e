//go:build bench

package bench

import (
	"fmt"
	"math"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// countedSources are how many sources have connections open.
var countedSources = []uint32{1, 1 << 10, uint32(bpf.GuardMaxPrefixes)}

// A connectionCase is a packet by how many sources are counted, and who sends.
type connectionCase struct {
	counted uint32
	of      string
	asks    bool
}

var connectionSenders = []string{"one with none", "forged", "one of them", "all of them"}

// capConnections measures what a limit of open connections costs.
func capConnections(t *testing.T) section {
	programs := connectionPrograms(t)
	var all []map[connectionCase]float64
	for range *rounds {
		round := make(map[connectionCase]float64)
		for c, p := range programs {
			f := syn(datagram().Destination)
			if c.of == "one of them" {
				f.Source = spread4.member(0).Addr()
			}
			runs := guardRuns
			if c.of == "forged" || c.of == "all of them" {
				runs *= 10
			}
			verdict, perRun := benchmark(t, c.of, p, padded(f), runs)
			if capped := c.asks && (c.of == "one of them" || c.of == "all of them"); c.of != "forged" && (verdict == passes) == capped {
				t.Fatalf("%+v: verdict %d", c, verdict)
			}
			round[c] = perRun
		}
		all = append(all, round)
	}
	rows := table{{"sources that are counted", "SYNs of", "without the condition", "asking adds", "of without"}}
	for _, n := range countedSources {
		for _, of := range connectionSenders {
			with, bare := connectionCase{n, of, true}, connectionCase{n, of, false}
			rows = append(rows, []string{
				fmt.Sprint(n), of, over(all, func(r map[connectionCase]float64) float64 { return r[bare] }).text(0),
				over(all, func(r map[connectionCase]float64) float64 { return r[with] - r[bare] }).text(0),
				over(all, func(r map[connectionCase]float64) float64 { return r[with] / r[bare] }).text(2),
			})
		}
	}
	return section{
		title: "Guarder: limits of connections",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn of one source and ten times as many of others, in ns per run, test run and
all: a rule that drops SYNs of sources with more than 20 connections, beside the same rule with a TTL that no packet has in
its place. Those that are counted have 21 each, so theirs are dropped; %d is all that there is room for. To count a
connection costs when it begins and ends, not per packet, and is not measured here.`, guardRuns, bpf.GuardMaxPrefixes),
		table: rows,
	}
}

// connectionPrograms loads one for each case.
func connectionPrograms(t *testing.T) map[connectionCase]*ebpf.Program {
	programs := make(map[connectionCase]*ebpf.Program)
	for _, n := range countedSources {
		state := newState(t)
		state[compile.MapConnections] = countConnections(t, n)
		for _, asks := range []bool{false, true} {
			var condition policy.Expr = policy.Number{Of: policy.TTL, Ranges: []policy.Range{{Low: 1, High: 1}}}
			if asks {
				condition = policy.Connections{Above: 20, IPv4: 32, IPv6: 64}
			}
			match := policy.All{policy.Protocols{packet.TCP}, condition}
			tables, err := compile.Compile(&policy.Policy{Rules: []policy.Rule{{Match: match, Action: policy.Drop, Mode: policy.Enforce}}}, compile.Options{})
			if err != nil {
				t.Fatal(err)
			}
			for _, of := range connectionSenders {
				from := map[string]sourcing{"one with none": asIs4, "one of them": asIs4, "forged": any4, "all of them": spread4}[of]
				g := loadSourcedGeneration(t, tables, "bench_source_policy", crowd{"", from, n}, compile.LoadOptions{State: state})
				if err := g.Map(compile.MapCountedUntil).Put(uint32(0), uint64(math.MaxUint64)); err != nil {
					t.Fatal(err)
				}
				programs[connectionCase{n, of, asks}] = g.Program
			}
		}
	}
	return programs
}

// countConnections makes the map of counts, in which some sources have 21 connections each.
func countConnections(t *testing.T, sources uint32) *ebpf.Map {
	spec, err := bpf.LoadGuard()
	if err != nil {
		t.Fatal(err)
	}
	m, err := ebpf.NewMap(spec.Maps[compile.MapConnections])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	for i := range sources {
		if err := m.Put(compile.PrefixKey(spread4.member(i)), int32(21)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}
