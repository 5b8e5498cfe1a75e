package host

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// stacked is a server whose address is on a VLAN over a bond of two cards.
func stacked(change func(ports []*Device)) *Facts {
	a := Device{Index: 2, Name: "eth0", Up: true, Master: 4, MasterKind: "bond"}
	b := Device{Index: 3, Name: "eth1", Up: true, Master: 4, MasterKind: "bond"}
	change([]*Device{&a, &b})
	return &Facts{
		Devices: []Device{
			{Index: 1, Name: "lo", Up: true, Loopback: true}, a, b,
			{Index: 4, Name: "bond0", Up: true, Kind: "bond"},
			{Index: 5, Name: "bond0.17", Up: true, Kind: "vlan", VLAN: 17, Parent: 4},
		},
		Addresses: []Address{{netip.MustParsePrefix("192.0.2.10/24"), 5, false}},
		Operator:  []Connection{session},
	}
}

func TestPlaces(t *testing.T) {
	none := func([]*Device) {}
	for _, test := range []struct {
		name   string
		change func(ports []*Device)
		want   []string
	}{
		{"tagged on the cards", none, []string{"bond0.17 []", "bond0 [17]", "eth0 [17]", "eth1 [17]"}},
		{"one card strips", func(p []*Device) { p[0].RxVLAN = true }, []string{"bond0.17 []", "bond0 [17]", "eth0 []", "eth1 [17]"}},
		{"one card will not say", func(p []*Device) { p[1].Unknown = map[Fact]string{RxVLAN: "?"} }, []string{"bond0.17 []", "bond0 [17]", "eth0 [17]", "eth1 [17]", "eth1 []"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			for _, p := range stacked(test.change).placesFrom(session.Remote.Addr(), session.Local.Addr()) {
				got = append(got, fmt.Sprintf("%s %v", p.device.Name, p.tags))
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestLockoutOnAPort: a rule against tags cuts off who comes through a VLAN.
func TestLockoutOnAPort(t *testing.T) {
	tagged := policy.Number{Of: policy.TagID, Ranges: []policy.Range{{Low: 17, High: 17}}}
	facts := stacked(func(ports []*Device) {
		for _, p := range ports {
			p.RxVLAN = true
		}
	})
	for _, test := range []struct {
		attach []string
		facts  *Facts
		want   string
	}{
		{[]string{"eth?"}, stacked(func([]*Device) {}), "eth0"},
		{[]string{"bond0.17"}, stacked(func([]*Device) {}), ""},
		{[]string{"eth?"}, facts, ""},
	} {
		p := policy.Policy{Attach: test.attach, Rules: []policy.Rule{drop(tagged)}}
		got := ""
		if cuts := Lockout(&p, test.facts); len(cuts) > 0 {
			got = cuts[0].Interface
		}
		if got != test.want {
			t.Errorf("attached to %v: cut off on %q, want %q", test.attach, got, test.want)
		}
	}
}

func TestInbound(t *testing.T) {
	f := server()
	addr := netip.MustParseAddr
	f.Addresses = append(f.Addresses, Address{netip.MustParsePrefix("203.0.113.1/32"), 1, false}) // a service address on lo
	for _, test := range []struct {
		name          string
		remote, local string
		want          []int
	}{
		{"neighbour", "10.1.9.9", "10.1.0.10", []int{3}},
		{"neighbour that asks another own address", "10.1.9.9", "192.0.2.10", []int{3}},
		{"far", "198.51.100.7", "10.1.0.10", []int{3}},
		{"far, to an address on lo", "198.51.100.7", "203.0.113.1", []int{2}},
		{"far, of IPv6", "2001:db8:9::1", "2001:db8::10", []int{2}},
	} {
		if diff := cmp.Diff(test.want, f.inbound(addr(test.remote), addr(test.local))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	f.Gateways = nil
	if diff := cmp.Diff([]int{2, 3}, f.inbound(addr("198.51.100.7"), addr("203.0.113.1"))); diff != "" {
		t.Errorf("without a gateway (-want +got):\n%s", diff)
	}
}
