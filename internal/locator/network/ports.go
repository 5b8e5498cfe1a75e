//go:build linux

package network

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/wire"
)

// flows is how many source ports there are. To see with 99 % that 16 routers have no
// 17th beside them takes 115 flows (package mda).
const flows = 128

// portRanges returns the first ports of ranges to try: above those that Linux gives
// to clients (ip_local_port_range, up to 60999), then below.
func portRanges() []uint16 {
	var first []uint16
	for port := 61440; port+flows <= 1<<16; port += flows {
		first = append(first, uint16(port))
	}
	for port := 16384; port+flows <= 32768; port += flows {
		first = append(first, uint16(port))
	}
	return first
}

// A reservation is a range of ports that no other program can have while it is open.
type reservation struct {
	wire.Ports
	sockets []int
}

// reserve binds a range of ports, of UDP and of TCP, in both families.
func reserve() (*reservation, error) {
	for _, first := range portRanges() {
		r, err := reserveAt(first)
		if err == nil {
			return r, nil
		}
		if !errors.Is(err, unix.EADDRINUSE) {
			return nil, fmt.Errorf("reserve source ports: %w", err)
		}
	}
	return nil, fmt.Errorf("reserve source ports: no %d in a row are free: %w", flows, unix.EADDRINUSE)
}

func reserveAt(first uint16) (*reservation, error) {
	r := &reservation{Ports: wire.Ports{First: first, Last: first + flows - 1}}
	for port := int(first); port <= int(r.Last); port++ {
		for _, kind := range []int{unix.SOCK_DGRAM, unix.SOCK_STREAM} {
			fd, err := hold(kind, port)
			if err != nil {
				r.close()
				return nil, err
			}
			r.sockets = append(r.sockets, fd)
		}
	}
	return r, nil
}

// hold binds a socket to a port of both families, or of IPv4 if the kernel has no other.
func hold(kind, port int) (int, error) {
	family, address := unix.AF_INET6, unix.Sockaddr(&unix.SockaddrInet6{Port: port})
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if errors.Is(err, unix.EAFNOSUPPORT) {
		family, address = unix.AF_INET, &unix.SockaddrInet4{Port: port}
		fd, err = unix.Socket(family, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	}
	if err != nil {
		return -1, err
	}
	if family == unix.AF_INET6 {
		err = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 0)
	}
	// Nobody reads it.
	err = errors.Join(err, unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, 0))
	if err == nil {
		err = unix.Bind(fd, address)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

func (r *reservation) close() {
	for _, fd := range r.sockets {
		unix.Close(fd)
	}
}
