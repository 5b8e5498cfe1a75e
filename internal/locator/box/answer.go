package box

import (
	"encoding/binary"
	"time"

	"github.com/packetscope/packetscope/internal/wire"
)

// An outcome is what an answer says.
type outcome struct {
	kind wire.Kind
	code uint8 // of Unreachable
	mtu  uint32
}

var (
	expired = outcome{kind: wire.TimeExceeded}
	// reached has the kind that a destination answers with.
	reached = outcome{}
)

func tooBig(h *Hop) outcome {
	if h.HideMTU {
		return outcome{kind: wire.PacketTooBig}
	}
	return outcome{kind: wire.PacketTooBig, mtu: uint32(h.MTU)}
}

func rejected(h *Hop, v6 bool) outcome {
	code, _ := rejectCode(h.Reject, v6)
	return outcome{kind: wire.Unreachable, code: code}
}

// rejectCode finds a code of unreachable by its name.
func rejectCode(reason string, v6 bool) (code uint8, ok bool) {
	from := address(make([]byte, 4))
	if v6 {
		from = address(make([]byte, 16))
	}
	for code := range uint8(16) {
		r := wire.Reply{From: from, Kind: wire.Unreachable, Code: code}
		if r.Reason() == reason {
			return code, true
		}
	}
	return 0, false
}

// copyGap is what is between an answer and its duplicate.
const copyGap = time.Millisecond

// answer returns what hop i sends, as it comes back to the host.
func (w *walk) answer(i int, o outcome) (responses []Response) {
	h := &w.hops[i]
	from := w.router(i)
	if h.Silent || !w.box.allow(h, w.now.Add(w.elapsed)) {
		return nil
	}
	if h.Source != "" {
		from = h.Source
	}
	send := func(b []byte, later time.Duration) {
		if back, ok := w.back(i); ok {
			responses = append(responses, Response{w.elapsed + later + back, b})
		}
	}
	for _, g := range h.Garbage {
		send(w.garbage(i, from, g), 0)
	}
	b := w.message(i, from, o)
	for n := range h.Duplicates + 1 {
		send(b, h.Slow+time.Duration(n)*copyGap)
	}
	return responses
}

// back returns how long an answer of hop i takes to the host, or false if it is lost.
func (w *walk) back(i int) (d time.Duration, ok bool) {
	ok = true
	for ; i >= 0; i-- {
		h := &w.hops[i]
		d += w.link(h)
		ok = ok && !w.box.percent(h.LossReturn)
	}
	return d, ok
}

// message returns the answer as it arrives at the host.
func (w *walk) message(i int, from string, o outcome) []byte {
	p := w.arrived[i]
	switch {
	case o.kind == 0 && w.of == wire.ICMP:
		body := append([]byte(nil), p.body()...)
		body[0] = 0 // echo reply
		if p.v6() {
			body[0] = 129
		}
		return w.wrap(i, from, p.number(), body)
	case o.kind == 0 && w.of == wire.TCP:
		return w.wrap(i, from, numberTCP, segment(p, w.hops[i].Open))
	case o.kind == 0:
		o = rejected(&Hop{Reject: "port_unreachable"}, p.v6())
	}
	return w.wrap(i, from, w.icmp(), w.icmpError(i, o, w.quote(i)))
}

func (w *walk) icmp() uint8 {
	if w.arrived[0].v6() {
		return numberICMPv6
	}
	return numberICMP
}

// segment answers a SYN.
func segment(p packet, open bool) []byte {
	syn, b := p.body(), make([]byte, headerTCP)
	copy(b, syn[2:4])
	copy(b[2:], syn[:2])
	binary.BigEndian.PutUint32(b[8:], binary.BigEndian.Uint32(syn[4:])+1)
	b[12] = headerTCP / 4 << 4
	b[13] = flagRST | flagACK
	if open {
		binary.BigEndian.PutUint32(b[4:], 0x5eed0001)
		b[13] = flagSYN | flagACK
		binary.BigEndian.PutUint16(b[14:], 0xffff)
	}
	return b
}

// initialTTL is what most systems send with.
const initialTTL = 64

// wrap puts a body into a packet to the host, with right checksums.
func (w *walk) wrap(i int, from string, number uint8, body []byte) packet {
	h, first := &w.hops[i], w.arrived[0]
	p := make(packet, first.header(), first.header()+len(body))
	if p[0] = 4<<4 | headerV4/4; first.v6() {
		p[0] = 6 << 4
	}
	p = append(p, body...)
	ttl := uint8(initialTTL)
	if h.Initial > 0 {
		ttl = h.Initial
	}
	back := i
	if h.ReturnHops > 0 {
		back = h.ReturnHops - 1
	}
	ttl -= uint8(back)
	if p.v6() {
		binary.BigEndian.PutUint16(p[4:], uint16(len(body)))
		p[6], p[7] = number, ttl
	} else {
		w.box.sent++
		binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
		binary.BigEndian.PutUint16(p[4:], w.box.sent)
		p[8], p[9] = ttl, number
	}
	copy(p.source(), w.box.address(from, p.v6()).AsSlice())
	copy(p.destination(), first.source())
	p.seal()
	return p
}
