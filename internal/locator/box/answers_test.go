package box_test

import (
	"errors"
	"maps"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/box"
	"github.com/packetscope/packetscope/internal/wire"
)

// read reads what a raw socket is given of a packet; v6 sockets see no header of IP.
func read(b []byte) (wire.Reply, error) {
	if len(b) < 40 || b[0]>>4 != 6 {
		return wire.ParseIPv4(b)
	}
	from := netip.AddrFrom16([16]byte(b[8:]))
	if b[6] == 6 {
		return wire.ParseTCPv6(b[40:], from, b[7])
	}
	return wire.ParseICMPv6(b[40:], from, b[7])
}

var addresses = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

// check fails unless a packet gives one whole answer, or a known error and nothing else.
func check(t *testing.T, s *box.Scenario, b []byte) {
	t.Helper()
	before := slices.Clone(b)
	r, err := read(b)
	if !slices.Equal(before, b) {
		t.Fatal("bytes were written to")
	}
	switch {
	case errors.Is(err, wire.ErrTruncated), errors.Is(err, wire.ErrForeign), errors.Is(err, wire.ErrChecksum):
		if diff := cmp.Diff(wire.Reply{}, r, addresses); diff != "" {
			t.Fatalf("a reply beside %v:\n%s", err, diff)
		}
	case err != nil:
		t.Fatalf("unknown error %v", err)
	case r.Quoted.ID == 0 || r.Kind == 0 || r.Kind > wire.Reset || !r.From.IsValid() || len(r.Extensions.MPLS) > wire.MaxLabels:
		t.Fatalf("% x is read as %+v", b, r)
	default:
		s.Line(box.Answer{Reply: &r})
	}
}

// Whatever becomes of an answer on its way, it is read as one or refused.
func FuzzAnswers(f *testing.F) {
	all := scenarios(f)
	for _, s := range all {
		for _, r := range s.Runs {
			for _, response := range responses(s, probes(f, s, r)) {
				f.Add(response.Packet, uint16(0), byte(0), uint16(0))
				f.Add(response.Packet, uint16(len(response.Packet)/2), byte(0x80), uint16(3))
			}
		}
	}
	plain := all["plain"]
	f.Fuzz(func(t *testing.T, b []byte, at uint16, damage byte, cut uint16) {
		b = slices.Clone(b)
		if int(at) < len(b) {
			b[at] ^= damage
		}
		check(t, plain, b[:max(len(b)-int(cut), 0)])
	})
}

// The same for each place of each answer, without chance.
func TestDamagedAnswersAreReadOrRefused(t *testing.T) {
	all := scenarios(t)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		s := all[name]
		for _, r := range s.Runs {
			for _, response := range responses(s, probes(t, s, r)) {
				for at := range response.Packet {
					check(t, s, response.Packet[:at])
					for _, damage := range []byte{0x01, 0x80, 0xff} {
						b := slices.Clone(response.Packet)
						b[at] ^= damage
						check(t, s, b)
					}
				}
			}
		}
	}
}
