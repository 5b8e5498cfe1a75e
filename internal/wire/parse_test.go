package wire_test

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/wire"
)

func TestErrorsOfEveryKind(t *testing.T) {
	for _, test := range []struct {
		v6         bool
		kind, code uint8
		rest       [4]byte
		want       wire.Reply // Kind 0: ErrForeign
	}{
		{false, 3, 0, [4]byte{}, wire.Reply{Kind: wire.Unreachable, Code: 0}},
		{false, 3, 3, [4]byte{0, 0, 5, 0}, wire.Reply{Kind: wire.Unreachable, Code: 3}},
		{false, 3, 4, [4]byte{0, 0, 5, 0xb4}, wire.Reply{Kind: wire.PacketTooBig, Code: 4, MTU: 1460}},
		{false, 3, 4, [4]byte{}, wire.Reply{Kind: wire.PacketTooBig, Code: 4}},
		{false, 3, 13, [4]byte{}, wire.Reply{Kind: wire.Unreachable, Code: 13}},
		{false, 11, 0, [4]byte{}, wire.Reply{Kind: wire.TimeExceeded}},
		{false, 11, 1, [4]byte{}, wire.Reply{Kind: wire.TimeExceeded, Code: 1}},
		{false, 12, 2, [4]byte{20}, wire.Reply{Kind: wire.ParameterProblem, Code: 2}},
		{v6: false, kind: 4},  // source quench
		{v6: false, kind: 5},  // redirect
		{v6: false, kind: 8},  // echo request
		{v6: false, kind: 13}, // time stamp
		{true, 1, 0, [4]byte{}, wire.Reply{Kind: wire.Unreachable, Code: 0}},
		{true, 1, 4, [4]byte{}, wire.Reply{Kind: wire.Unreachable, Code: 4}},
		{true, 2, 0, [4]byte{0, 1, 0x11, 0x70}, wire.Reply{Kind: wire.PacketTooBig, MTU: 70000}},
		{true, 3, 0, [4]byte{}, wire.Reply{Kind: wire.TimeExceeded}},
		{true, 4, 1, [4]byte{0, 0, 0, 6}, wire.Reply{Kind: wire.ParameterProblem, Code: 1}},
		{v6: true, kind: 128}, // echo request
		{v6: true, kind: 137}, // redirect
		{v6: true, kind: 0},
	} {
		f := flows()[2]
		if test.v6 {
			f = flows()[3]
		}
		p := wire.Probe{Flow: f, TTL: 1, ID: 0x1234, TOS: 4, DontFragment: true}
		b := build(t, p)
		e := icmpError{from: router(f), to: source4, kind: test.kind, code: test.code, rest: test.rest, quote: b}
		got, err := e.parse()
		if test.want.Kind == 0 {
			if !errors.Is(err, wire.ErrForeign) {
				t.Errorf("type %d of IPv6 %v: got %+v, %v", test.kind, test.v6, got, err)
			}
			continue
		}
		want := test.want
		want.From, want.TTL, want.Quoted = e.from, 61, quotedOf(p, b, len(b))
		if d := cmp.Diff(want, got, equal); d != "" || err != nil {
			t.Errorf("type %d code %d of IPv6 %v: %v, -want +got:\n%s", test.kind, test.code, test.v6, err, d)
		}
		if got.Key() != p.Key() {
			t.Errorf("key %+v, want %+v", got.Key(), p.Key())
		}
	}
}

