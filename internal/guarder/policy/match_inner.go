package policy

import (
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"gopkg.in/yaml.v3"
)

// inner reads conditions on the packet that an ICMP error quotes. They have a scope
// of their own: the quoted packet may be of another protocol.
func (m *matcher) inner(n *yaml.Node) {
	q := &matcher{reader: m.reader}
	q.families = m.families // an error quotes a packet of its own family
	q.inverted = m.inverted
	m.mapping(n, "inner", q.innerFields())
	if len(q.parts) == 0 {
		q.add(Number{QuotedLength, []Range{{0, 1<<32 - 1}}})
	}
	m.parts = append(m.parts, q.parts...)
}

func (m *matcher) innerFields() []field {
	port := severalOf(textShape())
	address := severalOf(plain("string"))
	return []field{
		{"proto", "The protocol of the quoted packet.", severalOf(textShape()), m.innerProtocol},
		{"src", "Its source: addresses, prefixes, local, or outer.dst (the destination of the message).", address, m.innerSource},
		{"dst", "Its destination: addresses, prefixes, or local.", address, func(n *yaml.Node) { m.add(m.addresses(n, "inner.dst", QuotedDestination)) }},
		{"src_set", "Sets of prefixes that hold its source.", address, func(n *yaml.Node) { m.add(m.fromSets(n, QuotedSource)) }},
		{"dst_set", "Sets of prefixes that hold its destination.", address, func(n *yaml.Node) { m.add(m.fromSets(n, QuotedDestination)) }},
		{"src_port", "Its source ports.", port, func(n *yaml.Node) { m.ports(n, "src_port", QuotedSourcePort) }},
		{"dst_port", "Its destination ports.", port, func(n *yaml.Node) { m.ports(n, "dst_port", QuotedDestinationPort) }},
		{"icmp_type", "The type of a quoted ICMP message: names, or numbers if the family is known.", severalOf(textShape()), m.innerType},
		{"df", "Whether its don't-fragment bit is set.", plain("boolean"), func(n *yaml.Node) { m.innerFlag(n, 1) }},
		{"later_fragment", "Whether it was a fragment other than the first, which quotes no transport header.", plain("boolean"), func(n *yaml.Node) { m.innerFlag(n, 2) }},
		{"length", "Its length by its own header.", refer("number"), func(n *yaml.Node) { m.number(n, "length", QuotedLength, 1<<32-1) }},
		{"seq", "Where its sequence number is for the connection of this host that it is of: in-window if it was sent and is not acknowledged, or out-of-window.", severalOf(words("in-window", "out-of-window")), m.innerSeq},
	}
}

func (m *matcher) innerProtocol(n *yaml.Node) {
	var all []Range
	var said []string
	for _, e := range m.oneOrMany(n, "proto") {
		if p, ok := m.protocolName(e); ok {
			all = append(all, Range{uint32(p), uint32(p)})
			m.protocols, said = append(m.protocols, p), append(said, e.Value)
		}
	}
	m.said = strings.Join(said, ", ")
	if all != nil {
		m.add(Number{QuotedProtocol, all})
	}
}

func (m *matcher) innerSource(n *yaml.Node) {
	if n.Kind == yaml.ScalarNode && n.Value == "outer.dst" {
		m.add(Same{CompareQuotedSource, CompareDestination})
		return
	}
	m.add(m.addresses(n, "inner.src", QuotedSource))
}

func (m *matcher) innerFlag(n *yaml.Node, bit uint32) {
	switch yes, ok := m.boolean(n); {
	case ok && yes:
		m.add(Bits{Of: QuotedFlags, All: bit})
	case ok:
		m.add(Bits{Of: QuotedFlags, None: bit})
	}
}

func (m *matcher) innerType(n *yaml.Node) {
	families := m.families
	switch {
	case !m.needProtocol(n, "icmp_type", []uint8{packet.ICMPv4, packet.ICMPv6}, "icmp or icmpv6"):
		return
	case slices.Equal(m.protocols, []uint8{packet.ICMPv4}):
		families = []uint8{4}
	case slices.Equal(m.protocols, []uint8{packet.ICMPv6}):
		families = []uint8{6}
	}
	var all4, all6 []Range
	for _, e := range m.oneOrMany(n, "icmp_type") {
		v4, v6, _ := m.icmpType(e, families)
		all4, all6 = appendTypes(all4, v4), appendTypes(all6, v6)
	}
	var parts Any
	if all4 != nil {
		parts = append(parts, All{Number{QuotedFamily, []Range{{4, 4}}}, Number{QuotedICMPType, all4}})
	}
	if all6 != nil {
		parts = append(parts, All{Number{QuotedFamily, []Range{{6, 6}}}, Number{QuotedICMPType, all6}})
	}
	if parts != nil {
		m.add(or(parts))
	}
}

func appendTypes(all []Range, types []uint8) []Range {
	for _, t := range types {
		all = append(all, Range{uint32(t), uint32(t)})
	}
	return all
}
