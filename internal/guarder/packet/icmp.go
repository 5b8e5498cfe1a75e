package packet

import (
	"encoding/binary"
	"net/netip"
)

// Types of ICMP and ICMPv6 that carry more than a type and a code.
const (
	fragmentationNeeded  = 4 // a code of unreachable
	v4Unreachable        = 3
	v4SourceQuench       = 4
	v4Redirect           = 5
	v4TimeExceeded       = 11
	v4ParameterProblem   = 12
	v6PacketTooBig       = 2
	v6RouterSolicit      = 133
	v6RouterAdvertise    = 134
	v6NeighbourSolicit   = 135
	v6NeighbourAdvertise = 136
	v6Redirect           = 137
)

// icmp reads a message with all that its type says is in it: a message that ends
// before is cut. The packet that an error quotes may end anywhere.
func (w *walk) icmp() Reason {
	h := w.header(icmpHeader)
	if h == nil {
		return w.cut()
	}
	m := &ICMP{Type: h[0], Code: h[1]}
	switch {
	case w.Family == 4 && m.Type == v4Unreachable && m.Code == fragmentationNeeded:
		m.MTU = uint32(binary.BigEndian.Uint16(h[6:])) // RFC 1191 section 4
	case w.Family == 6 && m.Type == v6PacketTooBig:
		m.MTU = binary.BigEndian.Uint32(h[4:])
	case w.Family == 6 && m.Type >= v6NeighbourSolicit && m.Type <= v6Redirect:
		if h = w.header(icmpHeader + 16); h == nil {
			return w.cut()
		}
		m.Target = netip.AddrFrom16([16]byte(h[icmpHeader:]))
	}
	if o, told := neighbourOptions[m.Type]; told && w.Family == 6 && !m.linkAddress(w.frame[min(w.at+o.at, w.end):w.end], o.kind) {
		return TooManyExtensions
	}
	if isError(w.Family, m.Type) {
		q, behind, reason := quoted(w.Family, w.frame[w.at+icmpHeader:w.end])
		switch {
		case reason != OK:
			return reason
		case w.hides(behind):
			return w.cut()
		}
		m.Quoted = q
	}
	w.ICMP = m
	w.payload(icmpHeader)
	return OK
}

// TellsMTU tells whether a packet is a message that has an MTU. In IPv6 that may be 0,
// which Linux takes for the least that there is; in IPv4 it says that an old router
// does not know (RFC 1191 section 5).
func (p *Packet) TellsMTU() bool {
	return p.ICMP != nil && (p.ICMP.MTU != 0 || p.Family == 6 && p.ICMP.Type == v6PacketTooBig)
}

// neighbourOptions says of messages of neighbour discovery which option tells the
// link-layer address of whom they speak for, and where the options begin (RFC 4861
// section 4): the source for those that ask and for routers, else the target.
var neighbourOptions = map[uint8]struct{ kind, at int }{
	v6RouterSolicit:      {1, icmpHeader},
	v6RouterAdvertise:    {1, icmpHeader + 8},
	v6NeighbourSolicit:   {1, icmpHeader + 16},
	v6NeighbourAdvertise: {2, icmpHeader + 16},
	v6Redirect:           {2, icmpHeader + 32},
}

// linkAddress finds the link-layer address among the options of a message: one of a kind.
// That is what Linux believes, and of several the first one; it takes no message with an
// option that does not fit. It returns false if there are too many to look at.
func (m *ICMP) linkAddress(b []byte, kind int) bool {
	const unit = 8
	for range MaxNeighbourOptions {
		if len(b) < unit || b[1] == 0 {
			return true
		}
		if int(b[0]) == kind {
			m.LinkAddress, m.HasLinkAddress = [6]byte(b[2:]), true
			return true
		}
		b = b[min(int(b[1])*unit, len(b)):]
	}
	return len(b) == 0
}

