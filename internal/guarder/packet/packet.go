// Package packet reads Ethernet frames the way Guarder's XDP program does.
//
// [Parse] is the reference: the program in bpf/ must find the same fields and the
// same [Reason] in every frame, also in one that is cut at any byte. Tests compare
// the two; tools such as "guard explain" use this one. [Frame] builds frames for
// tests.
//
// # What is read
//
// Up to two VLAN tags, ARP, IPv4 with options, IPv6 with up to [MaxExtensions]
// extension headers, TCP with its MSS option, UDP, ICMP and ICMPv6 with the packet
// that an error quotes, and the target of neighbour discovery. A header that ends
// behind the frame, or behind the length that the IP header claims, is a Reason
// and not a guess: what cannot be read cannot be matched by ports that are not
// there.
package packet

import "net/netip"

// Limits of the walk through a frame, the same as in bpf/include/guard_parse.h.
const (
	MaxTags       = 2  // VLAN tags that are read; a third one is a Reason
	MaxExtensions = 6  // extension headers of IPv6, and of a quoted packet
	MaxOptions    = 40 // bytes of TCP or IPv4 options
	MaxPayload    = 128
)

// A Reason says why a frame cannot be read to its end.
type Reason uint8

// The reasons, in the order of the C enum guard_reason.
const (
	// OK: everything that is there has been read.
	OK Reason = iota
	// Truncated: the frame, or the length in its IP header, ends within a header.
	Truncated
	// BadHeaderLength: a length in a header is impossible (IHL below 5, data offset
	// below 5, total length below the header).
	BadHeaderLength
	// BadVersion: the version in the IP header is not that of the EtherType.
	BadVersion
	// TooManyTags: more than MaxTags VLAN tags.
	TooManyTags
	// TooManyExtensions: more than MaxExtensions extension headers, or one in a
	// place where RFC 8200 forbids it (hop-by-hop options not first).
	TooManyExtensions
	// TinyFragment: the first fragment does not hold the transport header (RFC 1858,
	// RFC 7112).
	TinyFragment
	Reasons // their number
)

var reasonNames = [Reasons]string{
	"ok", "truncated", "bad_header_length", "bad_version", "too_many_tags", "too_many_extensions", "tiny_fragment",
}

// String returns the label value, such as "truncated".
func (r Reason) String() string {
	if r < Reasons {
		return reasonNames[r]
	}
	return "unknown"
}

// Fragment tells what part of a fragmented packet a packet is.
type Fragment uint8

// Bits of [Packet.Fragment].
const (
	// FirstFragment has offset 0, and more follow.
	FirstFragment Fragment = 1 << iota
	// LaterFragment has another offset, and no transport header.
	LaterFragment
	// OffsetOne is a later fragment that could overwrite TCP flags (RFC 3128).
	OffsetOne
	// PastEnd would end behind byte 65,535 (ping of death).
	PastEnd
)

// Options are kinds of IPv4 options, by bit; Header are extension headers of IPv6.
type (
	Options uint16
	Header  uint16
)

// Bits of [Packet.Options], by the option's type in RFC 791 and RFC 2113.
const (
	RecordRoute  Options = 1 << iota // 7
	Timestamp                        // 68
	LooseRoute                       // 131
	StrictRoute                      // 137
	RouterAlert                      // 148
	OtherOptions                     // any other but end and no-operation
)

// Bits of [Packet.Headers] and of [Packet.Routing].
const (
	HopByHop Header = 1 << iota
	Destination
	Routing
	FragmentHeader
	Authentication
)

// ICMP classes do not depend on the family.
const (
	ICMPv4  = 1
	TCP     = 6
	UDP     = 17
	ICMPv6  = 58
	SCTP    = 132
	DCCP    = 33
	UDPLite = 136
)

// EtherTypes that are read.
const (
	EtherIPv4 = 0x0800
	EtherARP  = 0x0806
	EtherIPv6 = 0x86dd
)

// A Packet is what is known of a frame. Fields of headers that are not there are
// zero.
type Packet struct {
	// Reason is OK if all headers were read. Otherwise the fields of the headers
	// before the one at fault are set, and nothing else.
	Reason Reason
	// Interface is the index of the device that the frame came from.
	Interface int

	SourceMAC, DestinationMAC [6]byte
	// EtherType is that behind the VLAN tags.
	EtherType uint16
	// Tags are the VLAN identifiers, the outer one first.
	Tags []uint16

	ARP *ARP

	// Family is 4, 6, or 0 if this is no IP packet.
	Family              uint8
	Source, Destination netip.Addr
	// TTL is the time to live or the hop limit.
	TTL uint8
	// Length is that of the IP packet by its own header: total length, or payload
	// length and 40.
	Length       uint32
	DontFragment bool
	Fragment     Fragment
	Options      Options
	Headers      Header
	// RoutingTypes has bit n set for a routing header of type n; 15 stands for all
	// types from 15.
	RoutingTypes uint16
	// Protocol is that of the transport header, also in later fragments.
	Protocol uint8

	// HasPorts tells that the transport header was read and has ports.
	HasPorts                    bool
	SourcePort, DestinationPort uint16
	// Flags are those of TCP: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
	Flags uint8
	// MSS is the maximum segment size of a SYN, or 0 without the option.
	MSS uint16

	ICMP *ICMP

	// Payload are at most MaxPayload bytes behind the transport header, within the
	// length of the IP packet.
	Payload []byte
}

// ARP is an address resolution packet for IPv4 over Ethernet; others are not read.
type ARP struct {
	Operation            uint16
	SenderMAC, TargetMAC [6]byte
	SenderIP, TargetIP   netip.Addr
}

// ICMP is a message of ICMP or ICMPv6.
type ICMP struct {
	Type, Code uint8
	// MTU is that of "packet too big" and "fragmentation needed"; 0 in others.
	MTU uint32
	// Target is the target of a neighbour solicitation or advertisement, or of a
	// redirect; else it is not valid.
	Target netip.Addr
	// Quoted is the packet in an error message. It is nil if there is none, or if it
	// is not an IP packet whose addresses can be read.
	Quoted *Quoted
}

// Quoted is the beginning of a packet that an ICMP error is about.
type Quoted struct {
	Family              uint8
	Source, Destination netip.Addr
	Protocol            uint8
	// Length is that of the quoted packet by its own header.
	Length       uint32
	DontFragment bool
	// Later tells that it was a later fragment, which quotes no transport header.
	Later bool
	// HasPorts tells that the first four bytes of TCP, UDP or another protocol with
	// ports were quoted.
	HasPorts                    bool
	SourcePort, DestinationPort uint16
	// Sequence is that of TCP; HasSequence tells that it was quoted.
	Sequence    uint32
	HasSequence bool
	// ICMPType is the type of a quoted ICMP message; HasICMP tells that it was quoted.
	ICMPType uint8
	HasICMP  bool
}
