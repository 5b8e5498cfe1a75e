//go:build bench

package bench

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

const (
	synFlag, ackFlag = 0x02, 0x10
	answers          = 3 // the verdict XDP_TX
	drops            = 1
	cookiePort       = 80
)

// cookiePolicy reads a policy that answers SYNs beyond a rate.
func cookiePolicy(t *testing.T, above string) *policy.Policy {
	t.Helper()
	p, faults := policy.Parse("p.yaml", fmt.Appendf(nil, `version: 1
defaults: {mode: enforce}
groups:
- name: g
  rules:
  - {rule: syn, match: {proto: tcp}, action: syncookie, syncookie: {on_above: %s, off_below: 1/s}}
`, above), policy.Options{})
	if p == nil {
		t.Fatal(faults)
	}
	return p
}

// listen listens at a port in a namespace, whose kernel makes cookies as tcp_syncookies says:
// 2 is for every SYN.
func listen(t *testing.T, ns *testnet.Namespace, cookies string) {
	t.Helper()
	ns.Set(t, "ipv4/tcp_syncookies", cookies)
	ns.Do(t, func() {
		l, err := net.Listen("tcp", fmt.Sprint(":", cookiePort))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
	})
}

// syn is a SYN as Linux sends it.
func syn(to netip.Addr) packet.Frame {
	return packet.Frame{
		Source: netip.MustParseAddr("100.64.0.1"), Destination: to, Protocol: packet.TCP, SourcePort: 40_000, DestinationPort: cookiePort,
		Flags: synFlag, MSS: 1460, Sequence: 1, TCPOptions: []byte{4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7}, Window: 64240,
	}
}

// A cookieCase is packets of one kind, during a flood or not.
type cookieCase struct {
	name    string
	net     *testnet.Net
	program *ebpf.Program // with the rule
	bare    *ebpf.Program // by a policy without rules
	frame   []byte
	verdict uint32
	flooded bool
}

