//go:build kernel && linux

package testnet

import (
	"errors"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// TestRoutersAskFromALinkLocalAddress: a router that has to ask for a host finds it over
// IPv4, and over IPv6 once its device has a link-local address.
func TestRoutersAskFromALinkLocalAddress(t *testing.T) {
	n := NewRouted(t)
	n.Left.ResolveNeighbours(t, n.Left.Device)
	n.Router.ResolveNeighbours(t, n.Router.Device)
	if err := SendTCP(n.Right, n.Left, IPv4, 3); err != nil {
		t.Error(err)
	}
	n.Router.Set(t, "ipv6/neigh/"+n.Router.Device+"/retrans_time_ms", "20") // so that it fails soon
	if err := SendTCP(n.Right, n.Left, IPv6, 3); !errors.Is(err, unix.EHOSTUNREACH) {
		t.Errorf("without a link-local address: %v, want %v", err, unix.EHOSTUNREACH)
	}
	// The host joins the group in which it is asked for up to 1 s after it can be asked
	// (addrconf_dad_kick in net/ipv6/addrconf.c).
	n.Router.Set(t, "ipv6/neigh/"+n.Router.Device+"/retrans_time_ms", "1000")
	n.Left.LinkLocal(t, n.Left.Device, netip.MustParseAddr("fe80::1"))
	n.Router.LinkLocal(t, n.Router.Device, netip.MustParseAddr("fe80::fe"))
	if err := SendTCP(n.Right, n.Left, IPv6, 3); err != nil {
		t.Error(err)
	}
}
