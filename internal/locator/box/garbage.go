package box

import "encoding/binary"

// garbage returns a packet that hop i should not send.
func (w *walk) garbage(i int, from string, g Garbage) []byte {
	q := w.quote(i)
	quoting := func(q []byte) packet {
		header := []byte{typeOf(expired.kind, w.arrived[0].v6()), 0, 0, 0, 0, 0, 0, 0}
		return w.wrap(i, from, w.icmp(), append(header, q...))
	}
	switch g {
	case Noise:
		return w.noise()
	case NoiseMessage:
		p := w.wrap(i, from, w.icmp(), append(make([]byte, headerICMP), w.noise()...))
		copy(p.body(), w.noise())
		return p
	case CutQuote:
		return quoting(q[:q.header()+4])
	case CutPacket:
		whole := quoting(q)
		return whole[:whole.header()+headerICMP+4]
	case BadChecksum:
		p := quoting(q)
		p.checksum()[0] ^= 0xff
		return p
	case BadHeader:
		p := quoting(q)
		if p.v6() {
			binary.BigEndian.PutUint16(p[4:], 0xffff)
			return p
		}
		p[10] ^= 0xff
		return p
	default: // Stranger
		return quoting(w.stranger(q))
	}
}

const noiseSize = 48 // bytes, a header of IPv6 and the one of ICMP

func (w *walk) noise() []byte {
	b := make([]byte, noiseSize)
	for at := 0; at < len(b); at += 8 {
		binary.BigEndian.PutUint64(b[at:], w.box.chance.Uint64())
	}
	return b
}

// stranger changes the ID of a quoted probe wherever it is, the complement too, so that
// it looks like a probe that was never sent: the upper bit is another.
func (w *walk) stranger(q packet) packet {
	q = append(packet(nil), q...)
	body := q.body()
	at := []int{10, 12} // in the payload of UDP
	switch q.number() {
	case numberTCP:
		at = []int{4, 6} // the sequence
	case numberICMP, numberICMPv6:
		at = []int{6, 8} // the sequence and the payload
	}
	for _, n := range at {
		body[n] ^= 0x80
	}
	switch {
	case !q.v6():
		q[4] ^= 0x80
		q.sealHeader()
	case q.number() == numberUDP:
		body[6] ^= 0x80 // the checksum is the ID, and the first word makes it right
		body[8] ^= 0x80
	}
	return q
}
