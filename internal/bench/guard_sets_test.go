//go:build bench

package bench

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// What a rule that drops a set of a million may add to a policy.
const (
	aimedStranger   = 10 // ns, one packet over and over
	aimedStrangers  = 60 // ns, different ones
	aimedSetMegs    = 16
	aimedSetSeconds = 0.2
	// aimedCommon is what a packet that passes a whole policy takes, in units of
	// parsing.
	aimedCommon = 3.0
)

const million = 1 << 20

// A sourcing is where the sources of packets come from: enum bench_source.
type sourcing uint32

const (
	asIs4 sourcing = iota
	any4
	spread4
	crowded4
	asIs6
	any6
	near6
	member6
)

// member returns a member of the sets, as the programs make them.
func (s sourcing) member(i uint32) netip.Prefix {
	const golden = 0x9e3779b1
	var b [16]byte
	if s == spread4 || s == crowded4 {
		n := i * golden
		if s == crowded4 {
			n = ((i>>5)*golden)&^255 | ((i&31)*8 + i>>5&7)
		}
		binary.BigEndian.PutUint32(b[:], n)
		return netip.PrefixFrom(netip.AddrFrom4([4]byte(b[:4])), 32)
	}
	binary.BigEndian.PutUint32(b[:], (0x2a00+i&15)<<16|((i>>4&4095)*golden)>>16)
	binary.BigEndian.PutUint32(b[4:], i*0x85ebca6b)
	if i&1 == 0 {
		return netip.PrefixFrom(netip.AddrFrom16(b), 64)
	}
	binary.BigEndian.PutUint64(b[8:], uint64(i)*0x9e3779b97f4a7c15)
	return netip.PrefixFrom(netip.AddrFrom16(b), 128)
}

// A bigSet is a set to be dropped, and packets.
type bigSet struct {
	name                     string
	prefixes                 []netip.Prefix
	asIs, strangers, members sourcing
	stranger, member         netip.Addr
}

func bigSets() []bigSet {
	sets := []bigSet{
		{name: "IPv4: hosts everywhere, and 20,000 /24", asIs: asIs4, strangers: any4, members: spread4},
		{name: "IPv4: 32 hosts in each of 32,768 /24", asIs: asIs4, strangers: any4, members: crowded4},
		{name: "IPv6: /64 and /128 in 65,536 /32", asIs: asIs6, strangers: near6, members: member6},
	}
	for i := range sets {
		s := &sets[i]
		for n := range uint32(million) {
			s.prefixes = append(s.prefixes, s.members.member(n))
		}
		s.member = s.prefixes[1].Addr()
		s.stranger = netip.MustParseAddr("198.51.100.7")
		if s.asIs == asIs6 {
			s.stranger = netip.MustParseAddr("2a00:0:5::7")
		}
		if i == 0 {
			for n := range uint32(20_000) {
				var b [4]byte
				binary.BigEndian.PutUint32(b[:], n*0x85ebca6b)
				s.prefixes = append(s.prefixes, netip.PrefixFrom(netip.AddrFrom4(b), 24).Masked())
			}
		}
		s.prefixes = disjoint(s.prefixes)
	}
	return sets
}

// disjoint sorts prefixes and drops those within others.
func disjoint(prefixes []netip.Prefix) []netip.Prefix {
	slices.SortFunc(prefixes, netip.Prefix.Compare)
	kept := prefixes[:0]
	for _, p := range prefixes {
		if len(kept) == 0 || !kept[len(kept)-1].Contains(p.Addr()) {
			kept = append(kept, p)
		}
	}
	return kept
}

// A lookup is a way to know whether a source is in a set.
type lookup struct {
	name     string
	programs map[string]*ebpf.Program // by column
	megs     float64
	seconds  float64
}

var setColumns = []string{"one stranger", "one member", "strangers", "members"}

