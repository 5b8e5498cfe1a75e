//go:build linux

package testnet

import (
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A port is one end of a veth pair.
type port struct {
	ns     *Namespace
	device string
}

// join links two ports. The first becomes host 1 of the given subnets, the
// second host 2. A namespace takes its addresses from its first port.
func join(t testing.TB, link byte, a, b port) {
	t.Helper()
	pair := &netlink.Veth{
		LinkAttrs:     netlink.LinkAttrs{Name: a.device},
		PeerName:      b.device,
		PeerNamespace: netlink.NsFd(b.ns.fd),
	}
	if err := a.ns.nl.LinkAdd(pair); err != nil {
		t.Fatalf("make veth pair %q, %q: %v", a.device, b.device, err)
	}
	// Not left to the end of the namespace, which the kernel gives up later,
	// when it finds the time.
	t.Cleanup(func() { a.ns.nl.LinkDel(pair) })
	ends := []port{a, b}
	macs := make([]net.HardwareAddr, len(ends))
	for i, end := range ends {
		macs[i] = end.ns.silence(t, end.device)
		end.ns.up(t, end.device)
	}
	for i, end := range ends {
		end.ns.waitUp(t, end.device)
		host, peer := byte(i+1), byte(2-i)
		end.ns.number(t, end.device, address4(link, host), address6(link, host))
		end.ns.neighbour(t, end.device, address4(link, peer), macs[1-i])
		end.ns.neighbour(t, end.device, address6(link, peer), macs[1-i])
	}
}

// link finds a device of the namespace.
func (ns *Namespace) link(t testing.TB, device string) netlink.Link {
	t.Helper()
	l, err := ns.nl.LinkByName(device)
	if err != nil {
		t.Fatalf("find device %q in %q: %v", device, ns.Name, err)
	}
	return l
}

// silence clears the flags that make a device talk on its own: without IFF_NOARP
// cleared addresses would be resolved and solicited-node groups reported by MLD,
// and with IFF_MULTICAST a router would report its groups. It returns the
// hardware address.
func (ns *Namespace) silence(t testing.TB, device string) net.HardwareAddr {
	t.Helper()
	l := ns.link(t, device)
	if err := ns.nl.LinkSetARPOff(l); err != nil {
		t.Fatalf("turn ARP off on %q: %v", device, err)
	}
	if err := ns.nl.LinkSetMulticastOff(l); err != nil {
		t.Fatalf("turn multicast off on %q: %v", device, err)
	}
	return l.Attrs().HardwareAddr
}

func (ns *Namespace) up(t testing.TB, device string) {
	t.Helper()
	if err := ns.nl.LinkSetUp(ns.link(t, device)); err != nil {
		t.Fatalf("set device %q up: %v", device, err)
	}
}

// waitUp waits until the kernel has seen the carrier of the device. Before that
// the device has the "noop" queueing discipline, which drops everything. The
// kernel takes the same lock (RTNL) to answer as to change the state, so the
// answer "up" means that the change is complete.
func (ns *Namespace) waitUp(t testing.TB, device string) {
	t.Helper()
	for deadline := time.Now().Add(patience()); time.Now().Before(deadline); {
		if ns.link(t, device).Attrs().OperState == netlink.OperUp {
			return
		}
	}
	t.Fatalf("device %q is not up after %v", device, patience())
}

// number gives a device its addresses, and the namespace too if it has none.
func (ns *Namespace) number(t testing.TB, device string, v4, v6 netip.Addr) {
	t.Helper()
	l := ns.link(t, device)
	for _, p := range []netip.Prefix{netip.PrefixFrom(v4, 24), netip.PrefixFrom(v6, 64)} {
		addr := &netlink.Addr{IPNet: ipNet(p), Flags: unix.IFA_F_NODAD}
		if err := ns.nl.AddrAdd(l, addr); err != nil {
			t.Fatalf("add address %v to %q: %v", p, device, err)
		}
	}
	ns.waitLocal(t, v6)
	if ns.Device == "" {
		ns.Device, ns.V4, ns.V6 = device, v4, v6
	}
}

// waitLocal waits until packets to an IPv6 address of the namespace are taken
// in. Even without duplicate detection a work queue of the kernel adds the
// route for that (addrconf_dad_work), some time after the address.
func (ns *Namespace) waitLocal(t testing.TB, addr netip.Addr) {
	t.Helper()
	for deadline := time.Now().Add(patience()); time.Now().Before(deadline); {
		routes, err := ns.nl.RouteGet(addr.AsSlice())
		if err == nil && len(routes) == 1 && routes[0].Type == unix.RTN_LOCAL {
			return
		}
	}
	t.Fatalf("address %v has no local route after %v", addr, patience())
}

func (ns *Namespace) neighbour(t testing.TB, device string, peer netip.Addr, mac net.HardwareAddr) {
	t.Helper()
	n := &netlink.Neigh{
		LinkIndex:    ns.link(t, device).Attrs().Index,
		State:        netlink.NUD_PERMANENT,
		IP:           peer.AsSlice(),
		HardwareAddr: mac,
	}
	if err := ns.nl.NeighSet(n); err != nil {
		t.Fatalf("set neighbour %v of %q: %v", peer, device, err)
	}
}

func (ns *Namespace) route(t testing.TB, to netip.Prefix, via netip.Addr) {
	t.Helper()
	r := &netlink.Route{Dst: ipNet(to), Gw: via.AsSlice()}
	if err := ns.nl.RouteAdd(r); err != nil {
		t.Fatalf("add route to %v via %v in %q: %v", to, via, ns.Name, err)
	}
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{
		IP:   p.Addr().AsSlice(),
		Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
	}
}

// Packets returns how many packets the namespace's device has received and sent,
// by the device's own counters. A veth device counts one for each skb.
func (ns *Namespace) Packets(t testing.TB) (received, sent uint64) {
	t.Helper()
	s := ns.link(t, ns.Device).Attrs().Statistics
	return s.RxPackets, s.TxPackets
}
