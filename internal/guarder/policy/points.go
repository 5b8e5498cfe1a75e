package policy

import (
	"net/netip"
	"slices"
	"strings"
)

// Addresses as strings of 17 bytes, which sort as they shall: 0 for a packet without
// addresses, 1 for IPv4 or 2 for IPv6, and the bytes of the address. What follows
// the four bytes of an IPv4 address is of no account.
var addressAxis = axis[string]{
	least: strings.Repeat("\x00", 17),
	most:  "\x02" + strings.Repeat("\xff", 16),
	step: func(s string, by int) string {
		b := []byte(s)
		for i := len(b) - 1; i >= 0; i-- {
			before := b[i]
			b[i] += byte(by)
			if by > 0 && before != 255 || by < 0 && before != 0 {
				break
			}
		}
		return string(b)
	},
}

// addressSpan returns the addresses of a prefix.
func addressSpan(p netip.Prefix) span[string] {
	low := make([]byte, 17)
	low[0] = 1
	if !p.Addr().Is4() {
		low[0] = 2
	}
	copy(low[1:], p.Addr().AsSlice())
	high := slices.Clone(low)
	for bit := 8 + p.Bits(); bit < 8*len(high); bit++ {
		high[bit/8] |= 0x80 >> (bit % 8)
	}
	return span[string]{string(low), string(high)}
}

// familySpans returns the addresses of families, of which 0 is none.
func familySpans(all ...byte) spans[string] {
	var s spans[string]
	for _, family := range all {
		f := "\x00"
		switch family {
		case 4:
			f = "\x01"
		case 6:
			f = "\x02"
		}
		s = append(s, span[string]{f + strings.Repeat("\x00", 16), f + strings.Repeat("\xff", 16)})
	}
	return normal(s, addressAxis)
}
