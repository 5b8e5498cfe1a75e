package wire

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// quotedLeast is how many bytes behind the header of IP an error quotes at least
// (RFC 792).
const quotedLeast = 8

// quoteIPv4 reads a probe of IPv4 that an error quotes. It may be cut anywhere, and
// zeros or extensions may follow it.
func quoteIPv4(b []byte) (Quoted, error) {
	if len(b) < ipv4Header {
		return Quoted{}, ErrTruncated
	}
	header := int(b[0]&0xf) * 4
	if b[0]>>4 != 4 || header < ipv4Header {
		return Quoted{}, ErrForeign
	}
	if len(b) < header+quotedLeast {
		return Quoted{}, ErrTruncated
	}
	length := binary.BigEndian.Uint16(b[2:])
	identification := binary.BigEndian.Uint16(b[4:])
	fragment := binary.BigEndian.Uint16(b[6:])
	q := Quoted{
		TTL:  b[8],
		TOS:  b[1],
		Flow: Flow{Source: netip.AddrFrom4([4]byte(b[12:])), Destination: netip.AddrFrom4([4]byte(b[16:]))},
	}
	marked, err := q.transport(b[9], icmpv4Number, b[header:])
	if err != nil {
		return Quoted{}, err
	}
	// Some systems of BSD's family quote these three in the order of their own bytes.
	// The ID shows it, or the length of UDP if the ID is nowhere else.
	swapped := bits.ReverseBytes16(identification) == marked && identification != marked
	if marked == 0 && q.Protocol == UDP {
		want := uint16(header) + binary.BigEndian.Uint16(b[header+4:])
		swapped = length != want && bits.ReverseBytes16(length) == want
	}
	if swapped {
		length, identification = bits.ReverseBytes16(length), bits.ReverseBytes16(identification)
		fragment = bits.ReverseBytes16(fragment)
	}
	if fragment&0x1fff != 0 {
		return Quoted{}, ErrForeign // a later fragment has no ports
	}
	q.DontFragment = fragment&0x4000 != 0
	return q.finish(int(length), len(b), marked, identification)
}

// quoteIPv6 reads a probe of IPv6 that an error quotes.
func quoteIPv6(b []byte) (Quoted, error) {
	if len(b) < ipv6Header {
		return Quoted{}, ErrTruncated
	}
	first := binary.BigEndian.Uint32(b)
	if first>>28 != 6 {
		return Quoted{}, ErrForeign
	}
	q := Quoted{
		TTL: b[7],
		TOS: uint8(first >> 20),
		Flow: Flow{
			Source: netip.AddrFrom16([16]byte(b[8:])), Destination: netip.AddrFrom16([16]byte(b[24:])),
			Label: first & maxLabel,
		},
	}
	next, at, err := skipExtensions(b)
	if err != nil {
		return Quoted{}, err
	}
	if len(b) < at+quotedLeast {
		return Quoted{}, ErrTruncated
	}
	marked, err := q.transport(next, icmpv6Number, b[at:])
	if err != nil {
		return Quoted{}, err
	}
	other := marked
	if q.Protocol == UDP {
		other = q.Checksum
	}
	return q.finish(int(binary.BigEndian.Uint16(b[4:]))+ipv6Header, len(b), marked, other)
}

// finish decides for an ID: marked is that which shows that it is one, 0 if it was not
// quoted, and other a second one.
func (q Quoted) finish(length, quoted int, marked, other uint16) (Quoted, error) {
	q.Length, q.Bytes = length, min(length, quoted)
	q.ID, q.Disagree = marked, marked != other
	if marked == 0 {
		q.ID = other
		// The sequence of TCP is in every quote: that it is none of ours, some firewall
		// may have done, which makes sequences of its own.
		q.Disagree = q.Protocol == TCP
	}
	if q.ID == 0 {
		return Quoted{}, ErrForeign
	}
	return q, nil
}

