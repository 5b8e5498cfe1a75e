//go:build linux

package network

import (
	"encoding/binary"
	"net/netip"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	batchSize  = 32
	maxBatches = 64   // that are read in a row, or a flood would hold up who sends
	packetSize = 2048 // more than a link's usual MTU; what is longer is cut
	oobSize    = 256
)

// A batch receives many packets by one system call. Its contents are valid until the
// next call of receive.
type batch struct {
	headers [batchSize]mmsghdr
	used    int // headers that the kernel has written into
	vectors [batchSize]unix.Iovec
	names   [batchSize]unix.RawSockaddrInet6 // also holds one of IPv4
	data    [batchSize][packetSize]byte
	oob     [batchSize][oobSize]byte
}

// mmsghdr is struct mmsghdr of recvmmsg(2).
type mmsghdr struct {
	header unix.Msghdr
	length uint32
}

func newBatch() *batch {
	b := &batch{}
	for i := range b.headers {
		b.vectors[i].Base = &b.data[i][0]
		b.vectors[i].SetLen(packetSize)
		h := &b.headers[i].header
		h.Name, h.Control, h.Iov = (*byte)(unsafe.Pointer(&b.names[i])), &b.oob[i][0], &b.vectors[i]
		h.SetIovlen(1)
		b.reset(i)
	}
	return b
}

// reset puts back the sizes that the kernel has written what it used of.
func (b *batch) reset(i int) {
	h := &b.headers[i].header
	h.Namelen = uint32(unsafe.Sizeof(b.names[i]))
	h.SetControllen(oobSize)
}

// receive takes what a socket holds, up to batchSize packets, and returns how many. It
// never waits.
func (b *batch) receive(fd, flags int) int {
	for i := range b.used {
		b.reset(i)
	}
	b.used = 0
	for {
		n, _, errno := unix.Syscall6(unix.SYS_RECVMMSG, uintptr(fd), uintptr(unsafe.Pointer(&b.headers)),
			batchSize, uintptr(flags|unix.MSG_DONTWAIT), 0, 0)
		switch {
		case errno == 0:
			b.used = int(n)
			return b.used
		case errno != unix.EINTR:
			return 0 // EAGAIN, or a pending error, which is in the queue too
		}
	}
}

// each calls f with the index of each packet that a socket holds.
func (b *batch) each(fd, flags int, f func(i int)) {
	for range maxBatches {
		n := b.receive(fd, flags)
		for i := range n {
			f(i)
		}
		if n < batchSize {
			return
		}
	}
}

// packet returns the bytes of a packet.
func (b *batch) packet(i int) []byte {
	return b.data[i][:min(b.headers[i].length, packetSize)]
}

// from returns who sent the packet; of an error queue, to whom that was sent which had the
// error.
func (b *batch) from(i int) netip.AddrPort {
	name := &b.names[i]
	port := binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(&name.Port))[:])
	if name.Family == unix.AF_INET {
		v4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(name))
		return netip.AddrPortFrom(netip.AddrFrom4(v4.Addr), port)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(name.Addr), port)
}

// A control is what the kernel says beside a packet.
type control struct {
	stamp time.Time // of CLOCK_REALTIME, zero if none
	ttl   uint8
	// dropped is how many packets the socket had no room for since it was made, if
	// counted is set.
	dropped uint32
	counted bool
	// err is what an error queue says of an error or a stamp; its origin is 0 if there is
	// none. offender is who sent the error.
	err      unix.SockExtendedErr
	offender netip.Addr
}

// control reads what goes with a packet.
func (b *batch) control(i int) (c control) {
	oob := b.oob[i][:b.headers[i].header.Controllen]
	for len(oob) > 0 {
		h, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			return c
		}
		oob = rest
		c.take(int(h.Level), int(h.Type), data)
	}
	return c
}

func (c *control) take(level, kind int, b []byte) {
	switch {
	case level == unix.SOL_SOCKET && kind == unix.SCM_TIMESTAMPING && len(b) >= 16:
		sec, nsec := binary.NativeEndian.Uint64(b), binary.NativeEndian.Uint64(b[8:])
		if sec != 0 || nsec != 0 {
			c.stamp = time.Unix(int64(sec), int64(nsec))
		}
	case level == unix.SOL_SOCKET && kind == unix.SO_RXQ_OVFL && len(b) >= 4:
		c.dropped, c.counted = binary.NativeEndian.Uint32(b), true
	case level == unix.SOL_IP && kind == unix.IP_TTL && len(b) >= 4,
		level == unix.SOL_IPV6 && kind == unix.IPV6_HOPLIMIT && len(b) >= 4:
		c.ttl = uint8(binary.NativeEndian.Uint32(b))
	case level == unix.SOL_IP && kind == unix.IP_RECVERR, level == unix.SOL_IPV6 && kind == unix.IPV6_RECVERR:
		c.takeError(b)
	}
}

// takeError reads struct sock_extended_err, and the address of the offender behind it
// (linux/errqueue.h).
func (c *control) takeError(b []byte) {
	const size = int(unsafe.Sizeof(unix.SockExtendedErr{}))
	if len(b) < size {
		return
	}
	c.err = unix.SockExtendedErr{
		Errno: binary.NativeEndian.Uint32(b), Origin: b[4], Type: b[5], Code: b[6],
		Info: binary.NativeEndian.Uint32(b[8:]), Data: binary.NativeEndian.Uint32(b[12:]),
	}
	address := b[size:]
	if len(address) < 8 {
		return
	}
	switch family := binary.NativeEndian.Uint16(address); {
	case family == unix.AF_INET:
		c.offender = netip.AddrFrom4([4]byte(address[4:]))
	case family == unix.AF_INET6 && len(address) >= 24:
		c.offender = netip.AddrFrom16([16]byte(address[8:]))
	}
}
