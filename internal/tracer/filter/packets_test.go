package filter

import (
	"encoding/binary"
	"math/rand/v2"
)

// What packets and expressions are made of, so that they meet.
var (
	someHosts  = [][4]byte{{192, 0, 2, 1}, {192, 0, 2, 129}, {198, 51, 100, 7}, {10, 1, 2, 3}, {224, 0, 0, 5}, {0, 0, 0, 0}}
	someHosts6 = []string{"2001:db8::1", "2001:db8:0:1::2", "fe80::1", "ff02::1", "::1"}
	somePorts  = []uint16{22, 53, 80, 443, 6000, 6004, 6081, 40000}
	someMACs   = [][6]byte{{2, 0, 0, 0, 0, 1}, {2, 0, 0, 0, 0, 2}, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, {1, 0, 0x5e, 0, 0, 5}}
)

func pick[T any](r *rand.Rand, of []T) T { return of[r.IntN(len(of))] }

// randomFrame makes a frame that is long enough for all that expressions look at.
func randomFrame(r *rand.Rand) []byte {
	var b []byte
	to, from := pick(r, someMACs), pick(r, someMACs)
	b = append(append(b, to[:]...), from[:]...)
	for range max(0, r.IntN(5)-2) {
		b = binary.BigEndian.AppendUint16(b, pick(r, []uint16{0x8100, 0x88a8, 0x9100}))
		b = binary.BigEndian.AppendUint16(b, pick(r, []uint16{7, 100, 0x6007, 4095}))
	}
	switch r.IntN(9) {
	case 0, 1, 2, 3:
		b = randomIPv4(r, b)
	case 4, 5, 6:
		b = randomIPv6(r, b)
	case 7:
		b = binary.BigEndian.AppendUint16(b, pick(r, []uint16{etherARP, etherRARP}))
		b = append(b, 0, 1, 8, 0, 6, 4, 0, byte(1+r.IntN(2)))
		for range 2 {
			mac, host := pick(r, someMACs), pick(r, someHosts)
			b = append(append(b, mac[:]...), host[:]...)
		}
	default:
		b = binary.BigEndian.AppendUint16(b, pick(r, []uint16{0x88cc, 0x0600, 0x8847}))
	}
	for range 100 + r.IntN(100) {
		b = append(b, byte(r.Uint32()))
	}
	return b
}

func randomIPv4(r *rand.Rand, b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, etherIPv4)
	words := pick(r, []int{5, 5, 5, 6, 15})
	at := len(b)
	b = append(b, make([]byte, 4*words)...)
	h := b[at:]
	h[0] = 0x40 | byte(words)
	h[1] = byte(r.Uint32())
	binary.BigEndian.PutUint16(h[2:], uint16(40+r.IntN(1400)))
	binary.BigEndian.PutUint16(h[6:], pick(r, []uint16{0, 0, 0x4000, 0x4000, 0x2000, 0x2010, 0x0010}))
	h[8] = byte(r.IntN(256))
	h[9] = pick(r, []byte{ipICMP, ipICMP, 2, 9, ipTCP, ipTCP, ipTCP, ipUDP, ipUDP, ipSCTP, 47, 50, 51, 103, 112})
	from, to := pick(r, someHosts), pick(r, someHosts)
	copy(h[12:], from[:])
	copy(h[16:], to[:])
	return randomTransport(r, b, h[9])
}

func randomIPv6(r *rand.Rand, b []byte) []byte {
	b = binary.BigEndian.AppendUint16(b, etherIPv6)
	at := len(b)
	b = append(b, make([]byte, 40)...)
	h := b[at:]
	h[0] = 0x60
	binary.BigEndian.PutUint16(h[4:], uint16(40+r.IntN(1400)))
	h[6] = pick(r, []byte{ipTCP, ipTCP, ipUDP, ipUDP, ipSCTP, ipICMPv6, ipICMPv6, ipFragment, 0, 50, 51, 103})
	h[7] = byte(r.IntN(256))
	copy(h[8:], addressOf(pick(r, someHosts6)))
	copy(h[24:], addressOf(pick(r, someHosts6)))
	if h[6] == ipFragment {
		b = append(b, pick(r, []byte{ipTCP, ipUDP, ipICMPv6}), 0, 0, byte(r.IntN(2)), 0, 0, 0, 1)
	}
	return randomTransport(r, b, h[6])
}

// randomTransport adds what may be a header of TCP, UDP or ICMP.
func randomTransport(r *rand.Rand, b []byte, protocol byte) []byte {
	if protocol == ipICMP || protocol == ipICMPv6 || r.IntN(8) == 0 { // a message of ICMP
		return append(b, pick(r, []byte{0, 3, 5, 8, 11, 128, 134, 135, 136}), byte(r.IntN(5)))
	}
	b = binary.BigEndian.AppendUint16(b, pick(r, somePorts))
	b = binary.BigEndian.AppendUint16(b, pick(r, somePorts))
	b = append(b, 0, 0, byte(r.Uint32()), byte(r.Uint32()), 0, 0, 0, byte(r.Uint32()))
	return append(b, pick(r, []byte{0x50, 0x60, 0x80}), pick(r, []byte{2, 0x12, 0x10, 0x18, 0x11, 4, 0x14, 0}))
}
