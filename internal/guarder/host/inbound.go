//go:build linux

package host

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Inbound returns the peers of connections that are open and that they made, one entry
// for each, in the network namespace of the calling thread. TIME-WAIT does not count.
//
// The kernel does not tell who made a connection. One counts as made by the peer if its
// local port is in served, to which the ports are added first that somebody listens at now;
// so the caller knows connections of a service that has ended, too.
func Inbound(served map[uint16]bool) ([]netip.Addr, error) {
	nl, err := netlink.NewHandle(unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	defer nl.Close()
	var sockets []*netlink.Socket
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		tcp, err := nl.SocketDiagTCP(family)
		if err != nil {
			return nil, fmt.Errorf("list TCP sockets of family %d: %w", family, err)
		}
		sockets = append(sockets, tcp...)
	}
	for _, s := range sockets {
		if s.State == tcpListen {
			served[s.ID.SourcePort] = true
		}
	}
	var peers []netip.Addr
	for _, s := range sockets {
		if isOpen(s) && served[s.ID.SourcePort] {
			peers = append(peers, addrPort(s.ID.Destination, 0).Addr())
		}
	}
	return peers, nil
}

// States of include/net/tcp_states.h.
const (
	tcpEstablished = 1
	tcpFinWait1    = 4
	tcpFinWait2    = 5
	tcpCloseWait   = 8
	tcpLastAck     = 9
	tcpListen      = 10
	tcpClosing     = 11
)

// isOpen tells whether a socket holds a connection. One that is only remembered can say
// that it is in FIN-WAIT-2, but has the timer of TIME-WAIT (inet_twsk_diag_fill of
// net/ipv4/inet_diag.c).
func isOpen(s *netlink.Socket) bool {
	const timeWaitTimer = 3
	switch s.State {
	case tcpEstablished, tcpFinWait1, tcpFinWait2, tcpCloseWait, tcpLastAck, tcpClosing:
		return s.Timer != timeWaitTimer
	}
	return false
}
