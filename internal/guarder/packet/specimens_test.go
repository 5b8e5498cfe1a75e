package packet

import "net/netip"

var (
	macA = [6]byte{2, 0, 0, 0, 0, 0xa}
	macB = [6]byte{2, 0, 0, 0, 0, 0xb}
	v4A  = netip.MustParseAddr("192.0.2.1")
	v4B  = netip.MustParseAddr("198.51.100.2")
	v6A  = netip.MustParseAddr("2001:db8::a")
	v6B  = netip.MustParseAddr("2001:db8:1::b")
	text = []byte("GET / HTTP/1.1\r\n\r\n")
)

// A specimen is a frame with what must be found in it, apart from what all of its
// kind have in common: see [specimen.want].
type specimen struct {
	name  string
	frame Frame
	// set changes what a frame of these fields is expected to be.
	set func(p *Packet)
}

// want is the expected packet: what the fields of the frame say, then what set says.
func (s *specimen) want() Packet {
	f := &s.frame
	p := Packet{
		SourceMAC: f.SourceMAC, DestinationMAC: f.DestinationMAC, Tags: f.Tags,
		EtherType: f.EtherType, ARP: f.ARP,
	}
	if f.ARP != nil {
		p.EtherType = EtherARP
	}
	if f.Source.IsValid() {
		p.Source, p.Destination, p.Protocol, p.TTL = f.Source, f.Destination, f.Protocol, 64
		p.Family, p.EtherType = 4, EtherIPv4
		if f.Source.Is6() {
			p.Family, p.EtherType = 6, EtherIPv6
		}
		p.Length = uint32(len(f.packet()))
		p.DontFragment = f.DontFragment
		p.Payload = f.Payload
	}
	if s.set != nil {
		s.set(&p)
	}
	if p.HasPorts {
		p.PayloadLength = uint32(len(f.Payload))
	}
	if p.Protocol == TCP && p.HasPorts {
		if p.Window = f.Window; p.Window == 0 && !f.NoWindow {
			p.Window = 65_535
		}
		p.Sequence, p.Segment = f.Sequence, uint32(len(f.Payload))
		for _, flag := range []uint8{flagSYN, flagFIN} {
			if p.Flags&flag != 0 {
				p.Segment++
			}
		}
	}
	return p
}

// packet is a frame without its Ethernet header.
func (f *Frame) packet() []byte { return f.ip(f.behindIP()) }

func with(f Frame, change func(f *Frame)) Frame {
	change(&f)
	return f
}

func ports(p *Packet) {
	p.HasPorts, p.SourcePort, p.DestinationPort = true, 40_000, 443
}

func base(source, destination netip.Addr, protocol uint8) Frame {
	return Frame{
		SourceMAC: macA, DestinationMAC: macB,
		Source: source, Destination: destination, Protocol: protocol,
		SourcePort: 40_000, DestinationPort: 443,
	}
}

// specimens returns one frame for each thing that the parser knows.
func specimens() []specimen {
	tcp4 := with(base(v4A, v4B, TCP), func(f *Frame) { f.Flags, f.Payload, f.Sequence = 0x18, text, 0x01020304 })
	tcp6 := with(base(v6A, v6B, TCP), func(f *Frame) { f.Flags, f.Payload, f.Sequence = 0x18, text, 0x01020304 })
	udp4 := with(base(v4A, v4B, UDP), func(f *Frame) { f.Payload = text })
	udp6 := with(base(v6A, v6B, UDP), func(f *Frame) { f.Payload = text })
	acked := func(p *Packet) { ports(p); p.Flags = 0x18 }
	all := []specimen{
		{"tcp4", tcp4, acked},
		{"tcp6", tcp6, acked},
		{"udp4", udp4, ports},
		{"udp6", udp6, ports},
	}
	all = append(all, linkSpecimens(udp4)...)
	all = append(all, ipSpecimens(tcp4, tcp6, udp4)...)
	all = append(all, tcpSpecimens(tcp4, tcp6)...)
	all = append(all, icmpSpecimens(tcp4, tcp6, udp4, udp6)...)
	return all
}

func linkSpecimens(udp4 Frame) []specimen {
	return []specimen{
		{"vlan", with(udp4, func(f *Frame) { f.Tags = []uint16{7} }), ports},
		{"qinq", with(udp4, func(f *Frame) { f.Tags = []uint16{7, 0xfff} }), ports},
		{"three tags", with(udp4, func(f *Frame) { f.Tags = []uint16{1, 2, 3} }), func(p *Packet) {
			*p = Packet{Reason: TooManyTags, SourceMAC: macA, DestinationMAC: macB, EtherType: 0x8100, Tags: []uint16{1, 2}}
		}},
		{"other ethertype", Frame{SourceMAC: macA, DestinationMAC: macB, EtherType: 0x88cc, Payload: text}, nil},
		{"802.3 length", Frame{SourceMAC: macA, DestinationMAC: macB, EtherType: 18, Payload: text}, nil},
		{"arp", Frame{SourceMAC: macA, DestinationMAC: macB, ARP: &ARP{
			Operation: 2, SenderMAC: macA, TargetMAC: macB, SenderIP: v4A, TargetIP: v4B,
		}}, nil},
		{"arp of ieee 802", Frame{SourceMAC: macA, DestinationMAC: macB, EtherType: EtherARP, Payload: ieee802(&ARP{
			Operation: 2, SenderMAC: macA, TargetMAC: macB, SenderIP: v4A, TargetIP: v4B,
		})}, func(p *Packet) {
			p.ARP = &ARP{Operation: 2, SenderMAC: macA, TargetMAC: macB, SenderIP: v4A, TargetIP: v4B}
		}},
		{"arp for infiniband", Frame{SourceMAC: macA, EtherType: EtherARP, Payload: []byte{0, 32, 8, 0, 20, 4, 0, 1, 9, 9}}, nil},
	}
}

