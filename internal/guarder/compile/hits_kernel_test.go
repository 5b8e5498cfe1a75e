//go:build kernel

package compile

import (
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// hitPolicy has rules of each kind, with slots 10 and so on.
func hitPolicy() (*policy.Policy, []uint32) {
	udp := policy.Protocols{packet.UDP}
	return &policy.Policy{Rules: []policy.Rule{
		{Group: "g", Name: "watch", Match: udp, Action: policy.Count, Mode: policy.Enforce},                                            // 10
		{Group: "g", Name: "audited", Match: udp, Action: policy.Drop, Mode: policy.Audit},                                             // 11
		{Group: "g", Name: "pass", Match: udp, Action: policy.Pass, Mode: policy.Enforce},                                              // 12
		{Group: "g", Name: "tcp", Match: policy.Protocols{packet.TCP}, Action: policy.Drop, Mode: policy.Enforce},                      // 13
		{Group: "g", Name: "icmp", Match: policy.ICMPTypes{Family: 6, Types: []uint8{128}}, Action: policy.Drop, Mode: policy.Enforce}, // 14
		{Group: "g", Name: "arp", Match: policy.EtherTypes{packet.EtherARP, 0x88cc}, Action: policy.Drop, Mode: policy.Enforce},        // 15
	}}, []uint32{10, 11, 12, 13, 14, 15}
}

// hitting loads a policy whose hits are noted.
func hitting(t *testing.T, p *policy.Policy, slots []uint32) (*Generation, map[string]*ebpf.Map) {
	t.Helper()
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	state, err := NewState(32)
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{State: state, Slots: slots, Hits: true})
	t.Cleanup(func() {
		g.Close()
		for _, m := range state {
			m.Close()
		}
	})
	return g, state
}

func source(address string, slot uint32) bpf.GuardHitKey {
	a := netip.MustParseAddr(address)
	words := wordsOf(a)
	key := bpf.GuardHitKey{Source: [2]uint32{words[0]}, Slot: slot, Family: 4}
	if a.Is6() {
		key.Source[1], key.Family = words[1], 6
	}
	return key
}

// TestHitsAreExactWhileTheyAreFew notes fewer hits than are noted each in one jiffy.
func TestHitsAreExactWhileTheyAreFew(t *testing.T) {
	p, slots := hitPolicy()
	g, state := hitting(t, p, slots)
	frame := func(from string, f packet.Frame) []byte {
		f.Source, f.Destination = netip.MustParseAddr(from), netip.MustParseAddr("10.0.0.2")
		if f.Source.Is6() {
			f.Destination = netip.MustParseAddr("2001:db8::2")
		}
		return f.Bytes()
	}
	udp := packet.Frame{Protocol: packet.UDP, SourcePort: 9, DestinationPort: 53}
	syn := packet.Frame{Protocol: packet.TCP, SourcePort: 9, DestinationPort: 22, Flags: 2}
	rst := packet.Frame{Protocol: packet.TCP, SourcePort: 9, DestinationPort: 65535, Flags: 4}
	echo := packet.Frame{Protocol: packet.ICMPv6, ICMP: &packet.Message{Type: 128}}
	arp := (&packet.Frame{ARP: &packet.ARP{Operation: 1, SenderIP: netip.MustParseAddr("10.0.0.7"), TargetIP: netip.MustParseAddr("10.0.0.2")}}).Bytes()
	lldp := (&packet.Frame{EtherType: 0x88cc, Payload: make([]byte, 40)}).Bytes()
	for _, send := range []struct {
		times int
		frame []byte
	}{
		{3, frame("10.0.0.1", udp)}, {2, frame("10.0.0.3", udp)}, // two hits each
		{4, frame("10.0.0.1", syn)}, {1, frame("10.0.0.1", rst)},
		{5, frame("2001:db8:1:2:3::7", echo)}, {3, frame("2001:db8:1:2::9", echo)}, {1, frame("2001:db8:1:3::9", echo)},
		{2, arp}, {1, lldp},
	} {
		for range send.times {
			if _, err := g.Program.Run(&ebpf.RunOptions{Data: send.frame}); err != nil {
				t.Fatal(err)
			}
		}
	}
	got := make(map[bpf.GuardHitKey]bpf.GuardHit)
	var key bpf.GuardHitKey
	var hit bpf.GuardHit
	for all := state[MapHits].Iterate(); all.Next(&key, &hit); {
		if hit.First == 0 || hit.Last < hit.First {
			t.Errorf("%+v: from %d to %d", key, hit.First, hit.Last)
		}
		got[key] = hit
	}
	hitOf := func(packets, bytes uint64, credit Credit, port uint16, protocol, flags, kind uint8) bpf.GuardHit {
		return bpf.GuardHit{Packets: packets, Bytes: bytes, Credit: uint8(credit), EtherType: packet.EtherIPv4, Port: port, Protocol: protocol, Flags: flags, IcmpType: kind}
	}
	over := func(h bpf.GuardHit, etherType uint16) bpf.GuardHit {
		h.EtherType = etherType
		return h
	}
	want := map[bpf.GuardHitKey]bpf.GuardHit{
		source("10.0.0.1", 10):       hitOf(3, 3*42, CreditCount, 53, packet.UDP, 0, 0),
		source("10.0.0.1", 11):       hitOf(3, 3*42, CreditWouldDrop, 53, packet.UDP, 0, 0),
		source("10.0.0.3", 10):       hitOf(2, 2*42, CreditCount, 53, packet.UDP, 0, 0),
		source("10.0.0.3", 11):       hitOf(2, 2*42, CreditWouldDrop, 53, packet.UDP, 0, 0),
		source("10.0.0.1", 13):       hitOf(5, 5*54, CreditDrop, 65535, packet.TCP, 6, 0),
		source("2001:db8:1:2::", 14): over(hitOf(8, 8*62, CreditDrop, 0, packet.ICMPv6, 0, 128), packet.EtherIPv6),
		source("2001:db8:1:3::", 14): over(hitOf(1, 62, CreditDrop, 0, packet.ICMPv6, 0, 128), packet.EtherIPv6),
		source("10.0.0.7", 15):       over(hitOf(2, 2*42, CreditDrop, 0, 0, 0, 0), packet.EtherARP),
		{Slot: 15}:                   over(hitOf(1, 54, CreditDrop, 0, 0, 0, 0), 0x88cc),
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(bpf.GuardHit{}, "First", "Last")); diff != "" {
		t.Errorf("hits (-want +got):\n%s", diff)
	}
	services := make(map[uint32]bpf.GuardService)
	for at := range uint32(bpf.GuardServices) {
		var s bpf.GuardService
		if err := state[MapServices].Lookup(at, &s); err != nil {
			t.Fatal(err)
		}
		if s != (bpf.GuardService{}) {
			services[at] = s
		}
	}
	if diff := cmp.Diff(map[uint32]bpf.GuardService{
		22:                               {Dropped: bpf.GuardCount{Packets: 4, Bytes: 4 * 54}},
		65535:                            {Dropped: bpf.GuardCount{Packets: 1, Bytes: 54}},
		uint32(bpf.GuardServices)/2 + 53: {WouldDrop: bpf.GuardCount{Packets: 5, Bytes: 5 * 42}},
	}, services); diff != "" {
		t.Errorf("services (-want +got):\n%s", diff)
	}
}

