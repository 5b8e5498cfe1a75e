package compile

import (
	"fmt"
	"math/bits"
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/guarder/workload"
)

// TestLinesAreClusteredByWhatTellsPacketsApart looks where lines have their bits.
func TestLinesAreClusteredByWhatTellsPacketsApart(t *testing.T) {
	in := func(s string) addressSet { return addressesIn([]netip.Prefix{netip.MustParsePrefix(s)}) }
	on := func(port uint32) portSet { return portsIn([]policy.Range{{Low: port, High: port}}) }
	var lines []*entry
	add := func(source, destination string, port uint32) {
		lines = append(lines, &entry{rule: uint32(len(lines)), line: line{source: in(source), destination: in(destination), destinationPort: on(port)}})
	}
	for i := range 40 { // to a few servers, from everywhere
		add(fmt.Sprintf("10.0.%d.1/32", i*7%40), fmt.Sprintf("198.18.0.%d/32", i%20), uint32(i))
	}
	add("10.0.0.0/8", "198.18.0.0/15", 443)
	add("10.0.3.1/32", "198.18.0.0/15", 80)
	add("10.0.0.0/8", "198.18.0.0/15", 80)
	cluster(lines)
	for i, e := range lines[:40] {
		if want := fmt.Sprintf("198.18.0.%d/32", i/2); firstPrefix(e.destination) != firstPrefix(in(want)) {
			t.Errorf("line %d is of rule %d, want one to %s", i, e.rule, want)
		}
	}
	if a, b, c := lines[40].rule, lines[41].rule, lines[42].rule; a != 41 || b != 42 || c != 40 {
		t.Errorf("the last lines are of rules %d, %d, %d; want one of a narrow source, then port 80, 443", a, b, c)
	}
}

// TestFewWordsAreLookedAt counts them for the packets of traces.
func TestFewWordsAreLookedAt(t *testing.T) {
	const seeds, packets = 4, 2000
	looked := 0
	for seed := range uint64(seeds) {
		m := workload.New(seed)
		rules := m.Rules(4096)
		tables, err := Compile(workload.Policy(rules), Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range m.Trace(rules, packets) {
			p := packet.Parse(f.Bytes())
			w := walk{t: tables, p: &p, facts: factsOf(&p)}
			w.rows()
			for s := range tables.Summaries {
				looked += bits.OnesCount64(tables.row(w.source, -1-s) & tables.row(w.destination, -1-s) & w.common(-1-s))
			}
		}
	}
	perPacket, most := float64(looked)/(seeds*packets), 2.4 // by source, then destination, it would be 2.75
	t.Logf("%.2f words per packet", perPacket)
	if perPacket > most {
		t.Errorf("%.2f words are looked at per packet, more than %.1f", perPacket, most)
	}
}

// TestPlainPacketsPassByWhatIsForUnusualOnes counts the words that a packet which no rule
// is about has lines in.
func TestPlainPacketsPassByWhatIsForUnusualOnes(t *testing.T) {
	few := policy.Number{Of: policy.TTL, Ranges: []policy.Range{{High: 1}}}
	fragments := policy.Bits{Of: policy.Fragments, Any: 3}
	limit := func() *policy.Limit { return &policy.Limit{Rate: 1, Burst: 1} }
	drop := func(mode policy.Mode, l *policy.Limit, match policy.Expr) policy.Rule {
		return policy.Rule{Action: policy.Drop, Mode: mode, Match: match, Limit: l}
	}
	udp := policy.Protocols{packet.UDP}
	tables, err := Compile(&policy.Policy{Rules: []policy.Rule{
		drop(policy.Enforce, nil, policy.All{udp, policy.Not{Of: few}}),
		drop(policy.Enforce, nil, few),
		drop(policy.Audit, nil, policy.All{udp, policy.Not{Of: few}}),
		drop(policy.Audit, nil, fragments),
		{Action: policy.Count, Match: policy.All{udp, policy.Not{Of: few}}},
		{Action: policy.Count, Match: policy.Any{few, fragments}},
		drop(policy.Enforce, limit(), udp),
		drop(policy.Enforce, limit(), few),
		drop(policy.Enforce, limit(), fragments),
		drop(policy.Enforce, limit(), udp),
	}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	looked := func(p *packet.Packet) (of [sections]int) {
		w := walk{t: tables, p: p, facts: factsOf(p)}
		w.rows()
		for s := range sections {
			w.words(s, func(int, func() uint64) { of[s]++ })
		}
		return of
	}
	p := &packet.Packet{
		Family: 4, EtherType: packet.EtherIPv4, Protocol: packet.TCP, HasPorts: true, SourcePort: 1, TTL: 64,
		Source: netip.MustParseAddr("198.51.100.7"), Destination: netip.MustParseAddr("192.0.2.1"),
	}
	if got, want := looked(p), ([sections]int{}); got != want {
		t.Errorf("of each section %v words are looked at, want %v", got, want)
	}
	p.TTL = 1
	if got, want := looked(p), [sections]int{1, 1, 1, 1}; got != want {
		t.Errorf("of each section %v words are looked at if few hops are left, want %v", got, want)
	}
	p.Protocol = packet.UDP
	if got, want := looked(p), [sections]int{2, 2, 2, 3}; got != want {
		t.Errorf("of each section %v words are looked at if it is of UDP too, want %v", got, want)
	}
}
