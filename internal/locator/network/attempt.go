//go:build linux

package network

import (
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// An attempt is a connection that is being made.
type attempt struct {
	fd     int
	number int32
	flight *flight
}

// connect sends the SYN.
func (a *attempt) connect() error {
	p := a.flight.probe
	if p.Destination.Is4() {
		return unix.Connect(a.fd, address(p.Destination, p.DestinationPort))
	}
	return labelled(p, func(to *unix.RawSockaddrInet6) unix.Errno {
		_, _, errno := unix.Syscall(unix.SYS_CONNECT, uintptr(a.fd), uintptr(unsafe.Pointer(to)), unsafe.Sizeof(*to))
		return errno
	})
}

// connected reports whether a SYN-ACK was received, and when, by the round trip that the
// kernel measured; zero if it did not. A destination may have closed since, this side has
// not.
func (a *attempt) connected() (rx time.Time, ok bool) {
	info, err := unix.GetsockoptTCPInfo(a.fd, unix.SOL_TCP, unix.TCP_INFO)
	if err != nil || info.State != unix.BPF_TCP_ESTABLISHED && info.State != unix.BPF_TCP_CLOSE_WAIT {
		return time.Time{}, false
	}
	if info.Rtt == 0 {
		return time.Time{}, true
	}
	return a.flight.sent.Round(0).Add(time.Duration(info.Rtt) * time.Microsecond), true
}
