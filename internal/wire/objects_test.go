package wire_test

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/wire"
)

// object is one object of an extension, with its header.
func object(class, kind uint8, payload ...byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(4+len(payload)))
	return append(append(b, class, kind), payload...)
}

// objects are extensions of these objects.
func objects(withChecksum bool, all ...[]byte) []byte {
	b := append([]byte{0x20, 0, 0, 0}, slices.Concat(all...)...)
	if withChecksum {
		binary.BigEndian.PutUint16(b[2:], 0xffff-onesSum(b))
	}
	return b
}

// RFC 5837 section 4: the second object names an incoming interface by all it has.
var (
	mplsTwo = object(1, 1, 0x03, 0xe8, 0x02, 0x01, 0x00, 0x02, 0x0f, 0x02)
	inAll4  = object(2, 0x0f, slices.Concat(
		[]byte{0, 0, 2, 1},
		[]byte{0, 1, 0, 0, 198, 51, 100, 7},
		[]byte{8}, []byte("xe-0/1\x00"),
		[]byte{0, 0, 0x23, 0x28})...)
	outName = object(2, 0x82, slices.Concat([]byte{12}, []byte("Gi0/0/0.101"))...)
	next6   = object(2, 0xc4, slices.Concat([]byte{0, 2, 0, 0}, router6.AsSlice())...)
)

func TestExtensions(t *testing.T) {
	allOf4 := wire.Interface{Role: wire.Incoming, Index: 513, Address: netip.MustParseAddr("198.51.100.7"), Name: "xe-0/1", MTU: 9000}
	two := []wire.Label{{Value: 0x3e80, Class: 1, TTL: 1}, {Value: 0x20, Class: 7, Bottom: true, TTL: 2}}
	for _, test := range []struct {
		what string
		b    []byte
		want wire.Extensions
	}{
		{"nothing in it", objects(true), wire.Extensions{}},
		{"two labels", objects(true, mplsTwo), wire.Extensions{MPLS: two}},
		{"no checksum", objects(false, mplsTwo), wire.Extensions{MPLS: two}},
		{"two stacks", objects(true, object(1, 1, 0, 1, 1, 9), object(1, 1, 0, 2, 0, 8)),
			wire.Extensions{MPLS: []wire.Label{{Value: 16, Bottom: true, TTL: 9}, {Value: 32, TTL: 8}}}},
		{"interface by all it has", objects(true, inAll4), wire.Extensions{Interfaces: []wire.Interface{allOf4}}},
		{"interfaces", objects(true, outName, next6), wire.Extensions{Interfaces: []wire.Interface{
			{Role: wire.Outgoing, Name: "Gi0/0/0.101"}, {Role: wire.NextHop, Address: router6}}}},
		{"others", objects(true, object(3, 7, 1, 2, 3, 4), object(1, 2, 9)), wire.Extensions{Others: []wire.Object{
			{Class: 3, Type: 7, Payload: []byte{1, 2, 3, 4}}, {Class: 1, Type: 2, Payload: []byte{9}}}}},
		{"long other", objects(true, object(9, 9, bytes.Repeat([]byte{5}, 70)...)), wire.Extensions{Others: []wire.Object{
			{Class: 9, Type: 9, Payload: bytes.Repeat([]byte{5}, 64)}}}},
		{"interface without fields", objects(true, object(2, 0x40)), wire.Extensions{Interfaces: []wire.Interface{{Role: wire.Component}}}},

		{"empty", nil, wire.Extensions{Malformed: true}},
		{"cut in its header", []byte{0x20, 0, 0}, wire.Extensions{Malformed: true}},
		{"version 1", damaged(objects(false, mplsTwo), 0, 0x10), wire.Extensions{Malformed: true}},
		{"wrong checksum", damaged(objects(true, mplsTwo), 2, 0x12), wire.Extensions{Malformed: true}},
		{"object of length 0", objects(true, mplsTwo, []byte{0, 0, 1, 1}), wire.Extensions{MPLS: two, Malformed: true}},
		{"object of length 3", objects(true, mplsTwo, []byte{0, 3, 1, 1}), wire.Extensions{MPLS: two, Malformed: true}},
		{"object behind the end", objects(true, mplsTwo, []byte{0, 9, 1, 1, 0, 0, 0, 0}), wire.Extensions{MPLS: two, Malformed: true}},
		{"half a header of an object", objects(true, mplsTwo, []byte{0, 8}), wire.Extensions{MPLS: two, Malformed: true}},
		{"half a label", objects(true, object(1, 1, 0, 1, 1, 9, 7, 7)), wire.Extensions{
			MPLS: []wire.Label{{Value: 16, Bottom: true, TTL: 9}}, Malformed: true}},
		{"a bad object before a good one", objects(true, object(2, 0x08, 1), mplsTwo), wire.Extensions{MPLS: two, Malformed: true}},
		{"interface: half an MTU", objects(true, object(2, 0x01, 0, 0, 5)), wire.Extensions{Malformed: true}},
		{"interface: no address", objects(true, object(2, 0x04, 0, 1)), wire.Extensions{Malformed: true}},
		{"interface: address of no family", objects(true, object(2, 0x04, 0, 3, 0, 0, 1, 2, 3, 4)), wire.Extensions{Malformed: true}},
		{"interface: half an address", objects(true, object(2, 0x04, 0, 2, 0, 0, 1, 2, 3, 4)), wire.Extensions{Malformed: true}},
		{"interface: name longer than the object", objects(true, object(2, 0x02, 8, 'a', 'b', 'c')), wire.Extensions{Malformed: true}},
		{"interface: name of length 0", objects(true, object(2, 0x02, 0, 'a', 'b', 'c')), wire.Extensions{Malformed: true}},
		{"interface: name of 65 bytes", objects(true, object(2, 0x02, append([]byte{65}, bytes.Repeat([]byte{'a'}, 64)...)...)), wire.Extensions{Malformed: true}},
	} {
		t.Run(test.what, func(t *testing.T) {
			if d := cmp.Diff(test.want, wire.ParseExtensions(test.b), equal); d != "" {
				t.Errorf("-want +got:\n%s", d)
			}
		})
	}
}

