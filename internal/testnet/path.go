//go:build linux

package testnet

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
)

// A Path is a chain of routers between a host and a destination:
//
//	            r2.0
//	host - r1 - r2.1 - r3 - dest
//	            r2.2
//
// Each router forwards to all of the next stage, and back to all of the one before, by
// a hash of addresses and ports (fib_multipath_hash_policy 1). Nothing else is routed.
type Path struct {
	Host, Dest *Namespace
	// Stages[i] are the routers at TTL i+1. There is one at both ends.
	Stages [][]*Router

	links byte
}

// A Router is one of a Path. Its V4 and V6 are of no link: it has one address of each
// family, from which it sends its errors.
type Router struct {
	*Namespace
	path *Path
	// left and right are the devices that face the host and the destination, one for
	// each neighbour in its order.
	left, right []hop
}

// A hop is a way out of a router.
type hop struct {
	device string
	v4, v6 netip.Addr // of the neighbour on this link
}

// A PathConfig says how a path is built.
type PathConfig struct {
	// Widths are the numbers of routers of the stages; the first and the last are 1.
	Widths []int
	// Limited leaves the routers and the destination the kernel's limits of ICMP: in
	// IPv4 one error per second to a peer after a burst of 6. Else there are none.
	Limited bool
}

// NewPath builds a path of which packets of both families are sent at once.
func NewPath(t testing.TB, c PathConfig) *Path {
	t.Helper()
	if len(c.Widths) == 0 || c.Widths[0] != 1 || c.Widths[len(c.Widths)-1] != 1 {
		t.Fatalf("path of stages %v: want one router at both ends", c.Widths)
	}
	p := &Path{Host: newNamespace(t, "host"), Dest: newNamespace(t, "dest")}
	for i, width := range c.Widths {
		stage := make([]*Router, width)
		for k := range stage {
			name := fmt.Sprintf("r%d", i+1)
			if width > 1 {
				name += fmt.Sprintf(".%d", k)
			}
			stage[k] = &Router{Namespace: newNamespace(t, name), path: p}
		}
		p.Stages = append(p.Stages, stage)
	}
	p.limits(t, c.Limited)
	p.connect(t)
	for i, stage := range p.Stages {
		for k, r := range stage {
			r.own(t, byte(i), byte(k))
			// After the devices have lost their multicast flag, as in NewRouted.
			r.Set(t, "ipv4/conf/all/forwarding", "1")
			r.Set(t, "ipv6/conf/all/forwarding", "1")
			r.Set(t, "ipv4/fib_multipath_hash_policy", "1")
			r.Set(t, "ipv6/fib_multipath_hash_policy", "1")
			r.forward(t, p.Dest, r.right)
			r.forward(t, p.Host, r.left)
		}
	}
	return p
}

// Hops returns who answers at TTL i+1 in a family, the destination last.
func (p *Path) Hops(f Family) [][]netip.Addr {
	var hops [][]netip.Addr
	for _, stage := range p.Stages {
		var addrs []netip.Addr
		for _, r := range stage {
			addrs = append(addrs, r.Addr(f))
		}
		hops = append(hops, addrs)
	}
	return append(hops, []netip.Addr{p.Dest.Addr(f)})
}

// SetMTU sets the largest packet of the links that lead to a TTL, in both directions.
func (p *Path) SetMTU(t testing.TB, ttl, bytes int) {
	t.Helper()
	if ttl <= len(p.Stages) {
		for _, r := range p.Stages[ttl-1] {
			for _, h := range r.left {
				r.SetMTU(t, h.device, bytes)
			}
		}
	}
	if ttl == 1 {
		p.Host.SetMTU(t, p.Host.Device, bytes)
		return
	}
	for _, r := range p.Stages[ttl-2] {
		for _, h := range r.right {
			r.SetMTU(t, h.device, bytes)
		}
	}
	if ttl > len(p.Stages) {
		p.Dest.SetMTU(t, p.Dest.Device, bytes)
	}
}

