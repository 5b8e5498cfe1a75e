package wire

import (
	"encoding/binary"
	"errors"
	"net/netip"
)

// What parsers return instead of a Reply, as they are: receivers count them.
var (
	// ErrTruncated: the packet, or what it quotes, ends before the ID.
	ErrTruncated = errors.New("packet is cut")
	// ErrForeign: it can be no answer to a probe.
	ErrForeign = errors.New("packet answers no probe")
	// ErrChecksum: the checksum of ICMP is wrong. Raw sockets of IPv4 get such packets
	// too, for they are served before ICMP is.
	ErrChecksum = errors.New("packet has a wrong checksum")
)

// ParseIPv4 reads an answer from its IP header on, as raw sockets of IPv4 give it,
// whether their protocol is ICMP or TCP.
//
// The checksum of TCP is not looked at: on its way from a host on the same machine it
// may not have been computed yet.
func ParseIPv4(b []byte) (Reply, error) {
	if len(b) < ipv4Header || b[0]>>4 != 4 {
		return Reply{}, ErrTruncated
	}
	header, length := int(b[0]&0xf)*4, int(binary.BigEndian.Uint16(b[2:]))
	// A buffer that is too short may cut the packet, and padding may follow it.
	b = b[:min(length, len(b))]
	if header < ipv4Header || header > len(b) {
		return Reply{}, ErrTruncated
	}
	if binary.BigEndian.Uint16(b[6:])&0x1fff != 0 {
		return Reply{}, ErrForeign // a later fragment
	}
	from, to := netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	r := Reply{From: from, TTL: b[8]}
	r.Quoted.Source = to
	switch message := b[header:]; b[9] {
	case icmpv4Number:
		if len(b) == length && sum(0, message) != 0xffff {
			return Reply{}, ErrChecksum
		}
		return r.icmpv4(message)
	case tcpNumber:
		return r.tcp(message)
	}
	return Reply{}, ErrForeign
}

// ParseICMPv6 reads an answer from the header of ICMPv6 on, as raw sockets of IPv6 give
// it; from and hopLimit are what the socket says beside, which also looked at the
// checksum (RFC 3542 section 3.1).
func ParseICMPv6(b []byte, from netip.Addr, hopLimit uint8) (Reply, error) {
	r := Reply{From: from.WithZone(""), TTL: hopLimit}
	if len(b) < icmpHeader {
		return Reply{}, ErrTruncated
	}
	r.Kind, r.Code = ICMPv6Kind(b[0]), b[1]
	length := 0 // of the quote, in bytes
	switch r.Kind {
	case EchoReply:
		return r.echo(b)
	case PacketTooBig:
		r.MTU = binary.BigEndian.Uint32(b[4:])
	case TimeExceeded, Unreachable:
		length = int(b[4]) * 8
	case ParameterProblem: // has a pointer, and no extensions
	default:
		return Reply{}, ErrForeign
	}
	return r.quote(b[icmpHeader:], length, quoteIPv6)
}

// ParseTCPv6 reads an answer from the header of TCP on, as [ParseICMPv6].
func ParseTCPv6(b []byte, from netip.Addr, hopLimit uint8) (Reply, error) {
	r := Reply{From: from.WithZone(""), TTL: hopLimit}
	return r.tcp(b)
}

// ParsePayload reads the ID from what a socket without privileges is given: by
// IP_RECVERR the payload of a UDP probe, or its echo request, as quoted; or the echo
// reply. It returns false if that is no probe's, or if the router quoted too little.
func ParsePayload(p Protocol, b []byte) (id uint16, ok bool) {
	switch {
	case p == UDP:
		id, _ = markedUDP(b)
	case p != ICMP || len(b) < icmpHeader || b[1] != 0:
	case b[0] == echoRequestV4 || b[0] == echoRequestV6:
		id, _ = markedEcho(b)
	case (b[0] == echoReplyV4 || b[0] == echoReplyV6) && echoes(b):
		id = binary.BigEndian.Uint16(b[6:])
	}
	return id, id != 0
}

func (r Reply) icmpv4(b []byte) (Reply, error) {
	if len(b) < icmpHeader {
		return Reply{}, ErrTruncated
	}
	r.Kind, r.Code = ICMPv4Kind(b[0], b[1]), b[1]
	switch r.Kind {
	case 0:
		return Reply{}, ErrForeign
	case EchoReply:
		return r.echo(b)
	case PacketTooBig:
		r.MTU = uint32(binary.BigEndian.Uint16(b[6:]))
	}
	return r.quote(b[icmpHeader:], int(b[5])*4, quoteIPv4)
}

// quote reads what follows the 8 bytes of an error; length is that of the quote as the
// error says, 0 if it says nothing.
func (r Reply) quote(b []byte, length int, read func([]byte) (Quoted, error)) (Reply, error) {
	b, r.Extensions = split(b, length)
	q, err := read(b)
	if err != nil {
		return Reply{}, err
	}
	r.Quoted = q
	return r, nil
}

// echo reads an echo reply.
func (r Reply) echo(b []byte) (Reply, error) {
	id := binary.BigEndian.Uint16(b[6:])
	if id == 0 || r.Code != 0 || !echoes(b) {
		return Reply{}, ErrForeign
	}
	r.Quoted.Flow = Flow{
		Protocol: ICMP, Source: r.Quoted.Source, Destination: r.From,
		SourcePort: binary.BigEndian.Uint16(b[4:]),
	}
	r.Quoted.ID = id
	return r, nil
}

// tcp reads the answer to a SYN: it acknowledges its sequence and one more.
func (r Reply) tcp(b []byte) (Reply, error) {
	if len(b) < tcpHeader {
		return Reply{}, ErrTruncated
	}
	switch flags := b[13]; {
	case flags&flagACK == 0:
		return Reply{}, ErrForeign
	case flags&flagRST != 0:
		r.Kind = Reset
	case flags&flagSYN != 0:
		r.Kind = SYNACK
	default:
		return Reply{}, ErrForeign
	}
	id, ok := idOf(binary.BigEndian.Uint32(b[8:]) - 1)
	if !ok {
		return Reply{}, ErrForeign
	}
	r.Quoted.Flow = Flow{
		Protocol: TCP, Source: r.Quoted.Source, Destination: r.From,
		SourcePort: binary.BigEndian.Uint16(b[2:]), DestinationPort: binary.BigEndian.Uint16(b),
	}
	r.Quoted.ID = id
	return r, nil
}

// Key returns what to look the probe up by that the reply answers.
func (r *Reply) Key() Key {
	return Probe{Flow: r.Quoted.Flow, ID: r.Quoted.ID}.Key()
}
