package wire_test

import (
	"encoding/binary"
	"errors"
	"math/bits"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/wire"
)

var equal = cmp.Options{cmpopts.EquateComparable(netip.Addr{})}

// quotedOf is what an honest router quotes of a probe in so many bytes.
func quotedOf(p wire.Probe, packet []byte, bytes int) wire.Quoted {
	at := map[wire.Protocol]int{wire.ICMP: 4, wire.UDP: 8, wire.TCP: 18}[p.Protocol]
	q := wire.Quoted{
		Flow: p.Flow, ID: p.ID, TTL: 1, TOS: p.TOS, DontFragment: p.DontFragment && p.Destination.Is4(),
		Length: len(packet), Bytes: min(bytes, len(packet)),
	}
	if q.Bytes >= header(packet)+at {
		q.Checksum, q.HasChecksum = checksum(p.Flow, packet), true
	}
	return q
}

func TestEveryQuoteGivesTheProbeBack(t *testing.T) {
	stack := objects(true, object(1, 1, 0x00, 0x01, 0x01, 0xff))
	for _, f := range flows() {
		t.Run(name(f), func(t *testing.T) {
			for _, id := range ids {
				for _, size := range sizes(f) {
					p := wire.Probe{Flow: f, TTL: 9, ID: id, Size: size, TOS: 0x2e, DontFragment: id&1 == 0}
					b := build(t, p)
					for _, n := range quotes(b) {
						e := expired(b, router(f), n)
						checkQuote(t, "plain", e, quotedOf(p, b, n), 0)

						if n != len(b) && (n-header(b))%4 != 0 {
							continue // routers quote words
						}
						e.extend(stack)
						// Padding of a quote cannot be told from the packet.
						padded := quotedOf(p, b, n)
						padded.Bytes = min(max(n, 128), len(b))
						checkQuote(t, "extended", e, padded, 1)

						e.rest = [4]byte{} // as before RFC 4884
						if len(e.quote) == 128 {
							checkQuote(t, "extended of old", e, padded, 1)
						}
					}
				}
			}
		})
	}
}

// quotes are lengths to quote a packet in: 8, 28 and 128 bytes behind its header, 28
// and 128 in all, all lengths of its smaller headers, and whole.
func quotes(packet []byte) []int {
	h := header(packet)
	all := []int{h + 28, 128, h + 128, len(packet)}
	for n := h + 8; n <= h+20; n++ {
		all = append(all, n)
	}
	return slices.DeleteFunc(all, func(n int) bool { return n < h+8 || n > len(packet) })
}

// extend adds extensions as RFC 4884 has it, with the quote padded to 128 bytes.
func (e *icmpError) extend(extensions []byte) {
	unit := 4
	if e.from.Is6() {
		unit = 8
	}
	size := max(128, (len(e.quote)+unit-1)/unit*unit)
	e.quote = append(e.quote, make([]byte, size-len(e.quote))...)
	e.extensions = extensions
	if e.from.Is6() {
		e.rest[0] = byte(size / unit)
	} else {
		e.rest[1] = byte(size / unit)
	}
}

func checkQuote(t *testing.T, what string, e icmpError, want wire.Quoted, labels int) {
	t.Helper()
	// More than 255 words cannot be told of: no such error exists.
	if len(e.extensions) > 0 && len(e.quote) > 255*4 && e.from.Is4() {
		return
	}
	got, err := e.parse()
	if err != nil {
		t.Fatalf("%s, %d bytes of %+v: %v", what, len(e.quote), want, err)
	}
	reply := wire.Reply{From: e.from, Kind: wire.TimeExceeded, TTL: 61, Quoted: want}
	if labels > 0 {
		reply.Extensions.MPLS = []wire.Label{{Value: 16, Bottom: true, TTL: 255}}
	}
	if d := cmp.Diff(reply, got, equal); d != "" {
		t.Fatalf("%s, %d bytes (-want +got):\n%s", what, len(e.quote), d)
	}
	if want.Truncated() != (want.Bytes < want.Length) {
		t.Fatalf("Truncated is %v of %d bytes of %d", want.Truncated(), want.Bytes, want.Length)
	}
}

func TestLessThanEightBytesAreNoAnswer(t *testing.T) {
	for _, f := range flows() {
		b := build(t, wire.Probe{Flow: f, TTL: 1, ID: 77})
		for n := range header(b) + 8 {
			e := icmpError{from: router(f), to: source4, kind: 11, quote: b[:n]}
			if f.Destination.Is6() {
				e.kind, e.to = 3, source6
			}
			if r, err := e.parse(); !errors.Is(err, wire.ErrTruncated) {
				t.Errorf("%s, %d bytes: %+v, %v", name(f), n, r, err)
			}
		}
	}
}