// answers returns what a destination sends back, as its parser reads it: an echo reply,
// or a segment with these flags.
func answer(t *testing.T, p wire.Probe, flags byte, damage func(b []byte)) (wire.Reply, error) {
	t.Helper()
	packet := build(t, p)
	b := slices.Clone(packet[header(packet):])
	protocol := uint8(1)
	if p.Protocol == wire.ICMP {
		b[0] = map[bool]byte{true: 0, false: 129}[p.Destination.Is4()]
		b[2], b[3] = 0, 0
	} else {
		protocol = 6
		copy(b, packet[header(packet)+2:][:2])
		copy(b[2:], packet[header(packet):][:2])
		binary.BigEndian.PutUint32(b[4:], 0xdeadbeef)
		binary.BigEndian.PutUint32(b[8:], binary.BigEndian.Uint32(packet[header(packet)+4:])+1)
		b[13] = flags
		if flags&4 != 0 { // a reset has no options
			b[12] = 0x50
			b = b[:20]
		}
	}
	damage(b)
	if p.Protocol == wire.ICMP && p.Destination.Is4() {
		binary.BigEndian.PutUint16(b[2:], 0xffff-onesSum(b))
	}
	switch {
	case p.Destination.Is4():
		return wire.ParseIPv4(ipv4(protocol, 52, p.Destination, p.Source, b))
	case p.Protocol == wire.ICMP:
		return wire.ParseICMPv6(b, p.Destination.WithZone("eth7"), 52)
	default:
		return wire.ParseTCPv6(b, p.Destination.WithZone("eth7"), 52)
	}
}

const (
	synAck   = 0x12
	rst      = 0x14
	bareRST  = 0x04
	bareACK  = 0x10
	finalACK = 0x11
)

func TestDestinationsAnswer(t *testing.T) {
	for _, f := range flows() {
		for _, id := range ids {
			p := wire.Probe{Flow: f, TTL: 30, ID: id}
			kinds := map[byte]wire.Kind{0: wire.EchoReply}
			switch f.Protocol {
			case wire.UDP:
				continue
			case wire.TCP:
				kinds = map[byte]wire.Kind{synAck: wire.SYNACK, synAck | 0x40: wire.SYNACK, rst: wire.Reset}
			}
			for flags, kind := range kinds {
				got, err := answer(t, p, flags, func([]byte) {})
				want := wire.Reply{From: f.Destination, Kind: kind, TTL: 52, Quoted: wire.Quoted{Flow: f, ID: id}}
				want.Quoted.Label = 0
				if f.Destination.Is6() {
					want.Quoted.Source = netip.Addr{}
				}
				if d := cmp.Diff(want, got, equal); d != "" || err != nil {
					t.Errorf("%s: %v, -want +got:\n%s", name(f), err, d)
				}
				if got.Key() != p.Key() {
					t.Errorf("key %+v, want %+v", got.Key(), p.Key())
				}
				if !got.Reached() {
					t.Errorf("%s: %s does not tell that the probe arrived", name(f), kind)
				}
			}
		}
	}
}

func TestAnswersToOthers(t *testing.T) {
	for _, test := range []struct {
		what   string
		flow   []int
		flags  byte
		damage func(b []byte)
	}{
		{"another payload", []int{0, 1}, 0, func(b []byte) { b[9] ^= 1 }},
		{"no payload", []int{0, 1}, 0, func(b []byte) { b[8], b[9] = 0, 0 }},
		{"sequence 0", []int{0, 1}, 0, func(b []byte) { copy(b[6:], []byte{0, 0, 0xff, 0xff}) }},
		{"code 1", []int{0, 1}, 0, func(b []byte) { b[1] = 1 }},
		{"reset without acknowledgement", []int{4, 5}, bareRST, func([]byte) {}},
		{"acknowledgement alone", []int{4, 5}, bareACK, func([]byte) {}},
		{"end of a connection", []int{4, 5}, finalACK, func([]byte) {}},
		{"SYN alone", []int{4, 5}, 0x02, func([]byte) {}},
		{"another sequence", []int{4, 5}, synAck, func(b []byte) { b[9] ^= 1 }},
		{"sequence not advanced", []int{4, 5}, synAck, func(b []byte) {
			binary.BigEndian.PutUint32(b[8:], binary.BigEndian.Uint32(b[8:])-1)
		}},
		{"sequence of ID 0", []int{4, 5}, synAck, func(b []byte) { copy(b[8:], []byte{0, 1, 0, 0}) }},
	} {
		for _, i := range test.flow {
			p := wire.Probe{Flow: flows()[i], TTL: 30, ID: 0x1234}
			if r, err := answer(t, p, test.flags, test.damage); !errors.Is(err, wire.ErrForeign) {
				t.Errorf("%s, %s: got %+v, %v", name(p.Flow), test.what, r, err)
			}
		}
	}
}

