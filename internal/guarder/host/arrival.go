package host

import (
	"net/netip"
	"slices"
)

// A place is where XDP may see a packet: a device, and the VLAN tags that the packet
// has there, the outer one first.
type place struct {
	device Device
	tags   []uint16
}

// placesFrom returns the places where a packet from remote to an own address arrives.
// The device is that on whose network remote is; else that of the own address; else
// those of the gateways; else any. Routes to other networks are not consulted: a
// packet may come in where none goes out.
func (f *Facts) placesFrom(remote, local netip.Addr) []place {
	var places []place
	for _, index := range f.inbound(remote, local) {
		if d, ok := f.Device(index); ok {
			places = append(places, f.places(d)...)
		}
	}
	return places
}

// inbound returns the indices of the devices of [Facts.placesFrom], each once.
func (f *Facts) inbound(remote, local netip.Addr) []int {
	if devices, _ := f.link(remote); len(devices) > 0 {
		return devices
	}
	for _, a := range f.Addresses {
		// An address on lo or on a dummy is reached through another device.
		if d, ok := f.Device(a.Device); ok && a.Prefix.Addr() == local && !d.Loopback && d.Kind != "dummy" {
			return []int{a.Device}
		}
	}
	if devices := f.uplinks(remote); len(devices) > 0 {
		return devices
	}
	var all []int
	for _, d := range f.Devices {
		if d.Up && !d.Loopback {
			all = append(all, d.Index)
		}
	}
	return all
}

// link returns the devices on whose network an address is, by the longest prefix, and
// the own address there.
func (f *Facts) link(addr netip.Addr) (devices []int, own netip.Addr) {
	longest := -1
	for _, a := range f.Addresses {
		d, ok := f.Device(a.Device)
		if !ok || d.Loopback || !a.Prefix.Masked().Contains(addr) || a.Prefix.Bits() < longest {
			continue
		}
		if a.Prefix.Bits() > longest {
			longest, devices, own = a.Prefix.Bits(), nil, a.Prefix.Addr()
		}
		if !slices.Contains(devices, a.Device) {
			devices = append(devices, a.Device)
		}
	}
	return devices, own
}

// uplinks returns the devices of the gateways of an address's family.
func (f *Facts) uplinks(addr netip.Addr) []int {
	var devices []int
	for _, g := range f.Gateways {
		if g.Addr.Is4() == addr.Is4() && !slices.Contains(devices, g.Device) {
			devices = append(devices, g.Device)
		}
	}
	return devices
}

// places returns where a packet for a device can be seen: there, on the ports of a
// bridge or bond, and on the parent of a VLAN, where it has the tag unless the card
// takes it off. An outer tag that may or may not be taken off gives both places.
func (f *Facts) places(d Device) []place {
	places := []place{{device: d}}
	for _, port := range f.Devices {
		if port.Master == d.Index && port.MasterKind != "vrf" {
			places = append(places, f.places(port)...)
		}
	}
	parent, ok := f.Device(d.Parent)
	if d.VLAN == 0 || !ok {
		return places
	}
	for _, p := range f.places(parent) {
		_, unsure := p.device.Unknown[RxVLAN]
		strips := len(p.tags) == 0 && p.device.RxVLAN
		if !strips {
			places = append(places, place{p.device, append(slices.Clone(p.tags), d.VLAN)})
		}
		if strips || unsure && len(p.tags) == 0 {
			places = append(places, p)
		}
	}
	return places
}

// ownFor returns an own address that a packet from remote would be sent to: that of
// the network on which remote is, else one of the first device on which it arrives.
// It is not valid if the host has none of the family.
func (f *Facts) ownFor(remote netip.Addr) netip.Addr {
	if _, own := f.link(remote); own.IsValid() {
		return own
	}
	for _, index := range f.inbound(remote, netip.Addr{}) {
		if own := f.ownOn(index, remote.Is4()); own.IsValid() {
			return own
		}
	}
	return netip.Addr{}
}

// ownOn returns the first address of a family on a device, of IPv6 a global one if
// there is one.
func (f *Facts) ownOn(device int, is4 bool) (own netip.Addr) {
	for _, a := range f.Addresses {
		addr := a.Prefix.Addr()
		if a.Device != device || addr.Is4() != is4 || own.IsValid() && !own.IsLinkLocalUnicast() {
			continue
		}
		own = addr
	}
	return own
}