// transport reads what there is of the transport header, at least quotedLeast bytes, and
// returns the ID that is marked as one, 0 if none is quoted. It returns ErrForeign if
// there is what no probe has.
func (q *Quoted) transport(number, icmpNumber uint8, b []byte) (marked uint16, err error) {
	switch number {
	case icmpNumber:
		q.Protocol = ICMP
		if b[0] != echoRequestV4 && number == icmpv4Number || b[0] != echoRequestV6 && number == icmpv6Number || b[1] != 0 {
			return 0, ErrForeign
		}
		q.SourcePort = binary.BigEndian.Uint16(b[4:])
		q.Checksum, q.HasChecksum = binary.BigEndian.Uint16(b[2:]), true
		return markedEcho(b)
	case udpNumber:
		q.Protocol = UDP
		q.ports(b)
		q.Checksum, q.HasChecksum = binary.BigEndian.Uint16(b[6:]), true
		if binary.BigEndian.Uint16(b[4:]) < udpHeader+udpMark {
			return 0, ErrForeign
		}
		return markedUDP(b[udpHeader:])
	case tcpNumber:
		q.Protocol = TCP
		q.ports(b)
		// A header of no words is padding, and most likely a checksum of 0 too.
		if len(b) > 13 && b[12] != 0 && b[13]&(flagSYN|flagRST|flagACK) != flagSYN {
			return 0, ErrForeign
		}
		if len(b) >= 18 {
			q.Checksum = binary.BigEndian.Uint16(b[16:])
			q.HasChecksum = q.Checksum != 0
		}
		if id, ok := idOf(binary.BigEndian.Uint32(b[4:])); ok {
			return id, nil
		}
		return 0, nil
	}
	return 0, ErrForeign
}

func (q *Quoted) ports(b []byte) {
	q.SourcePort, q.DestinationPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
}

// markedUDP returns the ID of a payload; 0 if it was not quoted to its end, where zeros
// are the padding (RFC 4884 section 5.3); or ErrForeign.
func markedUDP(b []byte) (uint16, error) {
	if len(b) < udpMark {
		return 0, nil
	}
	id, complement := binary.BigEndian.Uint16(b[2:]), binary.BigEndian.Uint16(b[4:])
	switch {
	case id == ^complement && id != 0:
		return id, nil
	case complement == 0:
		return 0, nil
	}
	return 0, ErrForeign
}

// markedEcho returns the ID of a quoted echo request, of which at least 8 bytes are
// there. The payload may be cut off, or zeros that pad it.
func markedEcho(b []byte) (uint16, error) {
	id := binary.BigEndian.Uint16(b[6:])
	cut := len(b) < icmpHeader+icmpMark || binary.BigEndian.Uint16(b[icmpHeader:]) == 0
	if id == 0 || !cut && !echoes(b) {
		return 0, ErrForeign
	}
	return id, nil
}

// echoes tells whether an echo has the payload of a probe. A reply always has all of it.
func echoes(b []byte) bool {
	return len(b) >= icmpHeader+icmpMark &&
		binary.BigEndian.Uint16(b[icmpHeader:]) == ^binary.BigEndian.Uint16(b[6:])
}

// Extension headers that are walked over; RFC 8200 section 4.1 knows of no longer row.
const (
	headerHopByHop    = 0
	headerRouting     = 43
	headerFragment    = 44
	headerDestination = 60
	maxHeaders        = 7
)

// skipExtensions returns the protocol of a packet of IPv6 and where its header begins.
// Probes have no extension headers, but routers of segment routing may insert one
// (RFC 8986), and translators one of fragments (RFC 7915).
func skipExtensions(b []byte) (next uint8, at int, err error) {
	next, at = b[6], ipv6Header
	for range maxHeaders {
		switch next {
		case headerHopByHop, headerRouting, headerFragment, headerDestination:
		default:
			return next, at, nil
		}
		if len(b) < at+8 {
			return 0, 0, ErrTruncated
		}
		size := int(b[at+1])*8 + 8
		if next == headerFragment {
			if binary.BigEndian.Uint16(b[at+2:])>>3 != 0 {
				return 0, 0, ErrForeign // a later one
			}
			size = 8
		}
		next, at = b[at], at+size
	}
	return 0, 0, ErrForeign
}
