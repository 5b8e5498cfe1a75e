//go:build kernel && linux

package attack

import (
	"errors"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/testnet"
)

var (
	everybody = [6]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	other     = [6]byte{2, 0, 0, 0, 0, 0x31} // somebody else on the link
	others4   = netip.MustParseAddr("198.18.1.31")
	others6   = netip.MustParseAddr("2001:db8:1::31")
	nobody4   = netip.IPv4Unspecified()
	nobody6   = netip.IPv6Unspecified()
)

// neighbours are what the link says in an hour: the frames in their numbers, mixed, and
// the host that asks for its gateway itself.
func (h *hour) neighbours() error {
	var all []packet.Frame
	add := func(times int, frames ...packet.Frame) {
		for range times {
			all = append(all, frames...)
		}
	}
	host4, host6 := h.path.Host.V4, h.path.Host.V6
	add(60, h.arp(other, 1, others4, host4), h.arp(h.router, 1, h.gateway[testnet.IPv4], host4)) // who has this host's address?
	add(600, h.arp(other, 1, others4, others4.Next()))                                           // and that of others
	add(10, h.arp(other, 1, nobody4, others4), h.arp(other, 1, others4, others4))                // probes and announcements: RFC 5227
	add(60, nd(other, others6, solicited(host6), packet.Message{Type: 135, Target: host6}, linkAddress(1, other)...))
	add(10, nd(other, nobody6, solicited(others6), packet.Message{Type: 135, Target: others6})) // duplicate address detection
	add(10, nd(other, others6, allNodes, packet.Message{Type: 136, MTU: 0x2000_0000, Target: others6}, linkAddress(2, other)...))
	add(18, nd(h.router, trueRouter, allNodes, packet.Message{Type: 134, MTU: halfAnHour}, append(make([]byte, 8), linkAddress(1, h.router)...)...))
	add(29, igmpQuery(h.router, h.gateway[testnet.IPv4]), mldQuery(h.router))
	add(30, dhcp(other, nobody4, netip.MustParseAddr("255.255.255.255"), 68, 67))                                                                     // of others
	add(4, dhcp(h.router, h.gateway[testnet.IPv4], host4, 67, 68))                                                                                    // to this host, which reads raw packets
	add(4, dhcp(h.router, h.gateway[testnet.IPv4], netip.MustParseAddr("255.255.255.255"), 67, 68))                                                   //
	add(4, dhcp(h.router, trueRouter, host6, 547, 546))                                                                                               //
	add(120, dhcp(other, others4, netip.MustParseAddr("224.0.0.251"), 5353, 5353), dhcp(other, others6, netip.MustParseAddr("ff02::fb"), 5353, 5353)) // names of the link
	add(60, dhcp(other, others4, netip.MustParseAddr("239.255.255.250"), 50000, 1900), dhcp(other, others4, netip.MustParseAddr("198.18.1.255"), 138, 138))
	add(120, packet.Frame{SourceMAC: other, EtherType: 0x88cc, Payload: make([]byte, 60)})    // LLDP
	add(1800, packet.Frame{SourceMAC: other, EtherType: 0x0027, Payload: make([]byte, 0x27)}) // spanning tree: IEEE 802.3 with LLC
	vlan := h.arp(other, 1, others4, host4)
	vlan.Tags = []uint16{10}
	add(60, vlan)
	for i, f := range all {
		f.DestinationMAC = everybody
		if err := h.says(f); err != nil {
			return err
		}
		if i%100 == 0 {
			if err := h.setGateways(netlink.NUD_PROBE); err != nil {
				return err
			}
		}
	}
	return nil
}

// failover has a stand-in take the gateway's address over, and the gateway take it back:
// each says so three times. The host finds its gateways anew after that. This is not sent
// beside the rest, as the stand-in forwards nothing.
func (h *hour) failover(times int) error {
	gateway := h.gateway[testnet.IPv4]
	for range times {
		if err := h.setGateways(netlink.NUD_NONE); err != nil {
			return err
		}
		for _, f := range testnet.Families {
			if err := testnet.Ping(h.path.Host, h.path.Dest, f, 1); err != nil {
				return err
			}
		}
		for _, mac := range [][6]byte{standIn, h.router} {
			for range 3 {
				for _, operation := range []uint16{1, 2} {
					f := h.arp(mac, operation, gateway, gateway)
					f.DestinationMAC = everybody
					if err := h.says(f); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// says sends a frame to the host. While the host is busy the queue of its device may be full; then
// it comes a little later.
func (h *hour) says(f packet.Frame) (err error) {
	for range 100 {
		if err = h.wire.Send(f.Bytes()); !errors.Is(err, unix.ENOBUFS) {
			return err
		}
		time.Sleep(testnet.Margin(time.Millisecond))
	}
	return err
}

// setGateways has the host ask whether its gateways are still there (NUD_PROBE), or forget
// them (NUD_NONE).
func (h *hour) setGateways(state int) error {
	return h.in(h.path.Host, func() error {
		l, err := netlink.LinkByName(h.path.Host.Device)
		if err != nil {
			return err
		}
		for _, ip := range h.gateway {
			n := &netlink.Neigh{LinkIndex: l.Attrs().Index, IP: ip.AsSlice(), HardwareAddr: h.router[:], State: state}
			if state == netlink.NUD_NONE {
				err = netlink.NeighDel(n)
			} else {
				err = netlink.NeighSet(n)
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

func (h *hour) arp(mac [6]byte, operation uint16, from, to netip.Addr) packet.Frame {
	return packet.Frame{SourceMAC: mac, ARP: &packet.ARP{Operation: operation, SenderMAC: mac, SenderIP: from, TargetIP: to}}
}

// dhcp is a datagram of 300 bytes, as those of DHCP are.
func dhcp(mac [6]byte, from, to netip.Addr, source, destination uint16) packet.Frame {
	return packet.Frame{SourceMAC: mac, Source: from, Destination: to, Protocol: packet.UDP, SourcePort: source, DestinationPort: destination, Payload: make([]byte, 300)}
}

// solicited returns the group of an address (RFC 4291 section 2.7.1).
func solicited(ip netip.Addr) netip.Addr {
	group, of := netip.MustParseAddr("ff02::1:ff00:0").As16(), ip.As16()
	return netip.AddrFrom16([16]byte(slices.Concat(group[:13], of[13:])))
}

// igmpQuery asks who is in groups (RFC 3376), with the option that routers are to look at it.
func igmpQuery(mac [6]byte, from netip.Addr) packet.Frame {
	return packet.Frame{
		SourceMAC: mac, Source: from, Destination: netip.MustParseAddr("224.0.0.1"), TTL: 1, Options: []byte{148, 4, 0, 0}, Protocol: 2,
		Payload: []byte{0x11, 100, 0xec, 0x1e, 0, 0, 0, 0, 2, 125, 0, 0},
	}
}

// mldQuery is that for IPv6 (RFC 3810).
func mldQuery(mac [6]byte) packet.Frame {
	f := nd(mac, trueRouter, allNodes, packet.Message{Type: 130, MTU: 10_000 << 16, Target: nobody6}, 2, 125, 0, 0)
	f.TTL, f.Extensions = 1, []packet.Extension{{Header: packet.HopByHop}}
	return f
}
