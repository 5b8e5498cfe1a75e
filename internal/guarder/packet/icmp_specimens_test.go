package packet

import (
	"bytes"
	"slices"
)

// icmpSpecimens are messages of both families, most of them errors with what they quote.
func icmpSpecimens(tcp4, tcp6, udp4, udp6 Frame) []specimen {
	message := func(v6 bool, m Message, payload []byte) Frame {
		f := Frame{SourceMAC: macA, DestinationMAC: macB, Source: v4B, Destination: v4A, Protocol: ICMPv4, ICMP: &m, Payload: payload}
		if v6 {
			f.Source, f.Destination, f.Protocol = v6B, v6A, ICMPv6
		}
		return f
	}
	// is expects a message; an error's payload is what it quotes.
	is := func(m ICMP) func(p *Packet) {
		return func(p *Packet) { p.ICMP = &m }
	}
	quote := func(m Message, want *Quoted) specimen {
		v6 := m.Quoted.Source.Is6()
		f := message(v6, m, nil)
		return specimen{frame: f, set: func(p *Packet) {
			p.ICMP = &ICMP{Type: m.Type, Code: m.Code, MTU: m.MTU, Quoted: want}
			quoted := m.bytes(!v6)[icmpHeader:]
			p.Payload = quoted[:min(len(quoted), MaxPayload)]
		}}
	}
	q4 := Quoted{Family: 4, Source: v4A, Destination: v4B, Protocol: TCP, Length: 58, HasPorts: true, SourcePort: 40_000, DestinationPort: 443, HasSequence: true, Sequence: 0x01020304}
	q6 := Quoted{Family: 6, Source: v6A, Destination: v6B, Protocol: TCP, Length: 78, HasPorts: true, SourcePort: 40_000, DestinationPort: 443, HasSequence: true, Sequence: 0x01020304}
	but := func(q Quoted, change func(q *Quoted)) *Quoted { change(&q); return &q }
	noSequence := func(protocol uint8, length uint32) func(q *Quoted) {
		return func(q *Quoted) { q.Protocol, q.Length, q.HasSequence, q.Sequence = protocol, length, false, 0 }
	}
	bare := func(protocol uint8, length uint32) func(q *Quoted) {
		return func(q *Quoted) {
			*q = Quoted{Family: q.Family, Source: q.Source, Destination: q.Destination, Protocol: protocol, Length: length}
		}
	}
	echo := message(false, Message{Type: 0}, text)
	echo.Source, echo.Destination = v4A, v4B
	named := func(name string, s specimen) specimen { s.name = name; return s }
	long := func(f Frame) *Frame { f.Extensions = manyExtensions(7); return &f }
	later6 := with(udp6, func(f *Frame) { f.Offset = 1448 })
	advertisement := func(options ...[]byte) Frame {
		return message(true, Message{Type: 136, Target: v6B}, slices.Concat(options...))
	}
	told := func(p *Packet) {
		p.ICMP, p.Payload = &ICMP{Type: 136, Target: v6B}, append(v6B.AsSlice(), p.Payload...)
		p.Payload = p.Payload[:min(len(p.Payload), MaxPayload)]
	}
	tells := func(p *Packet) {
		told(p)
		p.ICMP.LinkAddress, p.ICMP.HasLinkAddress = [6]byte{2, 0, 0, 0, 0, 0xc}, true
	}
	return []specimen{
		{"echo", message(false, Message{Type: 8}, text), is(ICMP{Type: 8})},
		{"echo6", message(true, Message{Type: 128}, text), is(ICMP{Type: 128})},
		{"redirect", message(false, Message{Type: 5, Code: 1, Quoted: &tcp4}, nil), func(p *Packet) {
			p.ICMP, p.Payload = &ICMP{Type: 5, Code: 1, Quoted: &q4}, tcp4.packet()
		}},
		{"solicitation", message(true, Message{Type: 135, Target: v6A}, []byte{1, 1, 2, 0, 0, 0, 0, 10}), func(p *Packet) {
			p.ICMP = &ICMP{Type: 135, Target: v6A, LinkAddress: [6]byte{2, 0, 0, 0, 0, 10}, HasLinkAddress: true}
			p.Payload = append(v6A.AsSlice(), p.Payload...)
		}},
		{"solicitation with another's address", message(true, Message{Type: 135, Target: v6A}, []byte{2, 1, 2, 0, 0, 0, 0, 10}), func(p *Packet) {
			p.ICMP = &ICMP{Type: 135, Target: v6A}
			p.Payload = append(v6A.AsSlice(), p.Payload...)
		}},
		{"advertisement", message(true, Message{Type: 136, Target: v6B}, nil), func(p *Packet) {
			p.ICMP, p.Payload = &ICMP{Type: 136, Target: v6B}, v6B.AsSlice()
		}},
		{"advertisement with address", advertisement([]byte{14, 2, 15: 0}, []byte{2, 1, 2, 0, 0, 0, 0, 0xc}, []byte{2, 1, 2, 0, 0, 0, 0, 0xd}), tells},
		{"advertisement with address behind many", advertisement(bytes.Repeat([]byte{1, 1, 0, 0, 0, 0, 0, 0}, MaxNeighbourOptions-1), []byte{2, 1, 2, 0, 0, 0, 0, 0xc}), tells},
		{"advertisement with address behind too many", advertisement(bytes.Repeat([]byte{1, 1, 0, 0, 0, 0, 0, 0}, MaxNeighbourOptions), []byte{2, 1, 2, 0, 0, 0, 0, 0xc}), func(p *Packet) {
			p.Reason, p.Payload = TooManyExtensions, nil
		}},
		{"advertisement with many", advertisement(bytes.Repeat([]byte{1, 1, 0, 0, 0, 0, 0, 0}, MaxNeighbourOptions)), told},
		{"advertisement with an option of nothing", advertisement([]byte{1, 0, 0, 0, 0, 0, 0, 0}, []byte{2, 1, 2, 0, 0, 0, 0, 0xc}), told},
		{"advertisement with an option that does not fit", advertisement([]byte{1, 9, 0, 0, 0, 0, 0, 0}, []byte{2, 1, 2, 0, 0, 0, 0, 0xc}), told},
		{"redirect6", message(true, Message{Type: 137, Target: v6B}, v6A.AsSlice()), func(p *Packet) {
			p.ICMP, p.Payload = &ICMP{Type: 137, Target: v6B}, append(v6B.AsSlice(), v6A.AsSlice()...)
		}},
		{"redirect6 with address", message(true, Message{Type: 137, Target: v6B}, slices.Concat(v6A.AsSlice(), []byte{2, 1, 2, 0, 0, 0, 0, 0xc})), func(p *Packet) {
			p.ICMP = &ICMP{Type: 137, Target: v6B, LinkAddress: [6]byte{2, 0, 0, 0, 0, 0xc}, HasLinkAddress: true}
			p.Payload = append(v6B.AsSlice(), p.Payload...)
		}},
		{"router advertisement", message(true, Message{Type: 134}, text), is(ICMP{Type: 134})},
		{"router advertisement with address", message(true, Message{Type: 134}, slices.Concat(make([]byte, 8), []byte{3, 4, 31: 0}, []byte{1, 1, 2, 0, 0, 0, 0, 0xc})), is(ICMP{Type: 134, LinkAddress: [6]byte{2, 0, 0, 0, 0, 0xc}, HasLinkAddress: true})},
		{"router solicitation", message(true, Message{Type: 133}, nil), is(ICMP{Type: 133})},
		{"router solicitation with address", message(true, Message{Type: 133}, []byte{1, 1, 2, 0, 0, 0, 0, 0xc}), is(ICMP{Type: 133, LinkAddress: [6]byte{2, 0, 0, 0, 0, 0xc}, HasLinkAddress: true})},
		{"error that quotes nothing", message(false, Message{Type: 3, Code: 1}, nil), is(ICMP{Type: 3, Code: 1})},
		{"error that quotes no packet", message(false, Message{Type: 3, Code: 1}, text), is(ICMP{Type: 3, Code: 1})},
		{"error quotes another version", message(false, Message{Type: 3, Code: 3}, version(6, &tcp4)), is(ICMP{Type: 3, Code: 3, Quoted: &q4})},
		{"error6 quotes another version", message(true, Message{Type: 1, Code: 4}, version(4, &tcp6)), is(ICMP{Type: 1, Code: 4, Quoted: &q6})},
		{"error6 that quotes no packet", message(true, Message{Type: 1}, text), is(ICMP{Type: 1})},
		named("frag needed quotes tcp", quote(Message{Type: 3, Code: 4, MTU: 1300, Quoted: &tcp4}, &q4)),
		named("unreachable quotes udp", quote(Message{Type: 3, Code: 3, Quoted: &udp4}, but(q4, noSequence(UDP, 46)))),
		named("quench quotes sctp", quote(Message{Type: 4, Quoted: ptr(with(udp4, func(f *Frame) { f.Protocol = SCTP }))}, but(q4, noSequence(SCTP, 50)))),
		named("frag needed quotes echo reply", quote(Message{Type: 3, Code: 4, MTU: 600, Quoted: &echo}, but(q4, func(q *Quoted) {
			bare(ICMPv4, 46)(q)
			q.HasICMP = true
		}))),
		named("time exceeded quotes options", quote(Message{Type: 11, Quoted: ptr(with(tcp4, func(f *Frame) { f.Options, f.DontFragment = []byte{7, 3, 4}, true }))},
			but(q4, func(q *Quoted) { q.Length, q.DontFragment = 62, true }))),
		named("error quotes a later fragment", quote(Message{Type: 11, Code: 1, Quoted: ptr(with(tcp4, func(f *Frame) { f.Offset = 1480 }))},
			but(q4, func(q *Quoted) { // what stands there is taken for a header
				q.Length, q.Later = 38, true
				q.SourcePort, q.DestinationPort, q.Sequence = 'G'<<8|'E', 'T'<<8|' ', '/'<<24|' '<<16|'H'<<8|'T'
			}))),
		named("error quotes 8 bytes", quote(Message{Type: 12, Quoted: &tcp4, QuotedSize: 28}, &q4)),
		named("error quotes 7 bytes", quote(Message{Type: 12, Quoted: &tcp4, QuotedSize: 27}, but(q4, noSequence(TCP, 58)))),
		named("error quotes 3 bytes", quote(Message{Type: 12, Quoted: &tcp4, QuotedSize: 23}, but(q4, bare(TCP, 58)))),
		named("error quotes no options", quote(Message{Type: 12, Quoted: ptr(with(tcp4, func(f *Frame) { f.Options = []byte{7, 3, 4} })), QuotedSize: 20}, but(q4, bare(TCP, 62)))),
		named("too big quotes tcp", quote(Message{Type: 2, MTU: 0x10500, Quoted: &tcp6}, &q6)),
		named("error of a type that nobody has defined", quote(Message{Type: 127, Quoted: &udp6}, but(q6, noSequence(UDP, 66)))),
		named("error of type 0", quote(Message{Quoted: &tcp6}, &q6)),
		named("unreachable quotes udp6", quote(Message{Type: 1, Code: 4, Quoted: &udp6}, but(q6, noSequence(UDP, 66)))),
		named("too big quotes echo request", quote(Message{Type: 2, MTU: 1280, Quoted: ptr(with(udp6, func(f *Frame) { f.Protocol, f.ICMP = ICMPv6, &Message{Type: 128} }))},
			but(q6, func(q *Quoted) { bare(ICMPv6, 66)(q); q.HasICMP, q.ICMPType = true, 128 }))),
		named("error quotes extension headers", quote(Message{Type: 3, Quoted: ptr(with(tcp6, func(f *Frame) { f.Extensions = manyExtensions(6) }))},
			but(q6, func(q *Quoted) { q.Length += 6 * 8 }))),
		named("error quotes cut extension headers", quote(Message{Type: 3, Quoted: ptr(with(tcp6, func(f *Frame) { f.Extensions = manyExtensions(2) })), QuotedSize: 51},
			but(q6, bare(60, 94)))),
		named("error6 quotes a later fragment", quote(Message{Type: 3, Code: 1, Quoted: &later6}, but(q6, func(q *Quoted) { bare(UDP, 66)(q); q.Later = true }))),
		{"error quotes too many extension headers", message(true, Message{Type: 1, Quoted: long(tcp6)}, nil), func(p *Packet) {
			p.Reason, p.Payload = TooManyExtensions, nil
		}},
		{"error in a first fragment", with(message(false, Message{Type: 3, Code: 3, Quoted: &udp4}, nil), func(f *Frame) { f.MoreFragments = true }), func(p *Packet) {
			p.Fragment, p.FragmentSize = FirstFragment, uint16(p.Length-ipv4Header)
			p.ICMP, p.Payload = &ICMP{Type: 3, Code: 3, Quoted: but(q4, noSequence(UDP, 46))}, udp4.packet()
		}},
		{"error in a first fragment that ends with what is looked at", with(message(false, Message{Type: 3, Code: 4, Quoted: &tcp4, QuotedSize: 28}, nil), func(f *Frame) { f.MoreFragments = true }), func(p *Packet) {
			p.Fragment, p.FragmentSize = FirstFragment, uint16(p.Length-ipv4Header)
			p.ICMP, p.Payload = &ICMP{Type: 3, Code: 4, Quoted: &q4}, tcp4.packet()[:28]
		}},
		{"error6 in a first fragment that ends with what is looked at", with(message(true, Message{Type: 2, Quoted: &tcp6, QuotedSize: 48}, nil), func(f *Frame) { f.MoreFragments = true }), func(p *Packet) {
			p.Fragment, p.FragmentSize, p.Headers = FirstFragment, uint16(p.Length-ipv6Header-8), FragmentHeader
			p.ICMP, p.Payload = &ICMP{Type: 2, Quoted: &q6}, tcp6.packet()[:48]
		}},
		{"error in a first fragment that quotes nothing", with(message(false, Message{Type: 3, Code: 1}, nil), func(f *Frame) { f.MoreFragments = true }), func(p *Packet) {
			p.Reason, p.Fragment, p.FragmentSize = TinyFragment, FirstFragment, 8
		}},
	}
}

func manyExtensions(n int) (all []Extension) {
	for range n {
		all = append(all, Extension{Header: Destination})
	}
	return all
}

// version returns a packet that says another version.
func version(n byte, f *Frame) []byte {
	b := f.packet()
	b[0] = n<<4 | b[0]&0xf
	return b
}

func ptr(f Frame) *Frame { return &f }
