//go:build kernel && linux

package compile

import (
	"net"
	"net/netip"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// realSockets are sockets of a namespace in each state, and the table of what the kernel
// tells of them through other interfaces than the program's.
type realSockets struct {
	net   *testnet.Net
	table policy.SocketTable
	// ends are of sockets, and of none.
	ends []policy.Ends
	// live are connections whose windows can be read.
	live map[policy.Ends]*liveConnection
}

// A liveConnection is one whose file is open.
type liveConnection struct {
	syscall.RawConn
	state policy.SocketStates
	// unacked is how many bytes were sent that nobody has acknowledged.
	unacked uint32
}

// openSockets opens sockets of the left namespace.
func openSockets(t *testing.T) *realSockets {
	t.Helper()
	r := &realSockets{net: testnet.New(t), live: map[policy.Ends]*liveConnection{}}
	r.table = policy.SocketTable{Connections: map[policy.Ends]policy.Endpoint{}, Listeners: map[policy.Ends]bool{}}
	for _, f := range testnet.Families {
		r.udp(t, f)
		r.tcp(t, f)
	}
	// From here on nothing is acknowledged, and no connection comes about.
	t.Cleanup(r.net.Right.DropByXDP(t))
	for ends, c := range r.live {
		if c.unacked > 0 {
			r.write(t, ends, c)
		}
	}
	for _, f := range testnet.Families {
		r.opening(t, f)
	}
	r.refresh(t)
	return r
}

func (r *realSockets) left(f testnet.Family) netip.Addr  { return r.net.Left.Addr(f) }
func (r *realSockets) right(f testnet.Family) netip.Addr { return r.net.Right.Addr(f) }

// udp opens a socket that is connected and two that are not.
func (r *realSockets) udp(t *testing.T, f testnet.Family) {
	bind := func(a netip.AddrPort) netip.AddrPort {
		conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(a))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		return addrPort(conn.LocalAddr())
	}
	r.net.Left.Do(t, func() {
		peer := netip.AddrPortFrom(r.right(f), 5353)
		conn, err := net.DialUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(r.left(f), 0)), net.UDPAddrFromAddrPort(peer))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		connected := policy.Ends{Protocol: packet.UDP, Local: addrPort(conn.LocalAddr()), Remote: peer}
		r.table.Connections[connected] = policy.Endpoint{State: policy.SocketEstablished}
		one, other := bind(netip.AddrPortFrom(r.left(f), 0)), uint16(4000+int(f))
		r.listens(packet.UDP, one)
		bind(netip.AddrPortFrom(netip.IPv6Unspecified(), other)) // of both families
		r.listens(packet.UDP, netip.AddrPortFrom(netip.IPv6Unspecified(), other), netip.AddrPortFrom(netip.IPv4Unspecified(), other))
		r.ends = append(r.ends, connected,
			policy.Ends{Protocol: packet.UDP, Local: one, Remote: peer},
			policy.Ends{Protocol: packet.UDP, Local: netip.AddrPortFrom(r.left(f), other), Remote: peer},
			policy.Ends{Protocol: packet.UDP, Local: netip.AddrPortFrom(r.left(f), 9), Remote: peer})
	})
}

func (r *realSockets) listens(protocol uint8, all ...netip.AddrPort) {
	for _, a := range all {
		r.table.Listeners[policy.Ends{Protocol: protocol, Local: a}] = true
	}
}

