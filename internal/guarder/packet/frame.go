package packet

import (
	"encoding/binary"
	"net/netip"
	"slices"
)

// A Frame is an Ethernet frame to be built. Its zero fields are left out, or get
// what a host would send; lengths and checksums are right. For a damaged frame,
// build a good one and change its bytes.
type Frame struct {
	SourceMAC, DestinationMAC [6]byte
	// Tags are VLAN identifiers, the outer one first. The outer one of several is of
	// 802.1ad.
	Tags []uint16
	// EtherType is for frames that are neither IP nor ARP; Payload is what they carry.
	EtherType uint16
	ARP       *ARP

	// Source and Destination make it a packet of their family.
	Source, Destination netip.Addr
	TTL                 uint8 // 64 if 0
	ID                  uint32
	DontFragment        bool
	// Offset is that of a fragment, in bytes. With an offset the Payload follows the
	// headers of IP at once.
	Offset        int
	MoreFragments bool
	// Options are those of IPv4 as they are on the wire, at most 40 bytes; they are
	// padded to whole words.
	Options []byte
	// Extensions are the extension headers of IPv6 in their order. A fragment header
	// is added behind them if the packet is a fragment and they have none.
	Extensions []Extension
	Protocol   uint8

	SourcePort, DestinationPort uint16
	Flags                       uint8
	Sequence, Acknowledgement   uint32
	// MSS, if not 0, is added as an option of TCP, in front of TCPOptions, which are
	// as they are on the wire, and padded to whole words.
	MSS        uint16
	TCPOptions []byte
	// Window is that of TCP, 65,535 if 0; NoWindow makes it 0.
	Window   uint16
	NoWindow bool

	ICMP *Message
	// Payload is what is behind the transport header, or behind the headers of IP if
	// the protocol is none that this package knows.
	Payload []byte
}

// An Extension is an extension header of IPv6 that asks nothing of the receiver.
type Extension struct {
	Header      Header // one bit
	RoutingType uint8
	// Size is that of the whole header: a multiple of 8, or 0 for the smallest. A
	// fragment header has always 8 bytes.
	Size int
}

// A Message is ICMP or ICMPv6, by the family of the packet.
type Message struct {
	Type, Code uint8
	MTU        uint32
	// Target, if valid, is the 16 bytes behind the header of ICMPv6.
	Target netip.Addr
	// Quoted is the packet in an error; its Ethernet header is left out. QuotedSize,
	// if not 0, cuts it to as many bytes.
	Quoted     *Frame
	QuotedSize int
}

// Bytes returns the frame as it is on the wire, without its check sequence. It
// panics if the IP packet is longer than its length field can say.
func (f *Frame) Bytes() []byte {
	return f.bytes(f.behindIP())
}

// Fragments returns the frames of the packet cut into fragments that carry at most
// size bytes, a multiple of 8, behind the headers of IP.
func (f *Frame) Fragments(size int) (frames [][]byte) {
	whole := f.behindIP()
	for offset := 0; offset < len(whole); offset += size {
		part := *f
		part.Offset, part.MoreFragments = offset, offset+size < len(whole)
		frames = append(frames, part.bytes(whole[offset:min(offset+size, len(whole))]))
	}
	return frames
}

// bytes returns the frame with what is behind the headers of IP.
func (f *Frame) bytes(upper []byte) []byte {
	b := append(append([]byte{}, f.DestinationMAC[:]...), f.SourceMAC[:]...)
	for i, id := range f.Tags {
		kind := uint16(0x8100)
		if i+1 < len(f.Tags) {
			kind = 0x88a8
		}
		b = binary.BigEndian.AppendUint16(b, kind)
		b = binary.BigEndian.AppendUint16(b, id)
	}
	switch {
	case f.ARP != nil:
		return append(binary.BigEndian.AppendUint16(b, EtherARP), f.ARP.bytes()...)
	case !f.Source.IsValid():
		return append(binary.BigEndian.AppendUint16(b, f.EtherType), f.Payload...)
	case f.Source.Is4():
		b = binary.BigEndian.AppendUint16(b, EtherIPv4)
	default:
		b = binary.BigEndian.AppendUint16(b, EtherIPv6)
	}
	return append(b, f.ip(upper)...)
}