// TestManyHitsAreEstimated compares what is noted of a flood with what the rule
// counted, and has a policy that notes nothing note nothing.
func TestManyHitsAreEstimated(t *testing.T) {
	p, slots := hitPolicy()
	g, state := hitting(t, p, slots)
	frame := (&packet.Frame{Source: netip.MustParseAddr("10.0.0.1"), Destination: netip.MustParseAddr("10.0.0.2"), Protocol: packet.TCP, DestinationPort: 80, Flags: 2}).Bytes()
	const packets = 300_000
	if _, _, err := g.Program.Benchmark(frame, packets, nil); err != nil {
		t.Fatal(err)
	}
	var hit bpf.GuardHit
	if err := state[MapHits].Lookup(source("10.0.0.1", 13), &hit); err != nil {
		t.Fatal(err)
	}
	var service bpf.GuardService
	if err := state[MapServices].Lookup(uint32(80), &service); err != nil {
		t.Fatal(err)
	}
	// There are more of them if a signal had the benchmark begin again.
	counted := credits(t, state[MapCounts], 13)[13][CreditDrop].Packets
	// The distances between hits that are noted have a standard deviation of 37, so
	// that the sum of 4,700 has one of 0.8 %; six of them are 5 %.
	if off := float64(hit.Packets)/float64(counted) - 1; counted < packets || off < -0.05 || off > 0.05 {
		t.Errorf("%d packets are noted of %d, which the rule counted of %d", hit.Packets, counted, packets)
	}
	if hit.Bytes != hit.Packets*uint64(len(frame)) || service.Dropped != (bpf.GuardCount{Packets: hit.Packets, Bytes: hit.Bytes}) {
		t.Errorf("%+v, by service %+v", hit, service)
	}
}

// TestForgedSourcesDoNotFillTheTable sends from more sources than there is room for.
func TestForgedSourcesDoNotFillTheTable(t *testing.T) {
	p, slots := hitPolicy()
	g, state := hitting(t, p, slots)
	frame := (&packet.Frame{Source: netip.MustParseAddr("10.0.0.1"), Destination: netip.MustParseAddr("10.0.0.2"), Protocol: packet.TCP, DestinationPort: 80, Flags: 2}).Bytes()
	const sources = uint32(3 * bpf.GuardMaxHits)
	for i := range sources {
		binary.BigEndian.PutUint32(frame[26:], 0x0b000000+i)
		if _, err := g.Program.Run(&ebpf.RunOptions{Data: frame}); err != nil {
			t.Fatal(err)
		}
	}
	n, sum := 0, uint64(0)
	var key bpf.GuardHitKey
	var hit bpf.GuardHit
	for all := state[MapHits].Iterate(); all.Next(&key, &hit); n++ {
		sum += hit.Packets
	}
	if n == 0 || n > bpf.GuardMaxHits || sum > 2*uint64(sources) {
		t.Errorf("%d sources with %d packets", n, sum)
	}
}

func TestNothingIsNotedUnlessItIsAskedFor(t *testing.T) {
	p, _ := hitPolicy()
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{})
	defer g.Close()
	frame := (&packet.Frame{Source: netip.MustParseAddr("10.0.0.1"), Destination: netip.MustParseAddr("10.0.0.2"), Protocol: packet.TCP}).Bytes()
	if verdict, err := g.Program.Run(&ebpf.RunOptions{Data: frame}); err != nil || verdict != 1 {
		t.Fatal(verdict, err)
	}
	var key bpf.GuardHitKey
	var hit bpf.GuardHit
	if g.Map(MapHits).Iterate().Next(&key, &hit) {
		t.Errorf("noted %+v", hit)
	}
}
