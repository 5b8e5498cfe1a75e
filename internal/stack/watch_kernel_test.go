//go:build kernel && linux

package stack

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

func TestWatchesCountTheirFlows(t *testing.T) {
	n, e := shared(t)
	t.Cleanup(func() { setWatches(t, e) })
	t.Run("one connection", func(t *testing.T) {
		for _, f := range testnet.Families {
			t.Run(f.String(), func(t *testing.T) { checkOneConnection(t, n, e, f) })
		}
	})
	t.Run("parts", func(t *testing.T) { checkParts(t, n, e) })
	t.Run("first of many", func(t *testing.T) { checkFirstWatchWins(t, n, e) })
	t.Run("at random", func(t *testing.T) { checkRandomWatches(t, n, e) })
	t.Run("replaced", func(t *testing.T) { checkReplacedWatches(t, n, e) })
	t.Run("as many as there may be", func(t *testing.T) { checkManyWatches(t, n, e) })
	t.Run("full map", func(t *testing.T) { checkFullMap(t, n, e) })
}

// named gives the traffic of a load a watch.
func named(load map[station]volume, watch string) map[station]volume {
	watched := make(map[station]volume)
	for at, v := range load {
		at.Watch = watch
		watched[at] = v
	}
	return watched
}

func end(a net.Addr) netip.AddrPort {
	ap := a.(*net.UDPAddr).AddrPort()
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func host(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

func port(p uint16) PortRange { return PortRange{p, p} }

// talk sends count datagrams over a pair, each read before the next.
func talk(t *testing.T, p *testnet.UDPPair, count, size int) {
	t.Helper()
	for range count {
		_, err := p.Sender.Write(make([]byte, size))
		must(t, err)
		_, err = p.Receiver.Read(make([]byte, size+1))
		must(t, err)
	}
}

func pairs(t *testing.T, n *testnet.Net, f testnet.Family, count int) []*testnet.UDPPair {
	t.Helper()
	var all []*testnet.UDPPair
	for range count {
		p, err := testnet.NewUDPPair(n.Left, n.Right, f)
		must(t, err)
		t.Cleanup(p.Close)
		all = append(all, p)
	}
	return all
}

func setWatches(t *testing.T, e *lab, watches ...Watch) {
	t.Helper()
	must(t, e.SetWatches(watches))
}

// countWatched is count for loads under watches. The kernel's stock of memory for new
// entries is small and refilled in the background; a packet that finds it empty counts
// as lost and as one without a watch. Then the load is repeated, on the entries that
// the first one has made.
func (l *lab) countWatched(t *testing.T, load func()) (got tally) {
	t.Helper()
	eventually(t, func() bool {
		got = l.count(t, load)
		return got.lost["watched_traffic"] == 0
	})
	return got
}

func checkOneConnection(t *testing.T, n *testnet.Net, e *lab, f testnet.Family) {
	const count, size = 101, 10
	both := pairs(t, n, f, 2)
	here, there := end(both[0].Sender.LocalAddr()), end(both[0].Receiver.LocalAddr())
	watch := Watch{
		Name:   "one",
		Prefix: host(there.Addr()), Ports: port(there.Port()),
		PeerPrefix: host(here.Addr()), PeerPorts: port(here.Port()),
		Protocol: unix.IPPROTO_UDP,
	}
	setWatches(t, e, watch)
	got := e.countWatched(t, func() {
		talk(t, both[0], count, size)
		talk(t, both[1], count+2, size)
	})
	k, packet := kindOf(f, UDP4, UDP6), ipHeader(f)+udpHeader+size
	got.want(t, named(sent(k, count, packet, size), "one"), sent(k, count+2, packet, size))
	got.wantUnmatched(t, nil)
	got.wantBalance(t)
	for _, span := range []Span{{Transmit, Transport, Network}, {Transmit, Transport, Driver}} {
		h := got.stages[way{span, k, Virtual, "one"}]
		if h.Slowest == nil {
			t.Errorf("%v: no example of the watch", span)
			continue
		}
		if h.Slowest.Source != here || h.Slowest.Destination != there {
			t.Errorf("%v: the slowest was from %v to %v, want %v to %v", span, h.Slowest.Source, h.Slowest.Destination, here, there)
		}
		if s := h.Slowest; s.Duration <= 0 || s.Duration.Seconds() > h.SumSeconds+1e-9 || time.Since(s.Time).Abs() > time.Minute {
			t.Errorf("%v: the slowest took %v at %v; all took %v s", span, s.Duration, s.Time, h.SumSeconds)
		}
	}
}

// checkParts drives one load under many filters. What a filter does not match must be
// counted without a watch, so that all parts make the whole.
func checkParts(t *testing.T, n *testnet.Net, e *lab) {
	const udp4, udp6, icmp4, icmp6 = 11, 13, 17, 19
	const all = udp4 + udp6 + icmp4 + icmp6
	p4, p6 := pairs(t, n, testnet.IPv4, 1)[0], pairs(t, n, testnet.IPv6, 1)[0]
	port4, port6 := end(p4.Receiver.LocalAddr()).Port(), end(p6.Receiver.LocalAddr()).Port()
	for _, c := range []struct {
		name  string
		watch Watch
		want  uint64
	}{
		{"everything", Watch{}, all},
		{"all IPv4", Watch{Prefix: netip.MustParsePrefix("0.0.0.0/0")}, udp4 + icmp4},
		{"all IPv6", Watch{Prefix: netip.MustParsePrefix("::/0")}, udp6 + icmp6},
		{"an IPv4 network", Watch{Prefix: netip.PrefixFrom(n.Left.V4, 24).Masked()}, udp4 + icmp4},
		{"another IPv4 network", Watch{Prefix: netip.MustParsePrefix("192.0.2.0/24")}, 0},
		{"an IPv6 network", Watch{Prefix: netip.PrefixFrom(n.Left.V6, 64).Masked()}, udp6 + icmp6},
		{"both ends in a network", Watch{
			Prefix: netip.PrefixFrom(n.Left.V6, 64).Masked(), PeerPrefix: netip.PrefixFrom(n.Left.V6, 64).Masked()}, udp6 + icmp6},
		{"the peer elsewhere", Watch{Prefix: host(n.Left.V4), PeerPrefix: netip.MustParsePrefix("192.0.2.0/24")}, 0},
		{"ports around one", Watch{Ports: PortRange{port4 - 1, port4 + 1}, Prefix: host(n.Right.V4)}, udp4},
		{"a port of the peer", Watch{PeerPorts: port(port6), Prefix: host(n.Left.V6)}, udp6},
		{"a port of the wrong end", Watch{Ports: port(port6), Prefix: host(n.Left.V6)}, 0},
		{"a protocol", Watch{Protocol: unix.IPPROTO_ICMPV6}, icmp6},
		{"another protocol", Watch{Protocol: unix.IPPROTO_TCP}, 0},
		{"a protocol of both families", Watch{Protocol: unix.IPPROTO_UDP}, udp4 + udp6},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.watch.Name = "part"
			setWatches(t, e, c.watch)
			got := e.countWatched(t, func() {
				talk(t, p4, udp4, 10)
				talk(t, p6, udp6, 10)
				must(t, testnet.Ping(n.Left, n.Right, testnet.IPv4, icmp4))
				must(t, testnet.Ping(n.Left, n.Right, testnet.IPv6, icmp6))
			})
			for _, layer := range []Layer{Transport, Network, Qdisc, Driver} {
				if watched, rest := got.parts(layer, Transmit, "part"); watched != c.want || rest != all-c.want {
					t.Errorf("%v: %d watched, %d not, want %d of %d", layer, watched, rest, c.want, all)
				}
			}
			got.wantBalance(t)
		})
	}
	t.Run("a device", func(t *testing.T) {
		setWatches(t, e, Watch{Name: "part", Device: n.Left.Device})
		got := e.countWatched(t, func() {
			must(t, testnet.SendUDP(n.Left, n.Right, testnet.IPv4, udp4, 10))
			must(t, testnet.SendUDP(n.Left, n.Right, testnet.IPv6, udp6, 10))
		})
		for _, layer := range []Layer{Transport, Network, Qdisc, Driver} {
			if watched, rest := got.parts(layer, Transmit, "part"); watched != udp4+udp6 || rest != 0 {
				t.Errorf("%v: %d watched, %d not, want all %d", layer, watched, rest, udp4+udp6)
			}
		}
		got = e.countWatched(t, func() { must(t, testnet.SendUDP(n.Right, n.Left, testnet.IPv4, udp4, 10)) })
		for _, layer := range []Layer{Link, Network, Transport} {
			if watched, rest := got.parts(layer, Receive, "part"); watched != udp4 || rest != 0 {
				t.Errorf("%v: %d watched, %d not, want all %d", layer, watched, rest, udp4)
			}
		}
		if watched, rest := got.parts(Socket, Receive, "part"); watched != 0 || rest != udp4 {
			t.Errorf("socket: %d watched, %d not, want none, because a read has no device", watched, rest)
		}
	})
}

// parts returns the packets of a station with a watch and without.
func (t tally) parts(layer Layer, direction Direction, watch string) (watched, rest uint64) {
	for at, v := range t.traffic {
		switch {
		case at.Layer != layer || at.Direction != direction:
		case at.Watch == watch:
			watched += v.Packets
		default:
			rest += v.Packets
		}
	}
	return watched, rest
}
