package wire_test

import (
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/wire"
)

func TestHonestPathsRewriteNothing(t *testing.T) {
	for _, f := range flows() {
		for _, id := range ids {
			for _, size := range sizes(f) {
				p := wire.Probe{Flow: f, TTL: 9, ID: id, Size: size, TOS: 0xb8, DontFragment: true}
				b := build(t, p)
				for _, n := range quotes(b) {
					r, err := expired(b, router(f), n).parse()
					if err != nil {
						t.Fatal(err)
					}
					if got := p.Rewritten(&r.Quoted); got != 0 {
						t.Fatalf("%s, %d bytes of %+v: %s", name(f), n, p, got)
					}
				}
			}
		}
	}
}

func TestRewritten(t *testing.T) {
	for _, test := range []struct {
		what   string
		flow   int
		damage func(q []byte)
		want   string
	}{
		{"NAT that puts back neither", 2, func(q []byte) { q[15]++; q[26]++ }, "source,checksum"},
		{"NAT that forgets the checksum", 2, func(q []byte) { q[26]++ }, "checksum"},
		{"NAT of ICMP that forgets the checksum", 0, func(q []byte) { q[22]++ }, "checksum"},
		{"NAT of TCP that forgets the checksum", 4, func(q []byte) { q[36]++ }, "checksum"},
		{"NAT of UDP over IPv6 that forgets the checksum", 3, func(q []byte) { q[46]++ }, "id,checksum"},
		{"TOS", 2, func(q []byte) { q[1] = 0 }, "tos"},
		{"traffic class and label", 3, func(q []byte) { q[0], q[3] = 0x60, 0 }, "tos,label"},
		{"fragments allowed", 2, func(q []byte) { q[6] = 0 }, "fragment"},
		{"length", 2, func(q []byte) { q[3] += 4 }, "length"},
		{"identification", 4, func(q []byte) { q[4]++ }, "id"},
		{"TTL, which every router rewrites", 2, func(q []byte) { q[8] = 3 }, ""},
	} {
		t.Run(test.what, func(t *testing.T) {
			p := wire.Probe{Flow: flows()[test.flow], TTL: 9, ID: 0x1234, TOS: 0xb8, DontFragment: true}
			b := build(t, p)
			e := expired(b, router(p.Flow), len(b))
			test.damage(e.quote)
			r, err := e.parse()
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Rewritten(&r.Quoted).String(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestProbesWithoutSourceAreComparedToo(t *testing.T) {
	p := wire.Probe{Flow: flows()[2], TTL: 9, ID: 0x1234, TOS: 0xb8}
	r, err := expired(build(t, p), router4, 28).parse()
	if err != nil {
		t.Fatal(err)
	}
	p.Source, p.TOS = netip.Addr{}, 0
	if got := p.Rewritten(&r.Quoted); got != wire.TOSRewritten {
		t.Errorf("got %q", got)
	}
}

func TestAnswersWithoutQuoteTellOfNoRewrites(t *testing.T) {
	p := wire.Probe{Flow: flows()[4], TTL: 9, ID: 0x1234, TOS: 7}
	r, err := answer(t, p, synAck, func([]byte) {})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Rewritten(&r.Quoted); got != 0 {
		t.Errorf("got %s", got)
	}
}
