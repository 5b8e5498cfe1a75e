//go:build linux

package testnet

import (
	"net/netip"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Forward makes the router send what is for the destination to some routers of the next
// stage, by their index there; the last stage has the destination at index 0.
func (r *Router) Forward(t testing.TB, next ...int) {
	t.Helper()
	r.forward(t, r.path.Dest, pick(r.right, next))
}

// Return makes the router send what is for the host to some routers of the stage before,
// by their index there.
func (r *Router) Return(t testing.TB, back ...int) {
	t.Helper()
	r.forward(t, r.path.Host, pick(r.left, back))
}

func pick(all []hop, indexes []int) []hop {
	var hops []hop
	for _, i := range indexes {
		hops = append(hops, all[i])
	}
	return hops
}

// Unreachable makes the router answer what is for the destination with "host
// unreachable", or "no route" in IPv6. Forward ends it.
func (r *Router) Unreachable(t testing.TB) {
	t.Helper()
	for _, f := range Families {
		r.replace(t, f, &netlink.Route{
			Dst: ipNet(single(r.path.Dest.Addr(f))), Src: r.Addr(f).AsSlice(), Type: unix.RTN_UNREACHABLE,
		})
	}
}

// forward routes to an end of the path over some hops, of equal weight. The route is to
// the address alone: so it goes before that of a link, and names the router's own
// address as source, of its errors too.
func (r *Router) forward(t testing.TB, to *Namespace, hops []hop) {
	t.Helper()
	for _, f := range Families {
		route := &netlink.Route{Dst: ipNet(single(to.Addr(f))), Src: r.Addr(f).AsSlice()}
		for _, h := range hops {
			via := h.v4
			if f == IPv6 {
				via = h.v6
			}
			next := &netlink.NexthopInfo{LinkIndex: r.link(t, h.device).Attrs().Index}
			if via != to.Addr(f) { // else it is on the link
				next.Gw = via.AsSlice()
			}
			route.MultiPath = append(route.MultiPath, next)
		}
		if len(hops) == 1 {
			route.LinkIndex, route.Gw = route.MultiPath[0].LinkIndex, route.MultiPath[0].Gw
			route.MultiPath = nil
		}
		r.replace(t, f, route)
	}
}

// replace sets the only route to an address. In IPv6 a replacement of another type is
// added beside the old one, so that is removed first.
func (r *Router) replace(t testing.TB, f Family, route *netlink.Route) {
	t.Helper()
	if f == IPv6 {
		old, err := r.nl.RouteListFiltered(netlink.FAMILY_V6, &netlink.Route{Dst: route.Dst, Table: unix.RT_TABLE_MAIN},
			netlink.RT_FILTER_DST|netlink.RT_FILTER_TABLE)
		if err != nil {
			t.Fatalf("list routes to %v of %q: %v", route.Dst, r.Name, err)
		}
		for i := range old {
			if err := r.nl.RouteDel(&old[i]); err != nil {
				t.Fatalf("remove route %v of %q: %v", old[i], r.Name, err)
			}
		}
	}
	if err := r.nl.RouteReplace(route); err != nil {
		t.Fatalf("set route %v of %q: %v", route, r.Name, err)
	}
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// A Disturbance is what netem does to packets that leave a device.
type Disturbance struct {
	// Delay of a packet varies by up to Jitter in both directions, evenly.
	Delay, Jitter time.Duration
	// Loss, Duplicate and Reorder are random shares in percent; what is reordered is
	// sent at once.
	Loss, Duplicate, Reorder float32
}

// Disturb puts netem at the root of the router's devices that face a direction, in the
// place of what is there. It skips like [Namespace.Delay].
func (r *Router) Disturb(t testing.TB, to Direction, d Disturbance) {
	t.Helper()
	hops := r.right
	if to == ToHost {
		hops = r.left
	}
	for _, h := range hops {
		attrs := netlink.QdiscAttrs{
			LinkIndex: r.link(t, h.device).Attrs().Index,
			Handle:    netlink.MakeHandle(1, 0),
			Parent:    netlink.HANDLE_ROOT,
		}
		r.addQdisc(t, "sch_netem", netlink.NewNetem(attrs, netlink.NetemQdiscAttrs{
			Latency: uint32(d.Delay.Microseconds()), Jitter: uint32(d.Jitter.Microseconds()),
			Loss: d.Loss, Duplicate: d.Duplicate, ReorderProb: d.Reorder,
		}))
	}
}
