package wire

import "net/netip"

// Kind is what an answer says.
type Kind uint8

// The kinds. The zero value is none.
const (
	// TimeExceeded is the answer of a router where the TTL ended. Code 1 is another
	// thing: a host that waited in vain for fragments.
	TimeExceeded Kind = iota + 1
	// Unreachable is any code of destination unreachable but "fragmentation needed".
	Unreachable
	// PacketTooBig is that of ICMPv6, or "fragmentation needed" of IPv4 (code 4).
	PacketTooBig
	ParameterProblem
	EchoReply
	// SYNACK and Reset are the answers of a port of TCP that is open, and of one that
	// is closed.
	SYNACK
	Reset
)

// A Reply is an answer to a probe.
type Reply struct {
	// From is who sent it, without a zone.
	From netip.Addr
	Kind Kind
	// Code is that of ICMP; it means different things in the two families.
	Code uint8
	// MTU is what PacketTooBig says, unchecked; 0 if the router does not know (RFC 1191
	// section 5). See [NextMTU].
	MTU uint32
	// TTL is that of the reply when it arrived; 0 is unknown. See [ReverseHops].
	TTL uint8
	// Quoted is the probe, as the sender of the reply saw it.
	Quoted Quoted
	// Extensions are what a router adds to its error (RFC 4884).
	Extensions Extensions
}

// Quoted is a probe as an answer tells of it. For EchoReply, SYNACK and Reset, which
// quote none, Flow and ID are what the probe must have had, and all else is zero;
// Source is then the address that the reply was sent to, not valid if that is unknown.
type Quoted struct {
	Flow
	// ID is never 0.
	ID uint16
	// Disagree tells that the places that carry the ID differ, such as the
	// identification of IP and the payload: something on the way rewrote one of them. ID
	// is then the one that shows that it is one.
	Disagree bool
	// TTL is what was left of it: 1 from an honest router of IPv4 or IPv6; 0 from one
	// that forwards packets it should not, and more where a tunnel hides its routers.
	TTL uint8
	// TOS, DontFragment, and the checksum of the transport header, as quoted;
	// HasChecksum tells that the quote went so far.
	TOS          uint8
	DontFragment bool
	Checksum     uint16
	HasChecksum  bool
	// Length is that of the packet by its own header, in bytes, and Bytes how many of
	// them were quoted at most: zeros that pad a quote cannot be told from its end.
	Length, Bytes int
}

// Truncated tells whether the quote ends before the packet does.
func (q *Quoted) Truncated() bool {
	return q.Bytes < q.Length
}
