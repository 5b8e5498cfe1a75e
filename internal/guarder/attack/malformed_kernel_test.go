//go:build kernel && linux

package attack

import (
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// More types of ICMP and ICMPv6.
const (
	echoRequest       = 8
	parameterProblem6 = 4
	echoRequest6      = 128
	echoReply6        = 129
)

// toward returns a packet of the peer to the victim.
func (s *siege) toward(protocol uint8, six bool) packet.Frame {
	f := packet.Frame{Source: s.peer.V4, Destination: s.victim.V4, Protocol: protocol, SourcePort: s.port, ID: uint32(s.port)}
	if six {
		f.Source, f.Destination = s.peer.V6, s.victim.V6
	}
	return f
}

// segment is one of TCP from the peer, with flags, to a port, or to the open one if it is 1.
func segment(flags uint8, port uint16, change func(s *siege, f *packet.Frame)) func(s *siege) [][]byte {
	return func(s *siege) [][]byte {
		f := s.toward(packet.TCP, false)
		f.Flags, f.DestinationPort, f.Sequence = flags, port, 77
		if port == 1 {
			f.DestinationPort = s.open
		}
		if change != nil {
			change(s, &f)
		}
		return [][]byte{s.addressed(f).Bytes()}
	}
}

// ping is an echo request from the peer.
func ping(six bool, change func(s *siege, f *packet.Frame)) func(s *siege) [][]byte {
	return func(s *siege) [][]byte { return [][]byte{s.addressed(s.ping(six, change)).Bytes()} }
}

func (s *siege) ping(six bool, change func(s *siege, f *packet.Frame)) packet.Frame {
	f := s.toward(packet.ICMPv4, six)
	f.ICMP, f.Payload = &packet.Message{Type: echoRequest}, make([]byte, 56)
	if six {
		f.Protocol, f.ICMP = packet.ICMPv6, &packet.Message{Type: echoRequest6}
	}
	if change != nil {
		change(s, &f)
	}
	return f
}

func from(address string) func(s *siege, f *packet.Frame) {
	return func(_ *siege, f *packet.Frame) { f.Source = netip.MustParseAddr(address) }
}

func withOptions(options ...byte) func(s *siege, f *packet.Frame) {
	return func(_ *siege, f *packet.Frame) { f.Options = options }
}

func isReply(p *packet.Packet) bool {
	return p.ICMP != nil && (p.Family == 4 && p.ICMP.Type == echoReply || p.Family == 6 && p.ICMP.Type == echoReply6)
}

func isWelcome(p *packet.Packet) bool { return p.Protocol == packet.TCP && p.Flags == syn|ack }

// replyWith is an echo reply that has taken over an option.
func replyWith(option packet.Options) func(p *packet.Packet) bool {
	return func(p *packet.Packet) bool { return isReply(p) && p.Options&option != 0 }
}

// malformed are packets that no sane host sends, and some that sane hosts do send.
var malformed = []blow{
	{23, "SYN with segments of 48 bytes", []string{"sanity/tiny-mss"}, segment(syn, 1, func(_ *siege, f *packet.Frame) { f.MSS = 48 }), isWelcome, nil},
	{23, "SYN with segments of 536 bytes", []string{""}, segment(syn, 1, func(_ *siege, f *packet.Frame) { f.MSS = 536 }), isWelcome, nil},
	{23, "SYN without the option", []string{""}, segment(syn, 1, nil), isWelcome, nil},

	{27, "from the victim to itself", []string{"sanity/land"}, segment(syn, 1, func(s *siege, f *packet.Frame) {
		f.Source, f.SourcePort = s.victim.V4, s.open
	}), nil, nil},
	{27, "from the victim to itself, IPv6", []string{"sanity/land"}, segment(syn, 1, func(s *siege, f *packet.Frame) {
		f.Source, f.Destination, f.SourcePort = s.victim.V6, s.victim.V6, s.open
	}), nil, nil},

	{28, "no flags", []string{"sanity/tcp-impossible-flags"}, segment(0, closedPort, nil), isReset, nil},
	{28, "FIN alone", []string{"sanity/tcp-impossible-flags"}, segment(fin, closedPort, nil), isReset, nil},
	{28, "Xmas", []string{"sanity/tcp-impossible-flags"}, segment(fin|psh|urg, closedPort, nil), isReset, nil},
	{28, "SYN and FIN", []string{"sanity/tcp-impossible-flags"}, segment(syn|fin, closedPort, nil), isReset, nil},
	{28, "SYN and RST", []string{"sanity/tcp-impossible-flags"}, segment(syn|rst, 1, nil), nil, nil},
	{28, "SYN to port 0", []string{"sanity/port-zero"}, segment(syn, 0, nil), isReset, nil},
	{28, "SYN from port 0", []string{"sanity/port-zero"}, segment(syn, closedPort, func(_ *siege, f *packet.Frame) { f.SourcePort = 0 }), isReset, nil},
	{28, "datagram to port 0", []string{"sanity/port-zero"}, datagram(0), isUnreachable, nil},
	{28, "header of 16 bytes", []string{unreadable}, func(s *siege) [][]byte {
		const offset = 14 + 20 + 12
		frames := segment(syn, 1, nil)(s)
		frames[0][offset] = 4 << 4
		return frames
	}, nil, nil},
	{28, "SYN to a closed port", []string{""}, segment(syn, closedPort, nil), isReset, nil},
	{28, "FIN and ACK", []string{""}, segment(fin|ack, closedPort, nil), isReset, nil},

	{30, "from a reserved address", []string{"sanity/martian-source"}, ping(false, from("240.1.2.3")), isReply, nil},
	{30, "from loopback", []string{"sanity/martian-source"}, ping(false, from("127.0.0.1")), nil, nil},
	{30, "from a group", []string{"sanity/martian-source"}, ping(false, from("224.0.0.5")), nil, nil},
	{30, "from everybody", []string{"sanity/martian-source"}, ping(false, from("255.255.255.255")), nil, nil},
	{30, "from this network", []string{"sanity/martian-source"}, ping(false, from("0.1.2.3")), nil, nil},
	{30, "from loopback, IPv6", []string{"sanity/martian-source"}, ping(true, from("::1")), nil, nil},
	{30, "from a group, IPv6", []string{"sanity/martian-source"}, ping(true, from("ff02::5")), nil, nil},
	{30, "from IPv4 in IPv6", []string{"sanity/martian-source"}, ping(true, from("::ffff:198.51.100.1")), nil, nil},
	{30, "from the victim", []string{"sanity/own-source"}, ping(false, func(s *siege, f *packet.Frame) {
		f.Source, f.Destination = s.victim.V4, netip.MustParseAddr("198.18.1.255")
	}), nil, nil},
	{30, "SYN to a group", []string{"sanity/tcp-to-group"}, segment(syn, 1, func(_ *siege, f *packet.Frame) {
		f.Destination = netip.MustParseAddr("224.0.0.1")
	}), nil, nil},
	{30, "from a stranger", []string{""}, ping(false, from("203.0.113.66")), isReply, nil},
	{30, "from a stranger, IPv6", []string{""}, ping(true, from("2001:db8:66::66")), isReply, nil},

	{31, "loose source route", []string{"sanity/source-route"}, ping(false, withOptions(131, 7, 8, 198, 18, 1, 1, 0)), replyWith(packet.LooseRoute), nil},
	{31, "strict source route", []string{"sanity/source-route"}, ping(false, withOptions(137, 7, 8, 198, 18, 1, 1, 0)), nil, nil},
	{31, "record route", []string{"sanity/recorded-route"}, ping(false, withOptions(7, 7, 4, 0, 0, 0, 0, 0)), replyWith(packet.RecordRoute), nil},
	{31, "timestamps", []string{"sanity/recorded-route"}, ping(false, withOptions(68, 8, 5, 0, 0, 0, 0, 0)), replyWith(packet.Timestamp), nil},
	{31, "routing header 0", []string{"sanity/source-route"}, ping(true, func(_ *siege, f *packet.Frame) {
		f.Extensions = []packet.Extension{{Header: packet.Routing}}
	}), isReply, nil},
	{31, "router alert", []string{""}, ping(false, withOptions(148, 4, 0, 0)), isReply, nil},
	// Who is built with mobility drops it by itself, as nobody here has a home address.
	{31, "routing header of mobility", []string{""}, ping(true, func(_ *siege, f *packet.Frame) {
		f.Extensions = []packet.Extension{{Header: packet.Routing, RoutingType: 2}}
	}), nil, nil},
}

// datagram is one of UDP from the peer to a port.
func datagram(port uint16) func(s *siege) [][]byte {
	return func(s *siege) [][]byte {
		f := s.toward(packet.UDP, false)
		f.DestinationPort, f.Payload = port, make([]byte, 40)
		return [][]byte{s.addressed(f).Bytes()}
	}
}

// TestMalformed has what no sane host sends answered by the bare victim, where Linux does
// that, and not by one behind baseline.yaml.
func TestMalformed(t *testing.T) {
	besiege(t, []string{"baseline.yaml"}, nil, func(s *siege) {
		for _, device := range []string{"all", s.victim.Device} {
			s.victim.Set(t, "ipv4/conf/"+device+"/accept_source_route", "1")
		}
	}, malformed)
}