// quoteDamage is what something on the way, or the router, did to a quote. It is applied
// to 8 bytes behind the header, or all.
var quoteDamage = []struct {
	what   string
	flow   int // of flows()
	whole  bool
	damage func(q []byte)
	change func(*wire.Quoted) // from what an honest router quotes; nil: ErrForeign
}{
	{"IPv4: identification rewritten, payload quoted", 2, true,
		func(q []byte) { q[4], q[5] = 0xaa, 0xbb },
		func(q *wire.Quoted) { q.Disagree = true }},
	{"IPv4: identification rewritten, payload not quoted", 2, false,
		func(q []byte) { q[4], q[5] = 0xaa, 0xbb },
		func(q *wire.Quoted) { q.ID = 0xaabb }}, // nothing says that this is not it
	{"IPv4: identification cleared, payload not quoted", 2, false,
		func(q []byte) { q[4], q[5] = 0, 0 }, nil},
	{"IPv4: identification cleared, sequence of ICMP", 0, false,
		func(q []byte) { q[4], q[5] = 0, 0 },
		func(q *wire.Quoted) { q.Disagree = true }},
	{"IPv4: sequence of TCP rewritten by a firewall", 4, true,
		func(q []byte) { q[24], q[25] = 0x55, 0x66 },
		func(q *wire.Quoted) { q.Disagree = true }},
	{"IPv6: sequence of TCP rewritten by a firewall", 5, true,
		func(q []byte) { q[44], q[45] = 0x55, 0x66 }, nil},
	{"IPv4: header in the order of a little-endian host, payload not quoted", 2, false, swapHeader,
		func(q *wire.Quoted) {}},
	{"IPv4: header in the order of a little-endian host, payload quoted", 2, true, swapHeader,
		func(q *wire.Quoted) {}},
	{"IPv4: header in the order of a little-endian host, TCP", 4, false, swapHeader,
		func(q *wire.Quoted) {}},
	{"IPv6: checksum rewritten, payload quoted", 3, true,
		func(q []byte) { q[46], q[47] = 0xaa, 0xbb },
		func(q *wire.Quoted) { q.Disagree, q.Checksum = true, 0xaabb }},
	{"IPv6: checksum rewritten, payload not quoted", 3, false,
		func(q []byte) { q[46], q[47] = 0xaa, 0xbb },
		func(q *wire.Quoted) { q.ID, q.Checksum = 0xaabb, 0xaabb }},
	{"IPv4: TTL, TOS and fragment flag", 2, false,
		func(q []byte) { q[1], q[6], q[8] = 0x03, 0, 0 },
		func(q *wire.Quoted) { q.TOS, q.DontFragment, q.TTL = 3, false, 0 }},
	{"IPv6: class, label and hop limit", 3, false,
		func(q []byte) { copy(q, []byte{0x60, 0x31, 0x23, 0x45}); q[7] = 5 },
		func(q *wire.Quoted) { q.TOS, q.Label, q.TTL = 3, 0x12345, 5 }},
	{"IPv4: source of a NAT", 2, false,
		func(q []byte) { copy(q[12:], []byte{100, 64, 0, 9}) },
		func(q *wire.Quoted) { q.Source = netip.MustParseAddr("100.64.0.9") }},
	{"IPv4: first fragment", 2, false,
		func(q []byte) { q[6] = 0x20 },
		func(q *wire.Quoted) { q.DontFragment = false }},
	{"IPv4: later fragment", 2, false, func(q []byte) { q[7] = 1 }, nil},
	{"IPv4: another version", 2, false, func(q []byte) { q[0] = 0x65 }, nil},
	{"IPv6: another version", 3, false, func(q []byte) { q[0] = 0x40 }, nil},
	{"IPv4: header of 4 words", 2, false, func(q []byte) { q[0] = 0x44 }, nil},
	{"IPv4: another protocol", 2, false, func(q []byte) { q[9] = 132 }, nil},
	{"IPv4: ICMPv6", 0, false, func(q []byte) { q[9] = 58 }, nil},
	{"IPv6: ICMP of IPv4", 1, false, func(q []byte) { q[6] = 1 }, nil},
	{"UDP shorter than a probe", 2, true, func(q []byte) { q[25] = 13 }, nil},
	{"UDP with a payload of others", 2, true, func(q []byte) { q[30] = 9 }, nil},
	{"UDP with a payload of others in IPv6", 3, true, func(q []byte) { q[50] = 9 }, nil},
	{"ICMP that is a reply", 0, true, func(q []byte) { q[20] = 0 }, nil},
	{"ICMP of code 1", 0, true, func(q []byte) { q[21] = 1 }, nil},
	{"ICMPv6 that is a reply", 1, true, func(q []byte) { q[40] = 129 }, nil},
	{"ICMP with a payload of others", 0, true, func(q []byte) { q[28] = 1 }, nil},
	{"ICMP without a sequence", 0, false, func(q []byte) { q[26], q[27] = 0, 0 }, nil},
	{"TCP that is no SYN", 4, true, func(q []byte) { q[33] = 0x10 }, nil},
}

