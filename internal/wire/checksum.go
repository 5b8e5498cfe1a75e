package wire

import (
	"encoding/binary"
	"net/netip"
)

// sum adds up 16-bit words in ones' complement arithmetic (RFC 1071), on top of what
// was summed before. An odd last byte is the upper half of a word.
func sum(before uint16, b []byte) uint16 {
	total := uint64(before)
	for ; len(b) >= 2; b = b[2:] {
		total += uint64(binary.BigEndian.Uint16(b))
	}
	if len(b) == 1 {
		total += uint64(b[0]) << 8
	}
	return fold(total)
}

// fold adds the carries, which ones' complement arithmetic brings round.
func fold(total uint64) uint16 {
	for total > 0xffff {
		total = total>>16 + total&0xffff
	}
	return uint16(total)
}

// pseudo sums the header that checksums take in but no packet has (RFC 9293 section
// 3.1, RFC 8200 section 8.1).
func pseudo(source, destination netip.Addr, protocol uint8, length int) uint16 {
	s := sum(0, source.AsSlice())
	s = sum(s, destination.AsSlice())
	return fold(uint64(s) + uint64(protocol) + uint64(length>>16) + uint64(length&0xffff))
}
