//go:build linux

package host

import (
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// Connections returns the sockets of TCP that have a peer, in any state, in the network
// namespace of the calling thread. It asks for nothing else, so it can be called often.
func Connections() ([]Socket, error) {
	nl, err := netlink.NewHandle(unix.NETLINK_INET_DIAG)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	defer nl.Close()
	r := reader{nl: nl}
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		tcp, err := nl.SocketDiagTCP(family)
		if err != nil {
			return nil, fmt.Errorf("list TCP sockets of family %d: %w", family, err)
		}
		r.add(packet.TCP, tcp)
	}
	var all []Socket
	for _, s := range r.facts.Sockets {
		if s.State != Listening && s.Remote.Port() != 0 {
			all = append(all, s)
		}
	}
	return all, nil
}