// limits must be called before there are devices, which take over rp_filter.
func (p *Path) limits(t testing.TB, limited bool) {
	t.Helper()
	all := []*Namespace{p.Host, p.Dest}
	for _, stage := range p.Stages {
		for _, r := range stage {
			all = append(all, r.Namespace)
		}
	}
	for _, ns := range all {
		// Answers may come back another way.
		ns.Set(t, "ipv4/conf/all/rp_filter", "0")
		ns.Set(t, "ipv4/conf/default/rp_filter", "0")
		if !limited {
			// Types that are limited: none, and one that nobody sends. That lifts the
			// limit to what the whole host sends too, which no namespace can set before
			// Linux 6.13.
			ns.Set(t, "ipv4/icmp_ratelimit", "0")
			ns.Set(t, "ipv4/icmp_ratemask", "0")
			ns.Set(t, "ipv6/icmp/ratelimit", "0")
			ns.Set(t, "ipv6/icmp/ratemask", "255")
		}
	}
}

// connect joins each namespace with all of the next stage, and routes the ends.
func (p *Path) connect(t testing.TB) {
	t.Helper()
	first, last := p.Stages[0][0], p.Stages[len(p.Stages)-1][0]
	toHost := p.link(t, port{p.Host, "host0"}, port{first.Namespace, "left0"})
	first.left = []hop{toHost[0]}
	for i, stage := range p.Stages[1:] {
		for k, right := range stage {
			for j, left := range p.Stages[i] {
				a := port{left.Namespace, fmt.Sprintf("right%d", k)}
				b := port{right.Namespace, fmt.Sprintf("left%d", j)}
				ends := p.link(t, a, b)
				left.right = append(left.right, ends[1])
				right.left = append(right.left, ends[0])
			}
		}
	}
	toDest := p.link(t, port{last.Namespace, "right0"}, port{p.Dest, "dest0"})
	last.right = []hop{toDest[1]}
	p.Host.defaults(t, toHost[1])
	p.Dest.defaults(t, toDest[0])
}

// link joins two ports and returns the hops to the first, on the second's device, and to
// the second, on the first's.
func (p *Path) link(t testing.TB, a, b port) [2]hop {
	t.Helper()
	p.links++
	join(t, p.links, a, b)
	return [2]hop{
		{b.device, address4(p.links, 1), address6(p.links, 1)},
		{a.device, address4(p.links, 2), address6(p.links, 2)},
	}
}

// defaults routes everything over one hop.
func (ns *Namespace) defaults(t testing.TB, h hop) {
	t.Helper()
	ns.route(t, netip.PrefixFrom(netip.IPv4Unspecified(), 0), h.v4)
	ns.route(t, netip.PrefixFrom(netip.IPv6Unspecified(), 0), h.v6)
}

// own gives a router its addresses. They are on loopback, as real routers have them.
func (r *Router) own(t testing.TB, stage, index byte) {
	t.Helper()
	r.V4 = netip.AddrFrom4([4]byte{198, 19, stage + 1, index + 1})
	r.V6 = netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 4: 1, 5: stage + 1, 15: index + 1})
	r.loopback(t, r.V4, r.V6)
}

// Renumber gives the host other source addresses, of which only the first router knows
// where they are: with those of a private network, the others answer only if that one
// translates ([Router.Masquerade]).
func (p *Path) Renumber(t testing.TB, v4, v6 netip.Addr) {
	t.Helper()
	first := p.Stages[0][0]
	p.Host.loopback(t, v4, v6)
	first.forward(t, &Namespace{V4: v4, V6: v6}, first.left)
	gateway := hop{v4: address4(1, 2), v6: address6(1, 2)}
	for _, r := range []*netlink.Route{
		{Dst: ipNet(netip.PrefixFrom(netip.IPv4Unspecified(), 0)), Gw: gateway.v4.AsSlice(), Src: v4.AsSlice()},
		{Dst: ipNet(netip.PrefixFrom(netip.IPv6Unspecified(), 0)), Gw: gateway.v6.AsSlice(), Src: v6.AsSlice()},
	} {
		if err := p.Host.nl.RouteReplace(r); err != nil {
			t.Fatalf("replace the default route of the host: %v", err)
		}
	}
	// What is translated comes from the first router's side of its next link.
	for _, stage := range p.Stages[1:] {
		for _, r := range stage {
			seen := p.Stages[1][0].left[0]
			r.forward(t, &Namespace{V4: seen.v4, V6: seen.v6}, r.left)
		}
	}
}