// isError tells whether messages of a type quote a packet. In ICMPv6 these are all below
// 128 (RFC 4443 section 2.1): Linux hands also those that nobody has defined to the socket
// of the packet that they quote (icmpv6_rcv).
func isError(family, kind uint8) bool {
	if family == 6 {
		return kind < 128
	}
	return kind >= v4Unreachable && kind <= v4Redirect || kind == v4TimeExceeded || kind == v4ParameterProblem
}

// quotedTransport is how many bytes behind the headers of IP an error quotes at least:
// RFC 792, and Linux acts on no error with less (icmp_socket_deliver).
const quotedTransport = 8

// hides tells whether a message is in a first fragment that ends before what rules look
// at of the quoted packet, of which so many bytes stand behind its headers. No host
// fragments an error (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4): one that does
// hides from rules what it is about.
func (w *walk) hides(behind int) bool {
	return w.Fragment&FirstFragment != 0 && behind < quotedTransport
}

// quoted reads the packet in an error. Only what the error itself bounds is bounded:
// Linux takes the ports from where they stand, whatever the length in the quoted
// header says, and so does this; nor does it look at the version, nor in IPv4 at whether
// it was a later fragment, which has no ports there (icmp_socket_deliver). It returns nil if
// there is no header; behind it, how many bytes there are; and a Reason only if the
// extension headers are none that a host sends.
func quoted(family uint8, b []byte) (q *Quoted, behind int, reason Reason) {
	if family == 6 {
		return quotedIPv6(b)
	}
	if len(b) < ipv4Header {
		return nil, 0, OK
	}
	size := int(b[0]&0xf) * 4
	behind = len(b) - size
	if size < ipv4Header {
		return nil, behind, OK
	}
	field := binary.BigEndian.Uint16(b[6:])
	q = &Quoted{
		Family:       4,
		Source:       netip.AddrFrom4([4]byte(b[12:])),
		Destination:  netip.AddrFrom4([4]byte(b[16:])),
		Protocol:     b[9],
		Length:       uint32(binary.BigEndian.Uint16(b[2:])),
		DontFragment: field&0x4000 != 0,
		Later:        field&0x1fff != 0,
	}
	q.transport(b[min(size, len(b)):], ICMPv4)
	return q, behind, OK
}

func quotedIPv6(b []byte) (q *Quoted, behind int, reason Reason) {
	if len(b) < ipv6Header {
		return nil, 0, OK
	}
	q = &Quoted{
		Family:      6,
		Source:      netip.AddrFrom16([16]byte(b[8:])),
		Destination: netip.AddrFrom16([16]byte(b[24:])),
		Length:      uint32(binary.BigEndian.Uint16(b[4:])) + ipv6Header,
	}
	c := chain{next: b[6], at: ipv6Header, end: len(b), claimed: len(b)}
	reason = c.walk(b)
	if reason == TooManyExtensions {
		return nil, 0, reason
	}
	q.Protocol, q.Later = c.next, c.fragment&LaterFragment != 0
	if reason != OK { // cut in the extension headers
		return q, 0, OK
	}
	if !q.Later { // else Linux finds no protocol behind the fragment header (icmpv6_notify)
		q.transport(b[c.at:], ICMPv6)
	}
	return q, len(b) - c.at, OK
}

// transport reads what is there of the transport header; icmp is the protocol number
// of the family's ICMP.
func (q *Quoted) transport(b []byte, icmp uint8) {
	switch q.Protocol {
	case TCP, UDP, UDPLite, SCTP, DCCP:
		if len(b) >= 4 {
			q.HasPorts = true
			q.SourcePort, q.DestinationPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		}
		if q.Protocol == TCP && len(b) >= 8 {
			q.HasSequence = true
			q.Sequence = binary.BigEndian.Uint32(b[4:])
		}
	case icmp:
		if len(b) >= 1 {
			q.HasICMP = true
			q.ICMPType = b[0]
		}
	}
}
