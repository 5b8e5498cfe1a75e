//go:build kernel && linux

package stack

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// Loads for TCP that no socket can make, and what the kernel says about them.

// A segment is a TCP segment without data, RFC 9293 section 3.1.
type segment struct {
	from, to uint16
	flags    uint8
	// corrupt makes the checksum wrong.
	corrupt bool
}

const (
	flagSYN = 0x02
	flagRST = 0x04
	flagACK = 0x10
)

// inject sends segments over IPv4, one after the other.
func inject(t testing.TB, src, dst *testnet.Namespace, segments ...segment) {
	t.Helper()
	src.Do(t, func() {
		conn, err := net.ListenIP("ip4:tcp", &net.IPAddr{IP: src.V4.AsSlice()})
		must(t, err)
		defer conn.Close()
		for _, s := range segments {
			_, err := conn.WriteTo(s.marshal(src.V4, dst.V4), &net.IPAddr{IP: dst.V4.AsSlice()})
			must(t, err)
		}
	})
}

func (s segment) marshal(from, to netip.Addr) []byte {
	b := make([]byte, 20)
	binary.BigEndian.PutUint16(b[0:], s.from)
	binary.BigEndian.PutUint16(b[2:], s.to)
	binary.BigEndian.PutUint32(b[4:], 1000+uint32(s.from))
	b[12], b[13] = 5<<4, s.flags
	binary.BigEndian.PutUint16(b[14:], 1024)
	sum := checksum(from.AsSlice(), to.AsSlice(), []byte{0, unix.IPPROTO_TCP, 0, byte(len(b))}, b)
	if s.corrupt {
		sum ^= 0x5555
	}
	binary.BigEndian.PutUint16(b[16:], sum)
	return b
}

// checksum is the Internet checksum (RFC 1071) of parts of even length.
func checksum(parts ...[]byte) uint16 {
	var sum uint32
	for _, p := range parts {
		for i := 0; i < len(p); i += 2 {
			sum += uint32(binary.BigEndian.Uint16(p[i:]))
		}
	}
	for sum>>16 != 0 {
		sum = sum&0xffff + sum>>16
	}
	return ^uint16(sum)
}

// listen opens a port with the given backlog that nobody accepts from.
func listen(t testing.TB, ns *testnet.Namespace, backlog int) (port uint16) {
	t.Helper()
	ns.Do(t, func() {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		must(t, err)
		t.Cleanup(func() { unix.Close(fd) })
		must(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: ns.V4.As4()}))
		must(t, unix.Listen(fd, backlog))
		name, err := unix.Getsockname(fd)
		must(t, err)
		port = uint16(name.(*unix.SockaddrInet4).Port)
	})
	return port
}

// netAddr is a port of a namespace, over IPv4.
func netAddr(ns *testnet.Namespace, port uint16) netip.AddrPort {
	return netip.AddrPortFrom(ns.V4, port)
}

// setSysctl sets a value below net.ipv4 for the lifetime of the namespace, unless the
// kernel does not have it.
func setSysctl(t testing.TB, ns *testnet.Namespace, name, value string) {
	t.Helper()
	ns.Do(t, func() {
		err := os.WriteFile("/proc/sys/net/ipv4/"+name, []byte(value), 0o644)
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
	})
}

// netstat reads one of the kernel's counters in a namespace, by another way than the
// engine does.
func netstat(t testing.TB, ns *testnet.Namespace, name string) (n uint64) {
	t.Helper()
	ns.Do(t, func() {
		data, err := os.ReadFile("/proc/thread-self/net/netstat")
		must(t, err)
		lines := strings.SplitN(string(data), "\n", 3)
		values := strings.Fields(lines[1])
		for i, field := range strings.Fields(lines[0]) {
			if field == name {
				n, err = strconv.ParseUint(values[i], 10, 64)
				must(t, err)
				return
			}
		}
		t.Fatalf("netstat has no %s", name)
	})
	return n
}
