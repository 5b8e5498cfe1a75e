//go:build linux

package host

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ReadAround returns the addresses of this host, and those of its gateways and of the name
// servers of /etc/resolv.conf; if that names a service on this host, also those that it
// asks, if it is one that tells. It takes less than Read, and fails if the kernel does not tell all of the former.
func ReadAround() (own, gateways, resolvers []netip.Addr, err error) {
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, nil, nil, fmt.Errorf("open netlink: %w", err)
	}
	defer nl.Close()
	r := reader{nl: nl, proc: "/proc", etc: "/etc", run: "/run", pid: os.Getpid(), env: os.Getenv}
	r.addresses()
	r.hops()
	for _, fact := range []Fact{Addresses, Gateways} {
		if why := r.facts.Unknown[fact]; why != "" {
			return nil, nil, nil, errors.New(why)
		}
	}
	r.resolvers() // a host may have none
	for _, a := range r.facts.Addresses {
		own = append(own, a.Prefix.Addr())
	}
	for _, g := range r.facts.Gateways {
		gateways = append(gateways, g.Addr)
	}
	return own, gateways, r.facts.Resolvers, nil
}
