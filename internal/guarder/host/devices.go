//go:build linux

package host

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"

	"github.com/cilium/ebpf"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

func (r *reader) devices() {
	links, err := r.nl.LinkList()
	if err != nil {
		// An interrupted dump still lists the devices that it met.
		r.note(Devices, fmt.Errorf("list devices: %w", err))
	}
	kinds := make(map[int]string, len(links))
	for _, l := range links {
		kinds[l.Attrs().Index] = l.Type()
	}
	for _, l := range links {
		d := deviceOf(l)
		d.MasterKind = kinds[d.Master]
		describeXDP(&d)
		readOffloads(&d)
		r.facts.Devices = append(r.facts.Devices, d)
	}
	slices.SortFunc(r.facts.Devices, func(a, b Device) int { return cmp.Compare(a.Index, b.Index) })
}

// deviceOf returns what the kernel says in its list of devices.
func deviceOf(l netlink.Link) Device {
	a := l.Attrs()
	d := Device{
		Index: a.Index, Name: a.Name, Kind: l.Type(), MTU: a.MTU, Master: a.MasterIndex,
		Up: a.Flags&net.FlagUp != 0, Loopback: a.Flags&net.FlagLoopback != 0,
	}
	copy(d.MAC[:], a.HardwareAddr)
	if vlan, ok := l.(*netlink.Vlan); ok {
		d.VLAN = uint16(vlan.VlanId)
		// The index of a parent in another namespace is that of another device here.
		if a.NetNsID < 0 {
			d.Parent = a.ParentIndex
		}
	}
	if a.Xdp != nil && a.Xdp.Attached {
		d.XDP = &Program{ID: a.Xdp.ProgId, Mode: xdpMode(a.Xdp.AttachMode)}
	}
	return d
}

// Values of IFLA_XDP_ATTACHED (if_link.h).
const (
	attachedDriver = 1 + iota
	attachedSKB
	attachedHardware
	attachedMulti
)

func xdpMode(mode uint32) string {
	switch mode {
	case attachedDriver:
		return "native"
	case attachedSKB:
		return "generic"
	case attachedHardware:
		return "offload"
	case attachedMulti:
		return "multi"
	}
	return fmt.Sprintf("mode %d", mode)
}

// describeXDP finds the name of the device's program, which needs CAP_SYS_ADMIN.
func describeXDP(d *Device) {
	if d.XDP == nil {
		return
	}
	if d.XDP.ID == 0 { // several programs, none of which the kernel names here
		miss(&d.Unknown, XDP, "the kernel names no program")
		return
	}
	prog, err := ebpf.NewProgramFromID(ebpf.ProgramID(d.XDP.ID))
	if err != nil {
		miss(&d.Unknown, XDP, fmt.Sprintf("open program %d: %v", d.XDP.ID, err))
		return
	}
	defer prog.Close()
	info, err := prog.Info()
	if err != nil {
		miss(&d.Unknown, XDP, fmt.Sprintf("read program %d: %v", d.XDP.ID, err))
		return
	}
	d.XDP.Name = info.Name
}

func (r *reader) addresses() {
	list, err := r.nl.AddrList(nil, netlink.FAMILY_ALL)
	if err != nil {
		r.note(Addresses, fmt.Errorf("list addresses: %w", err))
	}
	for _, a := range list {
		if addr, ok := addressOf(a); ok {
			r.facts.Addresses = append(r.facts.Addresses, addr)
		}
	}
}

func addressOf(a netlink.Addr) (Address, bool) {
	ip, ok := netip.AddrFromSlice(a.IP)
	if !ok {
		return Address{}, false
	}
	bits, _ := a.Mask.Size()
	return Address{
		Prefix: netip.PrefixFrom(ip.Unmap(), bits),
		Device: a.LinkIndex,
		Leased: a.Flags&unix.IFA_F_PERMANENT == 0,
	}, true
}

func (r *reader) gateways() {
	r.hops()
	for i := range r.facts.Gateways {
		if err := r.resolve(&r.facts.Gateways[i]); err != nil {
			r.note(Gateways, err)
		}
	}
}

// hops lists the gateways, without their MAC addresses.
func (r *reader) hops() {
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		// A route to 0.0.0.0/0 by filter, so that the other routes, of which a
		// router has a million, are passed over one by one.
		err := r.nl.RouteListFilteredIter(family, &netlink.Route{Table: unix.RT_TABLE_MAIN}, netlink.RT_FILTER_TABLE, func(route netlink.Route) bool {
			if isDefault(route) {
				r.facts.Gateways = append(r.facts.Gateways, hopsOf(route)...)
			}
			return true
		})
		if err != nil {
			r.note(Gateways, fmt.Errorf("list routes of family %d: %w", family, err))
		}
	}
}

func isDefault(route netlink.Route) bool {
	if route.Type != unix.RTN_UNICAST {
		return false
	}
	if route.Dst == nil {
		return true
	}
	bits, _ := route.Dst.Mask.Size()
	return bits == 0
}

// hopsOf returns the gateways of a default route, without MAC addresses. A route
// into a tunnel has none.
func hopsOf(route netlink.Route) []Gateway {
	var hops []Gateway
	add := func(ip net.IP, via netlink.Destination, device int) {
		if v, ok := via.(*netlink.Via); ok && ip == nil { // IPv4 by an IPv6 gateway
			ip = v.Addr
		}
		if addr, ok := netip.AddrFromSlice(ip); ok {
			hops = append(hops, Gateway{Addr: addr.Unmap(), Device: device})
		}
	}
	if len(route.MultiPath) == 0 {
		add(route.Gw, route.Via, route.LinkIndex)
	}
	for _, hop := range route.MultiPath {
		add(hop.Gw, hop.Via, hop.LinkIndex)
	}
	return hops
}

// resolve looks the gateway up in the neighbour table.
func (r *reader) resolve(g *Gateway) error {
	family := netlink.FAMILY_V4
	if g.Addr.Is6() {
		family = netlink.FAMILY_V6
	}
	list, err := r.nl.NeighList(g.Device, family)
	if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) {
		return fmt.Errorf("list neighbours: %w", err)
	}
	for _, n := range list {
		addr, ok := netip.AddrFromSlice(n.IP)
		if ok && addr.Unmap() == g.Addr && len(n.HardwareAddr) == len(g.MAC) {
			copy(g.MAC[:], n.HardwareAddr)
			g.Resolved = true
			return nil
		}
	}
	return fmt.Errorf("gateway %v has no MAC address in the neighbour table yet", g.Addr)
}
