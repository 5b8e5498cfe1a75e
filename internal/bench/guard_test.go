//go:build bench

package bench

import (
	"cmp"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
)

// What judging a packet may cost, in ns beyond an empty program.
const (
	aimedHot  = 110
	aimedHot6 = 120
)

// aimedTrace is the same for different packets, by the number of rules.
var aimedTrace = map[int]float64{1000: 220, 4096: 350, 10_000: 500}

const (
	guardSeed  = 42
	guardTrace = 8192 // different packets
	guardRuns  = 40_000
)

// A guardSet is a policy in the kernel, with packets to be judged.
type guardSet struct {
	name             string
	rules            int
	hard             bool
	hot, trace       *ebpf.Program
	first, last, udp []byte
	none, six        []byte
	compile, load    time.Duration
	instructions     int
	size             int
}

// A guardRound holds ns per run by set and case.
type guardRound map[string]float64

// judgePackets has the kernel judge packets by policies of different sizes.
func judgePackets(t *testing.T) section {
	m := workload.New(guardSeed)
	sets := []guardSet{}
	var rules []workload.Rule
	for _, n := range []int{10, 100, 1000, 4096, 10_000} {
		rules = m.Rules(n)
		sets = append(sets, loadGuard(t, m, "typical", rules))
	}
	linear, most := linearScan(t, rules), sets[len(sets)-1]
	requireScan(t, linear, most.first, most.none)
	for _, kind := range workload.Kinds {
		sets = append(sets, loadGuard(t, m, kind, m.Hard(kind, 4096)))
	}
	empty, parse, copying := guardProgram(t, "bench_empty"), guardProgram(t, "bench_parse"), traceCopy(t, m)
	var all []guardRound
	for range *rounds {
		round := make(guardRound)
		run := func(name string, p *ebpf.Program, frame []byte) {
			_, perRun, err := p.Benchmark(frame, guardRuns, nil)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			round[name] = float64(perRun)
		}
		run("empty", empty, sets[0].first)
		run("parse", parse, sets[0].first)
		run("copy", copying, sets[0].first)
		run("linear", linear, most.none)
		for _, s := range sets {
			run(s.key("first"), s.hot, s.first)
			run(s.key("last"), s.hot, s.last)
			run(s.key("none"), s.hot, s.none)
			run(s.key("udp"), s.hot, s.udp)
			run(s.key("six"), s.hot, s.six)
			run(s.key("trace"), s.trace, s.first)
		}
		all = append(all, round)
	}
	return section{
		title: "Guarder: judging a packet",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn, in ns beyond an empty XDP program (%s ns), parsing and counting
included; parsing alone takes %s ns. "First", "last", "none", "UDP" and "IPv6" are one packet over and
over: a TCP packet over IPv4 that the first such rule matches, the last one that is not hidden by others, or
none; a UDP packet; a TCP packet over IPv6. "Trace" are %d different packets in turn, of which 70 %% match a random
rule, beyond copying them (%s ns). Package internal/guarder/workload makes the rules, from seed %d. "Update" is
compiling and loading a policy once. The aims are %d ns hot at 10,000 rules, %d for IPv6, and for
traces 220, 350 and 500 at 1,000, 4,096 and 10,000 rules; for hard sets 1.2 times that. The simplest of filters, that
parses as Guarder does and then compares the packet with %d of the rules one after the other, takes %s ns
where none matches. "Of parsing" is the hot packet that takes longest, in units of parsing; "of a scan"
is "none" in units of those %d comparisons.`,
			guardRuns, over(all, func(r guardRound) float64 { return r["empty"] }).text(0),
			over(all, func(r guardRound) float64 { return r["parse"] - r["empty"] }).text(0), guardTrace,
			over(all, func(r guardRound) float64 { return r["copy"] }).text(0), guardSeed, aimedHot, aimedHot6,
			scanned, over(all, func(r guardRound) float64 { return r["linear"] - r["empty"] }).text(0), scanned),
		table: guardTable(sets, all),
	}
}

func (s guardSet) key(packet string) string { return fmt.Sprint(s.name, s.rules, packet) }

func guardTable(sets []guardSet, all []guardRound) table {
	rows := table{{"rules", "first", "last", "none", "UDP", "IPv6", "trace", "hot, of parsing", "none, of a scan", "aims", "tables, KB", "verified instructions", "update, ms"}}
	for _, s := range sets {
		net := func(packet string) spread {
			return over(all, func(r guardRound) float64 { return r[s.key(packet)] - r["empty"] })
		}
		trace := over(all, func(r guardRound) float64 { return r[s.key("trace")] - r["copy"] })
		hot := max(net("first").median, net("last").median, net("none").median, net("udp").median)
		ofParsing := over(all, func(r guardRound) float64 {
			return (max(r[s.key("first")], r[s.key("last")], r[s.key("none")], r[s.key("udp")]) - r["empty"]) / (r["parse"] - r["empty"])
		})
		ofScan := over(all, func(r guardRound) float64 { return (r[s.key("none")] - r["empty"]) / (r["linear"] - r["empty"]) })
		aim, factor := cmp.Or(aimedTrace[s.rules], 220), 1.0
		if s.hard {
			factor = 1.2
		}
		rows = append(rows, []string{
			fmt.Sprintf("%d %s", s.rules, s.name),
			net("first").text(0), net("last").text(0), net("none").text(0), net("udp").text(0), net("six").text(0), trace.text(0),
			ofParsing.text(2), ofScan.text(2),
			fmt.Sprintf("hot %s, IPv6 %s, trace %s", met(hot <= factor*aimedHot), met(net("six").median <= factor*aimedHot6), met(trace.median <= factor*aim)),
			fmt.Sprint(s.size / 1000), fmt.Sprint(s.instructions),
			fmt.Sprintf("%d + %d", s.compile.Milliseconds(), s.load.Milliseconds()),
		})
	}
	return rows
}

// loadGuard compiles and loads rules, and chooses packets.
func loadGuard(t *testing.T, m *workload.Maker, name string, rules []workload.Rule) guardSet {
	s := guardSet{name: name, rules: len(rules), hard: name != "typical"}
	p := workload.Policy(rules)
	begin := time.Now()
	tables, err := compile.Compile(p, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s.compile = time.Since(begin)
	begin = time.Now()
	s.hot, _ = guardLoaded(t, tables, "bench_policy")
	s.load = time.Since(begin)
	var frames *ebpf.Map
	s.trace, frames = guardLoaded(t, tables, "bench_trace_policy")
	trace := m.Trace(rules, guardTrace)
	fillTrace(t, frames, trace)
	s.size = tables.Size()
	info, err := s.hot.Info()
	if err != nil {
		t.Fatal(err)
	}
	n, _ := info.VerifiedInstructions()
	s.instructions = int(n)
	s.choose(t, m, p, rules)
	return s
}

// choose finds a packet of each case.
func (s *guardSet) choose(t *testing.T, m *workload.Maker, p *policy.Policy, rules []workload.Rule) {
	judged := func(f packet.Frame) int {
		pkt := packet.Parse(f.Bytes())
		return p.Judge(&pkt, &policy.Env{}).By
	}
	tcp := func(i int) bool {
		return !rules[i].Six && rules[i].Protocol == packet.TCP && rules[i].FlagMask == 0
	}
	pick := func(order []int, ok func(int) bool) []byte {
		for _, i := range order {
			if f := m.Frame(&rules[i]); ok(i) && judged(f) == i {
				return padded(f)
			}
		}
		return padded(m.Background())
	}
	var up []int
	for i := range rules {
		up = append(up, i)
	}
	down := slices.Clone(up)
	slices.Reverse(down)
	s.first, s.last = pick(up, tcp), pick(down, tcp)
	s.udp = pick(down, func(i int) bool { return !rules[i].Six && rules[i].Protocol == packet.UDP })
	s.six = pick(down, func(i int) bool { return rules[i].Six && rules[i].Protocol == packet.TCP })
	for range 10_000 {
		if f := m.Background(); f.Source.Is4() && f.Protocol == packet.TCP && judged(f) == policy.None {
			s.none = padded(f)
			return
		}
	}
	t.Fatalf("all packets match a rule of %s", s.name)
}

// guardLoaded loads a program of the benchmarks with tables.
func guardLoaded(t *testing.T, tables *compile.Tables, name string) (*ebpf.Program, *ebpf.Map) {
	spec, err := bpf.LoadBenchGuard()
	if err != nil {
		t.Fatal(err)
	}
	g, err := tables.LoadProgram(spec, name, compile.LoadOptions{})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(g.Close)
	return g.Program, g.Map("bench_frames")
}

// guardProgram loads one that needs no tables.
func guardProgram(t *testing.T, name string) *ebpf.Program {
	spec, err := bpf.LoadBenchGuard()
	return loadAlone(t, spec, err, name, nil)
}

func traceCopy(t *testing.T, m *workload.Maker) *ebpf.Program {
	tables, err := compile.Compile(&policy.Policy{}, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	program, frames := guardLoaded(t, tables, "bench_trace_copy")
	fillTrace(t, frames, m.Trace(m.Rules(10), guardTrace))
	return program
}

func fillTrace(t *testing.T, frames *ebpf.Map, trace []packet.Frame) {
	for i, f := range trace {
		if err := frames.Put(uint32(i), padded(f)); err != nil {
			t.Fatal(err)
		}
	}
}

// padded returns a frame of 96 bytes.
func padded(f packet.Frame) []byte {
	b := f.Bytes()
	return append(b, make([]byte, max(96-len(b), 0))...)[:96]
}
