package packet

import (
	"encoding/binary"
)

// upper returns the transport header and the payload.
func (f *Frame) upper() []byte {
	h, at := f.transportHeader()
	upper := append(h, f.Payload...)
	if f.Protocol == UDP {
		binary.BigEndian.PutUint16(upper[4:], length(len(upper)))
	}
	if at == 0 {
		return upper
	}
	pseudo := append(f.Source.AsSlice(), f.Destination.AsSlice()...)
	pseudo = binary.BigEndian.AppendUint32(pseudo, uint32(len(upper)))
	pseudo = append(pseudo, 0, 0, 0, f.Protocol)
	if f.Protocol == ICMPv4 {
		pseudo = nil // RFC 792 has none
	}
	sum := checksum(append(pseudo, upper...))
	if sum == 0 && f.Protocol == UDP {
		sum = 0xffff // RFC 768: 0 is for "no checksum"
	}
	binary.BigEndian.PutUint16(upper[at:], sum)
	return upper
}

// transportHeader returns a header and the place of its checksum, which is still 0.
// The place is 0 if the header has none that is computed here: that of SCTP is a
// CRC, which no parser looks at.
func (f *Frame) transportHeader() (h []byte, at int) {
	switch {
	case f.Protocol == TCP:
		h, at = f.tcpHeader(), 16
	case f.Protocol == UDP || f.Protocol == UDPLite:
		h, at = make([]byte, udpHeader), 6
	case f.Protocol == SCTP:
		h = make([]byte, sctpHeader)
	case f.Protocol == DCCP:
		h, at = make([]byte, dccpHeader), 6
		h[4] = dccpHeader / 4
	case f.ICMP != nil:
		return f.ICMP.bytes(f.Source.Is4()), 2
	default:
		return nil, 0
	}
	binary.BigEndian.PutUint16(h, f.SourcePort)
	binary.BigEndian.PutUint16(h[2:], f.DestinationPort)
	return h, at
}

func (f *Frame) tcpHeader() []byte {
	var options []byte
	if f.MSS != 0 {
		options = binary.BigEndian.AppendUint16([]byte{2, 4}, f.MSS)
	}
	options = words(append(options, f.TCPOptions...))
	h := make([]byte, tcpHeader, tcpHeader+len(options))
	binary.BigEndian.PutUint32(h[4:], f.Sequence)
	binary.BigEndian.PutUint32(h[8:], f.Acknowledgement)
	h[12], h[13] = byte((tcpHeader+len(options))/4<<4), f.Flags
	window := f.Window
	if window == 0 && !f.NoWindow {
		window = 65_535
	}
	binary.BigEndian.PutUint16(h[14:], window)
	return append(h, options...)
}

func (m *Message) bytes(v4 bool) []byte {
	h := []byte{m.Type, m.Code, 0, 0, 0, 0, 0, 0}
	if v4 {
		binary.BigEndian.PutUint16(h[6:], uint16(m.MTU))
	} else {
		binary.BigEndian.PutUint32(h[4:], m.MTU)
	}
	if m.Target.IsValid() {
		target := m.Target.As16()
		h = append(h, target[:]...)
	}
	if m.Quoted == nil {
		return h
	}
	quoted := m.Quoted.ip(m.Quoted.behindIP())
	if m.QuotedSize != 0 {
		quoted = quoted[:min(m.QuotedSize, len(quoted))]
	}
	return append(h, quoted...)
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for i, x := range b {
		if i%2 == 0 {
			sum += uint32(x) << 8
		} else {
			sum += uint32(x)
		}
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
