package policy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"gopkg.in/yaml.v3"
)

// A matcher reads one mapping of conditions, all of which must hold.
type matcher struct {
	*reader
	scope
	parts All
	// name is where the name of an entry of the failsafe goes; nil in a rule.
	name func(*yaml.Node)
}

// A scope is what the keys beside and above a key say of the packet, which decides
// what it means: "type" of ICMP has other numbers in IPv6, and ports need a protocol.
type scope struct {
	families  []uint8 // of 4 and 6; nil if both are possible
	protocols []uint8 // nil if nothing is said
	said      string  // what protocols are, in the words of the file
	// known is the conjunction of all conditions around.
	known All
	// inverted tells that we are below "not".
	inverted bool
	// depth is how many matches are around.
	depth int
}

// match reads the match of a rule, or an entry of the failsafe, which has a name
// beside the conditions.
func (r *reader) match(n *yaml.Node, rule *Rule) Expr {
	m := &matcher{reader: r}
	r.matches = 0
	if rule.Stage == Failsafe {
		m.name = func(n *yaml.Node) {
			rule.Name = r.name(n, "failsafe entry")
			r.in = FailsafeGroup + "/" + rule.Name
		}
	}
	return m.read(n, "a match")
}

// Limits of matches within matches. Anchors of YAML may hold themselves, or each other
// many times over.
const (
	maxDepth   = 8
	maxMatches = 1024 // of one rule
)

// read returns the conjunction of the keys of n.
func (m *matcher) read(n *yaml.Node, what string) Expr {
	if m.matches++; m.depth > maxDepth || m.matches > maxMatches {
		m.fault(n, OverBudget, "", "matches within matches: at most %d deep, and %d of a rule", maxDepth, maxMatches)
		return m.parts
	}
	before := len(m.faults)
	m.mapping(n, what, m.fields())
	if len(m.faults) > before && Failed(m.faults[before:]) || n.Kind != yaml.MappingNode {
		return m.parts
	}
	if len(m.parts) == 0 && !has(n, "any_packet") {
		m.fault(n, emptyMatch, "write any_packet: true if that is meant", "an empty match matches every packet")
	}
	return one(m.parts)
}

// one returns an expression without needless parentheses.
func one(parts All) Expr {
	if len(parts) == 1 {
		return parts[0]
	}
	return parts
}

func or(parts Any) Expr {
	if len(parts) == 1 {
		return parts[0]
	}
	return parts
}

func (m *matcher) add(e Expr) {
	if e != nil {
		m.parts = append(m.parts, e)
	}
}

// fields are the keys of a match, those first that say what others mean.
func (m *matcher) fields() []field {
	var head []field
	if m.name != nil {
		head = []field{{"name", "The name of the entry.", plain("string"), m.name}}
	}
	return slices.Concat(head, m.protocolFields(), m.addressFields(), m.linkFields(), m.otherFields(), m.socketFields(), m.logicFields())
}

func (m *matcher) protocolFields() []field {
	return []field{
		{"family", "ipv4 or ipv6.", words("ipv4", "ipv6"), func(n *yaml.Node) {
			if i := m.word(n, "family", []string{"ipv4", "ipv6"}); i >= 0 {
				m.family(n, []uint8{4, 6}[i])
				m.add(Family([]uint8{4, 6}[i]))
			}
		}},
		{"ethertype", "The EtherType behind VLAN tags: arp, ipv4, ipv6 or a number such as 0x88cc.", severalOf(textShape()), m.etherType},
		{"proto", "The protocol of the transport header: a name, a number, or a list of them.", severalOf(textShape()), m.protocol},
		{"tcp", "Fields of TCP; {} is any TCP packet whose header can be read.", refer("tcp"), m.tcp},
		{"icmp", "Fields of ICMP and ICMPv6; {} is any message.", refer("icmp"), m.icmp},
		{"arp", "Fields of ARP; {} is any ARP packet.", refer("arp"), m.arp},
		{"nd", "Fields of neighbour solicitations and advertisements.", refer("nd"), m.nd},
	}
}

