package wire_test

import (
	"bytes"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/wire"
)

// seeds gives a fuzz test all answers that one of sockets may see, with and without
// extensions.
func seeds(f *testing.F, index int) {
	for _, flow := range flows() {
		for _, b := range answersTo(f, flow, 0x1234)[index] {
			f.Add(b)
		}
		b := build(f, wire.Probe{Flow: flow, TTL: 8, ID: 0x1234})
		e := expired(b, router(flow), len(b))
		e.extend(objects(true, mplsTwo, inAll4, outName, next6, object(77, 1, 1, 2, 3, 4)))
		old := e
		old.rest = [4]byte{}
		for _, e := range []icmpError{e, old} {
			switch {
			case index == 0 && flow.Destination.Is4():
				f.Add(ipv4(1, 60, e.from, e.to, e.message()))
			case index == 1 && flow.Destination.Is6():
				f.Add(e.message())
			}
		}
	}
}

// fuzz checks what holds for any bytes: no panic, an answer that is whole or none, and
// a program that lets it in.
func fuzz(f *testing.F, index int) {
	seeds(f, index)
	s := sockets[index]
	vm := s.machine(f, everything)
	check := func(t *testing.T, b []byte) {
		before := slices.Clone(b)
		r, err := s.parse(b)
		if !bytes.Equal(b, before) {
			t.Fatal("bytes were written to")
		}
		if err != nil {
			if !errors.Is(err, wire.ErrTruncated) && !errors.Is(err, wire.ErrForeign) && !errors.Is(err, wire.ErrChecksum) {
				t.Fatalf("unknown error %v", err)
			}
			if d := cmp.Diff(wire.Reply{}, r, equal); d != "" {
				t.Fatalf("a reply beside %v:\n%s", err, d)
			}
			return
		}
		checkReply(t, r)
		checkFilter(t, s, vm, b)
		// What is kept is no part of the buffer.
		clear(b)
		again, err := s.parse(before)
		if d := cmp.Diff(again, r, equal); d != "" || err != nil {
			t.Fatalf("changed with the buffer: %v\n%s", err, d)
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		// A checksum would shut nearly all of it out.
		if sealed, ok := seal(b); ok {
			check(t, sealed)
		}
		check(t, b)
	})
}

// seal makes the checksum of ICMP in a packet of IPv4 right.
func seal(b []byte) ([]byte, bool) {
	if len(b) < 28 || b[0] != 0x45 || b[9] != 1 {
		return nil, false
	}
	b = slices.Clone(b)
	b[2], b[3] = byte(len(b)>>8), byte(len(b))
	b[22], b[23] = 0, 0
	s := 0xffff - onesSum(b[20:])
	b[22], b[23] = byte(s>>8), byte(s)
	return b, true
}

func checkReply(t *testing.T, r wire.Reply) {
	t.Helper()
	q := r.Quoted
	switch {
	case !r.From.IsValid() || r.From.Zone() != "":
		t.Fatalf("from %q", r.From)
	case r.Kind < wire.TimeExceeded || r.Kind > wire.Reset:
		t.Fatalf("kind %d", r.Kind)
	case q.ID == 0:
		t.Fatal("ID 0")
	case q.Protocol < wire.ICMP || q.Protocol > wire.TCP || !q.Destination.IsValid():
		t.Fatalf("flow %+v", q.Flow)
	case q.Bytes > q.Length || q.Label >= 1<<20:
		t.Fatalf("quoted %+v", q)
	case r.Reason() == "" || r.Reason() == "unknown":
		t.Fatalf("no reason of %+v", r)
	case q.Protocol == wire.ICMP && q.DestinationPort != 0:
		t.Fatalf("ICMP with a port: %+v", q)
	}
	checkExtensions(t, r.Extensions)
}

func checkExtensions(t *testing.T, e wire.Extensions) {
	t.Helper()
	if len(e.MPLS) > wire.MaxLabels || len(e.Interfaces)+len(e.Others) > wire.MaxObjects {
		t.Fatalf("too much: %+v", e)
	}
	for _, l := range e.MPLS {
		if l.Value >= 1<<20 || l.Class > 7 {
			t.Fatalf("label %+v", l)
		}
	}
	for _, i := range e.Interfaces {
		if len(i.Name) > 63 || !utf8.ValidString(i.Name) || bytes.ContainsFunc([]byte(i.Name), unicode.IsControl) || i.Role > wire.NextHop {
			t.Fatalf("interface %+v", i)
		}
	}
	for _, o := range e.Others {
		if len(o.Payload) > wire.MaxObjectSize {
			t.Fatalf("object %+v", o)
		}
	}
}

