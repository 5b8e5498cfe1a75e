//go:build kernel && linux

package stack

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A rawSocket sends what package net cannot.
type rawSocket struct {
	fd int
	to unix.Sockaddr
}

// openRaw opens a socket in ns for packets to addr.
func openRaw(t *testing.T, ns *testnet.Namespace, kind, protocol int, addr netip.AddrPort) *rawSocket {
	t.Helper()
	s := &rawSocket{fd: -1}
	family := unix.AF_INET6
	s.to = &unix.SockaddrInet6{Addr: addr.Addr().As16(), Port: int(addr.Port())}
	if addr.Addr().Is4() {
		family = unix.AF_INET
		s.to = &unix.SockaddrInet4{Addr: addr.Addr().As4(), Port: int(addr.Port())}
	}
	ns.Do(t, func() {
		var err error
		s.fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
		must(t, err)
	})
	t.Cleanup(func() { unix.Close(s.fd) })
	return s
}

func (s *rawSocket) send(t *testing.T, packet []byte) {
	t.Helper()
	must(t, unix.Sendto(s.fd, packet, 0, s.to))
}

// checkExtensionHeader sends echo requests behind a hop-by-hop header, which the peer
// answers without one.
func checkExtensionHeader(t *testing.T, n *testnet.Net, e *lab) {
	const count, hopByHop = 23, 8
	s := openRaw(t, n.Left, unix.SOCK_RAW, unix.IPPROTO_ICMPV6, netip.AddrPortFrom(n.Right.V6, 0))
	// RFC 8200 section 4.3: next header (the kernel's), length, and a PadN option of 4.
	must(t, unix.SetsockoptString(s.fd, unix.IPPROTO_IPV6, unix.IPV6_HOPOPTS, "\x00\x00\x01\x04\x00\x00\x00\x00"))
	got := e.countUntil(t, func() {
		for range count {
			s.send(t, []byte{128, 0, 0, 0, 0, 1, 0, 1}) // the kernel computes the checksum
		}
	}, func(got tally) bool { return got.at(Transport, Receive).Packets == count })
	out := sent(ICMP6, count, ipv6Header+hopByHop+icmpHeader, icmpHeader)
	in := received(ICMP6, count, ipv6Header+icmpHeader, icmpHeader)
	delete(in, station{Socket, Receive, ICMP6, NoDevice, ""}) // nobody reads them
	got.want(t, out, in)
	got.wantBalance(t)
}

// checkMappedSocket sends IPv4 datagrams through an IPv6 socket.
func checkMappedSocket(t *testing.T, n *testnet.Net, e *lab) {
	const count, size = 23, 10
	p, err := testnet.NewUDPPair(n.Right, n.Left, testnet.IPv4) // its receiver is what is sent to
	must(t, err)
	defer p.Close()
	peer, err := testnet.NewUDPPair(n.Left, n.Right, testnet.IPv4)
	must(t, err)
	defer peer.Close()
	to := peer.Receiver.LocalAddr().(*net.UDPAddr).AddrPort()
	mapped := netip.AddrPortFrom(netip.AddrFrom16(to.Addr().Unmap().As16()), to.Port())
	s := openRaw(t, n.Left, unix.SOCK_DGRAM, 0, mapped)
	must(t, unix.Connect(s.fd, s.to))
	got := e.count(t, func() {
		for range count {
			_, err := unix.Write(s.fd, make([]byte, size))
			must(t, err)
			_, err = peer.Receiver.Read(make([]byte, size))
			must(t, err)
		}
	})
	got.want(t, sent(UDP4, count, ipv4Header+udpHeader+size, size))
}

// checkTagged receives frames whose tag stands in the data. There is no device for the
// tag, so they end at the link layer.
func checkTagged(t *testing.T, n *testnet.Net, e *lab) {
	const count, vlan = 23, 7
	payload := datagram(n.Right.V4, n.Left.V4, 1, 2)
	binary.BigEndian.PutUint16(payload[2:], uint16(len(payload)))
	frame := slices.Concat(macOf(t, n.Left), macOf(t, n.Right), []byte{0x81, 0x00, 0, vlan, 0x08, 0x00}, payload)
	n.Right.Do(t, func() {
		device, err := net.InterfaceByName(n.Right.Device)
		must(t, err)
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		defer unix.Close(fd)
		received, _ := n.Left.Packets(t)
		got := e.countUntil(t, func() {
			for range count {
				must(t, unix.Sendto(fd, frame, 0, &unix.SockaddrLinklayer{Ifindex: device.Index}))
			}
		}, func(tally) bool {
			now, _ := n.Left.Packets(t)
			return now-received == count
		})
		bytes := uint64(count * len(payload))
		got.want(t, map[station]volume{{Link, Receive, UDP4, Virtual, ""}: {count, bytes, count}})
		got.wantBalance(t)
	})
}
