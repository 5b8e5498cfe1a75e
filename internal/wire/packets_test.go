package wire_test

import (
	"encoding/binary"
	"math/big"
	"net/netip"
	"slices"
	"testing"

	"github.com/packetscope/packetscope/internal/wire"
)

// What tests send probes of, and who answers them.
var (
	source4, router4, target4 = netip.MustParseAddr("192.0.2.10"), netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("203.0.113.80")
	source6, router6, target6 = netip.MustParseAddr("2001:db8:1::10"), netip.MustParseAddr("2001:db8:2::1"), netip.MustParseAddr("2001:db8:3::80")
)

// flows returns one flow of each protocol and family.
func flows() []wire.Flow {
	var all []wire.Flow
	for _, p := range []wire.Protocol{wire.ICMP, wire.UDP, wire.TCP} {
		f := wire.Flow{Protocol: p, Source: source4, Destination: target4, SourcePort: 43210, DestinationPort: 33434}
		if p == wire.ICMP {
			f.DestinationPort = 0
		}
		all = append(all, f)
		f.Source, f.Destination, f.Label = source6, target6, 0xabcde
		all = append(all, f)
	}
	return all
}

func name(f wire.Flow) string {
	if f.Destination.Is4() {
		return f.Protocol.String() + "/IPv4"
	}
	return f.Protocol.String() + "/IPv6"
}

func router(f wire.Flow) netip.Addr {
	if f.Destination.Is4() {
		return router4
	}
	return router6
}

func build(t testing.TB, p wire.Probe) []byte {
	t.Helper()
	b, err := p.Append(nil)
	if err != nil {
		t.Fatalf("Append(%+v): %v", p, err)
	}
	return b
}

// header is the length of a packet's IP header.
func header(packet []byte) int {
	if packet[0]>>4 == 6 {
		return 40
	}
	return int(packet[0]&0xf) * 4
}

// adds tells whether all 16-bit words, with the one that is the checksum, sum to
// nothing. It does not add them: a number's digits to the base 65536 sum to the number
// itself modulo 65535, as decimal digits do modulo 9.
func adds(b []byte) bool {
	if len(b)%2 == 1 {
		b = append(slices.Clone(b), 0)
	}
	n := new(big.Int).SetBytes(b)
	return n.Sign() != 0 && n.Mod(n, big.NewInt(65535)).Sign() == 0
}

// pseudoHeader is what checksums of a packet's transport take in.
func pseudoHeader(packet []byte) []byte {
	upper := packet[header(packet):]
	if packet[0]>>4 == 6 {
		b := slices.Clone(packet[8:40])
		b = binary.BigEndian.AppendUint32(b, uint32(len(upper)))
		return append(b, 0, 0, 0, packet[6])
	}
	if packet[9] == 1 { // ICMP has none
		return nil
	}
	b := append(slices.Clone(packet[12:20]), 0, packet[9])
	return binary.BigEndian.AppendUint16(b, uint16(len(upper)))
}

// onesSum adds words as RFC 1071 section 4.1 does in C.
func onesSum(b []byte) uint16 {
	var s uint32
	for i, v := range b {
		s += uint32(v) << (8 * (1 - i%2))
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	return uint16(s)
}
