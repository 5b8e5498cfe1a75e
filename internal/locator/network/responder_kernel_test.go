//go:build kernel && linux

package network_test

import (
	"encoding/binary"
	"net"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// A responder stands at the destination where the kernel does not answer, since the port
// is open, and answers in its place when it is told to.
type responder struct {
	port   uint16
	family testnet.Family
	to     unix.Sockaddr
	frames int // sees packets with their IP header
	errors int // sends ICMP
}

func newResponder(t *testing.T, p *testnet.Path, f testnet.Family) *responder {
	t.Helper()
	r := &responder{family: f}
	p.Dest.Do(t, func() {
		l, err := net.ListenUDP("udp", &net.UDPAddr{IP: p.Dest.Addr(f).AsSlice()})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { l.Close() })
		r.port = uint16(l.LocalAddr().(*net.UDPAddr).Port)
		r.frames = socket(t, unix.AF_PACKET, unix.SOCK_DGRAM, int(htons(unix.ETH_P_ALL)))
		if f == testnet.IPv4 {
			r.errors = socket(t, unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP)
			r.to = &unix.SockaddrInet4{Addr: p.Host.V4.As4()}
		} else {
			r.errors = socket(t, unix.AF_INET6, unix.SOCK_RAW, unix.IPPROTO_ICMPV6)
			r.to = &unix.SockaddrInet6{Addr: p.Host.V6.As16()}
		}
	})
	return r
}

func htons(v uint16) uint16 {
	return binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, v))
}

func socket(t *testing.T, family, kind, protocol int) int {
	t.Helper()
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, protocol)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Close(fd) })
	tv := unix.NsecToTimeval(testnet.Margin(3 * time.Second).Nanoseconds())
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &tv); err != nil {
		t.Fatal(err)
	}
	return fd
}

// transport returns where the header of UDP is.
func (r *responder) transport() int {
	if r.family == testnet.IPv4 {
		return testnet.IPv4Header
	}
	return testnet.IPv6Header
}

// next returns the next probe that arrives, as a packet.
func (r *responder) next(t *testing.T) []byte {
	t.Helper()
	b := make([]byte, 2048)
	for {
		n, _, err := unix.Recvfrom(r.frames, b, 0)
		if err == unix.EINTR {
			continue // the runtime's signals end a call that has a timeout (signal(7))
		}
		if err != nil {
			t.Fatalf("wait for a probe: %v", err)
		}
		at := r.transport()
		if n >= at+8 && b[0]>>4 == byte(r.family) && binary.BigEndian.Uint16(b[at+2:]) == r.port {
			return b[:n]
		}
	}
}

// forget drops what was seen, so that there is room to see more.
func (r *responder) forget() {
	for {
		if _, _, err := unix.Recvfrom(r.frames, nil, unix.MSG_DONTWAIT); err != nil {
			return
		}
	}
}

// header is that of "port unreachable", without its checksum.
func (r *responder) header() []byte {
	if r.family == testnet.IPv4 {
		return []byte{3, 3, 0, 0, 0, 0, 0, 0}
	}
	return []byte{1, 4, 0, 0, 0, 0, 0, 0}
}

// message says that the port of a packet is not reachable.
func (r *responder) message(packet []byte) []byte {
	return r.sum(append(r.header(), packet...))
}

// sum completes a message. In IPv6 the kernel does.
func (r *responder) sum(message []byte) []byte {
	if r.family == testnet.IPv4 {
		binary.BigEndian.PutUint16(message[2:], checksum(message))
	}
	return message
}

// answer answers a packet as the kernel would.
func (r *responder) answer(t *testing.T, packet []byte) {
	t.Helper()
	r.say(t, append(r.header(), packet...))
}

// say sends a message without a checksum to the host.
func (r *responder) say(t *testing.T, message []byte) {
	t.Helper()
	if err := unix.Sendto(r.errors, r.sum(message), 0, r.to); err != nil {
		t.Errorf("answer: %v", err)
	}
}

// strange returns the packet with another ID, wherever it is.
func (r *responder) strange(packet []byte) []byte {
	other := append([]byte(nil), packet...)
	at := r.transport() + 8
	id := binary.BigEndian.Uint16(other[at+2:]) + 1000
	binary.BigEndian.PutUint16(other[at+2:], id)
	binary.BigEndian.PutUint16(other[at+4:], ^id)
	if r.family == testnet.IPv4 {
		binary.BigEndian.PutUint16(other[4:], id)
	} else {
		binary.BigEndian.PutUint16(other[at-2:], id)
	}
	return other
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for len(b) > 1 {
		sum += uint32(binary.BigEndian.Uint16(b))
		b = b[2:]
	}
	if len(b) == 1 {
		sum += uint32(b[0]) << 8
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}
