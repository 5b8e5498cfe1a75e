//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A device is the one that leads to the server.
type device struct {
	link netlink.Link
	// local is the own address there, and prefix its network.
	local  netip.Addr
	prefix netip.Prefix
}

// deviceTo finds the device through which packets to a neighbour leave.
func deviceTo(peer netip.Addr) (device, error) {
	routes, err := netlink.RouteGet(peer.AsSlice())
	if err != nil || len(routes) == 0 {
		return device{}, fmt.Errorf("find the route to %s: %w", peer, err)
	}
	link, err := netlink.LinkByIndex(routes[0].LinkIndex)
	if err != nil {
		return device{}, err
	}
	family := netlink.FAMILY_V4
	if peer.Is6() {
		family = netlink.FAMILY_V6
	}
	addrs, err := netlink.AddrList(link, family)
	if err != nil {
		return device{}, err
	}
	for _, a := range addrs {
		local, ok := netip.AddrFromSlice(a.IP)
		bits, _ := a.Mask.Size()
		if prefix := netip.PrefixFrom(local.Unmap(), bits).Masked(); ok && prefix.Contains(peer) {
			return device{link, local.Unmap(), prefix}, nil
		}
	}
	return device{}, fmt.Errorf("%s is not in a network of %s: client and server must be neighbours", peer, link.Attrs().Name)
}

// localFor returns the own address that a neighbour sees.
func localFor(peer netip.Addr) (netip.Addr, error) {
	d, err := deviceTo(peer)
	return d.local, err
}

// route sends packets to one address through a neighbour from now on.
func (d device) route(to, via netip.Addr) error {
	err := netlink.RouteReplace(&netlink.Route{
		LinkIndex: d.link.Attrs().Index,
		Dst:       &net.IPNet{IP: to.AsSlice(), Mask: net.CIDRMask(to.BitLen(), to.BitLen())},
		Gw:        via.AsSlice(),
	})
	if err != nil {
		return fmt.Errorf("add a route to %s: %w (needs CAP_NET_ADMIN)", to, err)
	}
	return nil
}

// Sizes of the shaper's bucket and of its queue, in bytes: two full frames, because
// the kernel rounds it down and would lose every full frame if just one fitted; and
// more than is ever under way.
const (
	shaperBucket = 2 * 1514
	shaperQueue  = 1 << 20
)

// shape puts a token bucket in front of the device, in bytes per second.
func (d device) shape(rate uint64) error {
	err := netlink.QdiscReplace(&netlink.Tbf{
		QdiscAttrs: netlink.QdiscAttrs{
			LinkIndex: d.link.Attrs().Index, Handle: netlink.MakeHandle(1, 0), Parent: netlink.HANDLE_ROOT},
		Rate: rate, Limit: shaperQueue, Buffer: netlink.Xmittime(rate, shaperBucket),
	})
	if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EOPNOTSUPP) {
		return fmt.Errorf("shape %s: this kernel has no sch_tbf", d.link.Attrs().Name)
	}
	if err != nil {
		return fmt.Errorf("shape %s: %w (needs CAP_NET_ADMIN)", d.link.Attrs().Name, err)
	}
	return nil
}

// unused returns an address of a network that nobody is likely to have: of IPv4
// the nth below its last ten, which container engines give out from the first on;
// of IPv6 the nth after one that no interface identifier looks like.
func unused(network netip.Prefix, n byte) (netip.Addr, error) {
	room := 5 // bits for hosts
	if network.Addr().Is6() {
		room = 16
	}
	if network.Addr().BitLen()-network.Bits() < room {
		return netip.Addr{}, fmt.Errorf("the network %s has no room for addresses that nobody has", network)
	}
	addr := network.Masked().Addr().AsSlice()
	last := len(addr) - 1
	if network.Addr().Is6() {
		addr[last-1], addr[last] = 0xde, 0xad+n
	} else {
		for i, ones := range net.CIDRMask(network.Bits(), 32) {
			addr[i] |= ^ones
		}
		addr[last] -= 10 + n
	}
	result, _ := netip.AddrFromSlice(addr)
	return result, nil
}