// ieee802 returns ARP that says that its hardware is IEEE 802.
func ieee802(a *ARP) []byte {
	b := a.bytes()
	b[1] = 6
	return b
}

func ipSpecimens(tcp4, tcp6, udp4 Frame) []specimen {
	chain := func(f Frame, headers ...Header) Frame {
		f.Extensions = nil
		for _, h := range headers {
			f.Extensions = append(f.Extensions, Extension{Header: h, RoutingType: 3, Size: 24})
		}
		return f
	}
	later := func(f Frame, offset int, more bool) Frame {
		f.ID, f.Offset, f.MoreFragments, f.Payload = 0xbeef, offset, more, []byte("some bytes that are no ports, whatever they look like")
		return f
	}
	isPart := func(p *Packet, fragment Fragment, offset, size uint16) {
		p.Fragment, p.FragmentID, p.FragmentOffset, p.FragmentSize = fragment, 0xbeef, offset, size
	}
	isLater := func(fragment Fragment, offset uint16) func(p *Packet) {
		return func(p *Packet) {
			isPart(p, fragment, offset, 53)
			p.Payload = nil
		}
	}
	acked := func(change func(p *Packet)) func(p *Packet) {
		return func(p *Packet) { ports(p); p.Flags = 0x18; change(p) }
	}
	return []specimen{
		{"do not fragment", with(tcp4, func(f *Frame) { f.DontFragment = true }), acked(func(*Packet) {})},
		{"unknown protocol", with(udp4, func(f *Frame) { f.Protocol = 47 }), nil},
		{"icmpv6 in ipv4", with(udp4, func(f *Frame) { f.Protocol = ICMPv6 }), nil},
		{"udp-lite", with(udp4, func(f *Frame) { f.Protocol = UDPLite }), ports},
		{"sctp", with(udp4, func(f *Frame) { f.Protocol = SCTP }), ports},
		{"dccp", with(udp4, func(f *Frame) { f.Protocol = DCCP }), ports},
		{"ipv4 options", with(tcp4, func(f *Frame) {
			f.Options = []byte{1, 7, 3, 4, 68, 4, 5, 0, 131, 3, 4, 137, 3, 4, 148, 4, 0, 0, 130, 3, 0}
		}), acked(func(p *Packet) {
			p.Options = RecordRoute | Timestamp | LooseRoute | StrictRoute | RouterAlert | OtherOptions
		})},
		{"40 bytes of options", with(tcp4, func(f *Frame) {
			f.Options = make([]byte, 40)
			for i := range f.Options[:37] {
				f.Options[i] = 1
			}
			copy(f.Options[37:], []byte{131, 3, 4})
		}), acked(func(p *Packet) { p.Options = LooseRoute })},
		{"first fragment", with(tcp4, func(f *Frame) { f.ID, f.MoreFragments = 0xbeef, true }), acked(func(p *Packet) { isPart(p, FirstFragment, 0, 38) })},
		{"later fragment", later(tcp4, 1480, true), isLater(LaterFragment, 1480)},
		{"last fragment", later(tcp4, 1480, false), isLater(LaterFragment|LastFragment, 1480)},
		{"offset one", later(tcp4, 8, false), isLater(LaterFragment|LastFragment|OffsetOne, 8)},
		{"past end", later(tcp4, 65_528, false), isLater(LaterFragment|LastFragment|PastEnd, 65_528)},
		{"ipv6 first fragment", with(tcp6, func(f *Frame) { f.ID, f.MoreFragments = 0xbeef, true }), acked(func(p *Packet) {
			isPart(p, FirstFragment, 0, 38)
			p.Headers = FragmentHeader
		})},
		{"ipv6 atomic fragment", with(tcp6, func(f *Frame) { f.Extensions = []Extension{{Header: FragmentHeader}} }), acked(func(p *Packet) {
			p.Headers = FragmentHeader
		})},
		{"ipv6 later fragment", later(tcp6, 1448, true), func(p *Packet) {
			isLater(LaterFragment, 1448)(p)
			p.Headers = FragmentHeader
		}},
		{"ipv6 past end", later(tcp6, 65_528, false), func(p *Packet) {
			isLater(LaterFragment|LastFragment|PastEnd, 65_528)(p)
			p.Headers = FragmentHeader
		}},
		{"all extension headers", chain(tcp6, HopByHop, Destination, Routing, FragmentHeader, Authentication, Destination), acked(func(p *Packet) {
			p.Headers, p.RoutingTypes = HopByHop|Destination|Routing|FragmentHeader|Authentication, 1<<3
		})},
		{"long extension header", with(tcp6, func(f *Frame) { f.Extensions = []Extension{{Header: Destination, Size: 2048}} }), acked(func(p *Packet) {
			p.Headers = Destination
		})},
		{"routing type 0", with(tcp6, func(f *Frame) { f.Extensions = []Extension{{Header: Routing}} }), acked(func(p *Packet) {
			p.Headers, p.RoutingTypes = Routing, 1<<0
		})},
		{"routing type 253", with(tcp6, func(f *Frame) { f.Extensions = []Extension{{Header: Routing, RoutingType: 253}} }), acked(func(p *Packet) {
			p.Headers, p.RoutingTypes = Routing, 1<<15
		})},
		{"seven extension headers", chain(tcp6, Destination, Destination, Destination, Destination, Destination, Destination, Destination), func(p *Packet) {
			p.Reason, p.Headers, p.Protocol, p.Payload = TooManyExtensions, Destination, 0, nil
		}},
		{"late hop-by-hop", chain(tcp6, Destination, HopByHop), func(p *Packet) {
			p.Reason, p.Headers, p.Protocol, p.Payload = TooManyExtensions, Destination, 0, nil
		}},
		{"two fragment headers", chain(tcp6, FragmentHeader, FragmentHeader), func(p *Packet) {
			p.Reason, p.Headers, p.Protocol, p.Payload = TooManyExtensions, FragmentHeader, 0, nil
		}},
		{"no next header", with(tcp6, func(f *Frame) { f.Protocol = 59 }), nil},
		{"esp", with(tcp6, func(f *Frame) { f.Protocol = 50 }), nil},
	}
}

