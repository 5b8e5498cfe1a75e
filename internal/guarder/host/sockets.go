//go:build linux

package host

import (
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// upstream are where services that answer on a loopback address write whom they ask, in
// the form of a resolv.conf: systemd-resolved(8), and NetworkManager (its option dns) for
// dnsmasq.
var upstream = []string{"systemd/resolve/resolv.conf", "NetworkManager/no-stub-resolv.conf"}

// resolvers reads the name servers, and if one of them is a service on this host, whom
// that asks, as far as it tells.
func (r *reader) resolvers() {
	text, err := os.ReadFile(filepath.Join(r.etc, "resolv.conf"))
	if err != nil {
		r.note(Resolvers, err)
		return
	}
	if r.facts.Resolvers, err = parseResolvers(string(text)); err != nil {
		r.note(Resolvers, err)
	}
	if !slices.ContainsFunc(r.facts.Resolvers, netip.Addr.IsLoopback) {
		return
	}
	for _, name := range upstream {
		text, err := os.ReadFile(filepath.Join(r.run, name))
		if err != nil {
			continue // another service, or none
		}
		behind, err := parseResolvers(string(text))
		if err != nil {
			r.note(Resolvers, fmt.Errorf("%s: %w", name, err))
		}
		for _, addr := range behind {
			if !slices.Contains(r.facts.Resolvers, addr) && !addr.IsLoopback() {
				r.facts.Resolvers = append(r.facts.Resolvers, addr)
			}
		}
	}
}

// sockets asks NETLINK_SOCK_DIAG for those of both families.
func (r *reader) sockets() {
	for _, family := range []uint8{unix.AF_INET, unix.AF_INET6} {
		tcp, err := r.nl.SocketDiagTCP(family)
		if err != nil {
			r.note(TCPSockets, fmt.Errorf("list TCP sockets of family %d: %w", family, err))
		}
		r.add(packet.TCP, tcp)
		udp, err := r.nl.SocketDiagUDP(family)
		if err != nil {
			r.note(UDPSockets, fmt.Errorf("list UDP sockets of family %d: %w", family, err))
		}
		r.add(packet.UDP, udp)
	}
}

// ports reads the range of ports for connections.
func (r *reader) ports() {
	text, err := os.ReadFile(filepath.Join(r.proc, "sys/net/ipv4/ip_local_port_range"))
	if err != nil {
		r.note(LocalPorts, err)
		return
	}
	var first, last uint16
	if _, err := fmt.Sscan(string(text), &first, &last); err != nil {
		r.note(LocalPorts, fmt.Errorf("ip_local_port_range is %q: %w", text, err))
		return
	}
	r.facts.FirstPort, r.facts.LastPort = first, last
}

func (r *reader) add(protocol uint8, list []*netlink.Socket) {
	for _, s := range list {
		r.facts.Sockets = append(r.facts.Sockets, Socket{
			Protocol: protocol,
			Local:    addrPort(s.ID.Source, s.ID.SourcePort),
			Remote:   addrPort(s.ID.Destination, s.ID.DestinationPort),
			State:    stateOf(protocol, s.State),
			Inode:    s.INode,
			Device:   int(s.ID.Interface),
		})
	}
}

// addrPort unmaps IPv4 addresses of dual-stack sockets, which arrive as IPv4
// packets.
func addrPort(ip net.IP, port uint16) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(ip)
	return netip.AddrPortFrom(addr.Unmap(), port)
}

// stateOf sorts the states of tcp_states.h. UDP uses two of them: established, if
// connected, and close.
func stateOf(protocol, state uint8) State {
	const established, synSent, synReceived, listen, newSynReceived = 1, 2, 3, 10, 12
	switch {
	case state == established:
		return Established
	case protocol == packet.UDP || state == listen:
		return Listening
	case state == synSent || state == synReceived || state == newSynReceived:
		return Opening
	}
	return Closing
}
