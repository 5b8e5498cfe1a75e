package host

import (
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// Flags of TCP, as in packet.Packet.
const (
	synFlag = 2
	pshFlag = 8
	ackFlag = 16
)

// Types of ICMP.
const (
	unreachable    = 3 // ICMP, of which code 4 needs fragmentation
	needsFragments = 4
	packetTooBig   = 2 // ICMPv6
	routerAdvert   = 134
	solicitation   = 135
	advertisement  = 136
)

// Hops that are left of 64 from the same link, and from elsewhere.
const (
	hopsOnLink = 64
	hopsRouted = 54
)

// timestamps are the options of TCP that most segments carry.
var timestamps = []byte{1, 1, 8, 10, 0, 0, 0, 1, 0, 0, 0, 1}

// sent returns the frame of an IP packet, with the source address of the neighbour
// that sends it, if that is known, and the hops that are left.
func (f *Facts) sent(from, to netip.Addr, protocol uint8) packet.Frame {
	frame := packet.Frame{Source: from, Destination: to, Protocol: protocol, TTL: hopsOnLink}
	onLink, _ := f.link(from)
	if len(onLink) == 0 {
		frame.TTL = hopsRouted
	}
	for _, g := range f.Gateways {
		if g.Resolved && (g.Addr == from || len(onLink) == 0 && g.Addr.Is4() == from.Is4()) {
			frame.SourceMAC = g.MAC
			break
		}
	}
	return frame
}

// segment returns a packet of TCP that arrives on a connection.
func (f *Facts) segment(c Connection, flags uint8, data []byte) packet.Frame {
	frame := f.sent(c.Remote.Addr(), c.Local.Addr(), packet.TCP)
	frame.DontFragment = true
	frame.SourcePort, frame.DestinationPort = c.Remote.Port(), c.Local.Port()
	frame.Flags, frame.TCPOptions, frame.Payload = flags, timestamps, data
	if flags&synFlag != 0 {
		frame.MSS = 1460
	}
	return frame
}

// datagram returns a packet of UDP.
func (f *Facts) datagram(from, to netip.AddrPort, size int) packet.Frame {
	frame := f.sent(from.Addr(), to.Addr(), packet.UDP)
	frame.SourcePort, frame.DestinationPort = from.Port(), to.Port()
	frame.Payload = make([]byte, size)
	return frame
}

// tooBig returns the message of a router on the way to a peer that a full packet of
// an own connection does not fit. Without a gateway the peer says so itself, as the end
// of a tunnel does.
func (f *Facts) tooBig(c Connection) []Need {
	remote, local := c.Remote.Addr(), c.Local.Addr()
	if f.local(remote) {
		return nil
	}
	router := remote
	if devices, _ := f.link(remote); len(devices) == 0 {
		for _, g := range f.Gateways {
			if g.Addr.Is4() == remote.Is4() && !g.Addr.IsLinkLocalUnicast() {
				router = g.Addr
				break
			}
		}
	}
	// The smallest MTU of IPv6 (RFC 8200) is no suspect in IPv4 either.
	message := packet.Message{Type: unreachable, Code: needsFragments, MTU: 1280, Quoted: &packet.Frame{
		Source: local, Destination: remote, Protocol: packet.TCP, DontFragment: true, TTL: hopsRouted, Sequence: 1, Flags: ackFlag,
		SourcePort: c.Local.Port(), DestinationPort: c.Remote.Port(), TCPOptions: timestamps, Payload: make([]byte, 1400),
	}, QuotedSize: 548} // so that the message has 576 bytes (RFC 1812, 4.3.2.3)
	protocol := uint8(packet.ICMPv4)
	if !remote.Is4() {
		protocol, message.Type, message.Code, message.QuotedSize = packet.ICMPv6, packetTooBig, 0, 1232
	}
	frame := f.sent(router, local, protocol)
	frame.ICMP = &message
	return f.need(NeedTooBig, true, frame, f.placesFrom(router, local),
		"icmp \"packet too big\" about %v to %v", c.Local, c.Remote)
}
