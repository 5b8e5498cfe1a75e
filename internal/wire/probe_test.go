package wire_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/packetscope/packetscope/internal/wire"
)

// All fields that tests tell apart have different values. Each packet was given to
// tshark, which found all checksums right.
var goldenProbes = []struct {
	protocol wire.Protocol
	v6       bool
	want     string
}{
	{wire.UDP, false, `
		4548 0022 1234 4000 0711 62f4 c000020a cb007150
		a8ca 829a 000e d611  0000 1234 edcb`},
	{wire.UDP, true, `
		648abcde 000e 11 07 20010db8000100000000000000000010 20010db8000300000000000000000080
		a8ca 829a 000e 1234  6633 1234 edcb`},
	{wire.ICMP, false, `
		4548 001e 1234 4000 0701 6308 c000020a cb007150
		0800 4f35 a8ca 1234  edcb`},
	{wire.ICMP, true, `
		648abcde 000a 3a 07 20010db8000100000000000000000010 20010db8000300000000000000000080
		8000 7aea a8ca 1234  edcb`},
	{wire.TCP, false, `
		4548 003c 1234 4000 0706 62e5 c000020a cb007150
		a8ca 829a 1234edcb 00000000 a002 faf0 234e 0000
		020405b4 0402 080a0000000100000000 01 030307`},
	{wire.TCP, true, `
		648abcde 0028 06 07 20010db8000100000000000000000010 20010db8000300000000000000000080
		a8ca 829a 1234edcb 00000000 a002 fd20 c387 0000
		020405a0 0402 080a0000000100000000 01 030307`},
}

