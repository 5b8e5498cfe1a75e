//go:build kernel && linux

package attack

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

// TestErrorsAreComparedWithSockets sends "fragmentation needed" about connections and
// sockets of the victim, as whoever guesses can. What a socket vouches for passes and is
// believed. Of the rest forged-icmp.yaml tells as it comes, and drops what is sure; Linux 6.1
// and 6.12 believe some of it. All of it is dropped where the policy is enforced.
func TestErrorsAreComparedWithSockets(t *testing.T) {
	for _, mode := range []string{"audit", "enforce"} {
		t.Run(mode, func(t *testing.T) {
			var engine *guarder.Engine
			s := newScene(t, inMode("forged-icmp.yaml", mode, &engine))
			c := s.call(t, testnet.IPv4)
			for _, e := range c.quotes(t) {
				e.see(t, c, engine, mode)
			}
		})
	}
}

// A quote is a packet that an error is about, and the rule that does not want the error,
// or "" if it passes and is believed.
type quote struct {
	name, rule string
	packet     packet.Frame // its sequence number counts from the next one
	sure       bool         // dropped by the policy as it comes
}

func (c *call) quotes(t *testing.T) []quote {
	const window = 1 << 20
	tcp := func(from, to uint16, sequence uint32) packet.Frame { return c.sent(packet.TCP, from, to, sequence) }
	udp := func(from, to uint16) packet.Frame { return c.sent(packet.UDP, from, to, 0) }
	here, there := c.local.Port(), c.remote.Port()
	open := uint16(c.openUDP(t).LocalAddr().(*net.UDPAddr).Port)
	return []quote{
		{"a segment that was never sent", "error-out-of-window", tcp(here, there, window), true},
		{"a segment of long ago", "error-out-of-window", tcp(here, there, 1<<32-window), true},
		{"another connection", "error-about-no-connection", tcp(here, there+1, 0), false},
		{"no connection", "error-about-no-connection", tcp(closedPort, there, 0), false},
		{"no socket", "error-about-no-socket", udp(closedPort, 9), false},
		{"a connected socket of another peer", "error-about-no-socket", udp(c.asked, 10), false},
		{"a socket", "", udp(open, 9), false},
		{"a segment that is on its way", "", tcp(here, there, 0), false},
	}
}

// see sends the error, and fails unless the rule is credited with it alone, and the
// victim believes it if it shall.
func (q *quote) see(t *testing.T, c *call, engine *guarder.Engine, mode string) {
	t.Helper()
	want, size, mtu := credits(t, engine), c.pathMTU(t), 1300
	if q.packet.Protocol == packet.TCP {
		mtu = 1200
		q.packet.Sequence += c.own
	}
	c.inject(t, packet.Frame{
		Source: stranger, Destination: c.victim.V4, Protocol: packet.ICMPv4,
		ICMP: &packet.Message{Type: unreachable, Code: fragmentationNeeded, MTU: uint32(mtu), Quoted: &q.packet},
	})
	drops := q.rule != "" && (q.sure || mode == "enforce")
	switch {
	case drops:
		want[q.rule+" drop"]++
	case q.rule != "":
		want[q.rule+" would_drop"]++
	}
	if diff := cmp.Diff(want, credits(t, engine)); diff != "" {
		t.Errorf("about %s: credits (-want +got):\n%s", q.name, diff)
	}
	switch got := c.pathMTU(t); {
	case drops && got != size:
		t.Errorf("about %s: path MTU is %d, was %d", q.name, got, size)
	case q.rule == "" && got != mtu:
		t.Errorf("about %s: path MTU is %d, want %d", q.name, got, mtu)
	}
	c.talks(t)
}

// sent returns a packet of the victim to the peer.
func (c *call) sent(protocol uint8, from, to uint16, sequence uint32) packet.Frame {
	return packet.Frame{
		Source: c.local.Addr(), Destination: c.remote.Addr(), Protocol: protocol, SourcePort: from, DestinationPort: to,
		Sequence: sequence, Flags: ack, DontFragment: true, Payload: make([]byte, 1400),
	}
}

// connected opens a socket of the victim that is connected to port 9 of the peer.
func (c *call) connected(t *testing.T) (port uint16) {
	t.Helper()
	c.victim.Do(t, func() {
		conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(c.remote.Addr(), 9)))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		port = uint16(conn.LocalAddr().(*net.UDPAddr).Port)
	})
	return port
}
