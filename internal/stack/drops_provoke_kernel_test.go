//go:build kernel && linux

package stack

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// damaged sends frames with a bit flipped.
func damaged(protocol byte, at int) func(*testing.T, *dropNet) uint64 {
	return func(t *testing.T, n *dropNet) uint64 {
		f := n.datagram(t, n.router(testnet.IPv4, 9))
		f.Protocol = protocol
		frame := f.Bytes()
		frame[at] ^= 1
		n.frames(t, 59, frame)
		return 59
	}
}

// refused connects to a port on which nobody listens.
func refused(t *testing.T, n *dropNet, f testnet.Family) uint64 {
	t.Helper()
	const count = 3
	n.Left.Do(t, func() {
		for range count {
			dialer := net.Dialer{Timeout: testnet.Margin(5 * time.Second)}
			if _, err := dialer.Dial("tcp", n.router(f, 9).String()); !errors.Is(err, unix.ECONNREFUSED) {
				t.Errorf("connecting to a closed port: %v", err)
			}
		}
	})
	return count
}

func listenUDP(t *testing.T, ns *testnet.Namespace, port int) *net.UDPConn {
	t.Helper()
	var conn *net.UDPConn
	ns.Do(t, func() {
		var err error
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: ns.V4.AsSlice(), Port: port})
		must(t, err)
	})
	t.Cleanup(func() { conn.Close() })
	return conn
}

// control calls f with the file descriptor of a socket.
func control(t *testing.T, conn *net.UDPConn, f func(fd int) error) {
	t.Helper()
	raw, err := conn.SyscallConn()
	must(t, err)
	var failed error
	must(t, raw.Control(func(fd uintptr) { failed = f(int(fd)) }))
	must(t, failed)
}

// drain returns how many datagrams a socket holds, and takes them out.
func drain(conn *net.UDPConn) (n uint64) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return 0
	}
	raw.Control(func(fd uintptr) { n = drainSocket(int(fd)) })
	return n
}

func drainSocket(fd int) (n uint64) {
	for buffer := make([]byte, 2048); ; n++ {
		if _, _, err := unix.Recvfrom(fd, buffer, unix.MSG_DONTWAIT); err != nil {
			return n
		}
	}
}

// sendFrom sends datagrams from ns. That the kernel cannot is for the caller to see.
func sendFrom(t *testing.T, ns *testnet.Namespace, to netip.AddrPort, count int) {
	t.Helper()
	ns.Do(t, func() {
		conn, err := net.ListenUDP("udp", nil)
		must(t, err)
		defer conn.Close()
		for range count {
			conn.WriteToUDPAddrPort([]byte("lost"), to)
		}
	})
}

func fillReceiveBuffer(t *testing.T, n *dropNet) uint64 {
	const port, count = 1005, 101
	receiver := listenUDP(t, n.Router, port)
	must(t, receiver.SetReadBuffer(4096))
	n.frames(t, count, n.datagram(t, n.router(testnet.IPv4, port)).Bytes())
	return count - drain(receiver)
}

func filterSocket(t *testing.T, n *dropNet) uint64 {
	const port, count = 1006, 61
	receiver := listenUDP(t, n.Router, port)
	control(t, receiver, func(fd int) error {
		nothing := []unix.SockFilter{{Code: unix.BPF_RET | unix.BPF_K}}
		return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
			&unix.SockFprog{Len: 1, Filter: &nothing[0]})
	})
	n.frames(t, count, n.datagram(t, n.router(testnet.IPv4, port)).Bytes())
	return count
}

// fillQueue makes the router send more than its queue holds. What it does not hold is
// what the queue itself says.
func fillQueue(t *testing.T, n *dropNet) uint64 {
	n.Router.ShapeTBF(t, 1000, 3000)
	t.Cleanup(func() { n.Router.Unshape(t) }) // drops what is left, after the comparison
	sendFrom(t, n.Router, netip.AddrPortFrom(n.Left.V4, 9), 301)
	return n.Router.QueueDrops(t)
}

// overflowListener completes more handshakes than a listener has room for. The clients
// do not exist, so that none of them resets its connection.
func overflowListener(t *testing.T, n *dropNet) uint64 {
	const port, backlog = 1007, 8
	listener := listenTCP(t, n.Router, port, backlog)
	t.Cleanup(func() { unix.Close(listener) })
	// No more half-open connections are taken at a time than the backlog, and the
	// queue of the others holds one more.
	handshakes(t, n, port, 5000, backlog)
	handshakes(t, n, port, 6000, backlog)
	return 2*backlog - (backlog + 1)
}

// handshakes begins count connections from ports on, and then completes them.
func handshakes(t *testing.T, n *dropNet, port, from, count uint16) {
	t.Helper()
	f := n.datagram(t, n.router(testnet.IPv4, port))
	f.Protocol, f.Payload = unix.IPPROTO_TCP, nil
	var acknowledgements [][]byte
	for i := range count {
		f.Source = netip.AddrPortFrom(netip.MustParseAddr("198.18.1.99"), from+i)
		f.Flags, f.Sequence, f.Acknowledgement = testnet.SYN, 100, 0
		must(t, n.wire.Send(f.Bytes()))
		answer, err := n.wire.Receive(func(frame []byte) bool {
			tcp := frame[min(len(frame), testnet.EthernetHeader+testnet.IPv4Header):]
			return len(tcp) >= 20 && tcp[13] == testnet.SYN|testnet.ACK &&
				bytes.Equal(tcp[2:4], binary.BigEndian.AppendUint16(nil, f.Source.Port()))
		})
		must(t, err)
		theirs := binary.BigEndian.Uint32(answer[testnet.EthernetHeader+testnet.IPv4Header+4:])
		f.Flags, f.Sequence, f.Acknowledgement = testnet.ACK, 101, theirs+1
		acknowledgements = append(acknowledgements, f.Bytes())
	}
	for _, frame := range acknowledgements {
		must(t, n.wire.Send(frame))
	}
}

func listenTCP(t *testing.T, ns *testnet.Namespace, port, backlog int) (fd int) {
	t.Helper()
	ns.Do(t, func() {
		var err error
		fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		must(t, unix.Bind(fd, &unix.SockaddrInet4{Port: port}))
		must(t, unix.Listen(fd, backlog))
	})
	return fd
}
