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
// extension headers, TCP with its options MSS and Fast Open, UDP, ICMP and ICMPv6 with the packet
// that an error quotes, and the target of neighbour discovery, with the
// MAC address that it tells. A header that ends
// behind the frame, or behind the length that the IP header claims, is a Reason
// and not a guess: what cannot be read cannot be matched by ports that are not
// there.
//
// # What is decided
//
//   - The IP packet ends where its header says. What follows is padding of the
//     frame, which the kernel cuts off too. A packet that claims more than the frame
//     has is read as far as it goes: captures are often cut, and the kernel drops it.
//   - An IPv6 payload length of 0 is taken at its word, so a jumbogram (RFC 2675) is
//     Truncated: no frame on a wire has room for one. Generic XDP runs behind GRO, so
//     BIG TCP, which joins packets to more than 65,535 bytes, does not go with it.
//   - VLAN tags are EtherTypes 0x8100 and 0x88a8, the two that Linux takes off. Tags
//     that the card took off before are not seen.
//   - Frames of 802.3 with LLC, tunnels, and AH over IPv4 are not looked into: the
//     kernel does not either, unless it was set up as the end of the tunnel.
//   - An IPv4 option that does not fit is a fault, as for Linux (ip_options_compile);
//     a TCP option that does not fit ends the list, as for Linux. Of several MSS options
//     the last counts, as for Linux: the first could be a mask (CVE-2019-11477).
//   - A later fragment has no ports and no ICMP message, but its protocol; in IPv6 that
//     may be the number of an extension header, which stands in the first fragment. A
//     fragment at offset 8 could overwrite the flags of TCP (RFC 3128), whatever its
//     protocol says.
//   - A packet past the end would be longer than 65,535 bytes when put together (ping
//     of death, CVE-1999-0128).
//   - Extension headers in an order or number that nothing but an attack uses are a
//     Reason (RFC 7112, RFC 8200): see [MaxExtensions].
//   - ICMP belongs to IPv4 and ICMPv6 to IPv6; in the other family they are
//     protocols without ports, as for Linux.
//   - The packet in an ICMP error may be cut anywhere, is not bounded by its own
//     length, and may say another version, or in IPv4 that it is a later fragment: Linux
//     acts on its ports all the same, so forged ones must be seen (RFC 5927).
//   - Types of ICMPv6 below 128 are errors, also those that nobody has defined.
//   - The gateway that a redirect of IPv4 names is not read: a redirect is judged by
//     who sends it and by what it quotes.
package packet

import "net/netip"

// Limits of the walk through a frame, the same as in bpf/include/guard_abi.h.
const (
	MaxTags       = 2   // VLAN tags that are read; a third one is a Reason
	MaxExtensions = 6   // extension headers of IPv6: one each, and destination options twice (RFC 8200 section 4.1)
	MaxOptions    = 40  // bytes of TCP or IPv4 options
	MaxPayload    = 128 // bytes behind the transport header
	// MaxNeighbourOptions bounds the search for the address that a message of neighbour
	// discovery tells. Most have one option, and more with SEND (RFC 3971); a router
	// advertises an option for each prefix, route, and kind of name server, and radvd puts
	// its address behind them.
	MaxNeighbourOptions = 24
)

// A Reason says why a frame cannot be read to its end.
type Reason uint8

// The reasons, in the order of the C enum guard_reason.
const (
	// OK: everything that is there has been read.
	OK Reason = iota
	// Truncated: the frame, or the length in its IP header, ends within a header.
	Truncated
	// BadHeaderLength: a length in a header is impossible (IHL or data offset below 5,
	// total length below the header, UDP length below 8, an IPv4 option that does not
	// fit).
	BadHeaderLength
	// BadVersion: the version in the IP header is not that of the EtherType.
	BadVersion
	// TooManyTags: more than MaxTags VLAN tags.
	TooManyTags
	// TooManyExtensions: more than MaxExtensions extension headers, or one in a
	// place where RFC 8200 forbids it (hop-by-hop options not first), or a second
	// fragment header; also in the packet that an error quotes. Or more than
	// MaxNeighbourOptions options of neighbour discovery, none of which is the address
	// that the message is about.
	TooManyExtensions
	// TinyFragment: the first fragment does not hold the transport header (RFC 1858,
	// RFC 7112), or an ICMP error up to the ports that it quotes.
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
	// OffsetOne is a later fragment at offset 8, which is 1 in the header: it could
	// overwrite the flags of TCP (RFC 3128).
	OffsetOne
	// PastEnd would end behind byte 65,535 (ping of death), counted as the kernel
	// does: with the header in IPv4, from the fragment header in IPv6.
	PastEnd
	// LastFragment is a later fragment that none follows.
	LastFragment
	// Overlap: it holds bytes that a fragment before it held too. Parse, which has
	// no memory, never sets it; see [Tracker].
	Overlap
)

