package packet

import "encoding/binary"

const (
	tcpHeader  = 20
	udpHeader  = 8
	sctpHeader = 12 // RFC 9260 section 3.1
	dccpHeader = 12 // RFC 4340 section 5.1, with short sequence numbers
	icmpHeader = 8
	flagFIN    = 1
	flagSYN    = 2
)

// transport reads the header behind those of IP. A later fragment has none: the
// bytes that stand there are not ports.
func (w *walk) transport() Reason {
	switch {
	case w.Fragment&LaterFragment != 0:
		return OK
	case w.Protocol == TCP:
		return w.tcp()
	case w.Protocol == UDP:
		return w.udp()
	case w.Protocol == UDPLite:
		return w.ports(udpHeader)
	case w.Protocol == SCTP:
		return w.ports(sctpHeader)
	case w.Protocol == DCCP:
		return w.ports(dccpHeader)
	case w.Protocol == ICMPv4 && w.Family == 4, w.Protocol == ICMPv6 && w.Family == 6:
		return w.icmp()
	}
	w.payload(0)
	return OK
}

// ports reads a header of size bytes that begins with two ports.
func (w *walk) ports(size int) Reason {
	h := w.header(size)
	if h == nil {
		return w.cut()
	}
	w.HasPorts = true
	w.SourcePort, w.DestinationPort = binary.BigEndian.Uint16(h), binary.BigEndian.Uint16(h[2:])
	w.PayloadLength = uint32(w.claimed - w.at - size)
	w.payload(size)
	return OK
}

// payload takes what is behind a transport header of size bytes.
func (w *walk) payload(size int) {
	if b := w.frame[w.at+size : w.end]; len(b) > 0 {
		n := min(len(b), MaxPayload)
		w.Payload = b[:n:n]
	}
}

// udp refuses a length that has no room for the header. A greater one than there is
// is the kernel's to judge: in a first fragment it is right. What is behind a smaller one
// the receiver does not see (__udp4_lib_rcv), so it is no payload.
func (w *walk) udp() Reason {
	h := w.header(udpHeader)
	if h == nil {
		return w.cut()
	}
	length := int(binary.BigEndian.Uint16(h[4:])) - udpHeader
	if length < 0 {
		return BadHeaderLength
	}
	w.ports(udpHeader)
	w.PayloadLength = min(w.PayloadLength, uint32(length))
	if len(w.Payload) > length {
		w.Payload = w.Payload[:length:length]
	}
	return OK
}

func (w *walk) tcp() Reason {
	h := w.header(tcpHeader)
	if h == nil {
		return w.cut()
	}
	size := int(h[12]>>4) * 4
	if size < tcpHeader {
		return BadHeaderLength
	}
	if h = w.header(size); h == nil {
		return w.cut()
	}
	if w.Flags = h[13]; w.Flags&flagSYN != 0 {
		w.MSS, w.TCPOptions = synOptions(h[tcpHeader:])
	}
	w.Sequence = binary.BigEndian.Uint32(h[4:])
	w.Window = binary.BigEndian.Uint16(h[14:])
	w.Segment = uint32(w.claimed-w.at-size) + uint32(w.Flags&flagFIN) + uint32(w.Flags&flagSYN/flagSYN)
	return w.ports(size)
}

// synOptions walks through the options of TCP as Linux does (tcp_parse_options), so that
// it finds what Linux will use: the last MSS that is not 0, and nothing behind an option
// that does not fit. Fast Open has an option of its own, or the experimental one with
// its number (RFC 6994).
func synOptions(b []byte) (mss uint16, found TCPOptions) {
	const end, noOperation, maximumSegmentSize, fastOpen, experiment, magic = 0, 1, 2, 34, 254, 0xf989
	for len(b) > 0 && b[0] != end {
		if b[0] == noOperation {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			break
		}
		if b[0] == maximumSegmentSize && b[1] == 4 {
			if n := binary.BigEndian.Uint16(b[2:]); n != 0 {
				mss = n
			}
		}
		if b[0] == fastOpen || b[0] == experiment && b[1] >= 4 && binary.BigEndian.Uint16(b[2:]) == magic {
			found |= FastOpen
		}
		b = b[b[1]:]
	}
	return mss, found
}