// lookUpSets has the kernel look sources up.
func lookUpSets(t *testing.T) section {
	rows := table{append(append([]string{"set", "looked up by"}, setColumns...), "MB", "seconds to make", "aims")}
	for _, s := range bigSets() {
		floor := s.plain(t, "bench_source_copy", nil)
		policyAlone, with := s.policies(t)
		lookups := []lookup{with, s.fed(t), s.alone(t), s.trie(t)}
		if s.asIs == asIs4 {
			lookups = append(lookups, s.hash(t))
		}
		var all []guardRound
		for range *rounds {
			round := make(guardRound)
			for _, column := range setColumns {
				run := func(name string, p *ebpf.Program) {
					from := s.stranger
					if column == "one member" {
						from = s.member
					}
					runs := guardRuns
					if column == "strangers" || column == "members" {
						runs *= 10 // so that it does not matter what was in the caches before
					}
					_, perRun, err := p.Benchmark(s.frame(from), runs, nil)
					if err != nil {
						t.Fatalf("%s: %v", name, err)
					}
					round[name+column] = float64(perRun)
				}
				run("floor", floor.programs[column])
				run("policy", policyAlone.programs[column])
				for _, l := range lookups {
					run(l.name, l.programs[column])
				}
			}
			all = append(all, round)
		}
		for i, l := range lookups {
			without, ofGuarder := "floor", i < 2
			if ofGuarder {
				without = "policy"
			}
			rows = append(rows, s.row(l, without, all, ofGuarder))
		}
	}
	common, ratio := commonPacket(t)
	return section{
		title: "Guarder: sets of a million prefixes",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn, in ns that are added: by one rule that drops
sources of a set to the policies baseline and forged-icmp, by a feed in its place, and by the lookup alone to a
program that only writes the packet's source. "One" is one packet over and over. Others have a new source in each run, made up by the
program: strangers anywhere in IPv4, or in a /32 of IPv6 that has members, and members of the set. Beside it what
the kernel has for the purpose; its hash holds the hosts alone. "Seconds to make" is compiling and loading, or filling.
The aims are %d ns for one stranger, %d for many, %d MB and %.1f s.`,
			guardRuns, aimedStranger, aimedStrangers, aimedSetMegs, aimedSetSeconds),
		table: rows,
		verdict: fmt.Sprintf(`A TCP packet that passes baseline, forged-icmp and a set of 100,000 hosts takes %s ns, test run and
all: %s times what parsing it alone does. The aim of %.0f is %s.`, common.text(0), ratio.text(2), aimedCommon, met(ratio.median <= aimedCommon)),
	}
}

// commonPacket compares a packet that no rule is about with one that is only parsed.
func commonPacket(t *testing.T) (took, ratio spread) {
	s := bigSet{asIs: asIs4, stranger: netip.MustParseAddr("198.51.100.7")}
	for n := range uint32(100_000) {
		s.prefixes = append(s.prefixes, spread4.member(n))
	}
	s.prefixes = disjoint(s.prefixes)
	tables, err := compile.Compile(s.policy(t), compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	judge, _ := guardLoaded(t, tables, "bench_policy")
	parse := guardProgram(t, "bench_parse")
	var all []guardRound
	for range *rounds {
		round := make(guardRound)
		for name, p := range map[string]*ebpf.Program{"judge": judge, "parse": parse} {
			_, perRun, err := p.Benchmark(s.frame(s.stranger), guardRuns, nil)
			if err != nil {
				t.Fatal(err)
			}
			round[name] = float64(perRun)
		}
		all = append(all, round)
	}
	return over(all, func(r guardRound) float64 { return r["judge"] }), over(all, func(r guardRound) float64 { return r["judge"] / r["parse"] })
}

func (s *bigSet) row(l lookup, without string, all []guardRound, aims bool) []string {
	row := []string{s.name, l.name}
	median := make(map[string]float64)
	for _, column := range setColumns {
		added := over(all, func(r guardRound) float64 { return r[l.name+column] - r[without+column] })
		median[column] = added.median
		row = append(row, added.text(0))
	}
	if l.megs == 0 {
		return append(row, "", "", "") // a part of the row above
	}
	row = append(row, fmt.Sprintf("%.1f", l.megs), fmt.Sprintf("%.2f", l.seconds))
	if !aims {
		return append(row, "")
	}
	return append(row, fmt.Sprintf("%s, %s, %s, %s", met(median["one stranger"] <= aimedStranger),
		met(median["strangers"] <= aimedStrangers), met(l.megs <= aimedSetMegs), met(l.seconds <= aimedSetSeconds)))
}

func (s *bigSet) frame(from netip.Addr) []byte {
	to := netip.MustParseAddr("203.0.113.1")
	if from.Is6() {
		to = netip.MustParseAddr("2001:db8::1")
	}
	return padded(packet.Frame{
		Source: from, Destination: to, Protocol: packet.TCP, SourcePort: 40_000, DestinationPort: 443, Flags: 0x10, Payload: make([]byte, 32),
	})
}

// policies loads the ready-made policies without and with a rule more.
func (s *bigSet) policies(t *testing.T) (without, with lookup) {
	p := s.policy(t)
	alone := *p
	alone.Rules = p.Rules[:len(p.Rules)-1]
	without = s.judged(t, "policy", &alone)
	with = s.judged(t, "one rule of Guarder", p)
	with.megs -= without.megs
	with.seconds -= without.seconds
	return without, with
}

// policy returns the ready-made policies, and at the end a rule that drops the set.
func (s *bigSet) policy(t *testing.T) *policy.Policy {
	const folder = "../../rules/guarder/"
	p, faults := policy.Load([]string{folder + "baseline.yaml", folder + "forged-icmp.yaml"}, policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	p.Sets = map[string]*policy.Set{"big": {Name: "big", Prefixes: s.prefixes}}
	p.Rules = append(p.Rules, policy.Rule{
		Name: "drop-big", Match: policy.Addresses{Of: policy.Source, Set: "big"}, Action: policy.Drop, Mode: policy.Enforce,
	})
	return p
}

func (s *bigSet) judged(t *testing.T, name string, p *policy.Policy) lookup {
	begin := time.Now()
	tables, err := compile.Compile(p, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g, err := tables.Load(compile.LoadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	l := lookup{seconds: time.Since(begin).Seconds()}
	defer g.Close()
	for _, name := range []string{".data.any4", ".data.any6", ".data.blocks4", ".data.words", ".data.memberships", ".data.dense"} {
		l.megs += megsOf(t, g.Map(name))
	}
	l.name, l.programs = name, s.load(t, "bench_source_policy", tables, nil).programs
	return l
}

// alone loads the lookup without the rest of a policy.
func (s *bigSet) alone(t *testing.T) lookup {
	p := &policy.Policy{
		Sets: map[string]*policy.Set{"big": {Name: "big", Prefixes: s.prefixes}},
		Rules: []policy.Rule{{
			Name: "drop-big", Match: policy.Addresses{Of: policy.Source, Set: "big"}, Action: policy.Drop, Mode: policy.Enforce,
		}},
	}
	tables, err := compile.Compile(p, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	l := s.load(t, "bench_source_class", tables, nil)
	l.name = "its blocks alone"
	return l
}

// plain loads a program that looks nothing up in tables of a policy.
func (s *bigSet) plain(t *testing.T, program string, maps map[string]*ebpf.Map) lookup {
	tables, err := compile.Compile(&policy.Policy{}, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s.load(t, program, tables, maps)
}

// load loads a program once for each column; all have the same blocks.
func (s *bigSet) load(t *testing.T, program string, tables *compile.Tables, maps map[string]*ebpf.Map) lookup {
	l := lookup{programs: make(map[string]*ebpf.Program)}
	shared := make(map[string]*ebpf.Map)
	for name, m := range maps {
		shared[name] = m
	}
	for column, from := range map[string]sourcing{
		"one stranger": s.asIs, "one member": s.asIs, "strangers": s.strangers, "members": s.members,
	} {
		spec, err := bpf.LoadBenchGuard()
		if err != nil {
			t.Fatal(err)
		}
		for name, value := range map[string]uint32{"bench_source": uint32(from), "bench_members_mask": million - 1} {
			if err := spec.Variables[name].Set(value); err != nil {
				t.Fatal(err)
			}
		}
		for name, m := range maps {
			spec.Maps[name].KeySize, spec.Maps[name].MaxEntries = m.KeySize(), m.MaxEntries()
		}
		g, err := tables.LoadProgram(spec, program, compile.LoadOptions{State: shared})
		if err != nil {
			t.Fatalf("%+v", err)
		}
		t.Cleanup(g.Close)
		for _, name := range []string{".data.any4", ".data.any6", ".data.blocks4", ".data.words"} {
			shared[name] = g.Map(name)
		}
		l.programs[column] = g.Program
	}
	return l
}

// trie fills the kernel's trie.
func (s *bigSet) trie(t *testing.T) lookup {
	l := lookup{name: "the kernel's LPM trie"}
	if s.asIs == asIs4 {
		return s.kernelMap(t, l, "bench_source_trie", "bench_trie", filled[[8]byte])
	}
	return s.kernelMap(t, l, "bench_source_trie", "bench_trie", filled[[20]byte])
}

// hash fills the kernel's hash with the hosts of a set.
func (s *bigSet) hash(t *testing.T) lookup {
	hosts := *s
	hosts.prefixes = slices.DeleteFunc(slices.Clone(s.prefixes), func(p netip.Prefix) bool { return !p.IsSingleIP() })
	return hosts.kernelMap(t, lookup{name: "the kernel's hash"}, "bench_source_hash", "bench_hash", filled[[4]byte])
}

func (s *bigSet) kernelMap(t *testing.T, l lookup, program, of string, fill func(*testing.T, *ebpf.MapSpec, []netip.Prefix) *ebpf.Map) lookup {
	spec, err := bpf.LoadBenchGuard()
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	m := fill(t, spec.Maps[of], s.prefixes)
	l.seconds, l.megs = time.Since(begin).Seconds(), megsOf(t, m)
	l.programs = s.plain(t, program, map[string]*ebpf.Map{of: m}).programs
	return l
}

// filled makes a map with keys of a size: addresses, or prefixes that begin with their
// length.
func filled[K [4]byte | [8]byte | [20]byte](t *testing.T, spec *ebpf.MapSpec, prefixes []netip.Prefix) *ebpf.Map {
	keys := make([]K, len(prefixes))
	for i, p := range prefixes {
		key := p.Addr().AsSlice()
		if len(keys[i]) > len(key) {
			key = append(binary.NativeEndian.AppendUint32(nil, uint32(p.Bits())), key...)
		}
		keys[i] = K(key)
	}
	spec.KeySize, spec.MaxEntries = uint32(len(keys[0])), uint32(len(keys))
	m, err := ebpf.NewMap(spec)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	if _, err := m.BatchUpdate(keys, make([]uint32, len(keys)), nil); err != nil {
		t.Fatal(err)
	}
	return m
}

// megsOf returns how much memory a map takes, by the kernel's account.
func megsOf(t *testing.T, m *ebpf.Map) float64 {
	info, err := m.Info()
	if err != nil {
		t.Fatal(err)
	}
	n, _ := info.Memlock()
	return float64(n) / 1e6
}
