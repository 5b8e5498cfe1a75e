package sockets

import (
	"strconv"

	"golang.org/x/sys/unix"
)

// A Family is an IP version. A socket that speaks both is [IPv6], as ss has it.
type Family uint8

// The families, by their version number.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Families lists both.
var Families = []Family{IPv4, IPv6}

// String returns the label value "ipv4" or "ipv6".
func (f Family) String() string { return "ipv" + strconv.Itoa(int(f)) }

// A Protocol is a kind of socket.
type Protocol uint8

// The protocols, by the number that the sockets have in IP. Raw stands for raw
// sockets of any protocol; ICMP and ICMPv6 are sockets that send echo requests
// without privilege.
const (
	TCP    Protocol = unix.IPPROTO_TCP
	UDP    Protocol = unix.IPPROTO_UDP
	ICMP   Protocol = unix.IPPROTO_ICMP
	ICMPv6 Protocol = unix.IPPROTO_ICMPV6
	Raw    Protocol = unix.IPPROTO_RAW
)

// Protocols lists every protocol.
var Protocols = []Protocol{TCP, UDP, Raw, ICMP, ICMPv6}

var protocolNames = map[Protocol]string{TCP: "tcp", UDP: "udp", ICMP: "icmp", ICMPv6: "icmpv6", Raw: "raw"}

// String returns the label value: "tcp", "udp", "raw", "icmp" or "icmpv6".
func (p Protocol) String() string {
	if name, ok := protocolNames[p]; ok {
		return name
	}
	return "unknown_" + strconv.Itoa(int(p))
}

// In reports whether the protocol exists in a family.
func (p Protocol) In(f Family) bool {
	return !(p == ICMP && f == IPv6 || p == ICMPv6 && f == IPv4)
}

// A State is that of a TCP connection, or whether a socket without connections
// has a peer.
type State uint8

// The states, numbered as in the kernel's include/net/tcp_states.h. A socket that
// has no connections is Established if it is connected, else Closed.
const (
	Established State = iota + 1
	SynSent
	SynRecv
	FinWait1
	FinWait2
	TimeWait
	Closed
	CloseWait
	LastAck
	Listen
	Closing
	// newSynRecv is what the kernel calls a request that is not a socket yet.
	newSynRecv
)

// stateNames are as ss has them in lower case, with underscores.
var stateNames = []string{
	"unknown_0", "established", "syn_sent", "syn_recv", "fin_wait_1", "fin_wait_2", "time_wait", "closed",
	"close_wait", "last_ack", "listen", "closing",
}

// States lists the states that sockets of a protocol can have.
func (p Protocol) States() []State {
	if p != TCP {
		return []State{Established, Closed}
	}
	return []State{
		Established, SynSent, SynRecv, FinWait1, FinWait2, TimeWait, Closed, CloseWait, LastAck, Listen, Closing,
	}
}

// StateName returns the label value of a state: for TCP as ss has it, such as
// "time_wait", for others "connected" or "unconnected".
func (p Protocol) StateName(s State) string {
	switch {
	case p != TCP && s == Established:
		return "connected"
	case p != TCP && s == Closed:
		return "unconnected"
	case int(s) < len(stateNames):
		return stateNames[s]
	}
	return "unknown_" + strconv.Itoa(int(s))
}
