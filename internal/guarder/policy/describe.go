package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

var (
	addressNames = []string{"src", "dst", "inner.src", "inner.dst", "arp.sender_ip", "arp.target_ip", "nd.target"}
	portNames    = []string{"src_port", "dst_port", "inner.src_port", "inner.dst_port"}
	numberNames  = []string{"ttl", "length", "mss", "vlan.depth", "vlan.id", "arp.op", "mtu", "inner.proto", "inner.length", "inner.icmp_type", "inner.family", "window", "payload_length"}
	bitNames     = []string{"tcp.flags", "fragment", "ip_options", "ext_headers", "routing_header", "inner flags", "tcp.options"}
	compareNames = []string{"src", "dst", "src_port", "dst_port", "eth.src", "arp.sender_mac", "inner.src", "arp.sender_ip", "arp.target_ip"}
	socketOf     = []string{"the socket is", "the socket of inner is"}
	sequenceOf   = []string{"seq is", "inner.seq is"}
	bitTables    = []map[string]uint32{tcpFlags, fragments, ipOptions, headers, nil, {"df": 1, "later": 2}, tcpOptions}
)

// Describe returns an expression in words, short enough for a line. Long lists are
// cut.
func Describe(e Expr) string {
	switch e := e.(type) {
	case All:
		return joined(e, " and ", "every packet")
	case Any:
		return joined(e, " or ", "no packet")
	case Not:
		return "not (" + Describe(e.Of) + ")"
	case Family:
		return fmt.Sprintf("family ipv%d", e)
	case EtherTypes:
		return "ethertype " + list(e, func(t uint16) string { return nameOf(etherTypes, t, "%#04x") })
	case Protocols:
		return "proto " + list(e, func(p uint8) string { return nameOf(protocols, p, "%d") })
	case Addresses:
		if e.Set != "" {
			return addressNames[e.Of] + " in set " + e.Set
		}
		if e.Learns != "" {
			return addressNames[e.Of] + " in set " + e.Learns
		}
		return addressNames[e.Of] + " in " + list(e.Prefixes, netip.Prefix.String)
	case Own:
		return addressNames[e.Of] + " is an address of this host"
	case Ports:
		return portNames[e.Of] + " " + list(e.Ranges, Range.String)
	case Number:
		return numberNames[e.Of] + " " + list(e.Ranges, Range.String)
	case Bits:
		return bitNames[e.Of] + e.words()
	case ICMPTypes:
		text := fmt.Sprintf("icmp of ipv%d type ", e.Family) + list(e.Types, func(t uint8) string { return fmt.Sprint(t) })
		if e.Codes != nil {
			text += " code " + list(e.Codes, Range.String)
		}
		return text
	case Same:
		return compareNames[e.Left] + " = " + compareNames[e.Right]
	case QuotedTooLarge:
		return "mtu >= inner.length"
	case Payload:
		return fmt.Sprintf("payload at %d %s", e.At, list(e.Values, func(v []byte) string { return fmt.Sprintf("[% x]", v) }))
	case Binding:
		return "a sender that conflicts with " + e.Set
	case Interfaces:
		return "interface " + strings.Join(e, ", ")
	case Socket:
		return fmt.Sprintf("%s %s", socketOf[e.Of], stateWords(e.States))
	case Sequence:
		return fmt.Sprintf("%s %s", sequenceOf[e.Of], placeWords(e.Is))
	case Connections:
		return fmt.Sprintf("more than %d connections of a source (/%d, /%d)", e.Above, e.IPv4, e.IPv6)
	}
	return fmt.Sprintf("%T", e)
}

// String returns "5" or "5-7".
func (r Range) String() string {
	if r.Low == r.High {
		return fmt.Sprint(r.Low)
	}
	return fmt.Sprintf("%d-%d", r.Low, r.High)
}

func joined(parts []Expr, word, none string) string {
	if len(parts) == 0 {
		return none
	}
	var all []string
	for _, part := range parts {
		text := Describe(part)
		if isCompound(part) {
			text = "(" + text + ")"
		}
		all = append(all, text)
	}
	return strings.Join(all, word)
}

func isCompound(e Expr) bool {
	switch e := e.(type) {
	case All:
		return len(e) > 1
	case Any:
		return len(e) > 1
	}
	return false
}

// list joins the first values of a list.
func list[T any, S ~[]T](values S, text func(T) string) string {
	const most = 6
	var all []string
	for i, v := range values {
		if i == most {
			all = append(all, fmt.Sprintf("and %d more", len(values)-most))
			break
		}
		all = append(all, text(v))
	}
	return strings.Join(all, ", ")
}

func nameOf[V comparable](table map[string]V, value V, form string) string {
	for _, name := range known(table) {
		if table[name] == value {
			return name
		}
	}
	return fmt.Sprintf(form, value)
}

// words returns " all syn none ack" and the like.
func (b Bits) words() string {
	var text string
	for _, part := range []struct {
		word string
		bits uint32
	}{{"all", b.All}, {"none", b.None}, {"any", b.Any}} {
		if part.bits != 0 {
			text += " " + part.word + " " + strings.Join(bitWords(bitTables[b.Of], part.bits), ", ")
		}
	}
	return text
}

// bitWords names the bits that are set, from the lowest.
func bitWords(table map[string]uint32, bits uint32) []string {
	var all []string
	for i := range 32 {
		bit := uint32(1) << i
		if bits&bit == 0 {
			continue
		}
		name := fmt.Sprint(i)
		if j := slices.IndexFunc(known(table), func(k string) bool { return table[k] == bit }); j >= 0 {
			name = known(table)[j]
		}
		all = append(all, name)
	}
	return all
}

// stateWords returns "none or listen"; states of which nothing is known are "unknown".
func stateWords(s SocketStates) string {
	if s&anySocket == anySocket {
		return alternatives(socketStates, uint32(s&^anySocket), "any", s&SocketUnknown != 0)
	}
	return alternatives(socketStates, uint32(s), "", s&SocketUnknown != 0)
}

func placeWords(s Sequences) string {
	if s&InWindow != 0 {
		return alternatives(sequences, uint32(s&^(InWindow|NextInWindow)), "in-window", s&SequenceUnknown != 0)
	}
	return alternatives(sequences, uint32(s), "", s&SequenceUnknown != 0)
}

// alternatives joins words of a table with "or", behind one that stands for several.
func alternatives(table map[string]uint32, bits uint32, first string, unknown bool) string {
	var all []string
	if first != "" {
		all = append(all, first)
	}
	for bit := uint32(1); bit <= bits; bit <<= 1 {
		for _, name := range known(table) {
			if bits&bit != 0 && table[name] == bit {
				all = append(all, name)
			}
		}
	}
	if unknown {
		all = append(all, "unknown")
	}
	return strings.Join(all, " or ")
}