func FuzzParseIPv4(f *testing.F) { fuzz(f, 0) }

func FuzzParseIPv4OfTCP(f *testing.F) { fuzz(f, 2) }

func FuzzParseICMPv6(f *testing.F) { fuzz(f, 1) }

func FuzzParseTCPv6(f *testing.F) { fuzz(f, 3) }

func FuzzParseExtensions(f *testing.F) {
	f.Add(objects(true, mplsTwo, inAll4, outName, next6))
	f.Add(objects(false, object(77, 1, 1, 2, 3, 4), []byte{0, 0, 1, 1}))
	f.Add(objects(false, object(2, 0xff, make([]byte, 40)...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := slices.Clone(b)
		checkExtensions(t, wire.ParseExtensions(b))
		if !bytes.Equal(b, before) {
			t.Fatal("bytes were written to")
		}
	})
}

func FuzzParsePayload(f *testing.F) {
	for _, flow := range flows() {
		if b, err := (wire.Probe{Flow: flow, TTL: 1, ID: 0x1234}).AppendPayload(nil); err == nil {
			f.Add(uint8(flow.Protocol), b)
		}
	}
	f.Fuzz(func(t *testing.T, protocol uint8, b []byte) {
		id, ok := wire.ParsePayload(wire.Protocol(protocol), b)
		if ok != (id != 0) {
			t.Fatalf("ID %#x, %v", id, ok)
		}
	})
}

// Any probe that is built comes back from any quote of it.
func FuzzRoundTrip(f *testing.F) {
	f.Add(uint8(wire.UDP), source4.AsSlice(), target4.AsSlice(), uint16(40000), uint16(33434), uint32(0), uint8(3), uint16(9), uint16(60), uint8(0), uint16(28))
	f.Add(uint8(wire.UDP), source6.AsSlice(), target6.AsSlice(), uint16(40000), uint16(53), uint32(0xabcde), uint8(3), uint16(0xffff), uint16(0), uint8(4), uint16(48))
	f.Add(uint8(wire.TCP), source6.AsSlice(), target6.AsSlice(), uint16(40000), uint16(443), uint32(1), uint8(30), uint16(0x8000), uint16(0), uint8(0), uint16(80))
	f.Add(uint8(wire.ICMP), source4.AsSlice(), target4.AsSlice(), uint16(1), uint16(0), uint32(0), uint8(255), uint16(1), uint16(1500), uint8(0xb8), uint16(1480))
	f.Fuzz(func(t *testing.T, protocol uint8, from, to []byte, sport, dport uint16, label uint32, ttl uint8, id, size uint16, tos uint8, quoted uint16) {
		p := wire.Probe{
			Flow: wire.Flow{Protocol: wire.Protocol(protocol), SourcePort: sport, DestinationPort: dport},
			TTL:  ttl, ID: id, Size: int(size), TOS: tos, DontFragment: id&1 != 0,
		}
		p.Source, _ = netip.AddrFromSlice(from)
		p.Destination, _ = netip.AddrFromSlice(to)
		if p.Destination.Is6() {
			p.Label = label
		}
		if p.Protocol == wire.ICMP {
			p.DestinationPort = 0
		}
		b, err := p.Append(nil)
		if err != nil {
			if b != nil {
				t.Fatalf("bytes beside %v", err)
			}
			return
		}
		checkSums(t, p)
		// Longer errors do not go into a packet.
		n := min(max(int(quoted), header(b)+8), len(b), 1400)
		r, err := expired(b, router(p.Flow), n).parse()
		if err != nil {
			t.Fatalf("%d bytes of %+v: %v", n, p, err)
		}
		if r.Key() != p.Key() || p.Rewritten(&r.Quoted) != 0 {
			t.Fatalf("%d bytes of %+v: got %+v, rewritten %s", n, p, r.Quoted, p.Rewritten(&r.Quoted))
		}
	})
}