func (m *matcher) addressFields() []field {
	port := severalOf(textShape())
	return []field{
		{"src", "Source addresses: addresses, prefixes, or local.", severalOf(plain("string")), func(n *yaml.Node) { m.add(m.addresses(n, "src", Source)) }},
		{"dst", "Destination addresses: addresses, prefixes, or local.", severalOf(plain("string")), func(n *yaml.Node) { m.add(m.addresses(n, "dst", Destination)) }},
		{"src_set", "Sets of prefixes that hold the source address.", severalOf(plain("string")), func(n *yaml.Node) { m.add(m.fromSets(n, Source)) }},
		{"dst_set", "Sets of prefixes that hold the destination address.", severalOf(plain("string")), func(n *yaml.Node) { m.add(m.fromSets(n, Destination)) }},
		{"src_port", "Source ports: 53, 8000-8099, or a list.", port, func(n *yaml.Node) { m.ports(n, "src_port", SourcePort) }},
		{"dst_port", "Destination ports: 22, 8000-8099, or a list.", port, func(n *yaml.Node) { m.ports(n, "dst_port", DestinationPort) }},
		{"src_port_set", "Sets of ports that hold the source port.", severalOf(plain("string")), func(n *yaml.Node) { m.portSets(n, "src_port_set", SourcePort) }},
		{"dst_port_set", "Sets of ports that hold the destination port.", severalOf(plain("string")), func(n *yaml.Node) { m.portSets(n, "dst_port_set", DestinationPort) }},
		{"same", "Two fields that are equal.", shape{"enum": [][]string{{"src", "dst"}, {"src_port", "dst_port"}}}, m.same},
	}
}

func (m *matcher) otherFields() []field {
	return []field{
		{"ttl", "Time to live, or hop limit.", refer("number"), func(n *yaml.Node) { m.number(n, "ttl", TTL, 255) }},
		{"length", "Length of the IP packet in bytes, by its own header.", refer("number"), func(n *yaml.Node) { m.number(n, "length", Length, 1<<32-1) }},
		{"fragment", "Kinds of fragments; one of them must hold.", severalOf(words(known(fragments)...)), func(n *yaml.Node) { m.bits(n, "fragment", Fragments, fragments) }},
		{"ip_options", "Options of IPv4; one of them must be there.", severalOf(words(known(ipOptions)...)), func(n *yaml.Node) { m.bits(n, "ip_options", IPOptions, ipOptions) }},
		{"ext_headers", "Extension headers of IPv6; one of them must be there.", severalOf(words(known(headers)...)), func(n *yaml.Node) { m.bits(n, "ext_headers", Headers, headers) }},
		{"routing_header", "Types of routing headers of IPv6; one of them must be there. 15 stands for all types from 15.", severalOf(plain("integer")), m.routingHeader},
		{"payload_length", "Bytes behind the transport header, by the length of the IP packet, or of UDP if that is less.", refer("number"), func(n *yaml.Node) {
			if m.needPorts(n, "payload_length") {
				m.number(n, "payload_length", PayloadLength, 1<<32-1)
			}
		}},
		{"payload", "Bytes behind the transport header.", severalOf(refer("payload")), m.payload},
	}
}

func (m *matcher) logicFields() []field {
	return []field{
		{"any", "A list of matches; one of them must hold.", listOf(refer("match")), func(n *yaml.Node) {
			if parts := m.children(n, "any"); parts != nil {
				m.alternatives(n, parts)
				m.add(or(Any(parts)))
			}
		}},
		{"all", "A list of matches; all of them must hold.", listOf(refer("match")), func(n *yaml.Node) {
			if parts := m.children(n, "all"); parts != nil {
				m.add(one(parts))
			}
		}},
		{"not", "A match that must not hold.", refer("match"), func(n *yaml.Node) {
			child := m.child()
			child.inverted = !m.inverted
			m.add(Not{child.read(n, "not")})
		}},
		{"any_packet", "true: every packet. It stands alone.", shape{"const": true}, func(n *yaml.Node) {
			if yes, ok := m.boolean(n); ok && !yes {
				m.fault(n, unknownWord, "remove the rule, or write mode: off", "any_packet: false matches nothing")
			} else if len(m.parts) > 0 {
				m.fault(n, contradiction, "remove any_packet", "any_packet stands beside other conditions")
			}
		}},
	}
}

// child returns a matcher for a mapping inside this one, which knows all that this
// one has found so far.
func (m *matcher) child() *matcher {
	c := &matcher{reader: m.reader, scope: m.scope}
	c.known = slices.Concat(m.known, m.parts)
	c.depth++
	return c
}

