//go:build kernel && linux

package compile

import (
	"net/netip"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// The kernel's program goes by the kernel's clock.
func init() {
	var since unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &since); err != nil {
		panic(err)
	}
	testOptions.Epoch = time.Now().Add(-time.Duration(since.Nano())).Round(0)
}

// frame returns a random frame of at least 14 bytes; some are damaged.
func (m maker) frame() []byte {
	f := packet.Frame{SourceMAC: m.mac(), DestinationMAC: m.mac()}
	switch {
	case m.chance(6):
		f.Tags = some(m, 2, func() uint16 { return uint16(m.IntN(8)) })
	case m.chance(60):
		f.Tags = []uint16{1, 2, 3}
	}
	switch m.IntN(20) {
	case 0:
		f.EtherType, f.Payload = 0x88cc, make([]byte, 40)
	case 1, 2:
		f.ARP = &packet.ARP{
			Operation: uint16(m.IntN(4)), SenderMAC: m.mac(), TargetMAC: m.mac(), SenderIP: m.address(false), TargetIP: m.address(false),
		}
	case 3:
		m.fragmentFrame(&f, m.chance(2))
	default:
		m.internetFrame(&f, m.chance(2))
		if m.chance(3) {
			m.icmpFrame(&f)
		}
	}
	b := f.Bytes()
	if f.Source.IsValid() && f.Offset == 0 && m.chance(40) {
		b = f.Fragments(8)[0] // too small for most headers
	}
	if at := 14 + 4*len(f.Tags) + 20; f.Protocol == packet.UDP && f.Source.Is4() && f.Options == nil && f.Offset == 0 && len(b) >= at+8 && m.chance(8) {
		b[at+4], b[at+5] = 0, byte(8+m.IntN(8)) // shorter than the packet
	}
	for m.chance(10) {
		b[14+m.IntN(len(b)-14)] ^= 1 << m.IntN(8)
	}
	switch {
	case m.chance(30):
		b = b[:14+m.IntN(len(b)-14)]
	case m.chance(10):
		b = append(b, some(m, 50, func() byte { return byte(m.IntN(4)) })...) // padding, which is none of the packet
	}
	return b
}

func (m maker) internetFrame(f *packet.Frame, six bool) {
	f.Source, f.Destination = m.address(six), m.address(six)
	if m.chance(20) {
		f.Source = f.Destination
	}
	f.TTL, f.DontFragment = uint8(oneOf(m, 0, 1, 2, 31, 32, 64, 255)), m.chance(2)
	f.Protocol = oneOf[uint8](m, packet.TCP, packet.TCP, packet.TCP, packet.UDP, packet.UDP, packet.SCTP, packet.UDPLite, packet.DCCP, 47, 51)
	f.SourcePort, f.DestinationPort = m.port(), m.port()
	f.Flags = uint8(oneOf(m, 2, 16, 18, 24, 4, 1, m.IntN(256)))
	if m.chance(2) {
		f.MSS = uint16(oneOf(m, 0, 1, 64, 576, 1460))
	}
	if m.chance(4) {
		f.TCPOptions = oneOf(m, []byte{34, 2}, []byte{254, 4, 0xf9, 0x89}, []byte{1, 34})
	}
	if m.chance(2) {
		f.Window = uint16(oneOf(m, 0, 1, 64, 576))
		f.NoWindow = f.Window == 0
	}
	if m.chance(8) {
		f.Offset, f.MoreFragments = oneOf(m, 0, 0, 8, 1480, 65528), m.chance(2)
	}
	if !six && m.chance(8) {
		f.Options = oneOf(m, []byte{7, 7, 4, 0, 0, 0, 0}, []byte{131, 7, 4, 0, 0, 0, 0}, []byte{1, 148, 4, 0, 0},
			[]byte{68, 8, 5, 0, 0, 0, 0, 0}, []byte{137, 7, 4, 0, 0, 0, 0}, []byte{82, 4, 0, 0}, []byte{7, 9, 4, 0})
	}
	if six && m.chance(8) {
		f.Extensions = m.extensions()
	}
	f.Payload = some(m, 4, func() byte { return byte(m.IntN(4)) })
	if m.chance(4) {
		f.Payload = append(f.Payload, make([]byte, 560)...)
	}
}

// extensions returns extension headers, some of them as no host sends them.
func (m maker) extensions() (all []packet.Extension) {
	if m.chance(4) {
		all = append(all, packet.Extension{Header: packet.HopByHop, Size: oneOf(m, 0, 8, 24)})
	}
	return append(all, some(m, oneOf(m, 2, 2, 2, 8), func() packet.Extension {
		return packet.Extension{
			Header:      oneOf(m, packet.Destination, packet.Destination, packet.Routing, packet.FragmentHeader, packet.Authentication),
			RoutingType: oneOf[uint8](m, 0, 1, 2, 3, 14, 15, 16, 255), Size: oneOf(m, 0, 0, 16, 40),
		}
	})...)
}

// fragmentFrame makes one of few packets' fragments, so that some overlap and some
// packets become whole.
func (m maker) fragmentFrame(f *packet.Frame, six bool) {
	f.Source, f.Destination = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	if six {
		f.Source, f.Destination = netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("2001:db8::2")
	}
	f.Protocol, f.ID = oneOf[uint8](m, packet.UDP, packet.UDP, 47), uint32(m.IntN(4))
	f.Offset, f.MoreFragments = 8*m.IntN(6), m.chance(2)
	if f.Offset == 0 {
		f.MoreFragments = true
	}
	f.Payload = make([]byte, 8*(1+m.IntN(2)))
}

// icmpFrame makes a packet one of ICMP.
func (m maker) icmpFrame(f *packet.Frame) {
	six := f.Source.Is6()
	f.Protocol = packet.ICMPv4
	if six {
		f.Protocol = packet.ICMPv6
	}
	f.ICMP = &packet.Message{Type: m.icmpType(), Code: uint8(m.IntN(6)), MTU: uint32(oneOf(m, 0, 64, 576, 1500))}
	if six && f.ICMP.Type >= 133 && f.ICMP.Type <= 137 && !m.chance(8) {
		m.discoveryFrame(f)
		return
	}
	if m.chance(4) {
		return
	}
	q := packet.Frame{}
	m.internetFrame(&q, six)
	if m.chance(4) {
		q.Source = f.Destination
	}
	if m.chance(4) {
		q.Protocol = f.Protocol
		q.ICMP = &packet.Message{Type: m.icmpType()}
	}
	f.ICMP.Quoted = &q
	if m.chance(4) {
		f.ICMP.QuotedSize = 1 + m.IntN(60)
	}
}

// discoveryFrame makes a message one of neighbour discovery, with options or without.
func (m maker) discoveryFrame(f *packet.Frame) {
	f.Payload = make([]byte, map[uint8]int{134: 8, 137: 16}[f.ICMP.Type])
	if f.ICMP.Type >= 135 {
		f.ICMP.Target = m.address(true)
	}
	for m.chance(4) {
		f.Payload = append(f.Payload, 14, 1, 0, 0, 0, 0, 0, 0)
	}
	if m.chance(2) {
		mac := m.mac()
		f.Payload = append(append(f.Payload, oneOf[byte](m, 1, 2), oneOf[byte](m, 1, 1, 1, 0, 2)), mac[:]...)
	}
}
