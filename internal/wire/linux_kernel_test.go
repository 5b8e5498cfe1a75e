//go:build kernel && linux

package wire_test

import (
	"fmt"
	"net"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// routed is a network whose router answers as often as it is asked.
func routed(t *testing.T) *testnet.Net {
	t.Helper()
	n := testnet.NewRouted(t)
	for _, ns := range []*testnet.Namespace{n.Router, n.Right} {
		// Types that are limited: none, and one that nobody sends. Without that there
		// is a limit to all that a host sends too, whatever icmp_ratelimit says.
		ns.Set(t, "ipv4/icmp_ratemask", "0")
		ns.Set(t, "ipv6/icmp/ratemask", "255")
	}
	return n
}

func flowTo(n *testnet.Net, f testnet.Family, p wire.Protocol, port uint16) wire.Flow {
	flow := wire.Flow{Protocol: p, Source: n.Left.Addr(f), Destination: n.Right.Addr(f), SourcePort: 43210, DestinationPort: port}
	if f == testnet.IPv6 {
		flow.Label = 0xabcde
	}
	if p == wire.ICMP {
		flow.DestinationPort = 0
	}
	return flow
}

// Linux takes no packet whose checksum is wrong: that a destination answers proves it
// right.
func TestLinuxAnswersProbes(t *testing.T) {
	n := routed(t)
	open := listenTCP(t, n.Right)
	for _, f := range testnet.Families {
		for _, test := range []struct {
			protocol wire.Protocol
			port     uint16
			size     int
			answers  wire.Protocol // which socket is given the destination's answer
			want     wire.Reply
		}{
			{wire.ICMP, 0, 0, wire.ICMP, wire.Reply{Kind: wire.EchoReply}},
			{wire.ICMP, 0, 801, wire.ICMP, wire.Reply{Kind: wire.EchoReply}},
			{wire.UDP, 33434, 0, wire.ICMP, wire.Reply{Kind: wire.Unreachable}},
			{wire.UDP, 33434, 1433, wire.ICMP, wire.Reply{Kind: wire.Unreachable}},
			{wire.TCP, open, 0, wire.TCP, wire.Reply{Kind: wire.SYNACK}},
			{wire.TCP, 9, 0, wire.TCP, wire.Reply{Kind: wire.Reset}},
		} {
			t.Run(fmt.Sprintf("%s/%s/%d/%s", f, test.protocol, test.size, test.want.Kind), func(t *testing.T) {
				filter := wire.Filter{}
				ports := wire.Ports{First: 43210, Last: 43220}
				switch test.protocol {
				case wire.ICMP:
					filter.ICMP = ports
				case wire.UDP:
					filter.UDP = ports
				case wire.TCP:
					filter.TCP = ports
				}
				send := sender(t, n.Left, f)
				errors := receive(t, n.Left, f, wire.ICMP, filter)
				answers := errors
				if test.answers == wire.TCP {
					answers = receive(t, n.Left, f, wire.TCP, filter)
				}
				// Others' answers come too, and are kept out.
				must(t, "ping", testnet.Ping(n.Left, n.Right, f, 3))

				for i, id := range ids {
					flow := flowTo(n, f, test.protocol, test.port)
					flow.SourcePort += uint16(i) // else a SYN hits the connection of the one before
					p := wire.Probe{Flow: flow, TTL: 1, ID: id, Size: test.size, TOS: 0x20, DontFragment: true}
					send(p)
					checkExpired(t, p, errors.next(t))

					p.TTL = 2
					send(p)
					checkReached(t, p, answers.next(t), test.want.Kind)
				}
				errors.nothing(t)
				answers.nothing(t)
			})
		}
	}
}

// checkExpired compares the answer of the first router with what it must be. Linux
// quotes all of 548 bytes or more.
func checkExpired(t *testing.T, p wire.Probe, got wire.Reply) {
	t.Helper()
	b := build(t, p)
	want := wire.Reply{From: got.From, Kind: wire.TimeExceeded, TTL: got.TTL, Quoted: quotedOf(p, b, got.Quoted.Bytes)}
	if d := cmp.Diff(want, got, equal); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got.From == p.Destination || got.From == p.Source || got.Reached() {
		t.Errorf("from %s", got.From)
	}
	if p.Destination.Is4() && wire.ReverseHops(got.TTL) != 1 {
		t.Errorf("TTL %d is not that of a neighbour", got.TTL)
	}
	if q := got.Quoted; q.Bytes < min(q.Length, 528) || p.Rewritten(&q) != 0 {
		t.Errorf("quotes %d bytes of %d, rewritten: %s", q.Bytes, q.Length, p.Rewritten(&q))
	}
}

func checkReached(t *testing.T, p wire.Probe, got wire.Reply, kind wire.Kind) {
	t.Helper()
	if got.Kind != kind || got.From != p.Destination || got.Key() != p.Key() || !got.Reached() {
		t.Errorf("got %+v for %+v", got, p)
	}
	if kind == wire.Unreachable && got.Reason() != "port_unreachable" {
		t.Errorf("got reason %s", got.Reason())
	}
	if p.Destination.Is4() && wire.ReverseHops(got.TTL) != 2 {
		t.Errorf("TTL %d is not that of two hops", got.TTL)
	}
}

func listenTCP(t *testing.T, ns *testnet.Namespace) (port uint16) {
	t.Helper()
	var l net.Listener
	var err error
	ns.Do(t, func() { l, err = net.Listen("tcp", "[::]:0") })
	must(t, "listen", err)
	t.Cleanup(func() { l.Close() })
	return uint16(l.Addr().(*net.TCPAddr).Port)
}

func TestLinuxTellsItsMTU(t *testing.T) {
	n := routed(t)
	n.Router.SetMTU(t, "router1", 1400)
	for _, f := range testnet.Families {
		for _, protocol := range []wire.Protocol{wire.ICMP, wire.UDP} {
			send := sender(t, n.Left, f)
			r := receive(t, n.Left, f, wire.ICMP, wire.Filter{UDP: wire.Ports{First: 43210, Last: 43210}, ICMP: wire.Ports{First: 43210, Last: 43210}})
			p := wire.Probe{Flow: flowTo(n, f, protocol, 33434), TTL: 9, ID: 0x1234, Size: 1500, DontFragment: true}
			send(p)
			got := r.next(t)
			if got.Kind != wire.PacketTooBig || got.MTU != 1400 || got.Key() != p.Key() || got.Reached() || !got.Quoted.Truncated() {
				t.Errorf("%s, %s: got %+v", f, protocol, got)
			}
			if next, ok := wire.NextMTU(p.Destination, got.MTU, p.Size); !ok || next != 1400 {
				t.Errorf("%s, %s: NextMTU %d, %v", f, protocol, next, ok)
			}
		}
	}
}

// What sockets without privileges are given back is enough to find the probe.
func TestLinuxQueuesErrorsOfPayloads(t *testing.T) {
	n := routed(t)
	allowPing(t, n.Left)
	for _, f := range testnet.Families {
		for _, protocol := range []wire.Protocol{wire.UDP, wire.ICMP} {
			t.Run(f.String()+"/"+protocol.String(), func(t *testing.T) {
				p := wire.Probe{Flow: flowTo(n, f, protocol, 33434), TTL: 1}
				fd := unprivileged(t, n.Left, f, protocol)
				for _, id := range ids {
					p.ID = id
					b, err := p.AppendPayload(nil)
					must(t, "AppendPayload", err)
					must(t, "send", unix.Sendto(fd, b, 0, sockaddr(p.Destination, p.DestinationPort)))
					payload, from, kind, code := errorQueue(t, fd)
					if got, ok := wire.ParsePayload(protocol, payload); !ok || got != id {
						t.Errorf("ID %#x of payload % x, want %#x", got, payload, id)
					}
					of := wire.ICMPv4Kind(kind, code)
					if f == testnet.IPv6 {
						of = wire.ICMPv6Kind(kind)
					}
					if of != wire.TimeExceeded || from == p.Destination || !from.IsValid() {
						t.Errorf("%s from %s", of, from)
					}
				}
				if protocol == wire.ICMP {
					pinged(t, fd, f, p)
				}
			})
		}
	}
}

// pinged sends a probe that arrives, whose answer is no error.
func pinged(t *testing.T, fd int, f testnet.Family, p wire.Probe) {
	t.Helper()
	setTTL(t, fd, f, 9)
	b, err := p.AppendPayload(nil)
	must(t, "AppendPayload", err)
	must(t, "send", unix.Sendto(fd, b, 0, sockaddr(p.Destination, 0)))
	reply := make([]byte, 2048)
	n := 0
	must(t, "wait for the echo", retried(func() (err error) {
		n, _, err = unix.Recvfrom(fd, reply, 0)
		return err
	}))
	if got, ok := wire.ParsePayload(wire.ICMP, reply[:n]); !ok || got != p.ID {
		t.Errorf("ID %#x of reply % x, want %#x", got, reply[:n], p.ID)
	}
}

func unprivileged(t *testing.T, ns *testnet.Namespace, f testnet.Family, p wire.Protocol) int {
	t.Helper()
	family, number := unix.AF_INET, unix.IPPROTO_UDP
	if f == testnet.IPv6 {
		family = unix.AF_INET6
	}
	if p == wire.ICMP {
		number = map[testnet.Family]int{testnet.IPv4: unix.IPPROTO_ICMP, testnet.IPv6: unix.IPPROTO_ICMPV6}[f]
	}
	fd := open(t, ns, family, unix.SOCK_DGRAM, number)
	if f == testnet.IPv4 {
		must(t, "IP_RECVERR", unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_RECVERR, 1))
	} else {
		must(t, "IPV6_RECVERR", unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_RECVERR, 1))
	}
	setTTL(t, fd, f, 1)
	return fd
}

func setTTL(t *testing.T, fd int, f testnet.Family, ttl int) {
	t.Helper()
	if f == testnet.IPv4 {
		must(t, "IP_TTL", unix.SetsockoptInt(fd, unix.SOL_IP, unix.IP_TTL, ttl))
		return
	}
	must(t, "IPV6_UNICAST_HOPS", unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_UNICAST_HOPS, ttl))
}
