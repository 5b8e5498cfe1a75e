package wire_test

import (
	"encoding/binary"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/wire"
)

// An icmpError is what a router answers with. It decides as little as possible: bytes
// as they are given.
type icmpError struct {
	from, to   netip.Addr
	kind, code uint8
	rest       [4]byte // behind type, code and checksum
	quote      []byte
	extensions []byte
}

// message returns the ICMP message.
func (e icmpError) message() []byte {
	b := append([]byte{e.kind, e.code, 0, 0}, e.rest[:]...)
	b = append(append(b, e.quote...), e.extensions...)
	if e.from.Is4() {
		binary.BigEndian.PutUint16(b[2:], 0xffff-onesSum(b))
	}
	return b
}

// parse gives the message to the parser of its family, with the outer header that a raw
// socket would have.
func (e icmpError) parse() (wire.Reply, error) {
	if e.from.Is6() {
		return wire.ParseICMPv6(e.message(), e.from, 61)
	}
	return wire.ParseIPv4(ipv4(1, 61, e.from, e.to, e.message()))
}

// ipv4 wraps a payload into a packet.
func ipv4(protocol, ttl uint8, from, to netip.Addr, payload []byte) []byte {
	b := []byte{0x45, 0, 0, 0, 0xbe, 0xef, 0, 0, ttl, protocol, 0, 0}
	binary.BigEndian.PutUint16(b[2:], uint16(20+len(payload)))
	b = append(append(b, from.AsSlice()...), to.AsSlice()...)
	binary.BigEndian.PutUint16(b[10:], 0xffff-onesSum(b))
	return append(b, payload...)
}

// expired is the error of a router that quotes so many bytes of a packet, which arrives
// there with a TTL of 1.
func expired(packet []byte, from netip.Addr, quoted int) icmpError {
	quote := slices.Clone(packet[:min(quoted, len(packet))])
	e := icmpError{from: from, to: source4, kind: 11, quote: quote}
	if from.Is6() {
		e.kind, e.to = 3, source6
		quote[7] = 1
		return e
	}
	quote[8] = 1
	quote[10], quote[11] = 0, 0
	binary.BigEndian.PutUint16(quote[10:], 0xffff-onesSum(quote[:20]))
	return e
}
