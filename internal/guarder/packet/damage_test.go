package packet

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// One field of a good frame is changed at a time. What stands before the header at
// fault is still told, and nothing else.
func TestDamage(t *testing.T) {
	const l3 = ethernetHeader
	tcp4 := with(base(v4A, v4B, TCP), func(f *Frame) { f.Flags, f.Payload = 2, text })
	tcp6 := with(base(v6A, v6B, TCP), func(f *Frame) { f.Flags, f.Payload = 2, text })
	udp4, udp6 := base(v4A, v4B, UDP), base(v6A, v6B, UDP)
	options := with(tcp4, func(f *Frame) { f.Options = []byte{131, 7, 4, 192, 0, 2, 9, 0} })
	first4 := with(tcp4, func(f *Frame) { f.MoreFragments = true })
	first6 := with(tcp6, func(f *Frame) {
		f.MoreFragments = true
		f.Extensions = []Extension{{Header: FragmentHeader}, {Header: Destination}}
	})
	ip := func(p *Packet) { // all up to the transport header
		p.HasPorts, p.SourcePort, p.DestinationPort, p.Flags, p.MSS, p.ICMP, p.Payload = false, 0, 0, 0, 0, nil, nil
		p.Sequence, p.Segment, p.Window, p.PayloadLength = 0, 0, 0, 0
	}
	error4 := with(base(v4A, v4B, ICMPv4), func(f *Frame) { f.ICMP, f.MoreFragments = &Message{Type: 3, Code: 4, Quoted: &options}, true })
	error6 := with(base(v6A, v6B, ICMPv6), func(f *Frame) { f.ICMP, f.MoreFragments = &Message{Type: 2, Quoted: &tcp6}, true })
	error6cut := with(error6, func(f *Frame) {
		f.ICMP = &Message{Type: 2, Quoted: ptr(with(tcp6, func(f *Frame) { f.Extensions = []Extension{{Header: Destination, Size: 24}} }))}
	})
	inFragment := func(length uint32, size uint16) func(p *Packet) {
		return func(p *Packet) { ip(p); p.Length, p.FragmentSize = length, size }
	}
	link := func(p *Packet) { // only Ethernet is left
		*p = Packet{SourceMAC: macA, DestinationMAC: macB, EtherType: p.EtherType, Reason: p.Reason}
	}
	put8 := func(at int, value byte) func([]byte) []byte {
		return func(b []byte) []byte { b[at] = value; return b }
	}
	put16 := func(at int, value uint16) func([]byte) []byte {
		return func(b []byte) []byte { binary.BigEndian.PutUint16(b[at:], value); return b }
	}
	for _, c := range []struct {
		name   string
		frame  Frame
		damage func([]byte) []byte
		reason Reason
		left   func(p *Packet)
	}{
		{"version 6 as IPv4", tcp4, put8(l3, 0x65), BadVersion, link},
		{"version 0 as IPv4", tcp4, put8(l3, 0x05), BadVersion, link},
		{"version 4 as IPv6", tcp6, put8(l3, 0x40), BadVersion, link},
		{"IHL 4", tcp4, put8(l3, 0x44), BadHeaderLength, link},
		{"IHL 0", tcp4, put8(l3, 0x40), BadHeaderLength, link},
		{"total length 19", tcp4, put16(l3+2, 19), BadHeaderLength, link},
		{"total length 0", tcp4, put16(l3+2, 0), BadHeaderLength, link},
		{"total length below IHL", options, put16(l3+2, 27), BadHeaderLength, link},
		{"IHL behind the frame", udp4, func(b []byte) []byte { b[l3] = 0x4f; return put16(l3+2, 60)(b) }, Truncated, link},
		{"option without length", options, put8(l3+27, 7), BadHeaderLength, link},
		{"option of length 1", options, put8(l3+21, 1), BadHeaderLength, link},
		{"option behind the header", options, put8(l3+21, 9), BadHeaderLength, link},
		{"data offset 4", tcp4, put8(l3+20+12, 0x40), BadHeaderLength, ip},
		{"data offset behind the packet", tcp4, put8(l3+20+12, 0xf0), Truncated, ip},
		{"data offset behind the fragment", first4, put8(l3+20+12, 0xf0), TinyFragment, ip},
		{"UDP length 7", udp4, put16(l3+20+4, 7), BadHeaderLength, ip},
		{"UDP length 0 over IPv6", udp6, put16(l3+40+4, 0), BadHeaderLength, ip},
		{"first fragment of 8 bytes", first4, put16(l3+2, 28), TinyFragment, func(p *Packet) { ip(p); p.Length, p.FragmentSize = 28, 8 }},
		{"first fragment of nothing", first4, put16(l3+2, 20), TinyFragment, func(p *Packet) { ip(p); p.Length, p.FragmentSize = 20, 0 }},
		{"first fragment cut by the capture", first4, func(b []byte) []byte { return b[:l3+28] }, Truncated, ip},
		{"error in a fragment without quote", error4, put16(l3+2, 20+8), TinyFragment, inFragment(28, 8)},
		{"error in a fragment without quoted options", error4, put16(l3+2, 20+8+20+8), TinyFragment, inFragment(56, 36)},
		{"error in a fragment without quoted sequence", error4, put16(l3+2, 20+8+28+7), TinyFragment, inFragment(63, 43)},
		{"error in a fragment cut by the capture", error4, func(b []byte) []byte { return b[:l3+20+8] }, Truncated, ip},
		{"error6 in a fragment without quote", error6, put16(l3+4, 8+8), TinyFragment, inFragment(56, 8)},
		{"error6 in a fragment without quoted sequence", error6, put16(l3+4, 8+8+40+7), TinyFragment, inFragment(40+63, 55)},
		{"error6 in a fragment without quoted extension", error6cut, put16(l3+4, 8+8+40+16), TinyFragment, inFragment(40+72, 64)},
		{"IPv6 first fragment without TCP", first6, put16(l3+4, 16+8), TinyFragment, func(p *Packet) { ip(p); p.Length, p.FragmentSize = 64, 16 }},
		{"IPv6 first fragment without its extension", first6, put16(l3+4, 8+7), TinyFragment, func(p *Packet) {
			ip(p)
			p.Length, p.FragmentSize, p.Headers, p.Protocol = 55, 7, FragmentHeader, 0
		}},
		{"IPv6 without payload", tcp6, put16(l3+4, 0), Truncated, func(p *Packet) { ip(p); p.Length = 40 }},
		{"extension behind the packet", first6, put8(l3+40+8+1, 200), TinyFragment, func(p *Packet) {
			ip(p)
			p.Headers, p.Protocol = FragmentHeader, 0
		}},
		{"jumbogram", with(tcp6, func(f *Frame) { f.Extensions = []Extension{{Header: HopByHop}} }), func(b []byte) []byte {
			copy(b[l3+42:], []byte{0xc2, 4, 0, 1, 0, 0}) // RFC 2675: 65,536 bytes
			return put16(l3+4, 0)(b)
		}, Truncated, func(p *Packet) { ip(p); p.Length, p.Headers, p.Protocol = 40, 0, 0 }},
		{"ARP ends early", Frame{SourceMAC: macA, DestinationMAC: macB, ARP: &ARP{SenderIP: v4A, TargetIP: v4B}},
			func(b []byte) []byte { return b[:len(b)-1] }, Truncated, link},
		{"solicitation without target", with(base(v6A, v6B, ICMPv6), func(f *Frame) { f.ICMP = &Message{Type: 135} }),
			func(b []byte) []byte { return b }, Truncated, ip},
	} {
		t.Run(c.name, func(t *testing.T) {
			good := c.frame.Bytes()
			want := Parse(good)
			if want.Reason != OK && c.name != "solicitation without target" {
				t.Fatalf("before the damage: %v", want.Reason)
			}
			c.left(&want)
			want.Reason = c.reason
			frame := c.damage(good)
			if diff := cmp.Diff(want, Parse(frame), same); diff != "" {
				t.Errorf("(-want +got)\n%s\nframe %x", diff, frame)
			}
		})
	}
}
