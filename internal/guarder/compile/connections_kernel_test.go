//go:build kernel && linux

package compile

import (
	"math"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// roomForConnections returns a map for the counts of prefixes.
func roomForConnections(t *testing.T) *ebpf.Map {
	t.Helper()
	spec, err := bpf.LoadGuard()
	if err != nil {
		t.Fatal(err)
	}
	m, err := ebpf.NewMap(spec.Maps[MapConnections])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.Close() })
	return m
}

// TestProgramAsksForConnections compares the kernel's program with the plain interpreter on
// random policies about connections. What is counted is good, or it was until just now.
func TestProgramAsksForConnections(t *testing.T) {
	m := newMaker(t)
	policies, packets := 20, 1000
	if testnet.InVM() {
		policies = 6
	}
	matched, matchedLate := 0, 0
	// A random policy may have no rule that any of the packets meets.
	for round := range rounds(policies, func() bool { return matched > 0 && matchedLate > 0 }) {
		p := m.policy(1 + m.IntN(20))
		for i := range p.Rules {
			p.Rules[i].Match = oneOf[policy.Expr](m, m.connectionsLeaf(), policy.All{p.Rules[i].Match, m.connectionsLeaf()}, policy.Not{Of: m.connectionsLeaf()}, p.Rules[i].Match)
			p.Rules[i].Limit = nil
		}
		p.Life = policy.Life{}
		tables, err := Compile(p, testOptions)
		if err != nil {
			continue
		}
		counts := roomForConnections(t)
		g := loaded(t, tables, LoadOptions{Explain: true, State: map[string]*ebpf.Map{MapConnections: counts}})
		late := round%3 == 0
		until := uint64(math.MaxUint64)
		if late {
			until = 1
		}
		put(t, g.Map(MapCountedUntil), uint32(0), until)
		known := make(map[netip.Prefix]uint32)
		var fragments packet.Tracker
		for range packets {
			frame := m.frame()
			pkt := parsed(tables, &fragments, frame)
			m.countSome(t, counts, known, &pkt)
			e := env(p, &pkt)
			e.Sockets, e.Own = nil, nil
			if !late {
				e.Connections = func(p netip.Prefix) uint32 { return known[p] }
			}
			want, got := resultOf(p.Judge(&pkt, e)), judge(t, g, frame)
			if want != got {
				t.Fatalf("packet %+v, counted %v, late %v: (-want +got)\n%s", pkt, known, late, cmp.Diff(want, got))
			}
			if want.Rule != uint32(none) && late {
				matchedLate++
			} else if want.Rule != uint32(none) {
				matched++
			}
		}
		g.Close()
		counts.Close()
	}
	if matched == 0 || matchedLate == 0 {
		t.Errorf("%d packets were judged by a rule while counts were good, %d later; the test tests nothing", matched, matchedLate)
	}
}

// countSome counts connections of a packet's source.
func (m maker) countSome(t *testing.T, counts *ebpf.Map, known map[netip.Prefix]uint32, p *packet.Packet) {
	t.Helper()
	if p.Family == 0 || m.chance(4) {
		return
	}
	prefix := m.connectionsLeaf().(policy.Connections).Prefix(p.Source)
	n := uint32(m.IntN(5))
	if n == 0 {
		delete(known, prefix)
		if err := counts.Delete(PrefixKey(prefix)); err != nil && known[prefix] != 0 {
			t.Fatal(err)
		}
		return
	}
	known[prefix] = n
	put(t, counts, PrefixKey(prefix), int32(n))
}
