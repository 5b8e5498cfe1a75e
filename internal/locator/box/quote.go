package box

import (
	"encoding/binary"

	"github.com/packetscope/packetscope/internal/wire"
)

// Errors are no longer than these (RFC 1812 section 4.3.2.3, RFC 4443 section 2.4).
const (
	longestV4 = 576
	longestV6 = 1280
)

// oldQuote is the length of the quotes that extensions follow which nothing tells of
// (RFC 4884 section 5.5), and the least of those that a length tells.
const oldQuote = 128

// quote returns the packet as hop i quotes it when the error has come through the
// routers before, uncut.
func (w *walk) quote(i int) packet {
	q := append(packet(nil), w.arrived[i]...)
	// The router wrote wrongly what it saw; what NATs restore they restore after that.
	w.box.rewrite(q, w.hops[i].Quoted)
	q.sealHeader()
	if w.hops[i].Swapped && !q.v6() {
		for at := 2; at < 8; at += 2 {
			q[at], q[at+1] = q[at+1], q[at]
		}
	}
	for j := i - 1; j >= 0; j-- {
		h := &w.hops[j]
		if h.Rewrite.Source != "" || h.Rewrite.SourcePort != nil {
			restore(q, w.arrived[j], h.Restore)
		}
	}
	return q
}

// icmpError returns an error without its checksum.
func (w *walk) icmpError(i int, o outcome, q packet) []byte {
	h, v6 := &w.hops[i], q.v6()
	b := make([]byte, headerICMP)
	b[0], b[1] = typeOf(o.kind, v6), o.code
	if o.kind == wire.PacketTooBig {
		if v6 {
			binary.BigEndian.PutUint32(b[4:], o.mtu)
		} else {
			b[1] = 4 // fragmentation needed
			binary.BigEndian.PutUint16(b[6:], uint16(o.mtu))
		}
	}
	var extensions []byte
	// Packet too big has no place for a length in IPv6 (RFC 4884 section 4).
	if !h.Extensions.empty() && !(v6 && o.kind == wire.PacketTooBig) {
		extensions = w.box.extensions(h, v6)
	}
	longest := longestV4
	if v6 {
		longest = longestV6
	}
	room := longest - q.header() - headerICMP - len(extensions)
	if extensions != nil {
		room -= room % 8 // for the padding of the quote
	}
	quoted := min(len(q), room)
	if h.Quote > 0 {
		quoted = min(quoted, q.header()+h.Quote)
	}
	body := append([]byte(nil), q[:quoted]...)
	if extensions == nil {
		return append(b, body...)
	}
	body = pad(b, body, h.Style, v6)
	return append(append(b, body...), extensions...)
}

// pad brings a quote to a length that extensions can follow, and tells it in the header.
func pad(header, quote []byte, style Style, v6 bool) []byte {
	unit, at := 4, 5
	if v6 {
		unit, at = 8, 4
	}
	if style == StyleOld {
		quote = quote[:min(len(quote), oldQuote)]
	}
	length := max(oldQuote, (len(quote)+unit-1)/unit*unit)
	quote = append(quote, make([]byte, length-len(quote))...)
	switch style {
	case StyleOld:
	case StyleLongQuote:
		header[at] = 0xff
	default:
		header[at] = uint8(length / unit)
	}
	return quote
}

func typeOf(k wire.Kind, v6 bool) uint8 {
	for kind := range uint8(130) {
		if v6 && wire.ICMPv6Kind(kind) == k || !v6 && wire.ICMPv4Kind(kind, 0) == k {
			return kind
		}
	}
	return 3 // of IPv4, where "too big" is a code of unreachable
}