// tcp makes connections and brings them into their states.
func (r *realSockets) tcp(t *testing.T, f testnet.Family) {
	var listener *net.TCPListener
	r.net.Left.Do(t, func() {
		var err error
		// Of both families: connections of IPv4 have sockets of IPv6 here.
		if listener, err = net.ListenTCP("tcp", &net.TCPAddr{Port: 8000 + int(f)}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { listener.Close() })
	port := addrPort(listener.Addr()).Port()
	r.listens(packet.TCP, netip.AddrPortFrom(netip.IPv6Unspecified(), port), netip.AddrPortFrom(netip.IPv4Unspecified(), port))
	stranger := netip.AddrPortFrom(r.right(f), 9)
	r.ends = append(r.ends, policy.Ends{Protocol: packet.TCP, Local: netip.AddrPortFrom(r.left(f), port), Remote: stranger},
		policy.Ends{Protocol: packet.TCP, Local: netip.AddrPortFrom(r.left(f), 99), Remote: stranger})
	r.connect(t, f, listener, policy.SocketEstablished, 0, func(here, there *net.TCPConn) {})
	r.connect(t, f, listener, policy.SocketEstablished, 0, func(here, there *net.TCPConn) { deliver(t, there, here, 7000, 2000) })
	// What came was not acknowledged yet, and once more was acknowledged than the window has.
	for _, window := range []uint32{5000, 300} {
		r.connect(t, f, listener, policy.SocketEstablished, 0, func(here, there *net.TCPConn) {
			deliver(t, there, here, 7000, 2000)
			bend(t, here, 700, window)
		})
	}
	r.connect(t, f, listener, policy.SocketEstablished, 3000, func(here, there *net.TCPConn) { deliver(t, here, there, 500, 500) })
	r.connect(t, f, listener, policy.SocketEstablished, 0, func(here, there *net.TCPConn) { there.CloseWrite(); readEnd(t, here) }) // CLOSE_WAIT
	r.connect(t, f, listener, policy.SocketEstablished, 0, func(here, there *net.TCPConn) { here.CloseWrite(); readEnd(t, there) }) // FIN_WAIT2
	r.connect(t, f, listener, policy.SocketTimeWait, 0, func(here, there *net.TCPConn) { here.Close(); readEnd(t, there); there.Close() })
}

// connect makes a connection to a listener and does something with it.
func (r *realSockets) connect(t *testing.T, f testnet.Family, l *net.TCPListener, state policy.SocketStates, unacked uint32, then func(here, there *net.TCPConn)) {
	t.Helper()
	var there *net.TCPConn
	r.net.Right.Do(t, func() {
		var err error
		to := netip.AddrPortFrom(r.left(f), addrPort(l.Addr()).Port())
		if there, err = net.DialTCP("tcp", nil, net.TCPAddrFromAddrPort(to)); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { there.Close() })
	here, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { here.Close() })
	ends := policy.Ends{Protocol: packet.TCP, Local: addrPort(here.LocalAddr()), Remote: addrPort(here.RemoteAddr())}
	raw, err := here.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	then(here, there)
	r.ends = append(r.ends, ends)
	if state == policy.SocketTimeWait {
		const timeWait = 6
		r.wait(t, f, ends, timeWait)
		r.table.Connections[ends] = policy.Endpoint{State: state}
		return
	}
	r.live[ends] = &liveConnection{raw, state, unacked}
}

// opening begins a connection of its own, and one that it is asked for.
func (r *realSockets) opening(t *testing.T, f testnet.Family) {
	const synSent, synReceived = 2, 12
	domain := map[testnet.Family]int{testnet.IPv4: unix.AF_INET, testnet.IPv6: unix.AF_INET6}[f]
	ends := policy.Ends{Protocol: packet.TCP, Local: netip.AddrPortFrom(r.left(f), 7000), Remote: netip.AddrPortFrom(r.right(f), 80)}
	r.net.Left.Do(t, func() {
		fd, err := unix.Socket(domain, unix.SOCK_STREAM|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { unix.Close(fd) })
		if err := unix.Bind(fd, sockaddr(ends.Local)); err != nil {
			t.Fatal(err)
		}
		if err := unix.Connect(fd, sockaddr(ends.Remote)); err != unix.EINPROGRESS {
			t.Fatal(err)
		}
		r.live[ends] = &liveConnection{rawFile(fd), policy.SocketSynSent, 1} // the SYN
	})
	r.wait(t, f, ends, synSent)
	asked := policy.Ends{Protocol: packet.TCP, Local: netip.AddrPortFrom(r.left(f), 8000+uint16(f)), Remote: netip.AddrPortFrom(r.right(f), 7001)}
	syn := r.net.Right.FrameTo(t, r.net.Left, asked.Local).Bytes()
	frame := packet.Frame{
		DestinationMAC: [6]byte(syn[:6]), SourceMAC: [6]byte(syn[6:12]), Source: asked.Remote.Addr(), Destination: asked.Local.Addr(),
		Protocol: packet.TCP, SourcePort: asked.Remote.Port(), DestinationPort: asked.Local.Port(), Flags: 2, MSS: 1460,
	}
	if err := r.net.Right.Wire(t).Send(frame.Bytes()); err != nil {
		t.Fatal(err)
	}
	r.wait(t, f, asked, synReceived)
	r.table.Connections[asked] = policy.Endpoint{State: policy.SocketSynRecv}
	r.ends = append(r.ends, ends, asked)
}

// wait waits until the kernel lists a connection in a state; a request of which only a
// SYN is known is listed as SYN_RECV.
func (r *realSockets) wait(t *testing.T, f testnet.Family, ends policy.Ends, state uint8) {
	t.Helper()
	const listed, request = 3, 12
	if state == request {
		state = listed
	}
	// Connections of IPv4 are listed under the family of their socket.
	for deadline := time.Now().Add(testnet.Margin(10 * time.Second)); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
			var all []*netlink.Socket
			var err error
			r.net.Left.Do(t, func() { all, err = netlink.SocketDiagTCP(family) })
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range all {
				from, _ := netip.AddrFromSlice(s.ID.Destination)
				if s.State == state && s.ID.SourcePort == ends.Local.Port() && netip.AddrPortFrom(from.Unmap(), s.ID.DestinationPort) == ends.Remote {
					return
				}
			}
		}
	}
	t.Fatalf("%v: no connection %v in state %d", f, ends, state)
}

