//go:build kernel && linux

package attack

import (
	"io"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// aboutConnections are rules of out-of-state.yaml and forged-icmp.yaml that a host may
// enforce that translates addresses: no packet that they match begins a connection.
const aboutConnections = `version: 1
defaults: {mode: enforce}
groups:
- name: g
  rules:
  - {rule: stray-answer, match: {tcp: {flags: {all: [syn, ack]}}, dst: local, socket: {is: [none, listen]}}, action: drop}
  - {rule: stray-segment, match: {tcp: {flags: {none: [syn]}}, dst: local, socket: {is: none}}, action: drop}
  - {rule: segment-to-listener, match: {tcp: {flags: {none: [syn, rst]}}, dst: local, socket: {is: listen}}, action: drop}
  - {rule: error-about-no-connection, match: {icmp: {class: error, inner: {proto: tcp}}, socket: {of: inner, is: [none, listen]}}, action: drop}
  - {rule: error-about-no-socket, match: {icmp: {class: error, inner: {proto: udp}}, socket: {of: inner, is: none}}, action: drop}
`

// TestConnectionsOfContainersAreKnown has a host translate the addresses of a container:
// those of a port that it publishes, where a proxy of the host listens too, as Docker has it,
// and those of what the container sends. No socket of the host has these connections. Their
// packets, and errors about them, pass; what belongs to none is dropped.
func TestConnectionsOfContainersAreKnown(t *testing.T) {
	const published, unheard = 8080, 8081
	n := testnet.NewRouted(t)
	outside, inside := n.Left, n.Right
	n.Router.Masquerade(t)
	for _, f := range testnet.Families {
		n.Router.Publish(t, published, netip.AddrPortFrom(inside.Addr(f), 80))
	}
	s := &scene{victim: n.Router, router: outside, peer: outside, wire: outside.Wire(t)}
	s.address = [2][6]byte{hardware(t, outside), hardware(t, n.Router)}
	n.Router.Do(t, func() {
		facts, err := host.Read()
		if err != nil {
			t.Fatal(err)
		}
		if !facts.Conntrack {
			t.Fatal("this kernel's connection tracking cannot be asked")
		}
		if s.fence, err = net.ListenUDP("udp4", &net.UDPAddr{IP: n.Router.V4.AsSlice()}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { s.fence.Close() })
	engine := enforce(t, n.Router, written(t, aboutConnections))
	want := map[string]uint64{}
	expect := func(what string, rule string, packets ...packet.Frame) {
		t.Helper()
		for _, p := range packets {
			s.inject(t, p)
			if rule != "" {
				want[rule+" drop"]++
			}
		}
		if diff := cmp.Diff(want, credits(t, engine)); diff != "" {
			t.Fatalf("%s: credits (-want +got):\n%s", what, diff)
		}
	}
	for _, f := range testnet.Families {
		if testnet.InVM() && f == testnet.IPv6 {
			continue // IPv6 is tracked alike
		}
		var proxy net.Listener
		n.Router.Do(t, func() {
			var err error
			if proxy, err = net.Listen("tcp", netip.AddrPortFrom(n.Router.Addr(f), published).String()); err != nil {
				t.Fatal(err)
			}
		})
		t.Cleanup(func() { proxy.Close() })
		in := dialed(t, outside, netip.AddrPortFrom(n.Router.Addr(f), published), inside, netip.AddrPortFrom(inside.Addr(f), 80))
		expect("a connection to a published port", "")
		out := dialed(t, inside, netip.AddrPortFrom(outside.Addr(f), 80), outside, netip.AddrPortFrom(outside.Addr(f), 80))
		expect("a connection that is masqueraded", "")

		// What the outside knows of the two, both as the host's.
		us, them := outside.Addr(f), n.Router.Addr(f)
		caller := netip.MustParseAddrPort(in.there.LocalAddr().String()).Port()
		masked := netip.MustParseAddrPort(out.here.RemoteAddr().String())
		if masked.Addr() != them {
			t.Fatalf("%v is not masqueraded", masked)
		}
		about := func(from, to uint16) packet.Frame { return quoting(them, us, from, to) }
		expect("errors about both", "", about(published, caller), about(masked.Port(), 80))
		expect("errors about none", "error-about-no-connection", about(published, caller+1), about(unheard, caller), about(masked.Port(), 81))
		segment := func(from, to uint16, flags uint8) packet.Frame {
			return packet.Frame{Source: us, Destination: them, Protocol: packet.TCP, SourcePort: from, DestinationPort: to, Flags: flags, Sequence: 77}
		}
		expect("segments of none", "stray-segment", segment(caller, unheard, ack), segment(4000, unheard, ack|fin))
		expect("a segment to the proxy", "segment-to-listener", segment(caller+1, published, ack))
		expect("answers that nobody asked for", "stray-answer", segment(80, unheard, syn|ack), segment(80, published, syn|ack))
		// A connection that was reset is none any more.
		in.there.(*net.TCPConn).SetLinger(0)
		in.there.Close()
		if _, err := in.here.Read(make([]byte, 1)); err == nil {
			t.Fatal("the connection was not reset")
		}
		expect("a segment of one that was reset", "segment-to-listener", segment(caller, published, ack))
	}
}

// quoting returns the error that a segment of a host was too large for the path to another.
func quoting(from, to netip.Addr, fromPort, toPort uint16) packet.Frame {
	inner := packet.Frame{
		Source: from, Destination: to, Protocol: packet.TCP, SourcePort: fromPort, DestinationPort: toPort,
		Flags: ack, DontFragment: true, Payload: make([]byte, 1350),
	}
	e := packet.Frame{
		Source: to, Destination: from, Protocol: packet.ICMPv4,
		ICMP: &packet.Message{Type: unreachable, Code: fragmentationNeeded, MTU: 1300, Quoted: &inner},
	}
	if from.Is6() {
		e.Protocol, e.ICMP.Type, e.ICMP.Code = packet.ICMPv6, 2, 0 // "packet too big"
	}
	return e
}

// dialed connects two namespaces, by the address that the one knows and the one where the
// other listens, and has both hear each other.
func dialed(t *testing.T, from *testnet.Namespace, to netip.AddrPort, at *testnet.Namespace, listens netip.AddrPort) (c *call) {
	t.Helper()
	c = &call{}
	var listener net.Listener
	var err error
	at.Do(t, func() { listener, err = net.Listen("tcp", listens.String()) })
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	from.Do(t, func() { c.there, err = net.DialTimeout("tcp", to.String(), testnet.Margin(5*time.Second)) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.there.Close() })
	listener.(*net.TCPListener).SetDeadline(time.Now().Add(testnet.Margin(5 * time.Second)))
	if c.here, err = listener.Accept(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.here.Close() })
	c.talks(t)
	const much = 100_000
	for _, way := range [][2]net.Conn{{c.there, c.here}, {c.here, c.there}} {
		go way[0].Write(make([]byte, much))
		way[1].SetReadDeadline(time.Now().Add(testnet.Margin(10 * time.Second)))
		if _, err := io.ReadFull(way[1], make([]byte, much)); err != nil {
			t.Fatal(err)
		}
	}
	return c
}
