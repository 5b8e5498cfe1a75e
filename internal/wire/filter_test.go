package wire_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/packetscope/packetscope/internal/wire"
)

// A socket is one of the four that receive, with its program and parser.
type socket struct {
	name    string
	program func(wire.Filter) ([]bpf.RawInstruction, error)
	parse   func([]byte) (wire.Reply, error)
}

var sockets = []socket{
	{"ICMPv4", wire.Filter.ICMPv4, wire.ParseIPv4},
	{"ICMPv6", wire.Filter.ICMPv6, func(b []byte) (wire.Reply, error) { return wire.ParseICMPv6(b, target6, 9) }},
	{"TCPv4", wire.Filter.TCPv4, wire.ParseIPv4},
	{"TCPv6", wire.Filter.TCPv6, func(b []byte) (wire.Reply, error) { return wire.ParseTCPv6(b, target6, 9) }},
}

func (s socket) machine(t testing.TB, f wire.Filter) *bpf.VM {
	t.Helper()
	raw, err := s.program(f)
	if err != nil {
		t.Fatal(err)
	}
	program, all := bpf.Disassemble(raw)
	if !all {
		t.Fatalf("%s: program has unknown instructions: %v", s.name, raw)
	}
	vm, err := bpf.NewVM(program)
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

func passes(t testing.TB, vm *bpf.VM, b []byte) bool {
	t.Helper()
	n, err := vm.Run(b)
	if err != nil {
		t.Fatal(err)
	}
	if n != 0 && n < len(b) {
		t.Fatalf("cuts a packet of %d bytes at %d", len(b), n)
	}
	return n != 0
}

// Each protocol has a range of its own, with the port of flows() in it.
var everything = wire.Filter{
	ICMP: wire.Ports{First: 43000, Last: 43300},
	UDP:  wire.Ports{First: 43100, Last: 43400},
	TCP:  wire.Ports{First: 43200, Last: 43500},
}

func covers(f wire.Filter, k wire.Key) bool {
	p := map[wire.Protocol]wire.Ports{wire.ICMP: f.ICMP, wire.UDP: f.UDP, wire.TCP: f.TCP}[k.Protocol]
	return p != wire.Ports{} && p.First <= k.SourcePort && k.SourcePort <= p.Last
}

// answersTo returns what may come back, as the socket at an index of sockets sees it.
func answersTo(t testing.TB, f wire.Flow, id uint16) map[int][][]byte {
	t.Helper()
	p := wire.Probe{Flow: f, TTL: 8, ID: id}
	b := build(t, p)
	all := map[int][][]byte{}
	kinds := []byte{3, 11, 12}
	if f.Destination.Is6() {
		kinds = []byte{1, 2, 3, 4}
	}
	for _, kind := range kinds {
		for _, n := range []int{header(b) + 8, len(b)} {
			e := expired(b, router(f), n)
			e.kind = kind
			if f.Destination.Is6() {
				all[1] = append(all[1], e.message())
				continue
			}
			packet := ipv4(1, 60, e.from, e.to, e.message())
			options := slices.Insert(slices.Clone(packet), 20, 148, 4, 0, 0)
			options[0], options[3] = 0x46, options[3]+4
			all[0] = append(all[0], packet, options)
		}
	}
	upper := slices.Clone(b[header(b):])
	switch {
	case f.Protocol == wire.ICMP && f.Destination.Is4():
		upper[0], upper[2], upper[3] = 0, 0, 0
		s := 0xffff - onesSum(upper)
		upper[2], upper[3] = byte(s>>8), byte(s)
		all[0] = append(all[0], ipv4(1, 60, f.Destination, f.Source, upper))
	case f.Protocol == wire.ICMP:
		upper[0] = 129
		all[1] = append(all[1], upper)
	case f.Protocol == wire.TCP:
		for _, flags := range []byte{synAck, rst} {
			s := segment(b[header(b):], flags)
			if f.Destination.Is4() {
				all[2] = append(all[2], ipv4(6, 60, f.Destination, f.Source, s))
			} else {
				all[3] = append(all[3], s)
			}
		}
	}
	return all
}

// segment answers a SYN.
func segment(syn []byte, flags byte) []byte {
	s := slices.Clone(syn[:20])
	copy(s, syn[2:4])
	copy(s[2:], syn[:2])
	next := uint32(syn[4])<<24 | uint32(syn[5])<<16 | uint32(syn[6])<<8 | uint32(syn[7])
	next++
	copy(s[8:], []byte{byte(next >> 24), byte(next >> 16), byte(next >> 8), byte(next)})
	s[12], s[13] = 0x50, flags
	return s
}

func TestFiltersPassAnswersToOurProbesOnly(t *testing.T) {
	port := func(f wire.Flow, p uint16) wire.Flow { f.SourcePort = p; return f }
	for _, f := range flows() {
		r := map[wire.Protocol]wire.Ports{wire.ICMP: everything.ICMP, wire.UDP: everything.UDP, wire.TCP: everything.TCP}[f.Protocol]
		for _, p := range []uint16{0, 1, r.First - 1, r.First, 43210, r.Last, r.Last + 1, 65535} {
			for i, packets := range answersTo(t, port(f, p), 0x1234) {
				vm, none := sockets[i].machine(t, everything), sockets[i].machine(t, wire.Filter{})
				for _, b := range packets {
					reply, err := sockets[i].parse(b)
					if err != nil {
						t.Fatalf("%s: % x: %v", sockets[i].name, b, err)
					}
					want := r.First <= p && p <= r.Last
					if covers(everything, reply.Key()) != want {
						t.Fatalf("%s: key %+v", name(f), reply.Key())
					}
					if got := passes(t, vm, b); got != want {
						t.Errorf("%s, port %d of %s passes: %v, want %v", sockets[i].name, p, name(f), got, want)
					}
					if passes(t, none, b) {
						t.Errorf("%s, port %d of %s passes a filter of nothing", sockets[i].name, p, name(f))
					}
				}
			}
		}
	}
}

// One range open must not open another.
func TestFiltersKeepProtocolsApart(t *testing.T) {
	all := wire.Ports{First: 0, Last: 65535}
	for _, filter := range []struct {
		of   wire.Protocol
		only wire.Filter
	}{{wire.ICMP, wire.Filter{ICMP: all}}, {wire.UDP, wire.Filter{UDP: all}}, {wire.TCP, wire.Filter{TCP: all}}} {
		for _, f := range flows() {
			for i, packets := range answersTo(t, f, 0x1234) {
				vm := sockets[i].machine(t, filter.only)
				for _, b := range packets {
					if got, want := passes(t, vm, b), f.Protocol == filter.of; got != want {
						t.Errorf("%s with %s alone passes %s: %v", sockets[i].name, filter.of, name(f), got)
					}
				}
			}
		}
	}
}

func TestFiltersDropWhatOthersSend(t *testing.T) {
	quote := func(i, n int) []byte { return answersTo(t, flows()[i], 0x1234)[i%2][n] }
	for _, test := range []struct {
		what   string
		socket int
		b      []byte
	}{
		{"echo request", 0, damaged(quote(0, 0), 20, 8)},
		{"redirect", 0, damaged(quote(0, 0), 20, 5)},
		{"quoted echo reply", 0, damaged(quote(0, 0), 48, 0)},
		{"quoted SCTP", 0, damaged(quote(2, 0), 37, 132)},
		{"quote without ports", 0, quote(2, 0)[:48]},
		{"ping of others", 0, damaged(quote(0, 12), 29, 0)},
		{"ping of others that echoes nothing", 0, quote(0, 12)[:28]},
		{"ping of sequence 0", 0, slices.Concat(quote(0, 12)[:26], []byte{0, 0, 0xff, 0xff})},
		{"echo request", 1, damaged(quote(1, 0), 0, 128)},
		{"neighbour advertisement", 1, damaged(quote(1, 0), 0, 136)},
		{"router advertisement", 1, damaged(quote(1, 0), 0, 134)},
		{"quoted echo reply", 1, damaged(quote(1, 0), 48, 129)},
		{"quoted SCTP", 1, damaged(quote(3, 0), 14, 132)},
		{"ping of others", 1, damaged(quote(1, 8), 9, 0)},
		{"ping of sequence 0", 1, slices.Concat(quote(1, 8)[:6], []byte{0, 0, 0xff, 0xff})},
	} {
		vm := sockets[test.socket].machine(t, everything)
		if passes(t, vm, test.b) {
			t.Errorf("%s: %s passes: % x", sockets[test.socket].name, test.what, test.b)
		}
	}
	// A connection that the host has from the same port.
	for i, f := range map[int]wire.Flow{2: flows()[4], 3: flows()[5]} {
		at := map[int]int{2: 20, 3: 0}[i]
		for _, b := range answersTo(t, f, 0x1234)[i] {
			vm := sockets[i].machine(t, everything)
			for what, other := range map[string][]byte{
				"ACK": damaged(b, at+13, bareACK), "RST": damaged(b, at+13, bareRST), "SYN": damaged(b, at+13, 2),
				"another sequence": damaged(b, at+9, 7), "ID 0": slices.Concat(b[:at+8], []byte{0, 1, 0, 0}, b[at+12:]),
				"half a header": b[:at+19],
			} {
				if passes(t, vm, other) {
					t.Errorf("%s: %s passes", sockets[i].name, what)
				}
			}
		}
	}
}

// What a parser reads, of ports in the range, must not be lost in the kernel. Answers
// are damaged in one to three bytes, or cut.
func TestFiltersPassWhateverParsersRead(t *testing.T) {
	random := rand.New(rand.NewPCG(6, 2))
	read, passed := 0, 0
	for _, f := range flows() {
		for i, packets := range answersTo(t, f, 0x1234) {
			vm := sockets[i].machine(t, everything)
			for _, good := range packets {
				for range 2000 {
					b := slices.Clone(good)
					for range 1 + random.IntN(3) {
						b[random.IntN(len(b))] = byte(random.IntN(256))
					}
					b = b[:len(b)-max(0, random.IntN(40)-30)]
					p := checkFilter(t, sockets[i], vm, b)
					read, passed = read+p[0], passed+p[1]
				}
			}
		}
	}
	// Or nothing was tested.
	if read < 10000 || passed < read {
		t.Errorf("%d answers were read, %d passed", read, passed)
	}
}

// checkFilter returns how many answers were read of ours, and how many passed.
func checkFilter(t testing.TB, s socket, vm *bpf.VM, b []byte) (counts [2]int) {
	t.Helper()
	pass := passes(t, vm, b)
	if pass {
		counts[1]++
	}
	r, err := s.parse(b)
	if err != nil || !covers(everything, r.Key()) {
		return counts
	}
	// A raw socket of one protocol is never given another.
	if of4 := map[string]byte{"ICMPv4": 1, "TCPv4": 6}[s.name]; of4 != 0 && b[9] != of4 {
		return counts
	}
	counts[0]++
	if !pass {
		t.Fatalf("%s drops % x, which is %+v", s.name, b, r)
	}
	return counts
}

// The parser walks over extension headers, where the program cannot.
func TestFiltersPassExtensionHeaders(t *testing.T) {
	vm := sockets[1].machine(t, everything)
	f := flows()[3]
	b := insert(build(t, wire.Probe{Flow: f, TTL: 5, ID: 0x4321}), 43, []byte{0, 0, 4, 0, 0, 0, 0, 0}, 0)
	e := expired(b, netip.MustParseAddr("2001:db8::1"), len(b))
	if !passes(t, vm, e.message()) {
		t.Error("drops a quote with a routing header")
	}
}
