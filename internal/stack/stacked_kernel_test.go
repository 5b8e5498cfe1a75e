//go:build kernel && linux

package stack

import (
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A bridge is stacked upon its port, so a packet passes the queues, the drivers and the
// link layer of both.
func TestStackedDevicesCountEachPacketEach(t *testing.T) {
	const count, size = 101, 10
	n := testnet.New(t)
	here, there := *n.Left, *n.Right
	here.V4, there.V4 = netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	var mac net.HardwareAddr // of the bridge and its port
	here.Do(t, func() { mac = addBridge(t, here.Device) })
	there.Do(t, func() { addPeer(t, there.Device, there.V4, here.V4, mac) })
	here.Do(t, func() {
		peer, err := net.InterfaceByName("bridge0")
		must(t, err)
		addPeer(t, peer.Name, here.V4, there.V4, macOf(t, &there))
	})
	e := open(t, &here, Config{})

	const packet = ipv4Header + udpHeader + size
	out := twice(sent(UDP4, count, packet, size), Qdisc, Driver)
	got := e.count(t, func() { must(t, testnet.SendUDP(&here, &there, testnet.IPv4, count, size)) })
	got.want(t, out)
	got.wantUnmatched(t, nil)
	if c := got.crossed(Span{Transmit, Qdisc, Driver}); c != 2*count {
		t.Errorf("%d packets crossed from queue to driver, want each of %d twice", c, count)
	}
	for _, device := range []string{"bridge0", here.Device} {
		if h := got.drivers[device]; h.Count() != count {
			t.Errorf("driver of %q timed %d packets, want %d", device, h.Count(), count)
		}
	}

	in := twice(received(UDP4, count, packet, size), Link)
	got = e.count(t, func() { must(t, testnet.SendUDP(&there, &here, testnet.IPv4, count, size)) })
	got.want(t, in)
	if c := got.crossed(Span{Receive, Link, Network}); c != count {
		t.Errorf("%d packets crossed to the network layer, want %d", c, count)
	}
}

// twice doubles what is counted at layers.
func twice(load map[station]volume, layers ...Layer) map[station]volume {
	for at, v := range load {
		for _, layer := range layers {
			if at.Layer == layer {
				load[at] = volume{2 * v.Packets, 2 * v.Bytes, 2 * v.Wire}
			}
		}
	}
	return load
}

// addBridge makes "bridge0" of a device, in the calling thread's namespace.
func addBridge(t *testing.T, port string) net.HardwareAddr {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "bridge0"
	quiet := false
	must(t, netlink.LinkAdd(&netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &quiet}))
	bridge, err := netlink.LinkByName("bridge0")
	must(t, err)
	must(t, netlink.LinkSetARPOff(bridge))
	must(t, netlink.LinkSetMulticastOff(bridge))
	l, err := netlink.LinkByName(port)
	must(t, err)
	must(t, netlink.LinkSetMaster(l, bridge))
	must(t, netlink.LinkSetUp(bridge))
	return l.Attrs().HardwareAddr
}

// addPeer gives a device an address, and the way to another one.
func addPeer(t *testing.T, device string, own, peer netip.Addr, mac net.HardwareAddr) {
	t.Helper()
	l, err := netlink.LinkByName(device)
	must(t, err)
	must(t, netlink.AddrAdd(l, &netlink.Addr{IPNet: netlink.NewIPNet(own.AsSlice())}))
	must(t, netlink.RouteAdd(&netlink.Route{
		LinkIndex: l.Attrs().Index, Scope: netlink.SCOPE_LINK,
		Dst: netlink.NewIPNet(peer.AsSlice()), Src: own.AsSlice(),
	}))
	must(t, netlink.NeighSet(&netlink.Neigh{
		LinkIndex: l.Attrs().Index, State: netlink.NUD_PERMANENT, IP: peer.AsSlice(), HardwareAddr: mac,
	}))
}

func macOf(t *testing.T, ns *testnet.Namespace) (mac net.HardwareAddr) {
	t.Helper()
	ns.Do(t, func() {
		l, err := netlink.LinkByName(ns.Device)
		must(t, err)
		mac = l.Attrs().HardwareAddr
	})
	return mac
}
