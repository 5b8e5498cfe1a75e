//go:build kernel && linux

package sockets

import (
	"errors"
	"net"
	"net/netip"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A population is sockets in known states, made with plain system calls so that
// there are no others.
type population struct {
	testing.TB
	net *testnet.Net
	// open are the sockets, to be closed with the test.
	open []int
}

// The sizes of the population, by family. All are odd and no two of them alike.
var (
	established = map[testnet.Family]int{testnet.IPv4: 5, testnet.IPv6: 7}
	closeWait   = map[testnet.Family]int{testnet.IPv4: 3, testnet.IPv6: 9}
	halfClosed  = map[testnet.Family]int{testnet.IPv4: 1, testnet.IPv6: 5}
	timeWait    = map[testnet.Family]int{testnet.IPv4: 11, testnet.IPv6: 1}
	unanswered  = map[testnet.Family]int{testnet.IPv4: 7, testnet.IPv6: 3}
	idle        = map[testnet.Family]int{testnet.IPv4: 3, testnet.IPv6: 1} // listeners without connections
	connected   = map[testnet.Family]int{testnet.IPv4: 9, testnet.IPv6: 5} // UDP
	unconnected = map[testnet.Family]int{testnet.IPv4: 5, testnet.IPv6: 13}
	raws        = map[testnet.Family]int{testnet.IPv4: 3, testnet.IPv6: 5}
	pings       = map[testnet.Family]int{testnet.IPv4: 5, testnet.IPv6: 3}
)

// populate makes the sockets between two namespaces: the left connects, the right
// listens.
func populate(t testing.TB) *population {
	t.Helper()
	p := &population{TB: t, net: testnet.New(t)}
	t.Cleanup(p.closeAll)
	for _, f := range testnet.Families {
		p.connections(f)
		p.handshakes(f)
		p.datagrams(f)
		p.rest(f)
	}
	settle(t, openIn(t, p.net.Left, Config{OwnNamespaceOnly: true}), wantLeft())
	settle(t, openIn(t, p.net.Right, Config{OwnNamespaceOnly: true}), wantRight())
	return p
}

func (p *population) closeAll() {
	for _, fd := range p.open {
		unix.Close(fd)
	}
	p.open = nil
}

// connections leaves established, half-closed and closed connections.
func (p *population) connections(f testnet.Family) {
	listener, port := p.listen(f, 64)
	for range established[f] {
		p.connect(f, listener, port)
	}
	for range closeWait[f] { // and fin_wait_2 without an owner on the left
		client, _ := p.connect(f, listener, port)
		p.close(client)
	}
	for range halfClosed[f] { // fin_wait_2 with one
		client, _ := p.connect(f, listener, port)
		p.must(unix.Shutdown(client, unix.SHUT_WR))
	}
	for range timeWait[f] {
		client, server := p.connect(f, listener, port)
		p.must(unix.Shutdown(client, unix.SHUT_WR))
		p.readEnd(server)
		p.close(server)
		p.readEnd(client)
		p.close(client)
	}
	for range idle[f] {
		p.listen(f, 3)
	}
}

// handshakes leaves connections that neither side can complete.
func (p *population) handshakes(f testnet.Family) {
	_, port := p.listen(f, 64)
	from := p.misled(f)
	for range unanswered[f] {
		p.handshake(f, from, port)
	}
}

// misled returns an address of the left that the right believes to be elsewhere, so
// that its answers get lost.
func (p *population) misled(f testnet.Family) netip.Addr {
	from := elsewhere(p.net.Left.Addr(f))
	bits := from.BitLen()
	p.net.Left.Do(p, func() {
		link, err := netlink.LinkByName(p.net.Left.Device)
		p.must(err)
		address := &netlink.Addr{IPNet: &net.IPNet{IP: from.AsSlice(), Mask: net.CIDRMask(bits, bits)}, Flags: unix.IFA_F_NODAD}
		p.must(netlink.AddrAdd(link, address))
	})
	p.net.Right.Do(p, func() {
		link, err := netlink.LinkByName(p.net.Right.Device)
		p.must(err)
		p.must(netlink.NeighSet(&netlink.Neigh{
			LinkIndex: link.Attrs().Index, State: netlink.NUD_PERMANENT, IP: from.AsSlice(),
			HardwareAddr: net.HardwareAddr{2, 0, 0, 0, 0, 77},
		}))
	})
	return from
}

// handshake begins a connection to the right.
func (p *population) handshake(f testnet.Family, from netip.Addr, port uint16) {
	fd := p.socket(p.net.Left, f, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
	p.must(unix.Bind(fd, sockaddr(netip.AddrPortFrom(from, 0))))
	err := unix.Connect(fd, sockaddr(netip.AddrPortFrom(p.net.Right.Addr(f), port)))
	if !errors.Is(err, unix.EINPROGRESS) {
		p.Fatalf("connect: %v, want to wait for an answer", err)
	}
}

// closedPort returns a port of the right that nobody listens on.
func (p *population) closedPort(f testnet.Family) uint16 {
	fd, port := p.listen(f, 1)
	p.close(fd)
	return port
}

// elsewhere returns another address of the same network.
func elsewhere(addr netip.Addr) netip.Addr {
	bytes := addr.AsSlice()
	bytes[len(bytes)-1] = 77
	other, _ := netip.AddrFromSlice(bytes)
	return other
}

func (p *population) datagrams(f testnet.Family) {
	for range unconnected[f] {
		fd := p.socket(p.net.Left, f, unix.SOCK_DGRAM, 0)
		p.must(unix.Bind(fd, sockaddr(netip.AddrPortFrom(p.net.Left.Addr(f), 0))))
	}
	for range connected[f] {
		fd := p.socket(p.net.Left, f, unix.SOCK_DGRAM, 0)
		p.must(unix.Connect(fd, sockaddr(netip.AddrPortFrom(p.net.Right.Addr(f), 9))))
	}
}

// rest makes raw and ICMP sockets, one of each connected.
func (p *population) rest(f testnet.Family) {
	const experiment = 253 // RFC 3692
	echo := map[testnet.Family]int{testnet.IPv4: unix.IPPROTO_ICMP, testnet.IPv6: unix.IPPROTO_ICMPV6}[f]
	p.net.Left.Do(p, func() { allowPings(p) })
	for _, kind := range []struct{ count, kind, protocol int }{
		{raws[f], unix.SOCK_RAW, experiment}, {pings[f], unix.SOCK_DGRAM, echo},
	} {
		for i := range kind.count {
			fd := p.socket(p.net.Left, f, kind.kind, kind.protocol)
			p.must(unix.Bind(fd, sockaddr(netip.AddrPortFrom(p.net.Left.Addr(f), 0))))
			if i == 0 {
				p.must(unix.Connect(fd, sockaddr(netip.AddrPortFrom(p.net.Right.Addr(f), 0))))
			}
		}
	}
}

// listen returns a listening socket of the right and its port.
func (p *population) listen(f testnet.Family, backlog int) (fd int, port uint16) {
	fd = p.socket(p.net.Right, f, unix.SOCK_STREAM, 0)
	p.must(unix.Bind(fd, sockaddr(netip.AddrPortFrom(p.net.Right.Addr(f), 0))))
	p.must(unix.Listen(fd, backlog))
	return fd, p.local(fd).Port()
}

// connect returns both ends of a new connection from left to right.
func (p *population) connect(f testnet.Family, listener int, port uint16) (client, server int) {
	client = p.socket(p.net.Left, f, unix.SOCK_STREAM, 0)
	p.must(unix.Connect(client, sockaddr(netip.AddrPortFrom(p.net.Right.Addr(f), port))))
	server, _, err := unix.Accept(listener)
	p.must(err)
	p.open = append(p.open, server)
	return client, server
}

func (p *population) socket(ns *testnet.Namespace, f testnet.Family, kind, protocol int) (fd int) {
	domain := map[testnet.Family]int{testnet.IPv4: unix.AF_INET, testnet.IPv6: unix.AF_INET6}[f]
	ns.Do(p, func() {
		var err error
		fd, err = unix.Socket(domain, kind|unix.SOCK_CLOEXEC, protocol)
		p.must(err)
	})
	p.open = append(p.open, fd)
	return fd
}

func (p *population) close(fd int) {
	p.must(unix.Close(fd))
	for i, other := range p.open {
		if other == fd {
			p.open = append(p.open[:i], p.open[i+1:]...)
			return
		}
	}
}

// readEnd waits for the end of file.
func (p *population) readEnd(fd int) {
	n, err := unix.Read(fd, make([]byte, 1))
	if n != 0 || err != nil {
		p.Fatalf("read %d bytes, %v, want the end", n, err)
	}
}

func (p *population) local(fd int) netip.AddrPort {
	name, err := unix.Getsockname(fd)
	p.must(err)
	switch a := name.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port))
	}
	p.Fatalf("socket has the address %v", name)
	return netip.AddrPort{}
}

func (p *population) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
