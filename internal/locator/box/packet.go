package box

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"

	"github.com/packetscope/packetscope/internal/wire"
)

const (
	headerV4   = 20
	headerV6   = 40
	headerUDP  = 8
	headerICMP = 8
	headerTCP  = 20

	numberICMP   = 1
	numberTCP    = 6
	numberUDP    = 17
	numberICMPv6 = 58

	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// A packet is one on its way, whole and without options or extension headers of IP.
type packet []byte

// parse returns a packet that a router knows what to do with, and what it is of; or
// false: it is damaged, or nothing that asks for an answer.
func parse(b []byte) (p packet, of wire.Protocol, ok bool) {
	if len(b) == 0 {
		return nil, 0, false
	}
	p = packet(b)
	switch b[0] >> 4 {
	case 4:
		ok = len(b) >= headerV4 && b[0]&0xf == headerV4/4 && int(binary.BigEndian.Uint16(b[2:])) == len(b) &&
			binary.BigEndian.Uint16(b[6:])&0x3fff == 0 && sum(b[:headerV4]) == 0xffff
	case 6:
		ok = len(b) >= headerV6 && int(binary.BigEndian.Uint16(b[4:]))+headerV6 == len(b)
	}
	if !ok || !p.summed() {
		return nil, 0, false
	}
	switch body := p.body(); p.number() {
	case numberUDP:
		return p, wire.UDP, true
	case numberTCP:
		return p, wire.TCP, body[13]&(flagSYN|flagACK|flagRST) == flagSYN
	case numberICMP:
		return p, wire.ICMP, !p.v6() && body[0] == 8 && body[1] == 0
	case numberICMPv6:
		return p, wire.ICMP, p.v6() && body[0] == 128 && body[1] == 0
	}
	return nil, 0, false
}

// summed tells whether the header of the transport is there and its checksum right,
// which a destination would look at.
func (p packet) summed() bool {
	least := headerUDP // as much as that of ICMP
	if p.number() == numberTCP {
		least = headerTCP
	}
	return len(p.body()) >= least && p.transportSum() == 0xffff
}

func (p packet) v6() bool { return p[0]>>4 == 6 }

func (p packet) header() int {
	if p.v6() {
		return headerV6
	}
	return headerV4
}

func (p packet) body() []byte { return p[p.header():] }

func (p packet) number() uint8 {
	if p.v6() {
		return p[6]
	}
	return p[9]
}

// ttl is where the TTL is.
func (p packet) ttl() *uint8 {
	if p.v6() {
		return &p[7]
	}
	return &p[8]
}

func (p packet) dontFragment() bool { return p.v6() || p[6]&0x40 != 0 }

// source and destination are where the addresses are.
func (p packet) source() []byte {
	if p.v6() {
		return p[8:24]
	}
	return p[12:16]
}

func (p packet) destination() []byte {
	if p.v6() {
		return p[24:40]
	}
	return p[16:20]
}

func address(b []byte) netip.Addr {
	a, _ := netip.AddrFromSlice(b)
	return a
}

// checksum is where the checksum of the transport is.
func (p packet) checksum() []byte {
	at := 2 // ICMP
	switch p.number() {
	case numberUDP:
		at = 6
	case numberTCP:
		at = 16
	}
	return p.body()[at : at+2]
}

// port is where the source port is, or the identifier of ICMP.
func (p packet) port() []byte {
	if n := p.number(); n == numberUDP || n == numberTCP {
		return p.body()[:2]
	}
	return p.body()[4:6]
}

// transportSum sums the body with the pseudo header.
func (p packet) transportSum() uint16 {
	body := p.body()
	if p.number() == numberICMP {
		return sum(body)
	}
	return sum(p.source(), p.destination(), []byte{0, p.number()}, binary.BigEndian.AppendUint32(nil, uint32(len(body))), body)
}

// seal makes the checksums right.
func (p packet) seal() {
	p.sealHeader()
	field := p.checksum()
	clear(field)
	s := ^p.transportSum()
	if s == 0 && p.number() == numberUDP {
		s = 0xffff // 0 would mean that there is none (RFC 768)
	}
	binary.BigEndian.PutUint16(field, s)
}

func (p packet) sealHeader() {
	if !p.v6() {
		p[10], p[11] = 0, 0
		binary.BigEndian.PutUint16(p[10:], ^sum(p[:headerV4]))
	}
}

// flow hashes what routers choose the way by: addresses, protocol, flow label, and
// four bytes of the transport, which are its ports, or type and checksum of ICMP.
func (p packet) flow(salt uint64) uint64 {
	h := fnv.New64a()
	h.Write(binary.BigEndian.AppendUint64(nil, salt))
	h.Write(p.source())
	h.Write(p.destination())
	h.Write([]byte{p.number()})
	h.Write(p.body()[:4])
	if p.v6() {
		h.Write([]byte{p[1] & 0xf, p[2], p[3]})
	}
	// The low bits of FNV are poor: they depend on the low bits of the bytes alone.
	s := h.Sum64()
	return s ^ s>>32 ^ s>>17
}

// sum adds up 16-bit words in ones' complement arithmetic (RFC 1071). Only the last part
// may have an odd length.
func sum(parts ...[]byte) uint16 {
	var total uint32
	for _, b := range parts {
		for i := 0; i+1 < len(b); i += 2 {
			total += uint32(b[i])<<8 | uint32(b[i+1])
		}
		if len(b)%2 == 1 {
			total += uint32(b[len(b)-1]) << 8
		}
	}
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}