// answerSYNs measures what SYN cookies cost.
func answerSYNs(t *testing.T) section {
	cases, flood := cookieCases(t)
	var all []guardRound
	for range *rounds {
		round := make(guardRound)
		for _, c := range cases {
			c.net.Left.Do(t, func() {
				if c.flooded { // a flood is over two seconds after its last SYN
					if verdict, _ := benchmark(t, "a flood", flood, padded(syn(c.net.Left.V4)), 64); verdict != answers {
						t.Fatalf("a flood: verdict %d, want an answer", verdict)
					}
				}
				_, round["bare "+c.name] = benchmark(t, c.name, c.bare, c.frame, guardRuns)
				verdict, with := benchmark(t, c.name, c.program, c.frame, guardRuns)
				if verdict != c.verdict {
					t.Fatalf("%s: verdict %d, want %d", c.name, verdict, c.verdict)
				}
				round["with "+c.name] = with
			})
		}
		all = append(all, round)
	}
	rows := table{{"packet", "without the rule", "the rule adds", "of without"}}
	for _, c := range cases {
		rows = append(rows, []string{
			c.name, over(all, func(r guardRound) float64 { return r["bare "+c.name] }).text(0),
			over(all, func(r guardRound) float64 { return r["with "+c.name] - r["bare "+c.name] }).text(0),
			over(all, func(r guardRound) float64 { return r["with "+c.name] / r["bare "+c.name] }).text(2),
		})
	}
	return section{
		title: "Guarder: SYN cookies",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn, in ns per run, test run and all: a policy with a rule such as that of syn-flood.yaml,
beside one without rules, in a network namespace that listens at a port. SYNs are %d different ones with the options of Linux,
each copied over the packet before, which takes part of the time in both; what is answered is the SYN-ACK then, with its
cookie and checksums. All other packets come over and over. "Room" is in the queue of half-open connections of the
listener, whose kernel makes no cookies then and answers itself.`, guardRuns, guardTrace),
		table: rows,
	}
}

// benchmark runs a program on a packet.
func benchmark(t *testing.T, name string, p *ebpf.Program, frame []byte, runs int) (verdict uint32, perRun float64) {
	t.Helper()
	verdict, took, err := p.Benchmark(frame, runs, nil)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return verdict, float64(took)
}

// cookieProgram loads a program with the rule, or without it if no rate is given.
func cookieProgram(t *testing.T, n *testnet.Net, state map[string]*ebpf.Map, above, name string) *ebpf.Program {
	t.Helper()
	p := &policy.Policy{}
	if above != "" {
		p = cookiePolicy(t, above)
	}
	tables, err := compile.Compile(p, compile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	spec, err := bpf.LoadBenchGuard()
	if err != nil {
		t.Fatal(err)
	}
	g, err := tables.LoadProgram(spec, name, compile.LoadOptions{State: state, Own: []netip.Addr{n.Left.V4}, Sockets: true})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	t.Cleanup(g.Close)
	if frames := g.Map("bench_frames"); name == anew {
		fillTrace(t, frames, manySources(syn(n.Left.V4)))
	}
	return g.Program
}

// Programs that judge one packet, and SYNs of a trace.
const (
	hot  = "bench_policy"
	anew = "bench_anew_policy"
)

// cookieCases loads the programs. Those during a flood share what is known of it with the
// last program.
func cookieCases(t *testing.T) ([]cookieCase, *ebpf.Program) {
	n, roomy := testnet.New(t), testnet.New(t)
	listen(t, n.Left, "2")
	listen(t, roomy.Left, "1")
	pair, err := testnet.NewTCPPair(n.Right, n.Left, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pair.Close)
	const always, never = "1/s", "10M/s"
	flooded, calm := newState(t), newState(t)
	bare, bareAnew := cookieProgram(t, n, calm, "", hot), cookieProgram(t, n, calm, "", anew)
	hotFlooded, hotCalm := cookieProgram(t, n, flooded, always, hot), cookieProgram(t, n, calm, never, hot)
	flood := cookieProgram(t, n, flooded, always, anew)
	open := syn(n.Left.V4)
	valid := cookieOf(t, n, hotFlooded)
	invalid := valid
	invalid.Acknowledgement += 1 << 16 // the lowest bits tell the MSS, and are others of some cookie
	data := valid
	local, remote := netip.MustParseAddrPort(pair.Server.LocalAddr().String()), netip.MustParseAddrPort(pair.Server.RemoteAddr().String())
	data.Source, data.SourcePort, data.DestinationPort = remote.Addr(), remote.Port(), local.Port()
	other := datagram()
	other.Destination = n.Left.V4
	there := newState(t)
	return []cookieCase{
		{"SYN, no flood", n, cookieProgram(t, n, calm, never, anew), bareAnew, padded(open), passes, false},
		{"SYN of a flood, the listener has room", roomy, cookieProgram(t, roomy, there, always, anew), cookieProgram(t, roomy, there, "", anew), padded(syn(roomy.Left.V4)), passes, false},
		{"SYN of a flood, answered", n, flood, bareAnew, padded(open), answers, false},
		{"ACK, no flood", n, hotCalm, bare, padded(valid), passes, false},
		{"ACK with a cookie, during a flood", n, hotFlooded, bare, padded(valid), passes, true},
		{"ACK without one, during a flood", n, hotFlooded, bare, padded(invalid), drops, true},
		{"ACK of a connection, during a flood", n, hotFlooded, bare, padded(data), passes, true},
		{"UDP, during a flood", n, hotFlooded, bare, padded(other), passes, true},
	}, flood
}

// cookieOf has a SYN answered, and returns the ACK that opens a connection then.
func cookieOf(t *testing.T, n *testnet.Net, answering *ebpf.Program) packet.Frame {
	t.Helper()
	ack := syn(n.Left.V4)
	n.Left.Do(t, func() {
		for range 3 { // the first is none of a flood
			out := make([]byte, 2048)
			options := ebpf.RunOptions{Data: ack.Bytes(), DataOut: out}
			if _, err := answering.Run(&options); err != nil {
				t.Fatal(err)
			}
			ack.Acknowledgement = binary.BigEndian.Uint32(options.DataOut[14+20+4:]) + 1
		}
	})
	ack.Flags, ack.Sequence, ack.TCPOptions, ack.MSS = ackFlag, ack.Sequence+1, nil, 0
	return ack
}

// answerLive floods a listener with SYNs over a wire.
func answerLive(t *testing.T) section {
	names := []string{"XDP_DROP and nothing else", "Guarder, SYN cookies", "the kernel, SYN cookies"}
	barriers := make([]*barrier, len(names))
	for i, name := range names {
		b := newBarrierTo(t, name, "bench_send_trace", func(b *barrier) []packet.Frame {
			return b.addressed(t, manySources(syn(b.net.Right.V4)))
		})
		b.leaks = true
		b.answers(t)
		barriers[i] = b
	}
	barriers[0].attach(t, guardProgram(t, "bench_drop"))
	state := barriers[1].guard(t, cookiePolicy(t, "1/s"), compile.LoadOptions{Own: []netip.Addr{barriers[1].net.Right.V4}, Sockets: true})
	barriers[2].net.Right.Do(t, func() { receiveByNAPI(t, barriers[2].net.Right.Device) })
	all := make([][]float64, len(barriers))
	for range *rounds {
		for i, b := range barriers {
			before, _ := b.net.Left.Packets(t)
			received, _ := b.net.Right.Packets(t)
			all[i] = append(all[i], b.perPacket(t, *slice))
			after, _ := b.net.Left.Packets(t)
			now, _ := b.net.Right.Packets(t)
			if got, of := after-before, now-received; i > 0 && got < of*99/100 {
				t.Fatalf("%s: %d of %d SYNs were answered", b.name, got, of)
			}
		}
	}
	rows := table{{"answered by", "ns per SYN", "beyond dropping it", "times of Guarder"}}
	for i, b := range barriers {
		rows = append(rows, []string{
			b.name, spreadOf(slices.Clone(all[i])).text(0), pairs(all[i], all[0], func(x, floor float64) float64 { return x - floor }).text(0),
			pairs(all[i], all[1], func(x, guarder float64) float64 { return x / guarder }).text(2),
		})
	}
	return section{
		title: "Guarder: answering SYNs that arrive",
		text: fmt.Sprintf(`Live frames of BPF_PROG_TEST_RUN: %d different SYNs over a veth pair to a host that listens, and whose kernel makes a cookie
for each of them (net.ipv4.tcp_syncookies is 2). CPU time of the whole way of a SYN and of its answer, which an XDP program drops
where it came from. Guarder answers in native XDP; the kernel by itself, on a device that receives by NAPI.`, guardTrace),
		table:   rows,
		verdict: fmt.Sprintf("%d SYNs were answered by Guarder, %d were left to the kernel.", floodOf(t, state).Sent, floodOf(t, state).Left),
	}
}

// addressed sends packets to the end of the wire.
func (b *barrier) addressed(t *testing.T, trace []packet.Frame) []packet.Frame {
	t.Helper()
	var macs [2][6]byte
	for i, ns := range []*testnet.Namespace{b.net.Left, b.net.Right} {
		ns.Do(t, func() {
			device, err := net.InterfaceByName(ns.Device)
			if err != nil {
				t.Fatal(err)
			}
			copy(macs[i][:], device.HardwareAddr)
		})
	}
	for i := range trace {
		trace[i].SourceMAC, trace[i].DestinationMAC = macs[0], macs[1]
	}
	return trace
}

// answers has the end of the wire listen and know a way back, where answers are dropped.
func (b *barrier) answers(t *testing.T) {
	t.Helper()
	listen(t, b.net.Right, "2")
	b.net.Right.Do(t, func() { routeAll(t, b.net.Left.V4) })
	b.attachAt(t, b.net.Left, guardProgram(t, "bench_drop"))
}

// routeAll routes all of IPv4 over an address, in the calling thread's namespace.
func routeAll(t *testing.T, via netip.Addr) {
	t.Helper()
	_, all, _ := net.ParseCIDR("0.0.0.0/0")
	if err := netlink.RouteAdd(&netlink.Route{Dst: all, Gw: via.AsSlice()}); err != nil {
		t.Fatal(err)
	}
}

// floodOf returns what is known of the only rule that answers SYNs.
func floodOf(t *testing.T, state map[string]*ebpf.Map) (f bpf.GuardFlood) {
	t.Helper()
	var identity uint64
	if all := state[compile.MapFloods].Iterate(); !all.Next(&identity, &f) || all.Err() != nil {
		t.Fatal("no rule answers SYNs ", all.Err())
	}
	return f
}
