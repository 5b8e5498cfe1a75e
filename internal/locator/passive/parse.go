package passive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"time"
)

// From include/uapi/linux/inet_diag.h, and linux/socket.h for the family.
const (
	messageSize = 72 // struct inet_diag_msg
	familyIPv6  = 10 // AF_INET6
	infoType    = 2  // INET_DIAG_INFO, a struct tcp_info
)

// Where the fields of struct tcp_info begin (include/uapi/linux/tcp.h). The struct only
// grows at its end: an older kernel's is shorter, and has not the later fields.
const (
	infoRTT          = 68
	infoRTTVar       = 72
	infoTotalRetrans = 100
	infoBytesAcked   = 120 // since Linux 4.1
	infoReceived     = 128 // since Linux 4.1
	infoSegsOut      = 136 // since Linux 4.2
	infoMinRTT       = 148 // since Linux 4.6
	infoDataSegsOut  = 156 // since Linux 4.6
)

var errShort = errors.New("short message")

// parse reads a struct inet_diag_msg and its attributes. A message without tcp_info is
// one of a socket that the kernel would not describe; its times and counts are 0.
func parse(m []byte) (Conn, error) {
	if len(m) < messageSize {
		return Conn{}, fmt.Errorf("%w: %d bytes of %d", errShort, len(m), messageSize)
	}
	v6 := m[0] == familyIPv6
	c := Conn{
		Cookie: uint64(binary.NativeEndian.Uint32(m[44:])) | uint64(binary.NativeEndian.Uint32(m[48:]))<<32,
		Local:  endpoint(m[8:24], m[4:6], v6),
		Remote: endpoint(m[24:40], m[6:8], v6),
	}
	for rest := m[messageSize:]; len(rest) > 0; {
		kind, value, after, err := attribute(rest)
		if err != nil {
			return Conn{}, err
		}
		if kind == infoType {
			c.info(value)
		}
		rest = after
	}
	return c, nil
}

// endpoint reads an address and a port in network order. An IPv4 address in a socket of
// IPv6 is that IPv4 address.
func endpoint(addr, port []byte, v6 bool) netip.AddrPort {
	ip := netip.AddrFrom4([4]byte(addr))
	if v6 {
		ip = netip.AddrFrom16([16]byte(addr)).Unmap()
	}
	return netip.AddrPortFrom(ip, binary.BigEndian.Uint16(port))
}

// attribute cuts off the first struct rtattr with its padding.
func attribute(m []byte) (kind uint16, value, rest []byte, err error) {
	const header, align = 4, 4
	if len(m) < header {
		return 0, nil, nil, fmt.Errorf("%w: %d bytes of an attribute", errShort, len(m))
	}
	size := int(binary.NativeEndian.Uint16(m))
	if size < header || size > len(m) {
		return 0, nil, nil, fmt.Errorf("attribute of %d bytes in %d", size, len(m))
	}
	padded := min((size+align-1)&^(align-1), len(m))
	return binary.NativeEndian.Uint16(m[2:]), m[header:size], m[padded:], nil
}

// info reads a struct tcp_info.
func (c *Conn) info(b []byte) {
	c.RTT, c.RTTVar = micros(b, infoRTT), micros(b, infoRTTVar)
	c.MinRTT = micros(b, infoMinRTT)
	c.Total = Counts{
		Segments:      number(b, infoSegsOut),
		Retransmitted: number(b, infoTotalRetrans),
		Acked:         number64(b, infoBytesAcked),
		Received:      number64(b, infoReceived),
	}
	if len(b) >= infoDataSegsOut+4 {
		c.Total.Segments = number(b, infoDataSegsOut)
	}
	c.Interval = c.Total
}

// micros reads a time in µs. All ones is the least of no times at all.
func micros(b []byte, at int) time.Duration {
	n := number(b, at)
	if n == math.MaxUint32 {
		return 0
	}
	return time.Duration(n) * time.Microsecond
}

// number reads a field, which is 0 if the struct is too short for it.
func number(b []byte, at int) uint32 {
	if len(b) < at+4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b[at:])
}

func number64(b []byte, at int) uint64 {
	if len(b) < at+8 {
		return 0
	}
	return binary.NativeEndian.Uint64(b[at:])
}
