//go:build kernel && linux

package wire_test

import (
	"net/netip"
	"os"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// patience is how long an answer may take.
var patience = testnet.Margin(3 * time.Second)

// open makes a socket in a namespace.
func open(t *testing.T, ns *testnet.Namespace, family, kind, protocol int) int {
	t.Helper()
	var fd int
	var err error
	ns.Do(t, func() { fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol) })
	if err != nil {
		t.Fatalf("socket of family %d, protocol %d: %v", family, protocol, err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	tv := unix.NsecToTimeval(patience.Nanoseconds())
	must(t, "SO_RCVTIMEO", unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv))
	return fd
}

func must(t *testing.T, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// retried repeats a call that a signal has ended, as the runtime's end those that have a timeout
// (signal(7)).
func retried(call func() error) error {
	for {
		if err := call(); err != unix.EINTR {
			return err
		}
	}
}

func sockaddr(a netip.Addr, port uint16) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4(), Port: int(port)}
	}
	return &unix.SockaddrInet6{Addr: a.As16(), Port: int(port)}
}

// sender sends whole packets.
func sender(t *testing.T, ns *testnet.Namespace, f testnet.Family) func(wire.Probe) {
	t.Helper()
	family, level, option, discover := unix.AF_INET, unix.IPPROTO_IP, unix.IP_HDRINCL, unix.IP_MTU_DISCOVER
	if f == testnet.IPv6 {
		family, level, option, discover = unix.AF_INET6, unix.IPPROTO_IPV6, unix.IPV6_HDRINCL, unix.IPV6_MTU_DISCOVER
	}
	fd := open(t, ns, family, unix.SOCK_RAW, unix.IPPROTO_RAW)
	must(t, "HDRINCL", unix.SetsockoptInt(fd, level, option, 1))
	// Or the kernel, which learns the path's MTU from the first answer, sends no more.
	must(t, "MTU_DISCOVER", unix.SetsockoptInt(fd, level, discover, unix.IP_PMTUDISC_PROBE))
	return func(p wire.Probe) {
		t.Helper()
		must(t, "send", unix.Sendto(fd, build(t, p), 0, sockaddr(p.Destination, 0)))
	}
}

// A receiver is a raw socket with a filter and the parser that fits.
type receiver struct {
	fd    int
	parse func(b []byte, from netip.Addr) (wire.Reply, error)
}

func receive(t *testing.T, ns *testnet.Namespace, f testnet.Family, protocol wire.Protocol, filter wire.Filter) receiver {
	t.Helper()
	r := receiver{parse: func(b []byte, _ netip.Addr) (wire.Reply, error) { return wire.ParseIPv4(b) }}
	family, number, program := unix.AF_INET, unix.IPPROTO_ICMP, filter.ICMPv4
	switch {
	case f == testnet.IPv4 && protocol == wire.TCP:
		number, program = unix.IPPROTO_TCP, filter.TCPv4
	case f == testnet.IPv6 && protocol == wire.TCP:
		family, number, program = unix.AF_INET6, unix.IPPROTO_TCP, filter.TCPv6
		r.parse = func(b []byte, from netip.Addr) (wire.Reply, error) { return wire.ParseTCPv6(b, from, 0) }
	case f == testnet.IPv6:
		family, number, program = unix.AF_INET6, unix.IPPROTO_ICMPV6, filter.ICMPv6
		r.parse = func(b []byte, from netip.Addr) (wire.Reply, error) { return wire.ParseICMPv6(b, from, 0) }
	}
	r.fd = open(t, ns, family, unix.SOCK_RAW, number)
	attach(t, r.fd, program)
	return r
}

func attach(t *testing.T, fd int, program func() ([]bpf.RawInstruction, error)) {
	t.Helper()
	raw, err := program()
	must(t, "assemble", err)
	code := make([]unix.SockFilter, len(raw))
	for i, ins := range raw {
		code[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	must(t, "SO_ATTACH_FILTER", unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}))
}

// next returns the next answer. Anything that the parser does not read fails the test:
// the filter should have kept it out.
func (r receiver) next(t *testing.T) wire.Reply {
	t.Helper()
	b := make([]byte, 2048)
	var n int
	var from unix.Sockaddr
	must(t, "wait for an answer", retried(func() (err error) {
		n, from, err = unix.Recvfrom(r.fd, b, 0)
		return err
	}))
	reply, err := r.parse(b[:n], address(from))
	if err != nil {
		t.Fatalf("% x: %v", b[:n], err)
	}
	return reply
}

// nothing fails if there is something.
func (r receiver) nothing(t *testing.T) {
	t.Helper()
	b := make([]byte, 2048)
	if n, _, err := unix.Recvfrom(r.fd, b, unix.MSG_DONTWAIT); err == nil {
		t.Errorf("also received % x", b[:n])
	}
}

func address(from unix.Sockaddr) netip.Addr {
	switch a := from.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(a.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(a.Addr)
	}
	return netip.Addr{}
}

// errorQueue reads from a socket with IP_RECVERR: what was quoted of the payload, and
// who sent which type and code.
func errorQueue(t *testing.T, fd int) (payload []byte, from netip.Addr, kind, code uint8) {
	t.Helper()
	poll := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLERR}}
	queued := 0
	if err := retried(func() (err error) {
		queued, err = unix.Poll(poll, int(patience.Milliseconds()))
		return err
	}); queued == 0 || err != nil {
		t.Fatalf("no error is queued: %v", err)
	}
	b, oob := make([]byte, 2048), make([]byte, 512)
	n, size, _, _, err := unix.Recvmsg(fd, b, oob, unix.MSG_ERRQUEUE)
	must(t, "read the error queue", err)
	messages, err := unix.ParseSocketControlMessage(oob[:size])
	must(t, "read control messages", err)
	for _, m := range messages {
		v4 := m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		const extended = 16 // sizeof struct sock_extended_err; the offender follows
		if !v4 && !v6 || len(m.Data) < extended+16 {
			continue
		}
		kind, code = m.Data[5], m.Data[6]
		if v4 {
			from = netip.AddrFrom4([4]byte(m.Data[extended+4:]))
		} else if len(m.Data) >= extended+int(unsafe.Sizeof(unix.RawSockaddrInet6{})) {
			from = netip.AddrFrom16([16]byte(m.Data[extended+8:]))
		}
	}
	return b[:n], from, kind, code
}

// allowPing lets everybody in the namespace open ping sockets.
func allowPing(t *testing.T, ns *testnet.Namespace) {
	t.Helper()
	ns.Do(t, func() {
		must(t, "ping_group_range", os.WriteFile("/proc/sys/net/ipv4/ping_group_range", []byte("0 2147483647"), 0o644))
	})
}