func TestDamagedPacketsOfIPv4(t *testing.T) {
	p := wire.Probe{Flow: flows()[2], TTL: 1, ID: 0x1234}
	good := ipv4(1, 61, router4, source4, expired(build(t, p), router4, 28).message())
	options := slices.Insert(slices.Clone(good), 20, 148, 4, 0, 0) // router alert
	options[0], options[3] = 0x46, options[3]+4
	for _, test := range []struct {
		what string
		b    []byte
		want error
	}{
		{"whole", good, nil},
		{"options", options, nil},
		{"padding of Ethernet", append(slices.Clone(good), 1, 2, 3, 4), nil},
		// A buffer was too short; what is left must do, unsummed.
		{"cut behind the quote", good[:20+8+28], nil},
		{"empty", nil, wire.ErrTruncated},
		{"half a header", good[:19], wire.ErrTruncated},
		{"header alone", good[:20], wire.ErrTruncated},
		{"no quote", good[:28], wire.ErrTruncated},
		{"IPv6", damaged(good, 0, 0x65), wire.ErrTruncated},
		{"header of 4 words", damaged(good, 0, 0x44), wire.ErrTruncated},
		{"header behind the end", damaged(good[:22], 0, 0x4f), wire.ErrTruncated},
		{"length below the header", damaged(good, 3, 19), wire.ErrTruncated},
		{"later fragment", damaged(good, 7, 1), wire.ErrForeign},
		{"UDP", damaged(good, 9, 17), wire.ErrForeign},
		{"ICMPv6", damaged(good, 9, 58), wire.ErrForeign},
		{"wrong checksum", damaged(good, 22, good[22]+1), wire.ErrChecksum},
		{"wrong quote", damaged(good, 40, good[40]+1), wire.ErrChecksum},
	} {
		t.Run(test.what, func(t *testing.T) {
			r, err := wire.ParseIPv4(test.b)
			if !errors.Is(err, test.want) {
				t.Fatalf("got %+v, %v", r, err)
			}
			if err == nil && r.Key() != p.Key() {
				t.Errorf("got key %+v", r.Key())
			}
			if err != nil && r.Kind != 0 {
				t.Errorf("reply %+v beside %v", r, err)
			}
		})
	}
	for n := range 20 {
		if r, err := wire.ParseTCPv6(make([]byte, n), router6, 1); !errors.Is(err, wire.ErrTruncated) {
			t.Errorf("%d bytes of TCP: %+v, %v", n, r, err)
		}
	}
	for n := range 8 {
		if r, err := wire.ParseICMPv6(make([]byte, n), router6, 1); !errors.Is(err, wire.ErrTruncated) {
			t.Errorf("%d bytes of ICMPv6: %+v, %v", n, r, err)
		}
	}
}

func TestParsePayload(t *testing.T) {
	for _, test := range []struct {
		what     string
		protocol wire.Protocol
		b        []byte
		want     uint16
	}{
		{"UDP", wire.UDP, []byte{7, 8, 0x12, 0x34, 0xed, 0xcb, 1}, 0x1234},
		{"UDP with the last ID", wire.UDP, []byte{0, 0, 0xff, 0xff, 0, 0}, 0xffff},
		{"UDP of which nothing was quoted", wire.UDP, nil, 0},
		{"UDP, half", wire.UDP, []byte{0, 0, 0x12, 0x34, 0xed}, 0},
		{"UDP, padded", wire.UDP, make([]byte, 100), 0},
		{"UDP of others", wire.UDP, []byte{0, 0, 0x12, 0x34, 0xed, 0xcc}, 0},
		{"UDP with ID 0", wire.UDP, []byte{0, 0, 0, 0, 0xff, 0xff}, 0},
		{"echo request", wire.ICMP, []byte{8, 0, 1, 1, 5, 5, 0x12, 0x34, 0xed, 0xcb}, 0x1234},
		{"echo request of IPv6", wire.ICMP, []byte{128, 0, 1, 1, 5, 5, 0x12, 0x34, 0xed, 0xcb}, 0x1234},
		{"echo request, header only", wire.ICMP, []byte{8, 0, 1, 1, 5, 5, 0x12, 0x34}, 0x1234},
		{"echo request, less", wire.ICMP, []byte{8, 0, 1, 1, 5, 5, 0x12}, 0},
		{"echo request of others", wire.ICMP, []byte{8, 0, 1, 1, 5, 5, 0x12, 0x34, 1, 2}, 0},
		{"echo reply", wire.ICMP, []byte{0, 0, 1, 1, 5, 5, 0x12, 0x34, 0xed, 0xcb}, 0x1234},
		{"echo reply of IPv6", wire.ICMP, []byte{129, 0, 1, 1, 5, 5, 0x12, 0x34, 0xed, 0xcb, 0, 0}, 0x1234},
		{"echo reply without its payload", wire.ICMP, []byte{0, 0, 1, 1, 5, 5, 0x12, 0x34}, 0},
		{"code 1", wire.ICMP, []byte{8, 1, 1, 1, 5, 5, 0x12, 0x34, 0xed, 0xcb}, 0},
		{"time exceeded", wire.ICMP, []byte{11, 0, 1, 1, 5, 5, 0x12, 0x34, 0xed, 0xcb}, 0},
		{"TCP", wire.TCP, []byte{0x12, 0x34, 0xed, 0xcb, 0, 0, 0, 0, 0, 0}, 0},
	} {
		if id, ok := wire.ParsePayload(test.protocol, test.b); id != test.want || ok != (test.want != 0) {
			t.Errorf("%s: %#x, %v, want %#x", test.what, id, ok, test.want)
		}
	}
}

