//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Addresses for documentation (RFC 5737). The client has a route to the first,
// through the server; the server has none, and nobody has one to the second.
var (
	beyondServer = netip.MustParseAddr("198.51.100.1")
	beyondClient = netip.MustParseAddr("203.0.113.1")
)

// udpOverflow sends more at once than the receive buffer takes.
func udpOverflow(r *round) error { return r.datagrams(overflowPort, 64, 600) }

// policy sends what the firewall of the server drops.
func policy(r *round) error { return r.datagrams(forbiddenUDPPort, 5, 40) }

func (r *round) datagrams(port uint16, count, size int) error {
	conn, err := r.udp(port)
	if err != nil {
		return err
	}
	defer conn.Close()
	for range count {
		if _, err := conn.Write(question(size)); err != nil {
			return err
		}
	}
	return nil
}

// portUnreachable sends a datagram to a port where nobody listens, and waits for
// the answer of ICMP.
func portUnreachable(r *round) error {
	return lone(r, netip.AddrPortFrom(r.peer, closedUDPPort), 0, syscall.ECONNREFUSED)
}

// lone sends a single datagram, with a time to live if that is not 0, and returns
// nil if it comes back as an error.
func lone(r *round, to netip.AddrPort, ttl int, want syscall.Errno) error {
	errorsToo := net.Dialer{Control: func(_, _ string, raw syscall.RawConn) error {
		var err error
		control := raw.Control(func(fd uintptr) {
			if to.Addr().Is6() {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
				return
			}
			err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
			if err == nil && ttl > 0 {
				err = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_TTL, ttl)
			}
		})
		return errors.Join(control, err)
	}}
	conn, err := errorsToo.DialContext(r.ctx, "udp", to.String())
	if err != nil {
		return expect(err, want)
	}
	defer conn.Close()
	// The kernel takes three seconds to give up a neighbour.
	if err := conn.SetDeadline(time.Now().Add(2 * patience)); err != nil {
		return err
	}
	if _, err := conn.Write(question(40)); err != nil {
		return expect(err, want)
	}
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		return expect(err, want)
	}
	return fmt.Errorf("a datagram to %s was answered", to)
}

// ttlExpired sends a packet through the server, to an address of the network that
// nobody has, with a time to live that ends there.
func ttlExpired(r *round) error {
	server, ok := r.of(true)
	if !ok {
		return errors.New("the server has no IPv4 address")
	}
	device, err := deviceTo(server)
	if err != nil {
		return err
	}
	to, err := unused(device.prefix, 1)
	if err != nil {
		return err
	}
	if r.n == 0 {
		if err := device.route(to, server); err != nil {
			return err
		}
	}
	return lone(r, netip.AddrPortFrom(to, lookupPort), 1, syscall.EHOSTUNREACH)
}

// noRoute sends a packet through the server to where it has no route, and tries to
// send one to where this host has none.
func noRoute(r *round) error {
	server, ok := r.of(true)
	if !ok {
		return errors.New("the server has no IPv4 address")
	}
	device, err := deviceTo(server)
	if err != nil {
		return err
	}
	if r.n == 0 {
		if err := device.route(beyondServer, server); err != nil {
			return err
		}
	}
	return errors.Join(
		lone(r, netip.AddrPortFrom(beyondServer, lookupPort), 0, syscall.ENETUNREACH),
		lone(r, netip.AddrPortFrom(beyondClient, lookupPort), 0, syscall.ENETUNREACH))
}

// neighbor sends a packet to an address of the network that nobody has.
func neighbor(r *round) error {
	device, err := deviceTo(r.peer)
	if err != nil {
		return err
	}
	to, err := unused(device.prefix, 0)
	if err != nil {
		return err
	}
	return lone(r, netip.AddrPortFrom(to, lookupPort), 0, syscall.EHOSTUNREACH)
}

// shaperRate is what the client may send, in bytes per second: 20 Mbit/s.
const shaperRate = 20_000_000 / 8

// shape makes what the client sends queue.
func shape(r *round) error {
	device, err := deviceTo(r.peer)
	if err != nil {
		return err
	}
	return device.shape(shaperRate)
}
