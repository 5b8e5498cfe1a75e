//go:build linux

package network

import (
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// routeAge is how long a route is believed. Changes of routes and addresses are rare,
// but a probe from an address that is gone is lost.
const routeAge = 10 * time.Second

// maxRoutes bounds what is kept of destinations that are not probed any more.
const maxRoutes = 1024

// routes asks the kernel for routes, in the namespace that it was made in.
type routes struct {
	mu    sync.Mutex
	nl    *netlink.Handle // nil after close
	known map[netip.Addr]route
}

type route struct {
	source netip.Addr
	mtu    int // bytes, of the device
	asked  time.Time
}

func openRoutes() (*routes, error) {
	nl, err := netlink.NewHandle(unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &routes{nl: nl, known: make(map[netip.Addr]route)}, nil
}

// to returns the route to a destination.
func (r *routes) to(destination netip.Addr, now time.Time) (route, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if known, ok := r.known[destination]; ok && now.Sub(known.asked) < routeAge {
		return known, nil
	}
	if r.nl == nil {
		return route{}, ErrClosed
	}
	found, err := r.ask(destination)
	if err != nil {
		return route{}, fmt.Errorf("look up the route to %v: %w", destination, err)
	}
	found.asked = now
	if len(r.known) >= maxRoutes {
		clear(r.known)
	}
	r.known[destination] = found
	return found, nil
}

func (r *routes) ask(destination netip.Addr) (route, error) {
	found, err := r.nl.RouteGet(destination.AsSlice())
	if err != nil {
		return route{}, err
	}
	if len(found) == 0 {
		return route{}, unix.ENETUNREACH
	}
	source, ok := netip.AddrFromSlice(found[0].Src)
	if !ok {
		return route{}, unix.EADDRNOTAVAIL
	}
	if destination.Is4() {
		source = source.Unmap()
	}
	link, err := r.nl.LinkByIndex(found[0].LinkIndex)
	if err != nil {
		return route{}, fmt.Errorf("read the MTU of device %d: %w", found[0].LinkIndex, err)
	}
	return route{source: source, mtu: link.Attrs().MTU}, nil
}

// forget has a route asked for again.
func (r *routes) forget(destination netip.Addr) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.known, destination)
}

func (r *routes) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.nl.Close()
	r.nl = nil
}