func damaged(b []byte, at int, value byte) []byte {
	b = slices.Clone(b)
	b[at] = value
	return b
}

func TestNamesOfInterfacesAreClean(t *testing.T) {
	for _, test := range []struct{ raw, want string }{
		{"\x1b[31mred\x00\x00", "[31mred"},
		{"eth\n0\t", "eth0"},
		{"\xff\xfeeth0\xc3", "eth0"},
		{"é0", "é0"},
		{"a b", "a b"},
		{"\u202eeth0", "eth0"}, // turns the line round
		{strings.Repeat("a", 63), strings.Repeat("a", 63)},
		{"", ""},
	} {
		payload := append([]byte{byte(1 + len(test.raw))}, test.raw...)
		e := wire.ParseExtensions(objects(true, object(2, 0x02, payload...)))
		if len(e.Interfaces) != 1 || e.Interfaces[0].Name != test.want || e.Malformed {
			t.Errorf("%q: %+v, want %q", test.raw, e, test.want)
		}
	}
}

func TestExtensionsAreBounded(t *testing.T) {
	var many [][]byte
	for range 40 {
		many = append(many, object(200, 1, 1))
	}
	if e := wire.ParseExtensions(objects(true, many...)); len(e.Others) != wire.MaxObjects || !e.Malformed {
		t.Errorf("%d objects, malformed %v", len(e.Others), e.Malformed)
	}
	if e := wire.ParseExtensions(objects(true, many[:wire.MaxObjects]...)); len(e.Others) != wire.MaxObjects || e.Malformed {
		t.Errorf("%d objects, malformed %v", len(e.Others), e.Malformed)
	}
	stack := object(1, 1, make([]byte, 4*40)...)
	if e := wire.ParseExtensions(objects(true, stack)); len(e.MPLS) != wire.MaxLabels || !e.Malformed {
		t.Errorf("%d labels, malformed %v", len(e.MPLS), e.Malformed)
	}
}

func TestExtensionsKeepNothingOfTheBuffer(t *testing.T) {
	b := objects(true, object(77, 1, 1, 2, 3, 4), outName)
	e := wire.ParseExtensions(b)
	clear(b)
	if !bytes.Equal(e.Others[0].Payload, []byte{1, 2, 3, 4}) || e.Interfaces[0].Name != "Gi0/0/0.101" {
		t.Errorf("got %+v", e)
	}
}

// What follows a quote is taken for extensions only where that is sure enough.
func TestWhereExtensionsBegin(t *testing.T) {
	stack := objects(true, mplsTwo)
	for _, f := range []wire.Flow{flows()[2], flows()[3]} {
		p := wire.Probe{Flow: f, TTL: 5, ID: 0x1234, Size: 300}
		whole := build(t, p)
		for _, test := range []struct {
			what      string
			quoted    int
			length    int // that the message tells, in bytes
			behind    []byte
			labels    int
			malformed bool
		}{
			{"told", 128, 128, stack, 2, false},
			{"told, longer quote", 160, 160, stack, 2, false},
			{"told, shorter than is allowed", 64, 64, stack, 2, false},
			{"told, nothing there", 128, 128, nil, 0, false},
			{"told, no version", 128, 128, make([]byte, 20), 0, true},
			{"told, wrong checksum", 128, 128, damaged(stack, 3, 0x77), 0, true},
			{"told, behind the end", 128, 800, stack, 0, true},
			{"told, noise that leads into the header", 128, 16, nil, 0, true},
			{"not told", 128, 0, stack, 2, false},
			{"not told, no checksum", 128, 0, objects(false, mplsTwo), 0, false},
			{"not told, wrong checksum", 128, 0, damaged(stack, 3, 0x77), 0, false},
			{"not told, elsewhere", 160, 0, stack, 0, false},
			{"not told, whole packet", 300, 0, nil, 0, false},
		} {
			t.Run(name(f)+"/"+test.what, func(t *testing.T) {
				e := expired(whole, router(f), test.quoted)
				e.extensions = test.behind
				if f.Destination.Is4() {
					e.rest[1] = byte(test.length / 4)
				} else {
					e.rest[0] = byte(test.length / 8)
				}
				r, err := e.parse()
				if err != nil {
					t.Fatal(err)
				}
				if r.Quoted.ID != p.ID || len(r.Extensions.MPLS) != test.labels || r.Extensions.Malformed != test.malformed {
					t.Errorf("got %+v", r)
				}
			})
		}
	}
}
