//go:build linux

package testnet

import (
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Alias gives an end of the path, Host or Dest, one more address of each family. All
// routers know the way to it: what is asked from there, or there, goes the same stages,
// and counts apart for the limits that the kernel keeps for each peer.
func (p *Path) Alias(t testing.TB, end *Namespace, v4, v6 netip.Addr) {
	t.Helper()
	end.loopback(t, v4, v6)
	to := &Namespace{V4: v4, V6: v6}
	for _, stage := range p.Stages {
		for _, r := range stage {
			if end == p.Host {
				r.forward(t, to, r.left)
			} else {
				r.forward(t, to, r.right)
			}
		}
	}
}

// loopback adds addresses of both families to the loopback device.
func (ns *Namespace) loopback(t testing.TB, v4, v6 netip.Addr) {
	t.Helper()
	lo := ns.link(t, "lo")
	for _, a := range []netip.Addr{v4, v6} {
		addr := &netlink.Addr{IPNet: ipNet(single(a)), Flags: unix.IFA_F_NODAD}
		if err := ns.nl.AddrAdd(lo, addr); err != nil {
			t.Fatalf("add address %v to loopback of %q: %v", a, ns.Name, err)
		}
	}
	ns.waitLocal(t, v6)
}

// LinkLocal gives a device a link-local address of IPv6, which no device here has
// otherwise.
//
// From that address alone Linux asks for the neighbour of a packet which is not its own,
// and whether a neighbour is still there: without one it asks nobody, and after 8 seconds
// the neighbour has failed (ndisc_solicit and ndisc_send_ns in net/ipv6/ndisc.c). IPv4
// takes any address of the device (arp_solicit in net/ipv4/arp.c).
func (ns *Namespace) LinkLocal(t testing.TB, device string, ip netip.Addr) {
	t.Helper()
	addr := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(ip, 64)), Flags: unix.IFA_F_NODAD}
	if err := ns.nl.AddrAdd(ns.link(t, device), addr); err != nil {
		t.Fatalf("add address %v to %q: %v", ip, device, err)
	}
	ns.waitLocal(t, ip)
}
