//go:build kernel

package compile

import (
	"net/netip"
	"testing"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// TestOwnAddressesChange gives a host addresses and takes them away while its policy
// is loaded. Some of them share a bit of the filter.
func TestOwnAddressesChange(t *testing.T) {
	tables, err := Compile(&policy.Policy{Rules: []policy.Rule{
		{Match: policy.Own{Of: policy.Source}, Action: policy.Drop, Mode: policy.Enforce},
	}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := []netip.Addr{netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("2001:db8::7"), netip.MustParseAddr("::ffff:198.51.100.7")}
	bits := make(map[uint32]netip.Addr)
	for a := netip.MustParseAddr("10.0.0.0"); ; a = a.Next() {
		if other, there := bits[ownBit(wordsOf(a))]; there {
			all = append(all, other, a)
			break
		}
		bits[ownBit(wordsOf(a))] = a
	}
	g := loaded(t, tables, LoadOptions{Explain: true, Own: all[:1]})
	defer g.Close()
	for _, own := range [][]netip.Addr{all[:1], all[1:2], all[2:4], all, all[4:], nil} {
		if err := g.SetOwn(own); err != nil {
			t.Fatal(err)
		}
		for _, a := range all {
			f := packet.Frame{Source: a, Destination: a.Next(), Protocol: packet.UDP}
			want := uint32(none)
			for _, o := range own {
				if o == a {
					want = 0
				}
			}
			if got := judge(t, g, f.Bytes()).Rule; got != want {
				t.Errorf("with own addresses %v, %v was judged by rule %d, want %d", own, a, got, want)
			}
		}
	}
}