// write sends what nobody acknowledges.
func (r *realSockets) write(t *testing.T, ends policy.Ends, c *liveConnection) {
	t.Helper()
	var err error
	if failed := c.Control(func(fd uintptr) { _, err = unix.Write(int(fd), make([]byte, c.unacked)) }); failed != nil || err != nil {
		t.Fatal(ends, failed, err)
	}
}

// refresh reads the windows of the connections as checkpoints of processes do
// (TCP_REPAIR), and returns whether they have changed.
func (r *realSockets) refresh(t *testing.T) (changed bool) {
	t.Helper()
	for ends, c := range r.live {
		var e policy.Endpoint
		var err error
		if failed := c.Control(func(fd uintptr) { e, err = endpoint(int(fd)) }); failed != nil || err != nil {
			t.Fatalf("read the window of %v: %v, %v", ends, failed, err)
		}
		e.State = c.state
		e.SendUnacked = e.SendNext - c.unacked
		changed = changed || r.table.Connections[ends] != e
		r.table.Connections[ends] = e
	}
	return changed
}

// deliver sends bytes and has some of them read, when all have arrived.
func deliver(t *testing.T, from, to *net.TCPConn, bytes, read int) {
	t.Helper()
	if _, err := from.Write(make([]byte, bytes)); err != nil {
		t.Fatal(err)
	}
	raw, err := to.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(testnet.Margin(10 * time.Second)); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		there := 0
		raw.Control(func(fd uintptr) { there, err = unix.IoctlGetInt(int(fd), unix.SIOCINQ) })
		if err != nil {
			t.Fatal(err)
		}
		if there == bytes {
			if _, err := to.Read(make([]byte, read)); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("%d bytes did not arrive", bytes)
}

func readEnd(t *testing.T, conn *net.TCPConn) {
	t.Helper()
	conn.SetReadDeadline(time.Now().Add(testnet.Margin(10 * time.Second)))
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || err.Error() != "EOF" {
		t.Fatalf("read %d, %v; want the end", n, err)
	}
}

func addrPort(a net.Addr) netip.AddrPort {
	p := netip.MustParseAddrPort(a.String())
	return netip.AddrPortFrom(p.Addr().Unmap(), p.Port())
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}

// A rawFile is a file that Go's poller does not know.
type rawFile int

func (f rawFile) Control(do func(fd uintptr)) error { do(uintptr(f)); return nil }
func (f rawFile) Read(func(fd uintptr) bool) error  { return nil }
func (f rawFile) Write(func(fd uintptr) bool) error { return nil }
