//go:build linux

package network

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/wire"
)

// A family is what the sockets of IPv4 and IPv6 call the same things.
type family struct {
	number, level    int
	icmp             int
	unicastTTL       int // of what is sent
	receiveTTL       int
	tos              int
	discover         int
	receiveErrors    int
	receiveExtension int
	headerIncluded   int
}

var (
	ipv4 = family{
		number: unix.AF_INET, level: unix.SOL_IP, icmp: unix.IPPROTO_ICMP,
		unicastTTL: unix.IP_TTL, receiveTTL: unix.IP_RECVTTL, tos: unix.IP_TOS, discover: unix.IP_MTU_DISCOVER,
		receiveErrors: unix.IP_RECVERR, receiveExtension: unix.IP_RECVERR_RFC4884, headerIncluded: unix.IP_HDRINCL,
	}
	ipv6 = family{
		number: unix.AF_INET6, level: unix.SOL_IPV6, icmp: unix.IPPROTO_ICMPV6,
		unicastTTL: unix.IPV6_UNICAST_HOPS, receiveTTL: unix.IPV6_RECVHOPLIMIT, tos: unix.IPV6_TCLASS, discover: unix.IPV6_MTU_DISCOVER,
		receiveErrors: unix.IPV6_RECVERR, receiveExtension: unix.IPV6_RECVERR_RFC4884, headerIncluded: unix.IPV6_HDRINCL,
	}
)

func familyOf(a netip.Addr) family {
	if a.Is4() {
		return ipv4
	}
	return ipv6
}

// any is a port of all addresses of the host.
func (f family) any(port uint16) unix.Sockaddr {
	if f.number == unix.AF_INET {
		return &unix.SockaddrInet4{Port: int(port)}
	}
	return &unix.SockaddrInet6{Port: int(port)}
}

// address returns what sockets call an address.
func address(a netip.Addr, port uint16) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4(), Port: int(port)}
	}
	return &unix.SockaddrInet6{Addr: a.As16(), Port: int(port)}
}

// labelled makes a system call with the destination of a probe of IPv6 and its flow label,
// for which [unix.SockaddrInet6] has no place; the socket must have IPV6_FLOWINFO_SEND.
// Where somebody has leased labels for himself (IPV6_FLOWLABEL_MGR) others may use none,
// and the kernel chooses.
func labelled(p wire.Probe, call func(to *unix.RawSockaddrInet6) unix.Errno) error {
	to := &unix.RawSockaddrInet6{Family: unix.AF_INET6, Addr: p.Destination.As16()}
	// In network order, as the address is.
	binary.BigEndian.PutUint16((*[2]byte)(unsafe.Pointer(&to.Port))[:], p.DestinationPort)
	binary.BigEndian.PutUint32((*[4]byte)(unsafe.Pointer(&to.Flowinfo))[:], p.Label)
	errno := call(to)
	if errno == unix.EINVAL || errno == unix.ENOENT {
		to.Flowinfo = 0
		errno = call(to)
	}
	if errno != 0 {
		return errno
	}
	return nil
}
