package box

import (
	"encoding/binary"
)

// rewrite writes fields anew and leaves the checksums as they are.
func (b *Box) rewrite(p packet, w Rewrite) {
	name := func(field []byte, name string) {
		if name != "" {
			copy(field, b.address(name, p.v6()).AsSlice())
		}
	}
	name(p.source(), w.Source)
	name(p.destination(), w.Destination)
	word := func(field []byte, value *uint16) {
		if value != nil {
			binary.BigEndian.PutUint16(field, *value)
		}
	}
	word(p.port(), w.SourcePort)
	if n := p.number(); n == numberUDP || n == numberTCP {
		word(p.body()[2:], w.DestinationPort)
	}
	word(p.checksum(), w.Checksum)
	if w.TTL != nil {
		*p.ttl() = *w.TTL
	}
	if p.v6() {
		b.rewrite6(p, w)
		return
	}
	word(p[4:], w.ID)
	if w.TOS != nil {
		p[1] = *w.TOS
	}
	if w.DontFragment != nil {
		p[6] &^= 0x40
		if *w.DontFragment {
			p[6] |= 0x40
		}
	}
}

// rewrite6 writes what shares bytes in the header of IPv6.
func (b *Box) rewrite6(p packet, w Rewrite) {
	first := binary.BigEndian.Uint32(p)
	if w.TOS != nil {
		first = first&^0x0ff00000 | uint32(*w.TOS)<<20
	}
	if w.Label != nil {
		first = first&^0xfffff | *w.Label&0xfffff
	}
	binary.BigEndian.PutUint32(p, first)
}

// forward returns a packet as a router passes it on.
func (b *Box) forward(p packet, w Rewrite) packet {
	out := append(packet(nil), p...)
	if *out.ttl() > 0 {
		*out.ttl()--
	}
	b.rewrite(out, w)
	out.seal()
	return out
}

// restore puts back into a quote what the router rewrote in the packet: before is what
// arrived there. Quotes are whole here; they are cut later.
func restore(quote, before packet, how Restore) {
	if how == RestoreNothing {
		return
	}
	copy(quote.source(), before.source())
	copy(quote.port(), before.port())
	if how == RestoreAll {
		copy(quote.checksum(), before.checksum())
	}
	quote.sealHeader()
}
