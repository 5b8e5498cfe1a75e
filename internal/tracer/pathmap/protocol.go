package pathmap

import "encoding/binary"

// The protocols of packets. An IPv6 packet with extension headers that does not tell its
// protocol in the first one is [OtherProtocol].
const (
	ProtocolTCP    = "tcp"
	ProtocolUDP    = "udp"
	ProtocolICMP   = "icmp"
	ProtocolICMPv6 = "icmpv6"
	ProtocolSCTP   = "sctp"
	ProtocolARP    = "arp"
	OtherProtocol  = "other"
)

const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherIPv6 = 0x86dd
)

// protocolOf returns the protocol of a frame, which begins with the header of Ethernet.
func protocolOf(frame []byte) string {
	at := 12
	for at+2 <= len(frame) {
		kind := binary.BigEndian.Uint16(frame[at:])
		at += 2
		if kind == 0x8100 || kind == 0x88a8 {
			at += 2
			continue
		}
		switch {
		case kind == etherIPv4 && at+10 <= len(frame):
			return protocolName(kind, frame[at+9])
		case kind == etherIPv6 && at+7 <= len(frame):
			return protocolName(kind, frame[at+6])
		}
		return protocolName(kind, 0)
	}
	return OtherProtocol
}

// protocolName returns the protocol of a packet with a type of Ethernet and the number that IP
// has for what it carries.
func protocolName(ether uint16, number uint8) string {
	switch {
	case ether == etherARP:
		return ProtocolARP
	case ether != etherIPv4 && ether != etherIPv6:
		return OtherProtocol
	}
	switch number {
	case 6:
		return ProtocolTCP
	case 17:
		return ProtocolUDP
	case 1:
		return ProtocolICMP
	case 58:
		return ProtocolICMPv6
	case 132:
		return ProtocolSCTP
	}
	return OtherProtocol
}
