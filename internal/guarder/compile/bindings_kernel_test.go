//go:build kernel

package compile

import (
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestBindingHoldsWhateverIsClaimed has senders claim the address of a gateway.
func TestBindingHoldsWhateverIsClaimed(t *testing.T) {
	gateway, genuine := netip.MustParseAddr("192.0.2.254"), [6]byte{2, 0, 0, 0, 0, 1}
	tables, err := Compile(&policy.Policy{
		Bindings: map[string]*policy.BindingSet{"gateways": {Name: "gateways", MACs: map[netip.Addr][][6]byte{gateway: {genuine}}}},
		Rules:    []policy.Rule{{Match: policy.Binding{Set: "gateways"}, Action: policy.Drop, Mode: policy.Enforce}},
	}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{Explain: true})
	defer g.Close()
	for _, c := range []struct {
		name string
		mac  [6]byte
		want uint32
	}{
		{"genuine", genuine, uint32(none)},
		{"another", [6]byte{2, 0, 0, 0, 0, 2}, 0},
		// No table may take it for a mark of its own.
		{"zero", [6]byte{}, 0},
		{"broadcast", [6]byte{255, 255, 255, 255, 255, 255}, 0},
	} {
		f := packet.Frame{SourceMAC: c.mac, ARP: &packet.ARP{Operation: 2, SenderMAC: c.mac, SenderIP: gateway, TargetIP: netip.MustParseAddr("192.0.2.7")}}
		if got := judge(t, g, f.Bytes()).Rule; got != c.want {
			t.Errorf("%s: judged by rule %d, want %d", c.name, got, c.want)
		}
	}
}

// TestBindingHoldsForWhoSends has routers tell a MAC address, in frames of another one.
func TestBindingHoldsForWhoSends(t *testing.T) {
	router, genuine, other := netip.MustParseAddr("fe80::fe"), [6]byte{2, 0, 0, 0, 0, 1}, [6]byte{2, 0, 0, 0, 0, 2}
	p := &policy.Policy{
		Bindings: map[string]*policy.BindingSet{"gateways": {Name: "gateways", MACs: map[netip.Addr][][6]byte{router: {genuine}}}},
		Rules:    []policy.Rule{{Match: policy.Binding{Set: "gateways"}, Action: policy.Drop, Mode: policy.Enforce}},
	}
	tables, err := Compile(p, Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := loaded(t, tables, LoadOptions{Explain: true})
	defer g.Close()
	for _, m := range []struct {
		kind   uint8
		before int  // bytes in front of the options
		option byte // of the sender's address, or of the target's
		itself bool // who sends is who speaks
	}{{133, 0, 1, true}, {134, 8, 1, true}, {135, 0, 1, true}, {136, 0, 2, false}} {
		for _, c := range []struct{ sent, told [6]byte }{{genuine, genuine}, {genuine, other}, {other, genuine}, {other, other}} {
			f := packet.Frame{
				SourceMAC: c.sent, Source: router, Destination: netip.MustParseAddr("ff02::1"), TTL: 255, Protocol: packet.ICMPv6,
				ICMP: &packet.Message{Type: m.kind}, Payload: append(append(make([]byte, m.before), m.option, 1), c.told[:]...),
			}
			if m.kind >= 135 {
				f.ICMP.Target = router
			}
			want := uint32(none)
			if c.told != genuine || m.itself && c.sent != genuine {
				want = 0
			}
			pkt := packet.Parse(f.Bytes())
			if got := judge(t, g, f.Bytes()).Rule; got != want || (p.Judge(&pkt, &policy.Env{Bindings: p.Bindings}).Verdict == policy.Dropped) != (want == 0) {
				t.Errorf("type %d from %x that tells %x: judged by rule %d, want %d", m.kind, c.sent, c.told, got, want)
			}
		}
	}
}
