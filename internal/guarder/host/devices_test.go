//go:build linux

package host

import (
	"net"
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func TestDeviceOf(t *testing.T) {
	mac := net.HardwareAddr{2, 0, 0, 0, 0, 7}
	for _, test := range []struct {
		link netlink.Link
		want Device
	}{
		{
			&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Index: 9, Name: "eth0.17", MTU: 1496, ParentIndex: 2, NetNsID: -1, HardwareAddr: mac, Flags: net.FlagUp}, VlanId: 17},
			Device{Index: 9, Name: "eth0.17", Kind: "vlan", MTU: 1496, MAC: [6]byte(mac), Up: true, VLAN: 17, Parent: 2},
		},
		{
			&netlink.Vlan{LinkAttrs: netlink.LinkAttrs{Index: 5, Name: "inner", ParentIndex: 5, NetNsID: 3}, VlanId: 17},
			Device{Index: 5, Name: "inner", Kind: "vlan", VLAN: 17},
		},
		{
			// The "parent" of a veth is its peer, maybe of another namespace.
			&netlink.Veth{LinkAttrs: netlink.LinkAttrs{Index: 3, Name: "veth0", ParentIndex: 8, MasterIndex: 4}},
			Device{Index: 3, Name: "veth0", Kind: "veth", Master: 4},
		},
		{
			&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 2, Name: "eth0", Xdp: &netlink.LinkXdp{Attached: true, AttachMode: 1, ProgId: 38}}},
			Device{Index: 2, Name: "eth0", Kind: "device", XDP: &Program{ID: 38, Mode: "native"}},
		},
		{
			&netlink.Device{LinkAttrs: netlink.LinkAttrs{Index: 2, Name: "eth0", Xdp: &netlink.LinkXdp{}}},
			Device{Index: 2, Name: "eth0", Kind: "device"},
		},
	} {
		if diff := cmp.Diff(test.want, deviceOf(test.link)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
}

func TestGatewaysOfARoute(t *testing.T) {
	_, all, _ := net.ParseCIDR("0.0.0.0/0")
	_, half, _ := net.ParseCIDR("0.0.0.0/1")
	a, b := net.IPv4(192, 0, 2, 1), net.IPv4(192, 0, 2, 2)
	hop := func(ip string, device int) Gateway { return Gateway{Addr: netip.MustParseAddr(ip), Device: device} }
	for _, test := range []struct {
		name  string
		route netlink.Route
		want  []Gateway
	}{
		{"one", netlink.Route{Type: unix.RTN_UNICAST, Dst: all, Gw: a, LinkIndex: 2}, []Gateway{hop("192.0.2.1", 2)}},
		{"without destination", netlink.Route{Type: unix.RTN_UNICAST, Gw: a, LinkIndex: 2}, []Gateway{hop("192.0.2.1", 2)}},
		{"two", netlink.Route{Type: unix.RTN_UNICAST, Dst: all, MultiPath: []*netlink.NexthopInfo{{Gw: a, LinkIndex: 2}, {Gw: b, LinkIndex: 3}}}, []Gateway{hop("192.0.2.1", 2), hop("192.0.2.2", 3)}},
		{"IPv4 by IPv6", netlink.Route{Type: unix.RTN_UNICAST, Dst: all, Via: &netlink.Via{AddrFamily: unix.AF_INET6, Addr: net.ParseIP("fe80::1")}, LinkIndex: 2}, []Gateway{hop("fe80::1", 2)}},
		{"into a tunnel", netlink.Route{Type: unix.RTN_UNICAST, Dst: all, LinkIndex: 2}, nil},
		{"half of the world", netlink.Route{Type: unix.RTN_UNICAST, Dst: half, Gw: a, LinkIndex: 2}, nil},
		{"unreachable", netlink.Route{Type: unix.RTN_UNREACHABLE, Dst: all}, nil},
	} {
		var got []Gateway
		if isDefault(test.route) {
			got = hopsOf(test.route)
		}
		if diff := cmp.Diff(test.want, got, plain); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestStatesOfSockets(t *testing.T) {
	tcp := map[uint8]State{1: Established, 2: Opening, 3: Opening, 4: Closing, 6: Closing, 7: Closing, 8: Closing, 10: Listening, 12: Opening}
	for state, want := range tcp {
		if got := stateOf(unix.IPPROTO_TCP, state); got != want {
			t.Errorf("TCP %d: %d, want %d", state, got, want)
		}
	}
	if a, b := stateOf(unix.IPPROTO_UDP, 7), stateOf(unix.IPPROTO_UDP, 1); a != Listening || b != Established {
		t.Errorf("UDP: %d, %d", a, b)
	}
}
