//go:build kernel && linux

package host

import (
	"net"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/testnet"
)

// TestAroundIsOfTheNamespace reads the addresses of a namespace with a gateway that nobody
// has spoken to.
func TestAroundIsOfTheNamespace(t *testing.T) {
	n := testnet.New(t)
	gateway := n.Left.Addr(testnet.IPv4)
	n.Right.Do(t, func() {
		if err := netlink.RouteAdd(&netlink.Route{Gw: net.IP(gateway.AsSlice())}); err != nil {
			t.Fatal(err)
		}
		own, gateways, _, err := ReadAround()
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range []testnet.Family{testnet.IPv4, testnet.IPv6} {
			if a := n.Right.Addr(f); !slices.Contains(own, a) {
				t.Errorf("own addresses %v, without %v", own, a)
			}
		}
		if diff := cmp.Diff([]netip.Addr{gateway}, gateways, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
			t.Errorf("gateways (-want +got):\n%s", diff)
		}
	})
}