func (a *ARP) bytes() []byte {
	b := binary.BigEndian.AppendUint16([]byte{0, 1, 8, 0, 6, 4}, a.Operation)
	b = append(append(b, a.SenderMAC[:]...), a.SenderIP.AsSlice()...)
	return append(append(b, a.TargetMAC[:]...), a.TargetIP.AsSlice()...)
}

// behindIP returns what a packet carries: with an offset only the payload.
func (f *Frame) behindIP() []byte {
	if f.Offset != 0 || !f.Source.IsValid() {
		return f.Payload
	}
	return f.upper()
}

// ip returns the frame without its Ethernet header.
func (f *Frame) ip(upper []byte) []byte {
	if f.Source.Is4() {
		return f.ipv4(upper)
	}
	return f.ipv6(upper)
}

func (f *Frame) ttl() byte {
	if f.TTL == 0 {
		return 64
	}
	return f.TTL
}

func (f *Frame) ipv4(upper []byte) []byte {
	options := words(f.Options)
	h := make([]byte, ipv4Header, ipv4Header+len(options)+len(upper))
	h[0] = byte(0x40 | (ipv4Header+len(options))/4)
	binary.BigEndian.PutUint16(h[2:], length(ipv4Header+len(options)+len(upper)))
	binary.BigEndian.PutUint16(h[4:], uint16(f.ID))
	fragment := uint16(f.Offset / 8)
	if f.DontFragment {
		fragment |= 0x4000
	}
	if f.MoreFragments {
		fragment |= 0x2000
	}
	binary.BigEndian.PutUint16(h[6:], fragment)
	h[8], h[9] = f.ttl(), f.Protocol
	copy(h[12:], f.Source.AsSlice())
	copy(h[16:], f.Destination.AsSlice())
	h = append(h, options...)
	binary.BigEndian.PutUint16(h[10:], checksum(h))
	return append(h, upper...)
}

func (f *Frame) ipv6(upper []byte) []byte {
	extensions := slices.Clone(f.Extensions)
	if (f.Offset != 0 || f.MoreFragments) && !slices.ContainsFunc(extensions, func(e Extension) bool { return e.Header == FragmentHeader }) {
		extensions = append(extensions, Extension{Header: FragmentHeader})
	}
	next := f.Protocol
	for _, e := range slices.Backward(extensions) {
		upper = append(f.extension(e, next), upper...)
		next = e.number()
	}
	h := make([]byte, ipv6Header)
	h[0], h[6], h[7] = 0x60, next, f.ttl()
	binary.BigEndian.PutUint16(h[4:], length(len(upper)))
	source, target := f.Source.As16(), f.Destination.As16()
	copy(h[8:], source[:])
	copy(h[24:], target[:])
	return append(h, upper...)
}

func (e Extension) number() byte {
	for _, number := range []uint8{hopByHop, destination, routingHeader, fragmentHeader, authentication} {
		if headerBit(number) == e.Header {
			return number
		}
	}
	panic("packet: an extension has one bit")
}

func (f *Frame) extension(e Extension, next byte) []byte {
	h := make([]byte, max(e.Size, 8))
	if e.Header == FragmentHeader {
		h = h[:8]
	}
	h[0], h[1] = next, byte(len(h)/8-1)
	switch e.Header {
	case HopByHop, Destination:
		skippedOptions(h[2:])
	case Routing:
		h[2] = e.RoutingType
	case Authentication:
		h[1] = byte(len(h)/4 - 2)
	case FragmentHeader:
		field := uint16(f.Offset)
		if f.MoreFragments {
			field |= 1
		}
		binary.BigEndian.PutUint16(h[2:], field)
		binary.BigEndian.PutUint32(h[4:], f.ID)
	}
	return h
}

// skippedOptions fills b with options that receivers skip: RFC 4727 keeps type 0x1e for
// experiments. Linux takes no padding of more than 7 bytes.
func skippedOptions(b []byte) {
	for len(b) > 1 {
		n := min(len(b)-2, 255)
		b[0], b[1] = 0x1e, byte(n)
		b = b[2+n:]
	}
}

// words pads options with their end to a multiple of four bytes.
func words(options []byte) []byte {
	return append(slices.Clone(options), make([]byte, -len(options)&3)...)
}

func length(n int) uint16 {
	if n > 65_535 {
		panic("packet: longer than an IP packet can be")
	}
	return uint16(n)
}