func (m *matcher) children(n *yaml.Node, what string) All {
	var all All
	for _, e := range m.sequence(n, what) {
		all = append(all, m.child().read(e, "a match"))
	}
	return all
}

// alternatives records a fault for each part of "any" that can never hold beside the
// conditions around it.
func (m *matcher) alternatives(n *yaml.Node, parts All) {
	around := All(slices.Concat(m.known, m.parts))
	if all, ok := cubes(around, true); !ok || len(all) == 0 || m.inverted || m.usesEmpty {
		return
	}
	for i, part := range parts {
		if all, ok := cubes(All{around, part}, true); ok && len(all) == 0 {
			m.fault(resolve(n.Content[i]), contradiction, "", "this alternative never matches beside the conditions around it")
		}
	}
}

// family narrows the scope to one family.
func (m *matcher) family(n *yaml.Node, f uint8) {
	if m.families != nil && !slices.Contains(m.families, f) {
		m.fault(n, familyClash, "", "ipv%d beside ipv%d never matches", f, m.families[0])
	}
	m.families = []uint8{f}
}

// only narrows the scope to protocols, and reports whether one is left.
func (m *matcher) only(n *yaml.Node, all []uint8, said string) bool {
	if m.protocols == nil {
		m.protocols, m.said = all, said
		return true
	}
	left := slices.DeleteFunc(slices.Clone(m.protocols), func(p uint8) bool { return !slices.Contains(all, p) })
	if len(left) == 0 {
		m.fault(n, noProtocol, "", "%s beside proto %s never matches", said, m.said)
		return false
	}
	m.protocols = left
	return true
}

func (m *matcher) etherType(n *yaml.Node) {
	var all EtherTypes
	for _, e := range m.oneOrMany(n, "ethertype") {
		text, ok := m.text(e)
		if value, found := etherTypes[text]; found {
			all = append(all, value)
		} else if ok && text != "" && text[0] >= '0' && text[0] <= '9' {
			if value, ok := m.inRange(e, "ethertype", text, 0x600, 0xffff); ok {
				all = append(all, uint16(value))
			}
		} else if ok {
			m.fault(e, unknownWord, suggest(text, known(etherTypes)), "unknown ethertype %q", text)
		}
	}
	m.add(all)
}

func (m *matcher) protocol(n *yaml.Node) {
	var all []uint8
	var said []string
	for _, e := range m.oneOrMany(n, "proto") {
		if p, ok := m.protocolName(e); ok {
			all, said = append(all, p), append(said, e.Value)
		}
	}
	if all == nil || !m.only(n, all, strings.Join(said, ", ")) {
		return
	}
	// ICMP is not spoken over IPv6, nor ICMPv6 over IPv4, though the numbers could
	// stand in either header.
	switch {
	case len(all) == 1 && all[0] == packet.ICMPv4:
		m.family(n, 4)
		m.add(Family(4))
	case len(all) == 1 && all[0] == packet.ICMPv6:
		m.family(n, 6)
		m.add(Family(6))
	}
	m.add(Protocols(all))
}

func (m *matcher) protocolName(n *yaml.Node) (uint8, bool) {
	text, ok := m.text(n)
	if !ok {
		return 0, false
	}
	if p, found := protocols[text]; found {
		return p, true
	}
	if text != "" && strings.Trim(text, "0123456789") == "" {
		p, ok := m.inRange(n, "proto", text, 0, 255)
		return uint8(p), ok
	}
	m.fault(n, unknownWord, suggest(text, known(protocols)), "unknown proto %q", text)
	return 0, false
}

// needPorts reports whether the protocol is one with ports; else it records a fault.
func (m *matcher) needPorts(n *yaml.Node, key string) bool {
	return m.needProtocol(n, key, withPorts, "tcp, udp or sctp")
}

func (m *matcher) needProtocol(n *yaml.Node, key string, want []uint8, said string) bool {
	if m.protocols == nil {
		m.fault(n, noProtocol, fmt.Sprintf("add proto: beside %s", key), "%s needs proto %s", key, said)
		return false
	}
	for _, p := range m.protocols {
		if !slices.Contains(want, p) {
			m.fault(n, noProtocol, "", "%s needs proto %s, not %s", key, said, m.said)
			return false
		}
	}
	return true
}