// Options are kinds of IPv4 options, by bit; TCPOptions those of a SYN; Header are
// extension headers of IPv6.
type (
	Options    uint16
	TCPOptions uint8
	Header     uint16
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

// FastOpen is the bit of [Packet.TCPOptions] for a SYN that may carry data (RFC 7413).
const FastOpen TCPOptions = 1

// Bits of [Packet.Headers].
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
	// FragmentID, FragmentOffset and FragmentSize say which part of which packet a
	// fragment is: its identification, and where in what follows the headers of IP it
	// begins, and how long it is, in bytes. They are 0 unless Fragment is set.
	FragmentID                   uint32
	FragmentOffset, FragmentSize uint16
	Options                      Options
	Headers                      Header
	// RoutingTypes has bit n set for a routing header of type n; 15 stands for all
	// types from 15.
	RoutingTypes uint16
	// Protocol is that of the transport header, also in later fragments. It is 0 if
	// extension headers could not be read.
	Protocol uint8

	// HasPorts tells that the transport header was read and has ports.
	HasPorts                    bool
	SourcePort, DestinationPort uint16
	// Flags are those of TCP: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128.
	Flags uint8
	// MSS is the maximum segment size of a SYN, or 0 without the option.
	MSS        uint16
	TCPOptions TCPOptions
	// Sequence is the first sequence number of a segment of TCP, and Segment how many it
	// takes: one for each byte of data, for SYN and for FIN (RFC 9293 section 3.4). The
	// program reads them where a rule asks for them, as Window and PayloadLength.
	Sequence, Segment uint32
	// Window is what a segment of TCP offers, as it stands in the header: not scaled.
	Window uint16
	// PayloadLength is how many bytes are behind a transport header with ports, by the
	// length of the IP packet, and of UDP by its own if that is less; of a first fragment
	// those in it.
	PayloadLength uint32

	ICMP *ICMP

	// Payload are at most MaxPayload bytes behind the transport header, within the
	// length of the IP packet, and that of UDP; behind the headers of IP if the protocol is unknown.
	// Behind ICMP's 8 bytes stand the target or the quoted packet.
	Payload []byte
}

// ARP is an address resolution packet for IPv4 over Ethernet, also one that says that
// its hardware is IEEE 802; others are not read.
type ARP struct {
	Operation            uint16
	SenderMAC, TargetMAC [6]byte
	SenderIP, TargetIP   netip.Addr
}

// ICMP is a message of ICMP or ICMPv6.
type ICMP struct {
	Type, Code uint8
	// MTU is that of "packet too big" and "fragmentation needed"; 0 in others (see
	// [Packet.TellsMTU]).
	MTU uint32
	// Target is the target of a neighbour solicitation or advertisement, or of a
	// redirect of ICMPv6; else it is not valid.
	Target netip.Addr
	// LinkAddress is the MAC address that a message of neighbour discovery tells,
	// whatever the frame says: of its target if it is an advertisement or a redirect of
	// ICMPv6, of its source if it is a solicitation, or of a router. HasLinkAddress tells
	// that there is one.
	LinkAddress    [6]byte
	HasLinkAddress bool
	// Quoted is the packet in an error message. It is nil if there is none, or if its
	// addresses cannot be read.
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
	// Later tells that it was a later fragment, which has no transport header. In IPv4
	// Linux takes for one what stands there, and so do the fields below.
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

// Claim returns the IP address that a packet speaks for, and the MAC address that those
// who believe it would send to from then on; ip is not valid if it claims none. Of what
// speaks for its own source, sent is where it comes from; else it is the same as told.
//
//   - ARP speaks for its sender (RFC 826).
//   - An advertisement of a neighbour speaks for its target, one of a router for its
//     source; with the address of the frame if it tells none, as it says who is there.
//   - Solicitations speak for their source, and a redirect of ICMPv6 for its target, but
//     only if they tell an address: without one nobody learns any from them.
func (p *Packet) Claim() (ip netip.Addr, told, sent [6]byte) {
	if p.ARP != nil {
		return p.ARP.SenderIP, p.ARP.SenderMAC, p.ARP.SenderMAC
	}
	if p.ICMP == nil || p.Family != 6 {
		return ip, told, sent
	}
	m := p.ICMP
	if told = p.SourceMAC; m.HasLinkAddress {
		told = m.LinkAddress
	}
	sent = told
	switch kind := m.Type; {
	case kind == v6NeighbourAdvertise, kind == v6Redirect && m.HasLinkAddress:
		ip = m.Target
	case kind == v6RouterAdvertise, (kind == v6RouterSolicit || kind == v6NeighbourSolicit) && m.HasLinkAddress:
		ip, sent = p.Source, p.SourceMAC
	}
	return ip, told, sent
}
