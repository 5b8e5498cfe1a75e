package host

import (
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// gateway returns what finds a gateway, and what a gateway asks.
func (f *Facts) gateway(g Gateway) []Need {
	d, ok := f.Device(g.Device)
	own := f.ownOn(g.Device, g.Addr.Is4())
	if !ok || !own.IsValid() {
		return nil
	}
	places := f.places(d)
	if g.Addr.Is4() {
		return f.resolution(g, d, own, places)
	}
	advert := f.discovery(g, own, advertisement, g.Addr)
	ask := f.discovery(g, solicitedNode(own), solicitation, own)
	needs := append(
		f.need(NeedNeighbour, g.Resolved, advert, places, "the neighbour advertisement of gateway %v", g.Addr),
		f.need(NeedNeighbour, g.Resolved, ask, places, "the neighbour solicitation of gateway %v for %v", g.Addr, own)...)
	if !g.Addr.IsLinkLocalUnicast() {
		return needs // it does not advertise itself by this address (RFC 4861, 6.1.2)
	}
	router := f.discovery(g, allNodes, routerAdvert, netip.Addr{})
	router.Payload = make([]byte, 8) // two timers; options may follow (RFC 4861, 4.2)
	return append(needs, f.need(NeedRouter, f.leased(g.Device, false), router, places, "the router advertisement of gateway %v", g.Addr)...)
}

// resolution is ARP, answer and question.
func (f *Facts) resolution(g Gateway, d Device, own netip.Addr, places []place) []Need {
	answer := packet.Frame{
		SourceMAC: g.MAC, DestinationMAC: d.MAC,
		ARP: &packet.ARP{Operation: 2, SenderMAC: g.MAC, SenderIP: g.Addr, TargetMAC: d.MAC, TargetIP: own},
	}
	ask := packet.Frame{
		SourceMAC: g.MAC, DestinationMAC: [6]byte{255, 255, 255, 255, 255, 255},
		ARP: &packet.ARP{Operation: 1, SenderMAC: g.MAC, SenderIP: g.Addr, TargetIP: own},
	}
	return append(
		f.need(NeedARP, g.Resolved, answer, places, "the ARP reply of gateway %v", g.Addr),
		f.need(NeedARP, g.Resolved, ask, places, "the ARP request of gateway %v for %v", g.Addr, own)...)
}

var allNodes = netip.MustParseAddr("ff02::1")

// discovery returns a message of a gateway, of RFC 4861.
func (f *Facts) discovery(g Gateway, to netip.Addr, kind uint8, target netip.Addr) packet.Frame {
	frame := packet.Frame{
		SourceMAC: g.MAC, Source: g.Addr, Destination: to, TTL: 255, Protocol: packet.ICMPv6,
		ICMP: &packet.Message{Type: kind, Target: target},
	}
	if to.IsMulticast() {
		a := to.As16()
		frame.DestinationMAC = [6]byte{0x33, 0x33, a[12], a[13], a[14], a[15]} // RFC 2464, 7
	}
	return frame
}

// solicitedNode returns the group in which an address is asked for (RFC 4291, 2.7.1).
func solicitedNode(a netip.Addr) netip.Addr {
	from, group := a.As16(), [16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff}
	copy(group[13:], from[13:])
	return netip.AddrFrom16(group)
}

// dns returns an answer of each resolver that is not this host.
func (f *Facts) dns() []Need {
	var needs []Need
	for _, resolver := range f.Resolvers {
		own := f.ownFor(resolver)
		if f.local(resolver) || !own.IsValid() {
			continue
		}
		answer := f.datagram(netip.AddrPortFrom(resolver, 53), netip.AddrPortFrom(own, f.ephemeral()), 64)
		needs = append(needs, f.need(NeedDNS, true, answer, f.placesFrom(resolver, own), "the answer of DNS resolver %v", resolver)...)
	}
	return needs
}

// Ports of DHCP and of DHCPv6: the server's, then the client's.
const (
	dhcpServer, dhcpClient     = 67, 68
	dhcpv6Server, dhcpv6Client = 547, 546
)

// dhcp returns an answer of a server on each device that may have leased its address.
// Some clients keep no trace of the lease in the address, hence the uncertain ones.
func (f *Facts) dhcp() []Need {
	var needs []Need
	for _, d := range f.Devices {
		own := f.ownOn(d.Index, true)
		if !own.IsValid() || d.Loopback || !d.Up {
			continue
		}
		// The server is the gateway, or behind a relay, or a neighbour.
		server := own.Next()
		if i := slices.IndexFunc(f.Gateways, func(g Gateway) bool { return g.Device == d.Index && g.Addr.Is4() }); i >= 0 {
			server = f.Gateways[i].Addr
		}
		offer := f.datagram(netip.AddrPortFrom(server, dhcpServer), netip.AddrPortFrom(own, dhcpClient), 300)
		needs = append(needs, f.need(NeedDHCP, f.leased(d.Index, true) || f.bound(dhcpClient), offer, f.places(d), "the answer of the DHCP server on %s", d.Name)...)
	}
	for _, a := range f.Addresses {
		d, ok := f.Device(a.Device)
		if !ok || !a.Prefix.Addr().IsLinkLocalUnicast() || a.Prefix.Addr().Is4() || !f.bound(dhcpv6Client) {
			continue
		}
		server := netip.MustParseAddr("fe80::1")
		reply := f.datagram(netip.AddrPortFrom(server, dhcpv6Server), netip.AddrPortFrom(a.Prefix.Addr(), dhcpv6Client), 300)
		needs = append(needs, f.need(NeedDHCP, true, reply, f.places(d), "the answer of the DHCPv6 server on %s", d.Name)...)
	}
	return needs
}

// leased tells whether a device has an address of a family that ends by itself.
func (f *Facts) leased(device int, is4 bool) bool {
	return slices.ContainsFunc(f.Addresses, func(a Address) bool {
		return a.Device == device && a.Leased && a.Prefix.Addr().Is4() == is4
	})
}

// bound tells whether a UDP socket has a port.
func (f *Facts) bound(port uint16) bool {
	return slices.ContainsFunc(f.Sockets, func(s Socket) bool { return s.Protocol == packet.UDP && s.Local.Port() == port })
}

// ephemeral returns a port such as the kernel chooses for the end that connects.
func (f *Facts) ephemeral() uint16 {
	if f.FirstPort != 0 && f.LastPort > f.FirstPort {
		return f.FirstPort + (f.LastPort-f.FirstPort)/2
	}
	return 45_000
}