func tcpSpecimens(tcp4, tcp6 Frame) []specimen {
	syn := func(f Frame, mss uint16, options ...byte) Frame {
		f.Flags, f.MSS, f.TCPOptions, f.Payload = 2, mss, options, nil
		return f
	}
	is := func(mss uint16) func(p *Packet) {
		return func(p *Packet) { ports(p); p.Flags, p.MSS = 2, mss }
	}
	fastOpen := func(mss uint16) func(p *Packet) {
		return func(p *Packet) { ports(p); p.Flags, p.MSS, p.TCPOptions = 2, mss, FastOpen }
	}
	return []specimen{
		{"syn", syn(tcp4, 1460), is(1460)},
		{"syn6", syn(tcp6, 1440, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7), is(1440)},
		{"syn without mss", syn(tcp4, 0, 1, 1, 4, 2), is(0)},
		{"mss behind others", syn(tcp4, 0, 1, 3, 3, 7, 2, 4, 0, 48), is(48)},
		{"two mss", syn(tcp4, 1460, 2, 4, 0, 48), is(48)},
		{"second mss is 0", syn(tcp4, 1460, 2, 4, 0, 0), is(1460)},
		{"mss of another size", syn(tcp4, 0, 2, 3, 9), is(0)},
		{"mss behind the end", syn(tcp4, 0, 0, 2, 4, 1, 1), is(0)},
		{"mss behind a fault", syn(tcp4, 0, 3, 0, 2, 4, 1, 1), is(0)},
		{"mss that does not fit", syn(tcp4, 0, 1, 1, 2, 4), is(0)},
		{"mss at byte 36", syn(tcp4, 0, append(make36(), 2, 4, 2, 0)...), is(512)},
		{"fast open", syn(tcp4, 1460, 34, 2), fastOpen(1460)},
		{"fast open with a cookie", syn(tcp6, 0, 1, 34, 10, 1, 2, 3, 4, 5, 6, 7, 8), fastOpen(0)},
		{"experimental fast open", syn(tcp4, 0, 254, 4, 0xf9, 0x89, 2, 4, 2, 0), fastOpen(512)},
		{"another experiment", syn(tcp4, 1460, 254, 4, 0xf9, 0x88), is(1460)},
		{"an experiment without a number", syn(tcp4, 1460, 254, 2, 0xf9, 0x89), is(1460)},
		{"fast open behind the end", syn(tcp4, 1460, 0, 34, 2), is(1460)},
		{"fast open that does not fit", syn(tcp4, 1460, 1, 1, 34, 12), is(1460)},
		{"fast open without syn", with(syn(tcp4, 0, 34, 2), func(f *Frame) { f.Flags = 16 }), func(p *Packet) { ports(p); p.Flags = 16 }},
		{"data in a syn", with(syn(tcp6, 1440), func(f *Frame) { f.Payload = text }), is(1440)},
		{"no window", with(tcp4, func(f *Frame) { f.NoWindow = true }), func(p *Packet) { ports(p); p.Flags = 0x18 }},
		{"mss without syn", with(syn(tcp4, 1460), func(f *Frame) { f.Flags = 16 }), func(p *Packet) { ports(p); p.Flags = 16 }},
	}
}

func make36() []byte {
	nothing := make([]byte, 36)
	for i := range nothing {
		nothing[i] = 1
	}
	return nothing
}
