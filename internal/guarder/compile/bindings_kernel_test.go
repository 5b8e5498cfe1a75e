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
