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

// limits are those that are measured, by name.
var limits = []struct{ name, text string }{
	{"none: the rule drops all", ""},
	{"per src", "{per: src, rate: 10/s, burst: 20}"},
	{"per dst", "{per: dst, rate: 10/s, burst: 20}"},
	{"per flow", "{per: flow, rate: 10/s, burst: 20}"},
	{"heavy hitters: flow, src, src/24, src/16", "{per: heavy-hitter, levels: [flow, src, src/24, src/16], rate: 10/s, burst: 20}"},
	{"20 different ports in 10 s per src", "{per: src, distinct: dst_port, rate: 20/10s}"},
}

// A crowd is who sends packets in turn.
type crowd struct {
	name    string
	from    sourcing
	members uint32 // a power of two
}

var crowds = []crowd{
	{"one", asIs4, 1}, {"1,024", spread4, 1 << 10}, {"65,536", spread4, 1 << 16}, {"forged", any4, 1},
}

// A limited is a rule with a limit, or without, and who sends.
type limited struct {
	limit, crowd int
	program      *ebpf.Program
	counts       *ebpf.Map
	runs         int
}

func (l *limited) key() string { return fmt.Sprint(l.limit, " ", l.crowd) }

// countRates measures what it costs that a rule has a limit.
func countRates(t *testing.T) section {
	var all []*limited
	for i := range limits {
		for k := range crowds {
			all = append(all, loadLimited(t, i, k))
		}
	}
	frame := padded(datagram())
	var measured []guardRound
	for range *rounds {
		round := make(guardRound)
		for _, l := range all {
			runs := guardRuns
			if crowds[l.crowd].from != asIs4 {
				runs *= 10 // so that it does not matter what was in the caches before
			}
			_, perRun, err := l.program.Benchmark(frame, runs, nil)
			if err != nil {
				t.Fatalf("%s: %v", limits[l.limit].name, err)
			}
			l.runs += runs
			round[l.key()] = float64(perRun)
		}
		measured = append(measured, round)
	}
	rows := table{{"limit", "sources", "ns per packet", "the limit adds", "of without", "over the limit"}}
	for _, l := range all {
		without := &limited{crowd: l.crowd}
		row := []string{limits[l.limit].name, crowds[l.crowd].name, over(measured, func(r guardRound) float64 { return r[l.key()] }).text(0), "", "", ""}
		if limits[l.limit].text != "" {
			row[3] = over(measured, func(r guardRound) float64 { return r[l.key()] - r[without.key()] }).text(0)
			row[4] = over(measured, func(r guardRound) float64 { return r[l.key()] / r[without.key()] }).text(2)
			row[5] = fmt.Sprintf("%.0f %%", 100*float64(dropped(t, l.counts))/float64(l.runs))
		}
		rows = append(rows, row)
	}
	return section{
		title: "Guarder: limits",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn of one source and ten times as many of others, in ns per run, test run and
all, by a policy of one rule about a port of UDP that drops what is over a limit of 10 packets per second with a burst of 20, beside
the same rule without a limit. The program makes sources up: one, so many that take turns in an order that no cache can
guess, or forged ones, each packet from another anywhere in IPv4. Ports are always the same. The tables are as an agent has them, with
room for %d keys. A packet that is over ends the search; all others go through all levels. "Over the limit" is the
share of packets that were dropped, which depends on how fast they come here; of forged sources none is over by itself.`, guardRuns, bpf.GuardBucketSets*bpf.GuardBucketWays),
		table: rows,
	}
}

// datagram is one of a flood of UDP.
func datagram() packet.Frame {
	return packet.Frame{
		Source: netip.MustParseAddr("198.51.100.7"), Destination: netip.MustParseAddr("203.0.113.1"),
		Protocol: packet.UDP, SourcePort: 40_000, DestinationPort: 7, Payload: make([]byte, 32),
	}
}

// limitPolicy reads a policy whose first rule drops UDP that is over a limit; more lines of
// rules may follow.
func limitPolicy(t *testing.T, limit string, more ...string) *policy.Policy {
	t.Helper()
	text := "version: 1\ndefaults: {mode: enforce}\ngroups:\n- name: g\n  rules:\n"
	if limit != "" {
		limit = ", limit: " + limit
	}
	text += "  - {rule: limited, match: {proto: udp, dst_port: 7}, action: drop" + limit + "}\n"
	for _, line := range more {
		text += "  - " + line + "\n"
	}
	p, faults := policy.Parse("p.yaml", []byte(text), policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	return p
}

func loadLimited(t *testing.T, limit, crowd int) *limited {
	t.Helper()
	tables, err := compile.Compile(limitPolicy(t, limits[limit].text), compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := &limited{limit: limit, crowd: crowd}
	state := newState(t)
	l.program, l.counts = loadSourced(t, tables, "bench_source_policy", crowds[crowd], compile.LoadOptions{State: state}), state[compile.MapCounts]
	return l
}

// newState makes the maps that an agent has.
func newState(t *testing.T) map[string]*ebpf.Map {
	t.Helper()
	state, err := compile.NewState(1024)
	if err != nil {
		t.Fatal(err)
	}
	delete(state, compile.MapResults)
	for _, m := range state {
		t.Cleanup(func() { m.Close() })
	}
	return state
}

// loadSourced loads a program that makes up the sources of packets.
func loadSourced(t *testing.T, tables *compile.Tables, name string, of crowd, o compile.LoadOptions) *ebpf.Program {
	t.Helper()
	return loadSourcedGeneration(t, tables, name, of, o).Program
}

// loadSourcedGeneration is the same with the maps.
func loadSourcedGeneration(t *testing.T, tables *compile.Tables, name string, of crowd, o compile.LoadOptions) *compile.Generation {
	t.Helper()
	spec, err := bpf.LoadBenchGuard()
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]uint32{"bench_source": uint32(of.from), "bench_members_mask": of.members - 1} {
		if err := spec.Variables[name].Set(value); err != nil {
			t.Fatal(err)
		}
	}
	g, err := tables.LoadProgram(spec, name, o)
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(g.Close)
	return g
}

// dropped returns how many packets the first rule has dropped.
func dropped(t *testing.T, counts *ebpf.Map) (n uint64) {
	t.Helper()
	var perCPU []bpf.GuardCounts
	if err := counts.Lookup(uint32(0), &perCPU); err != nil {
		t.Fatal(err)
	}
	for _, one := range perCPU {
		n += one.Of[compile.CreditDrop].Packets
	}
	return n
}
