package wire

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"unicode"
)

const (
	extensionVersion = 2
	extensionHeader  = 4
	objectHeader     = 4
	// oldQuote is where extensions begin in messages of routers from before RFC 4884,
	// which do not say it (section 5.5).
	oldQuote = 128
)

// Classes of objects.
const (
	classMPLS      = 1 // RFC 4950, of type 1
	classInterface = 2 // RFC 5837, whose types say what is in it
)

// split parts the quote of an error from its extensions. length is that of the quote as
// the error says, 0 if it does not: then there are none, or those of an old router.
//
// If the length leads to nothing that looks like extensions, it was noise in a field
// that once was unused, and the quote is all there is.
func split(b []byte, length int) (quote []byte, e Extensions) {
	switch {
	case length == len(b):
		return b, Extensions{}
	case length > len(b):
		return b, Extensions{Malformed: true}
	case length > 0:
		if !extended(b[length:]) {
			return b, Extensions{Malformed: true}
		}
		return b[:length], ParseExtensions(b[length:])
	case len(b) > oldQuote && extended(b[oldQuote:]) && summed(b[oldQuote:]):
		return b[:oldQuote], ParseExtensions(b[oldQuote:])
	}
	return b, Extensions{}
}

// extended tells whether bytes can be extensions.
func extended(b []byte) bool {
	return len(b) >= extensionHeader && b[0]>>4 == extensionVersion && (!summed(b) || sum(0, b) == 0xffff)
}

// summed tells whether extensions have a checksum, which may be left out.
func summed(b []byte) bool {
	return b[2] != 0 || b[3] != 0
}

// ParseExtensions reads the extensions of an ICMP error, from their header to the end
// of the message. Where they begin in what an error queue gives, the kernel says
// (IP_RECVERR_RFC4884).
func ParseExtensions(b []byte) Extensions {
	var e Extensions
	if !extended(b) {
		e.Malformed = true
		return e
	}
	b = b[extensionHeader:]
	for n := 0; len(b) > 0; n++ {
		if n == MaxObjects || len(b) < objectHeader {
			e.Malformed = true
			break
		}
		length := int(binary.BigEndian.Uint16(b))
		if length < objectHeader || length > len(b) {
			e.Malformed = true
			break
		}
		e.object(b[2], b[3], b[objectHeader:length])
		b = b[length:]
	}
	return e
}

// object adds one object. What is wrong within one does not hinder the next.
func (e *Extensions) object(class, kind uint8, b []byte) {
	switch {
	case class == classMPLS && kind == 1:
		e.labels(b)
	case class == classInterface:
		i, ok := parseInterface(kind, b)
		if !ok {
			e.Malformed = true
			return
		}
		e.Interfaces = append(e.Interfaces, i)
	default:
		e.Others = append(e.Others, Object{class, kind, slices.Clone(b[:min(len(b), MaxObjectSize)])})
	}
}

func (e *Extensions) labels(b []byte) {
	const entry = 4
	for ; len(b) >= entry && len(e.MPLS) < MaxLabels; b = b[entry:] {
		v := binary.BigEndian.Uint32(b)
		e.MPLS = append(e.MPLS, Label{
			Value: v >> 12, Class: uint8(v>>9) & 7, Bottom: v>>8&1 != 0, TTL: uint8(v),
		})
	}
	e.Malformed = e.Malformed || len(b) > 0
}

// parseInterface reads the fields that the type announces, in their order (RFC 5837
// section 4.1). Fields that it does not know of may follow.
func parseInterface(kind uint8, b []byte) (i Interface, ok bool) {
	const hasMTU, hasName, hasAddress, hasIndex = 1, 2, 4, 8
	i.Role = Role(kind >> 6)
	if kind&hasIndex != 0 {
		if len(b) < 4 {
			return i, false
		}
		i.Index, b = binary.BigEndian.Uint32(b), b[4:]
	}
	if kind&hasAddress != 0 {
		if i.Address, b, ok = cutAddress(b); !ok {
			return i, false
		}
	}
	if kind&hasName != 0 {
		if i.Name, b, ok = cutName(b); !ok {
			return i, false
		}
	}
	if kind&hasMTU != 0 {
		if len(b) < 4 {
			return i, false
		}
		i.MTU = binary.BigEndian.Uint32(b)
	}
	return i, true
}

// cutAddress takes an address sub-object from the front (RFC 5837 section 4.2).
func cutAddress(b []byte) (addr netip.Addr, rest []byte, ok bool) {
	const header, family4, family6 = 4, 1, 2 // address family numbers of IANA
	if len(b) < header {
		return addr, b, false
	}
	family, b := binary.BigEndian.Uint16(b), b[header:]
	switch {
	case family == family4 && len(b) >= 4:
		return netip.AddrFrom4([4]byte(b)), b[4:], true
	case family == family6 && len(b) >= 16:
		return netip.AddrFrom16([16]byte(b)), b[16:], true
	}
	return addr, b, false
}

// cutName takes a name sub-object from the front (RFC 5837 section 4.3): its length with
// the byte that holds it, and a name padded with zeros. Names come from anybody and go
// to terminals and labels.
func cutName(b []byte) (name string, rest []byte, ok bool) {
	const longest = 64
	if len(b) == 0 || b[0] == 0 || b[0] > longest || int(b[0]) > len(b) {
		return "", b, false
	}
	name = strings.ToValidUTF8(string(b[1:b[0]]), "")
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return -1
		}
		return r
	}, name)
	return name, b[b[0]:], true
}
