//go:build kernel && linux

package attack

import (
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

const (
	portUnreachable = 3
	timeExceeded    = 11
	packetTooBig6   = 2
)

// tooBig is "fragmentation needed", or "packet too big", about a datagram of so many bytes
// that the victim's socket may have sent to the peer.
func tooBig(six bool, mtu uint32, size int, change func(s *siege, quoted *packet.Frame)) func(s *siege) [][]byte {
	const headers4, headers6 = 20 + 8, 40 + 8
	return func(s *siege) [][]byte {
		quoted := packet.Frame{
			Source: s.victim.V4, Destination: s.peer.V4, Protocol: packet.UDP, DontFragment: true,
			SourcePort: s.datagrams, DestinationPort: discard, Payload: make([]byte, size-headers4),
		}
		f := s.toward(packet.ICMPv4, six)
		f.Source = stranger
		f.ICMP = &packet.Message{Type: unreachable, Code: fragmentationNeeded, MTU: mtu, Quoted: &quoted}
		if six {
			quoted.Source, quoted.Destination, quoted.Payload = s.victim.V6, s.peer.V6, make([]byte, size-headers6)
			f.Source, f.Protocol, f.ICMP.Type, f.ICMP.Code = stranger6, packet.ICMPv6, packetTooBig6, 0
			f.ICMP.QuotedSize = 1000
		}
		if change != nil {
			change(s, &quoted)
		}
		return [][]byte{s.addressed(f).Bytes()}
	}
}

// refused is an error of another kind about what is quoted.
func refused(quoted func(s *siege) *packet.Frame) func(s *siege) [][]byte {
	return func(s *siege) [][]byte {
		f := s.toward(packet.ICMPv4, false)
		f.Source, f.ICMP = stranger, &packet.Message{Type: unreachable, Code: portUnreachable, Quoted: quoted(s)}
		return [][]byte{s.addressed(f).Bytes()}
	}
}

// learnsMTU tells whether the victim has learnt a path MTU to the peer, and makes it forget.
func learnsMTU(f testnet.Family) func(t *testing.T, s *siege) bool {
	return func(t *testing.T, s *siege) bool {
		t.Helper()
		var routes []netlink.Route
		var err error
		s.victim.Do(t, func() { routes, err = netlink.RouteGet(s.peer.Addr(f).AsSlice()) })
		if err != nil || len(routes) != 1 {
			t.Fatalf("route to the peer: %v, %v", routes, err)
		}
		s.victim.Set(t, f.String()+"/route/flush", "1")
		return routes[0].MTU != 0
	}
}

var implausible = []blow{
	{5, "packet that may be fragmented", []string{"forged-icmp/ptb-without-df"}, tooBig(false, 600, 1400, func(_ *siege, quoted *packet.Frame) {
		quoted.DontFragment = false
	}), nil, learnsMTU(testnet.IPv4)},
	{5, "500 bytes", []string{"forged-icmp/ptb-below-ipv4-floor"}, tooBig(false, 500, 1400, nil), nil, learnsMTU(testnet.IPv4)},
	{5, "packet that fitted", []string{"forged-icmp/ptb-that-fitted"}, tooBig(false, 1300, 1200, nil), nil, learnsMTU(testnet.IPv4)},
	{5, "packet that fitted, IPv6", []string{"forged-icmp/ptb-that-fitted"}, tooBig(true, 1400, 1300, nil), nil, learnsMTU(testnet.IPv6)},
	{5, "1000 bytes, IPv6", []string{"forged-icmp/ptb-below-ipv6-minimum"}, tooBig(true, 1000, 1400, nil), nil, nil},
	{5, "narrow link", []string{""}, tooBig(false, 1300, 1400, nil), nil, learnsMTU(testnet.IPv4)},
	{5, "narrow link, IPv6", []string{""}, tooBig(true, 1300, 1400, nil), nil, learnsMTU(testnet.IPv6)},

	{2, "packet of somebody else", []string{"forged-icmp/error-quotes-stranger"}, refused(func(s *siege) *packet.Frame {
		return &packet.Frame{Source: s.router.V4, Destination: s.peer.V4, Protocol: packet.TCP, SourcePort: s.open, DestinationPort: 5}
	}), nil, nil},
	{2, "an error", []string{"forged-icmp/error-quotes-error"}, refused(func(s *siege) *packet.Frame {
		return &packet.Frame{
			Source: s.victim.V4, Destination: s.peer.V4, Protocol: packet.ICMPv4,
			ICMP: &packet.Message{Type: timeExceeded, Quoted: &packet.Frame{Source: s.peer.V4, Destination: s.victim.V4, Protocol: packet.UDP}},
		}
	}), nil, nil},
	{2, "datagram of a socket", []string{""}, refused(func(s *siege) *packet.Frame {
		return &packet.Frame{Source: s.victim.V4, Destination: s.peer.V4, Protocol: packet.UDP, SourcePort: s.datagrams, DestinationPort: discard}
	}), nil, nil},
}

// TestImplausibleErrors has the bare victim believe path MTUs that contradict what they
// quote, and one behind forged-icmp.yaml not, as far as that is enforced.
func TestImplausibleErrors(t *testing.T) {
	besiege(t, []string{"forged-icmp.yaml"}, nil, func(s *siege) { s.listenUDP(t) }, implausible)
}
