package box

import (
	"encoding/binary"

	"github.com/packetscope/packetscope/internal/wire"
)

// maxExtensions is what an error of IPv4 has room for behind the least quote, in bytes.
const maxExtensions = longestV4 - headerV4 - headerICMP - oldQuote

// size is how long extensions are at most, in bytes: with all addresses of IPv6, and
// half a header more for damage.
func (e *Extensions) size() int {
	const header, index, address, mtu = 4, 4, 20, 4
	n := header + header/2 + header + 4*len(e.MPLS)
	for _, i := range e.Interfaces {
		n += header + index + address + mtu + 4 + len(i.Name)
	}
	for _, o := range e.Objects {
		n += header + len(o.Payload)
	}
	return n
}

// extensions returns those of a hop with their header, whole or damaged.
func (b *Box) extensions(h *Hop, v6 bool) []byte {
	e := []byte{2 << 4, 0, 0, 0}
	first := len(e)
	if stack := h.Extensions.MPLS; len(stack) > 0 {
		e = appendObject(e, 1, 1, labels(stack))
	}
	for _, i := range h.Extensions.Interfaces {
		kind, payload := b.iface(i, v6)
		e = appendObject(e, 2, kind, payload)
	}
	for _, o := range h.Extensions.Objects {
		e = appendObject(e, o.Class, o.Type, o.Payload)
	}
	switch h.Style {
	case StyleBadVersion:
		e[0] = 1 << 4
	case StyleLongObject:
		binary.BigEndian.PutUint16(e[first:], 0x7ffc)
	case StyleShortObject:
		binary.BigEndian.PutUint16(e[first:], 3)
	case StyleCutObject:
		e = append(e, 0, 8) // half the header of another
	case StyleUnsummed:
		return e
	}
	s := ^sum(e)
	if h.Style == StyleBadChecksum {
		s++
	}
	binary.BigEndian.PutUint16(e[2:], s)
	return e
}

// appendObject appends an object with its header (RFC 4884 section 8).
func appendObject(e []byte, class, kind uint8, payload []byte) []byte {
	e = binary.BigEndian.AppendUint16(e, uint16(len(payload)+4))
	return append(append(e, class, kind), payload...)
}

// labels returns the entries of a stack (RFC 3032).
func labels(stack []wire.Label) (b []byte) {
	for _, l := range stack {
		entry := l.Value<<12 | uint32(l.Class)<<9 | uint32(l.TTL)
		if l.Bottom {
			entry |= 1 << 8
		}
		b = binary.BigEndian.AppendUint32(b, entry)
	}
	return b
}

// iface returns the type and the payload of an interface (RFC 5837 section 4.1).
func (b *Box) iface(i Interface, v6 bool) (kind uint8, payload []byte) {
	kind = uint8(i.Role) << 6
	if i.Index > 0 {
		kind |= 8
		payload = binary.BigEndian.AppendUint32(payload, i.Index)
	}
	if i.Address != "" {
		kind |= 4
		a := b.address(i.Address, v6)
		family := byte(1)
		if v6 {
			family = 2
		}
		payload = append(append(payload, 0, family, 0, 0), a.AsSlice()...)
	}
	if i.Name != "" {
		kind |= 2
		length := (1 + len(i.Name) + 3) / 4 * 4
		name := append([]byte{byte(length)}, i.Name...)
		payload = append(append(payload, name...), make([]byte, length-len(name))...)
	}
	if i.MTU > 0 {
		kind |= 1
		payload = binary.BigEndian.AppendUint32(payload, i.MTU)
	}
	return kind, payload
}
