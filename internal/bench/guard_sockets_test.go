//go:build bench

package bench

import (
	"fmt"
	"net"
	"net/netip"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/testnet"
)

// aimedSpared is what a rule about sockets may take from packets that it is not for, in
// units of the same policy without it.
const aimedSpared = 1.05

// A socketCase is a packet that a rule about sockets is for, or is not.
type socketCase struct {
	rule, packet string
	match        policy.Expr
	frame        packet.Frame
	forged       bool // each packet has another source
	found        bpf.GuardSocket
}

// askSockets measures what rules about sockets cost, beside the same rules without.
func askSockets(t *testing.T) section {
	n := testnet.New(t)
	cases := socketCases(t, n)
	parse := guardProgram(t, "bench_parse")
	with, without := make([]*ebpf.Program, len(cases)), make([]*ebpf.Program, len(cases))
	for i, c := range cases {
		with[i] = c.program(t, n, c.match, true)
		without[i] = c.program(t, n, policy.Number{Of: policy.TTL, Ranges: []policy.Range{{Low: 1, High: 1}}}, false)
	}
	var all []guardRound
	for range *rounds {
		round := make(guardRound)
		n.Left.Do(t, func() {
			for i, c := range cases {
				for name, p := range map[string]*ebpf.Program{"parse": parse, "without": without[i], "with": with[i]} {
					_, perRun, err := p.Benchmark(padded(c.frame), guardRuns, nil)
					if err != nil {
						t.Fatalf("%s: %v", c.packet, err)
					}
					round[fmt.Sprint(name, i)] = float64(perRun)
				}
			}
		})
		all = append(all, round)
	}
	rows := table{{"rule asks for", "packet", "without sockets", "asking adds", "of parsing", "of without"}}
	var spared spread
	for i, c := range cases {
		of := func(name string) func(guardRound) float64 {
			return func(r guardRound) float64 { return r[fmt.Sprint("with", i)] / r[fmt.Sprint(name, i)] }
		}
		ratio := over(all, of("without"))
		if c.match == nil {
			spared = ratio
		}
		rows = append(rows, []string{
			c.rule, c.packet, over(all, func(r guardRound) float64 { return r[fmt.Sprint("without", i)] }).text(0),
			over(all, func(r guardRound) float64 { return r[fmt.Sprint("with", i)] - r[fmt.Sprint("without", i)] }).text(0),
			over(all, of("parse")).text(2), ratio.text(2),
		})
	}
	return section{
		title: "Guarder: asking for sockets",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn, in ns per run, by a policy of one audited rule, in a network
namespace with a connection of TCP and a socket of UDP: packets of one protocol to an own address that something else
holds of, which is the TTL without sockets. Where no socket is found, connection tracking is asked too. One packet comes over and over, or each has another source. "Of parsing" is in
units of a program that only parses, test run included. The last row is of packets of another protocol than the
rule is for.`, guardRuns),
		table: rows,
		verdict: fmt.Sprintf(`A packet that the rule is not for takes %s of what it takes by the same policy without sockets: the aim
of %.2f is %s.`, spared.text(2), aimedSpared, met(spared.median <= aimedSpared)),
	}
}

// program loads a policy that asks for something of packets of the case's protocol.
func (c *socketCase) program(t *testing.T, n *testnet.Net, asks policy.Expr, looks bool) *ebpf.Program {
	t.Helper()
	protocol := c.frame.Protocol
	if c.match == nil { // the rule is for the other one
		protocol = packet.TCP
	}
	if asks == nil {
		asks = policy.Socket{States: policy.SocketNone}
	}
	match := policy.All{policy.Protocols{protocol}, policy.Own{Of: policy.Destination}, asks}
	tables, err := compile.Compile(&policy.Policy{Rules: []policy.Rule{{Match: match, Action: policy.Drop, Mode: policy.Audit}}}, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := bpf.LoadBenchGuard()
	if err != nil {
		t.Fatal(err)
	}
	name := "bench_policy"
	if c.forged {
		name = "bench_forge_policy"
	}
	g, err := tables.LoadProgram(spec, name, compile.LoadOptions{Own: []netip.Addr{n.Left.V4}, Sockets: true, Conntrack: kernel.ThisHost().Conntrack()})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(g.Close)
	n.Left.Do(t, func() { requireLookup(t, g, c, looks && c.match != nil) })
	return g.Program
}

// requireLookup fails unless a packet has the socket that it is said to have.
func requireLookup(t *testing.T, g *compile.Generation, c *socketCase, looks bool) {
	t.Helper()
	if _, err := g.Program.Run(&ebpf.RunOptions{Data: padded(c.frame)}); err != nil {
		t.Fatal(err)
	}
	for socket := range bpf.GuardSocket(bpf.GuardSockets) {
		var perCPU []bpf.GuardCount
		if err := g.Map(compile.MapTotals).Lookup(uint32(bpf.GuardTotalSocket)+uint32(socket), &perCPU); err != nil {
			t.Fatal(err)
		}
		var packets uint64
		for _, one := range perCPU {
			packets += one.Packets
		}
		if want := looks && socket == c.found; (packets == 1) != want {
			t.Fatalf("%s, %s: %d packets with the socket %d", c.rule, c.packet, packets, socket)
		}
	}
}

// socketCases opens the sockets.
func socketCases(t *testing.T, n *testnet.Net) []socketCase {
	pair, err := testnet.NewTCPPair(n.Right, n.Left, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pair.Close)
	var conn *net.UDPConn
	n.Left.Do(t, func() {
		if conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: n.Left.V4.AsSlice()}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { conn.Close() })
	local, remote := netip.MustParseAddrPort(pair.Server.LocalAddr().String()), netip.MustParseAddrPort(pair.Server.RemoteAddr().String())
	segment := func(port uint16) packet.Frame {
		return packet.Frame{
			Source: remote.Addr(), Destination: local.Addr(), Protocol: packet.TCP, SourcePort: remote.Port(), DestinationPort: port,
			Flags: 0x10, Payload: make([]byte, 32),
		}
	}
	datagram := segment(uint16(conn.LocalAddr().(*net.UDPAddr).Port))
	datagram.Protocol = packet.UDP
	const closed = 9
	stray := datagram
	stray.DestinationPort = closed
	none, outside := policy.Socket{States: policy.SocketNone}, policy.Sequence{Is: policy.OutOfWindow}
	return []socketCase{
		{"a state, TCP", "of a connection", none, segment(local.Port()), false, bpf.GuardSocketEstablished},
		{"a sequence number", "of a connection", outside, segment(local.Port()), false, bpf.GuardSocketEstablished},
		{"a state, TCP", "of no connection", none, segment(closed), false, bpf.GuardSocketNone},
		{"a state, TCP", "of no connection, forged", none, segment(closed), true, bpf.GuardSocketNone},
		{"a state, UDP", "to an open port", none, datagram, false, bpf.GuardSocketListen},
		{"a state, UDP", "to an open port, forged", none, datagram, true, bpf.GuardSocketListen},
		{"a state, UDP", "to a closed port", none, stray, false, bpf.GuardSocketNone},
		{"a state, UDP", "to a closed port, forged", none, stray, true, bpf.GuardSocketNone},
		{"a state, TCP", "of UDP", nil, datagram, false, 0},
	}
}