func TestProbesAreTheseBytes(t *testing.T) {
	for _, test := range goldenProbes {
		p := golden(test.protocol, test.v6)
		t.Run(name(p.Flow), func(t *testing.T) {
			got := fmt.Sprintf("%x", build(t, p))
			if want := strings.Join(strings.Fields(test.want), ""); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func golden(protocol wire.Protocol, v6 bool) wire.Probe {
	p := wire.Probe{
		Flow: wire.Flow{Protocol: protocol, Source: source4, Destination: target4, SourcePort: 0xa8ca, DestinationPort: 0x829a},
		TTL:  7, ID: 0x1234, TOS: 0x48, DontFragment: true,
	}
	if v6 {
		p.Source, p.Destination, p.Label = source6, target6, 0xabcde
	}
	return p
}

var ids = []uint16{1, 2, 0x00ff, 0x0100, 0x1234, 0x7fff, 0x8000, 0xedcb, 0xff00, 0xfffe, 0xffff}

func TestChecksumsAddUp(t *testing.T) {
	for _, f := range flows() {
		t.Run(name(f), func(t *testing.T) {
			for _, id := range ids {
				for _, size := range sizes(f) {
					// Vary finds the flow whose checksum is nearly 0 or 0xffff too.
					for n := range uint16(50) {
						p := wire.Probe{Flow: f.Vary(n * 1311), TTL: 3, ID: id, Size: size, TOS: 0xb8}
						checkSums(t, p)
					}
				}
			}
		})
	}
}

// Of the two zeros of ones' complement arithmetic, UDP sends the one that does not say
// that there is no checksum.
func TestNoDatagramGoesWithoutChecksum(t *testing.T) {
	for _, f := range flows()[2:4] {
		found := 0
		for n := range 65536 {
			p := wire.Probe{Flow: f.Vary(uint16(n)), TTL: 3, ID: 0xffff}
			if checksum(p.Flow, build(t, p)) == 0xffff {
				checkSums(t, p)
				found++
			}
		}
		if found == 0 {
			t.Errorf("%s: no flow has a checksum of 0", name(f))
		}
	}
}

// sizes are those that probes of a flow may have, odd ones too.
func sizes(f wire.Flow) []int {
	if f.Protocol == wire.TCP {
		return []int{0, f.MinSize()}
	}
	return []int{0, f.MinSize(), f.MinSize() + 1, 128, 1279, 1280}
}

func checkSums(t *testing.T, p wire.Probe) {
	t.Helper()
	b := build(t, p)
	if p.Destination.Is4() && !adds(b[:20]) {
		t.Fatalf("%+v: checksum of IP in % x", p, b)
	}
	upper := b[header(b):]
	if !adds(append(pseudoHeader(b), upper...)) {
		t.Fatalf("%+v: checksum in % x", p, b)
	}
	if p.Protocol == wire.UDP && upper[6] == 0 && upper[7] == 0 {
		t.Fatalf("%+v: checksum says that there is none", p)
	}
}

func TestSizeIsThatOfThePacket(t *testing.T) {
	for _, f := range flows() {
		for _, size := range append(sizes(f), 65535) {
			if f.Protocol == wire.TCP && size == 65535 {
				continue
			}
			b := build(t, wire.Probe{Flow: f, TTL: 1, ID: 9, Size: size})
			want := size
			if size == 0 {
				want = f.MinSize()
			}
			says := int(binary.BigEndian.Uint16(b[2:]))
			if f.Destination.Is6() {
				says = 40 + int(binary.BigEndian.Uint16(b[4:]))
			}
			if len(b) != want || says != want {
				t.Errorf("%s of size %d: %d bytes, header says %d, want %d", name(f), size, len(b), says, want)
			}
		}
	}
}

// hashed returns what load balancers look at: addresses, protocol, TOS, flow label, and
// the first four bytes behind the header of IP; and the length, which queues look at.
func hashed(b []byte) []byte {
	h := header(b)
	var words []byte
	if h == 40 {
		words = append(words, b[:7]...)   // class, label, length, protocol
		words = append(words, b[8:40]...) // addresses
	} else {
		words = append(words, b[:4]...) // TOS, length
		words = append(words, b[9])
		words = append(words, b[12:20]...)
	}
	return append(words, b[h:h+4]...)
}

func TestProbesOfAFlowHashAlike(t *testing.T) {
	for _, f := range flows() {
		t.Run(name(f), func(t *testing.T) {
			first := build(t, wire.Probe{Flow: f, TTL: 1, ID: 1})
			checksums := map[uint16]int{}
			for id := 1; id <= 65535; id++ {
				b := build(t, wire.Probe{Flow: f, TTL: uint8(1 + id%64), ID: uint16(id)})
				if !bytes.Equal(hashed(b), hashed(first)) {
					t.Fatalf("ID %#x is hashed as % x, ID 1 as % x", id, hashed(b), hashed(first))
				}
				checksums[checksum(f, b)]++
			}
			// The checksum is the ID in UDP of IPv6, and else as constant as what is hashed.
			want := 1
			if f.Protocol == wire.UDP && f.Destination.Is6() {
				want = 65535
			}
			if len(checksums) != want {
				t.Errorf("%d checksums, want %d", len(checksums), want)
			}
		})
	}
}

func checksum(f wire.Flow, packet []byte) uint16 {
	at := map[wire.Protocol]int{wire.ICMP: 2, wire.UDP: 6, wire.TCP: 16}[f.Protocol]
	return binary.BigEndian.Uint16(packet[header(packet)+at:])
}

func TestVariedFlowsHashDifferently(t *testing.T) {
	for _, f := range flows() {
		seen := map[string]uint16{}
		labels := map[uint32]bool{}
		for n := range uint16(1000) {
			v := f.Vary(n)
			key := string(hashed(build(t, wire.Probe{Flow: v, TTL: 1, ID: 7})))
			if other, ok := seen[key]; ok {
				t.Fatalf("%s: flows %d and %d are hashed alike", name(f), other, n)
			}
			seen[key] = n
			labels[v.Label] = true
		}
		if want := map[bool]int{true: 1, false: 1000}[f.Destination.Is4()]; len(labels) != want {
			t.Errorf("%s: %d labels, want %d", name(f), len(labels), want)
		}
	}
}

func TestAppendKeepsWhatWasThere(t *testing.T) {
	for _, f := range flows() {
		p := wire.Probe{Flow: f, TTL: 4, ID: 5}
		// Dirty memory behind the slice must not get into the packet.
		dirty := bytes.Repeat([]byte{0xff}, 200)
		got, err := p.Append(dirty[:3])
		if err != nil {
			t.Fatal(err)
		}
		if want := append([]byte{0xff, 0xff, 0xff}, build(t, p)...); !bytes.Equal(got, want) {
			t.Errorf("%s: got % x, want % x", name(f), got, want)
		}
	}
}

func TestProbesThatCannotBe(t *testing.T) {
	for _, test := range []struct {
		what   string
		damage func(*wire.Probe)
		want   string
	}{
		{"no protocol", func(p *wire.Probe) { p.Protocol = 0 }, "unknown protocol 0"},
		{"protocol 4", func(p *wire.Probe) { p.Protocol = 4 }, "unknown protocol 4"},
		{"no destination", func(p *wire.Probe) { p.Destination = netip.Addr{} }, "want an address"},
		{"IPv4 in IPv6", func(p *wire.Probe) { p.Destination = netip.MustParseAddr("::ffff:192.0.2.1") }, "want an address"},
		{"no source", func(p *wire.Probe) { p.Source = netip.Addr{} }, "one family"},
		{"two families", func(p *wire.Probe) { p.Source = source6 }, "one family"},
		{"no ID", func(p *wire.Probe) { p.ID = 0 }, "ID 0"},
		{"no TTL", func(p *wire.Probe) { p.TTL = 0 }, "TTL 0"},
		{"long label", func(p *wire.Probe) { p.Label = 1 << 20 }, "20 bits"},
		{"small", func(p *wire.Probe) { p.Size = 33 }, "34 to 65535"},
		{"large", func(p *wire.Probe) { p.Size = 65536 }, "34 to 65535"},
		{"negative", func(p *wire.Probe) { p.Size = -1 }, "34 to 65535"},
		{"SYN with data", func(p *wire.Probe) { p.Protocol, p.Size = wire.TCP, 61 }, "SYN has no data"},
	} {
		t.Run(test.what, func(t *testing.T) {
			p := wire.Probe{Flow: flows()[2], TTL: 1, ID: 1}
			test.damage(&p)
			b, err := p.Append([]byte("before"))
			if err == nil || !strings.Contains(err.Error(), test.want) || string(b) != "before" {
				t.Errorf("got %q and %v, want an error with %q", b, err, test.want)
			}
			if test.want == "one family" { // no matter without headers
				return
			}
			b, err = p.AppendPayload([]byte("before"))
			if err == nil || !strings.Contains(err.Error(), test.want) || string(b) != "before" {
				t.Errorf("payload: got %q and %v, want an error with %q", b, err, test.want)
			}
		})
	}
}

// Zones are no part of a packet.
func TestZonesAreLeftOut(t *testing.T) {
	p := wire.Probe{Flow: flows()[3], TTL: 1, ID: 1}
	want := build(t, p)
	p.Destination = p.Destination.WithZone("eth0")
	if got := build(t, p); !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
	if p.Key().Destination != target6 {
		t.Errorf("key %+v has a zone", p.Key())
	}
}

func TestPayloadsAreThoseOfPackets(t *testing.T) {
	for _, f := range flows() {
		for _, size := range sizes(f) {
			p := wire.Probe{Flow: f, TTL: 1, ID: 0x1234, Size: size}
			p.Source = netip.Addr{}
			got, err := p.AppendPayload([]byte{1})
			if f.Protocol == wire.TCP {
				if err == nil || len(got) != 1 {
					t.Errorf("%s: got % x, want an error", name(f), got)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			p.Source = f.Source
			packet := build(t, p)
			want := packet[header(packet):]
			switch f.Protocol {
			case wire.UDP:
				want = want[8:]
				want[0], want[1] = 0, 0 // the word for the checksum
			case wire.ICMP:
				want[2], want[3] = 0, 0 // the kernel's
			}
			if !bytes.Equal(got[1:], want) {
				t.Errorf("%s of size %d: got %s, want %s", name(f), size, hex.EncodeToString(got[1:]), hex.EncodeToString(want))
			}
		}
	}
}

// A kernel sums the payload as it is: its sum must not depend on the ID.
func TestPayloadsOfAFlowSumAlike(t *testing.T) {
	for _, f := range flows() {
		if f.Protocol == wire.TCP {
			continue
		}
		for _, size := range []int{0, 101} {
			sums := map[uint16]bool{}
			for _, id := range ids {
				b, err := wire.Probe{Flow: f, TTL: 1, ID: id, Size: size}.AppendPayload(nil)
				if err != nil {
					t.Fatal(err)
				}
				sums[onesSum(b)] = true
			}
			if len(sums) != 1 {
				t.Errorf("%s of size %d: sums %v", name(f), size, sums)
			}
		}
	}
}