// swapHeader turns the fields around that BSD keeps in the order of the host.
func swapHeader(q []byte) {
	for _, at := range []int{2, 4, 6} {
		q[at], q[at+1] = q[at+1], q[at]
	}
}

func TestQuotesThatWereRewritten(t *testing.T) {
	for _, test := range quoteDamage {
		t.Run(test.what, func(t *testing.T) {
			f := flows()[test.flow]
			p := wire.Probe{Flow: f, TTL: 5, ID: 0x1234, TOS: 0x88, DontFragment: true}
			b := build(t, p)
			n := header(b) + 8
			if test.whole {
				n = len(b)
			}
			e := expired(b, router(f), n)
			test.damage(e.quote)
			got, err := e.parse()
			if test.change == nil {
				if !errors.Is(err, wire.ErrForeign) {
					t.Errorf("got %+v and %v, want ErrForeign", got, err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := quotedOf(p, b, n)
			test.change(&want)
			if d := cmp.Diff(want, got.Quoted, equal); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

// An ID that reads the same from both ends must not be taken for a swapped header.
func TestIDsThatAreTheirOwnMirror(t *testing.T) {
	for _, id := range []uint16{0x0101, 0xffff, 0x4141} {
		if bits.ReverseBytes16(id) != id {
			t.Fatal("no mirror")
		}
		p := wire.Probe{Flow: flows()[4], TTL: 5, ID: id, DontFragment: true}
		b := build(t, p)
		r, err := expired(b, router4, 28).parse()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(quotedOf(p, b, 28), r.Quoted, equal); d != "" {
			t.Errorf("%#x: -want +got:\n%s", id, d)
		}
	}
}

func TestOptionsInQuotes(t *testing.T) {
	p := wire.Probe{Flow: flows()[2], TTL: 5, ID: 0x1234}
	b := build(t, p)
	b = slices.Insert(b, 20, 1, 1, 1, 0)
	b[0], b[3] = 0x46, b[3]+4
	for n := 24; n < len(b); n++ {
		r, err := expired(b, router4, n).parse()
		if n < 32 {
			if !errors.Is(err, wire.ErrTruncated) {
				t.Errorf("%d bytes: %+v, %v", n, r, err)
			}
			continue
		}
		if err != nil || r.Quoted.Flow != p.Flow || r.Quoted.ID != p.ID {
			t.Errorf("%d bytes: %+v, %v", n, r, err)
		}
	}
}

// insert puts extension headers into a quoted packet of IPv6; each header says its own
// length.
func insert(packet []byte, first uint8, headers []byte, lastNext int) []byte {
	b := slices.Clone(packet[:40])
	b = append(b, headers...)
	b[40+lastNext] = packet[6]
	b[6] = first
	binary.BigEndian.PutUint16(b[4:], uint16(len(packet)-40+len(headers)))
	return append(b, packet[40:]...)
}

func TestExtensionHeadersInQuotes(t *testing.T) {
	segments := make([]byte, 24) // of routing type 4, with one segment
	segments[1], segments[2] = 2, 4
	for _, test := range []struct {
		what     string
		first    uint8
		headers  []byte
		lastNext int
		want     error
	}{
		{"segment routing", 43, segments, 0, nil},
		{"fragment of all", 44, []byte{0, 9, 0, 0, 1, 2, 3, 4}, 0, nil},
		{"first fragment", 44, []byte{0, 0, 0, 1, 1, 2, 3, 4}, 0, nil},
		{"later fragment", 44, []byte{0, 0, 0, 8, 1, 2, 3, 4}, 0, wire.ErrForeign},
		{"hop by hop, then destination options", 0, []byte{60, 0, 1, 4, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0, 0}, 8, nil},
		{"longer than the quote", 60, []byte{0, 200, 0, 0, 0, 0, 0, 0}, 0, wire.ErrTruncated},
		{"seven headers", 60, optionHeaders(7), 48, wire.ErrForeign},
		{"six headers", 60, optionHeaders(6), 40, nil},
	} {
		for _, f := range flows() {
			if f.Destination.Is4() {
				continue
			}
			p := wire.Probe{Flow: f, TTL: 5, ID: 0x4321}
			b := insert(build(t, p), test.first, test.headers, test.lastNext)
			r, err := expired(b, router6, len(b)).parse()
			if !errors.Is(err, test.want) {
				t.Errorf("%s, %s: %v, want %v", test.what, name(f), err, test.want)
				continue
			}
			if err == nil && (r.Quoted.Flow != f || r.Quoted.ID != p.ID || r.Quoted.Disagree) {
				t.Errorf("%s, %s: %+v", test.what, name(f), r.Quoted)
			}
		}
	}
}

func optionHeaders(n int) []byte {
	var b []byte
	for range n {
		b = append(b, 60, 0, 1, 4, 0, 0, 0, 0)
	}
	return b
}