func TestReached(t *testing.T) {
	for _, test := range []struct {
		what   string
		r      wire.Reply
		want   bool
		reason string
	}{
		{"port of IPv4", wire.Reply{From: router4, Kind: wire.Unreachable, Code: 3}, true, "port_unreachable"},
		{"port of IPv6", wire.Reply{From: router6, Kind: wire.Unreachable, Code: 4}, true, "port_unreachable"},
		{"address of IPv6", wire.Reply{From: router6, Kind: wire.Unreachable, Code: 3}, false, "address_unreachable"},
		{"prohibited", wire.Reply{From: router4, Kind: wire.Unreachable, Code: 13}, false, "communication_prohibited"},
		{"prohibited, says the destination", wire.Reply{From: target4, Kind: wire.Unreachable, Code: 10}, true, "host_prohibited"},
		{"code that nobody knows", wire.Reply{From: target6, Kind: wire.Unreachable, Code: 200}, true, "unreachable"},
		{"router", wire.Reply{From: router4, Kind: wire.TimeExceeded}, false, "time_exceeded"},
		{"destination with a TTL too many", wire.Reply{From: target4, Kind: wire.TimeExceeded}, true, "time_exceeded"},
		{"too big", wire.Reply{From: router4, Kind: wire.PacketTooBig, Code: 4}, false, "packet_too_big"},
		{"nothing", wire.Reply{}, false, "unknown"},
	} {
		test.r.Quoted.Destination = target4
		if test.r.From == target6 {
			test.r.Quoted.Destination = target6
		}
		if got := test.r.Reached(); got != test.want {
			t.Errorf("%s: %v", test.what, got)
		}
		if got := test.r.Reason(); got != test.reason {
			t.Errorf("%s: reason %q, want %q", test.what, got, test.reason)
		}
	}
	if r := (wire.Reply{}); r.Reached() {
		t.Error("no reply from nobody about nothing has reached")
	}
}

func TestLabels(t *testing.T) {
	for _, test := range []struct {
		value interface{ String() string }
		want  string
	}{
		{wire.ICMP, "icmp"}, {wire.UDP, "udp"}, {wire.TCP, "tcp"}, {wire.Protocol(0), "unknown"}, {wire.Protocol(9), "unknown"},
		{wire.TimeExceeded, "time_exceeded"}, {wire.ParameterProblem, "parameter_problem"}, {wire.EchoReply, "echo_reply"},
		{wire.SYNACK, "syn_ack"}, {wire.Reset, "reset"}, {wire.Kind(99), "unknown"},
		{wire.Incoming, "incoming"}, {wire.NextHop, "next_hop"}, {wire.Role(9), "unknown"},
	} {
		if got := test.value.String(); got != test.want {
			t.Errorf("%#v is %q, want %q", test.value, got, test.want)
		}
	}
}
