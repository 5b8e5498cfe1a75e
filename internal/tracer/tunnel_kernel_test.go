//go:build linux && kernel

package tracer

import (
	stdnet "net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/testnet"
)

// tunnel joins the ends of a net by VXLAN, too, and returns the right end's address in it.
func tunnel(t *testing.T, n *testnet.Net) netip.Addr {
	t.Helper()
	ends := []*testnet.Namespace{n.Left, n.Right}
	address := func(i int) netip.Addr { return netip.AddrFrom4([4]byte{198, 19, 0, byte(1 + i)}) }
	mac := func(i int) stdnet.HardwareAddr { return stdnet.HardwareAddr{2, 0, 0, 0, 42, byte(1 + i)} }
	for i, ns := range ends {
		ns.Do(t, func() {
			lower, err := netlink.LinkByName(ns.Device)
			if err != nil {
				t.Error(err)
				return
			}
			link := &netlink.Vxlan{
				LinkAttrs: netlink.LinkAttrs{Name: "vxlan0", MTU: 1400, HardwareAddr: mac(i)}, VxlanId: 42,
				VtepDevIndex: lower.Attrs().Index, SrcAddr: ns.V4.AsSlice(), Group: ends[1-i].V4.AsSlice(), Port: 4789,
			}
			if err := netlink.LinkAdd(link); err != nil {
				t.Errorf("make a tunnel in %q: %v", ns.Name, err)
				return
			}
			own := &stdnet.IPNet{IP: address(i).AsSlice(), Mask: stdnet.CIDRMask(24, 32)}
			neighbour := &netlink.Neigh{LinkIndex: link.Index, State: netlink.NUD_PERMANENT, IP: address(1 - i).AsSlice(), HardwareAddr: mac(1 - i)}
			for _, do := range []func() error{
				func() error { return netlink.AddrAdd(link, &netlink.Addr{IPNet: own}) },
				func() error { return netlink.LinkSetUp(link) },
				func() error { return netlink.NeighSet(neighbour) },
			} {
				if err := do(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if t.Failed() {
		t.FailNow()
	}
	return address(1)
}

// TestTunnelsAreFollowed has a packet sent through a tunnel, which puts headers in front of it.
func TestTunnelsAreFollowed(t *testing.T) {
	n := testnet.New(t)
	to := netip.AddrPortFrom(tunnel(t, n), 9)
	for _, expression := range []string{"udp dst port 9", "udp dst port 9 or (udp and dst host " + n.Right.V4.String() + ")"} {
		t.Run("to its end, traced by "+expression, func(t *testing.T) {
			packets := trace(t, n, expression, func() error { return datagram(t, n.Left, to, 100) })
			if len(packets) != 1 {
				t.Fatalf("%d packets, 1 was sent", len(packets))
			}
			ends(t, packets[0], Dropped, "NO_SOCKET", "udp_sendmsg", "vxlan_xmit", "veth_xmit", "process_backlog")
			var devices []string
			for _, e := range packets[0].Events {
				if e.Device != "" && (len(devices) == 0 || devices[len(devices)-1] != e.Device) {
					devices = append(devices, e.Device)
				}
			}
			if diff := cmp.Diff("vxlan0 left0 right0 vxlan0", strings.Join(devices, " ")); diff != "" {
				t.Errorf("devices (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("until a rule drops it outside", func(t *testing.T) {
		n.Left.DropUDPBefore(t, "postrouting", 4789)
		packets := trace(t, n, "udp dst port 9", func() error { return datagram(t, n.Left, to, 100) })
		if len(packets) != 1 {
			t.Fatalf("%d packets, 1 was sent", len(packets))
		}
		ends(t, packets[0], Dropped, "NETFILTER_DROP", "udp_sendmsg", "vxlan_xmit")
	})
}
