//go:build linux

package host

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// A Neighbour is an entry of the kernel's neighbour table with a MAC address.
type Neighbour struct {
	Addr   netip.Addr
	MAC    [6]byte
	Device int
	// Confirmed tells that the neighbour has answered not long ago, or that somebody has
	// written the entry: it is not only what some packet claimed.
	Confirmed bool
}

// valid are the states in which the kernel sends to the MAC address of an entry.
const valid = netlink.NUD_REACHABLE | netlink.NUD_STALE | netlink.NUD_DELAY | netlink.NUD_PROBE | netlink.NUD_PERMANENT

// NeighbourOf returns an entry as netlink tells it; false if it has no MAC address of
// Ethernet that is in use, or is somebody else's (a proxy's, or a bridge's).
func NeighbourOf(n *netlink.Neigh) (Neighbour, bool) {
	addr, ok := netip.AddrFromSlice(n.IP)
	if !ok || len(n.HardwareAddr) != 6 || n.State&valid == 0 || n.Flags&netlink.NTF_PROXY != 0 || n.Family == unix.AF_BRIDGE {
		return Neighbour{}, false
	}
	return Neighbour{
		Addr: addr.Unmap(), MAC: [6]byte(n.HardwareAddr), Device: n.LinkIndex,
		Confirmed: n.State&(netlink.NUD_REACHABLE|netlink.NUD_PERMANENT) != 0,
	}, true
}

// ReadNeighbours returns the addresses of the default gateways, and the neighbour table.
func ReadNeighbours() (gateways []netip.Addr, neighbours []Neighbour, err error) {
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, fmt.Errorf("open netlink: %w", err)
	}
	defer nl.Close()
	r := reader{nl: nl}
	r.hops()
	if why := r.facts.Unknown[Gateways]; why != "" {
		return nil, nil, errors.New(why)
	}
	for _, g := range r.facts.Gateways {
		gateways = append(gateways, g.Addr)
	}
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		list, err := nl.NeighList(0, family)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // what was read is right; the rest comes next time
			return nil, nil, fmt.Errorf("list neighbours: %w", err)
		}
		for i := range list {
			if n, ok := NeighbourOf(&list[i]); ok {
				neighbours = append(neighbours, n)
			}
		}
	}
	return gateways, neighbours, nil
}
