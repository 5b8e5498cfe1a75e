package wire

import "net/netip"

// Protocol is what a probe is of.
type Protocol uint8

// The protocols. The zero value is none.
const (
	// ICMP is an echo request, of ICMPv6 if the destination is of IPv6.
	ICMP Protocol = iota + 1
	UDP
	// TCP is a SYN with the options of a usual one.
	TCP
)

var protocolNames = [...]string{"unknown", "icmp", "udp", "tcp"}

// String returns the label value, such as "udp".
func (p Protocol) String() string {
	if int(p) < len(protocolNames) {
		return protocolNames[p]
	}
	return protocolNames[0]
}

// A Flow is what routers choose the way by: packets of one flow take the same one,
// unless a router balances load packet by packet.
type Flow struct {
	Protocol Protocol
	// Source and Destination are of one family and no IPv4 in IPv6. Zones are not part
	// of a packet: they are left out when it is built, and never there when it is read.
	Source, Destination netip.Addr
	// SourcePort is the identifier of ICMP, which has no DestinationPort. Its checksum
	// follows from it, so that it makes a flow.
	SourcePort, DestinationPort uint16
	// Label is the flow label of IPv6, of 20 bits.
	Label uint32
}

// A Probe is a packet that asks for an answer.
type Probe struct {
	Flow
	// TTL is how many hops the packet may go; the router that counts it down to
	// nothing answers. In IPv6 it is the hop limit.
	TTL uint8
	// ID comes back in the answer. It is never 0: the kernel would choose another
	// identification, and no checksum of UDP is 0.
	ID uint16
	// Size is that of the whole IP packet in bytes. 0 means the least that there is, see
	// [Flow.MinSize]. A SYN has no other: data in it would be remarkable.
	Size int
	// TOS is the traffic class in IPv6.
	TOS uint8
	// DontFragment is the flag of IPv4; in IPv6 no router fragments.
	DontFragment bool
}

// A Key joins answers and probes. It leaves out what may be rewritten on the way: the
// source address and the flow label. The family is that of Destination.
type Key struct {
	Protocol                    Protocol
	Destination                 netip.Addr
	SourcePort, DestinationPort uint16
	ID                          uint16
}
