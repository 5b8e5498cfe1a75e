package policy

import (
	"maps"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// Protocols by name, with their numbers at IANA.
var protocols = map[string]uint8{
	"icmp": packet.ICMPv4, "igmp": 2, "ipip": 4, "tcp": packet.TCP, "udp": packet.UDP, "dccp": packet.DCCP,
	"6in4": 41, "gre": 47, "esp": 50, "ah": 51, "icmpv6": packet.ICMPv6, "ospf": 89, "vrrp": 112,
	"sctp": packet.SCTP, "udplite": packet.UDPLite,
}

// withPorts are the protocols whose header begins with two ports.
var withPorts = []uint8{packet.TCP, packet.UDP, packet.SCTP, packet.DCCP, packet.UDPLite}

var etherTypes = map[string]uint16{"ipv4": packet.EtherIPv4, "ipv6": packet.EtherIPv6, "arp": packet.EtherARP}

// Bits of TCP flags and options, of fragments (overlap is known to a packet.Tracker alone), of IPv4 options and of extension headers.
var (
	tcpFlags = map[string]uint32{
		"fin": 1, "syn": 2, "rst": 4, "psh": 8, "ack": 16, "urg": 32, "ece": 64, "cwr": 128,
	}
	tcpOptions = map[string]uint32{"fast-open": uint32(packet.FastOpen)}
	fragments  = map[string]uint32{
		"any":   uint32(packet.FirstFragment | packet.LaterFragment),
		"first": uint32(packet.FirstFragment), "later": uint32(packet.LaterFragment),
		"offset-one": uint32(packet.OffsetOne), "past-end": uint32(packet.PastEnd), "overlap": uint32(packet.Overlap),
	}
	ipOptions = map[string]uint32{
		"any": uint32(packet.RecordRoute | packet.Timestamp | packet.LooseRoute | packet.StrictRoute |
			packet.RouterAlert | packet.OtherOptions),
		"rr": uint32(packet.RecordRoute), "timestamp": uint32(packet.Timestamp), "lsrr": uint32(packet.LooseRoute),
		"ssrr": uint32(packet.StrictRoute), "router-alert": uint32(packet.RouterAlert), "other": uint32(packet.OtherOptions),
	}
	headers = map[string]uint32{
		"hop-by-hop": uint32(packet.HopByHop), "destination": uint32(packet.Destination), "routing": uint32(packet.Routing),
		"fragment": uint32(packet.FragmentHeader), "auth": uint32(packet.Authentication),
	}
)

var arpOperations = map[string]uint32{"request": 1, "reply": 2}

// Types of ICMP (RFC 792 and others) and of ICMPv6 (RFC 4443 and others) by name.
var (
	icmp4Types = map[string]uint8{
		"echo-reply": 0, "unreachable": 3, "source-quench": 4, "redirect": 5, "echo-request": 8,
		"router-advert": 9, "router-solicit": 10, "time-exceeded": 11, "parameter-problem": 12,
		"timestamp": 13, "timestamp-reply": 14, "address-mask": 17, "address-mask-reply": 18,
	}
	icmp6Types = map[string]uint8{
		"unreachable": 1, "packet-too-big": 2, "time-exceeded": 3, "parameter-problem": 4,
		"echo-request": 128, "echo-reply": 129, "mld-query": 130, "mld-report": 131, "mld-done": 132,
		"router-solicit": 133, "router-advert": 134, "neighbor-solicit": 135, "neighbor-advert": 136,
		"redirect": 137, "mldv2-report": 143,
	}
)

// ICMPName returns the word for a type of ICMP (family 4) or ICMPv6 (6), or its number.
func ICMPName(family, kind uint8) string {
	if family == 6 {
		return nameOf(icmp6Types, kind, "%d")
	}
	return nameOf(icmp4Types, kind, "%d")
}

// ProtocolName returns the word for the protocol of a packet, or its number; of frames
// that are not IP it is that of their type. Both kinds of ICMP are "icmp".
func ProtocolName(etherType uint16, protocol uint8) string {
	switch {
	case etherType != packet.EtherIPv4 && etherType != packet.EtherIPv6:
		return nameOf(etherTypes, etherType, "%#04x")
	case protocol == packet.ICMPv6:
		return "icmp"
	}
	return nameOf(protocols, protocol, "%d")
}

// FlagNames returns the names of flags of TCP, from the lowest bit.
func FlagNames(flags uint8) (all []string) {
	for bit := range 8 {
		if flags>>bit&1 != 0 {
			all = append(all, nameOf(tcpFlags, 1<<bit, "%d"))
		}
	}
	return all
}

// An icmpClass is what messages of both families have in common.
type icmpClass struct {
	v4, v6 []uint8
	// code, if v4Code, limits the types of IPv4.
	v4Code bool
	code   uint8
}

// The classes. Error messages are those of RFC 1122 section 3.2.2, which counts
// redirects among them, and of RFC 4443, where all types below 128 are errors, also those
// that nobody has defined; all of them quote a packet. Redirects of neighbour discovery are
// no part of "nd", as a network works without them.
var icmpClasses = map[string]icmpClass{
	"error":             {v4: []uint8{3, 4, 5, 11, 12}, v6: errors6()},
	"echo":              {v4: []uint8{0, 8}, v6: []uint8{128, 129}},
	"unreachable":       {v4: []uint8{3}, v6: []uint8{1}},
	"packet-too-big":    {v4: []uint8{3}, v4Code: true, code: 4, v6: []uint8{2}},
	"time-exceeded":     {v4: []uint8{11}, v6: []uint8{3}},
	"parameter-problem": {v4: []uint8{12}, v6: []uint8{4}},
	"source-quench":     {v4: []uint8{4}},
	"redirect":          {v4: []uint8{5}, v6: []uint8{137}},
	"timestamp":         {v4: []uint8{13, 14}},
	"address-mask":      {v4: []uint8{17, 18}},
	"router-advert":     {v6: []uint8{134}},
	"router-discovery":  {v4: []uint8{9, 10}},
	"nd":                {v6: []uint8{133, 134, 135, 136}},
	"mld":               {v6: []uint8{130, 131, 132, 143}},
}

func errors6() (types []uint8) {
	for t := range uint8(128) {
		types = append(types, t)
	}
	return types
}

// known returns the names in a table, sorted.
func known[V any](table map[string]V) []string { return slices.Sorted(maps.Keys(table)) }
