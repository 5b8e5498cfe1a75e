package policy

import (
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"gopkg.in/yaml.v3"
)

func (m *matcher) tcp(n *yaml.Node) {
	if !m.only(n, []uint8{packet.TCP}, "tcp") {
		return
	}
	before := len(m.parts)
	m.mapping(n, "tcp", m.tcpFields())
	if len(m.parts) == before {
		m.add(Protocols{packet.TCP})
	}
}

func (m *matcher) tcpFields() []field {
	return []field{
		{"flags", "Flags: eq, any, all, none with lists of fin, syn, rst, psh, ack, urg, ece, cwr.", refer("flags"), m.flags},
		{"mss", "The maximum segment size in the options of a SYN; a SYN without the option does not match.", refer("number"), func(n *yaml.Node) { m.number(n, "mss", MSS, 65535) }},
		{"window", "The window of a segment, as it stands in the header: not scaled.", refer("number"), func(n *yaml.Node) { m.number(n, "window", Window, 65535) }},
		{"options", "Options of a SYN; one of them must be there.", severalOf(words(known(tcpOptions)...)), func(n *yaml.Node) { m.bits(n, "options", TCPOptions, tcpOptions) }},
	}
}

func (m *matcher) flags(n *yaml.Node) {
	f := flagTest{Bits: Bits{Of: TCPFlags}}
	before := len(m.faults)
	m.mapping(n, "flags", m.flagFields(&f))
	if len(n.Content) == 0 {
		m.fault(n, emptyList, "have eq, any, all, none", "flags are compared with nothing")
	}
	if len(m.faults) > before {
		return
	}
	if left, right := f.clash(); left != "" {
		m.fault(n, contradiction, "", "flags %s contradicts %s; rule never matches", left, right)
		return
	}
	m.add(f.Bits)
}

// A flagTest is a test of bits, with the words in which it is given.
type flagTest struct {
	Bits
	said []string
}

const allFlags = 255

func (m *matcher) flagFields(f *flagTest) []field {
	list := shape{"type": "array", "items": words(known(tcpFlags)...)}
	read := func(name string, n *yaml.Node) uint32 {
		var bits uint32
		if n.Kind != yaml.SequenceNode {
			m.sequence(n, name)
			return 0
		}
		var said []string
		for _, e := range n.Content {
			e := resolve(e)
			text, _ := m.text(e)
			if bit := tcpFlags[strings.ToLower(text)]; bit != 0 {
				bits |= bit
				said = append(said, strings.ToLower(text))
			} else {
				m.fault(e, unknownWord, suggest(text, known(tcpFlags)), "unknown flag %q", text)
			}
		}
		if len(said) == 0 && name != "eq" && len(n.Content) == 0 {
			m.fault(n, emptyList, "", "%s of flags is empty", name)
		}
		f.said = append(f.said, name+" ["+strings.Join(said, ", ")+"]")
		return bits
	}
	return []field{
		{"eq", "exactly these flags; [] is none at all", list, func(n *yaml.Node) {
			bits := read("eq", n)
			f.All, f.None = f.All|bits, f.None|allFlags&^bits
		}},
		{"all", "all of these flags, and perhaps others", list, func(n *yaml.Node) { f.All |= read("all", n) }},
		{"any", "at least one of these flags", list, func(n *yaml.Node) { f.Any = read("any", n) }},
		{"none", "none of these flags", list, func(n *yaml.Node) { f.None |= read("none", n) }},
	}
}

// clash returns two tests that exclude each other, or "".
func (f *flagTest) clash() (left, right string) {
	if f.All&f.None == 0 && (f.Any == 0 || f.Any&^f.None != 0) {
		return "", ""
	}
	return f.said[0], strings.Join(f.said[1:], ", ")
}

func (m *matcher) icmp(n *yaml.Node) {
	if !m.only(n, []uint8{packet.ICMPv4, packet.ICMPv6}, "icmp") {
		return
	}
	t := &icmpTypes{}
	before := len(m.parts)
	m.mapping(n, "icmp", m.icmpFields(t))
	if t.codes != nil && t.types == nil {
		m.fault(t.codesAt, noProtocol, "add type: beside code", "code needs a type")
	}
	switch {
	case t.types != nil:
		m.parts = slices.Insert(m.parts, before, t.expr())
	case len(m.parts) == before:
		m.parts = slices.Insert(m.parts, before, m.anyICMP())
	}
}

// anyICMP matches messages of the families that are possible, readable or not.
func (m *matcher) anyICMP() Expr {
	var parts Any
	if m.possible(4) {
		parts = append(parts, All{Family(4), Protocols{packet.ICMPv4}})
	}
	if m.possible(6) {
		parts = append(parts, All{Family(6), Protocols{packet.ICMPv6}})
	}
	return or(parts)
}

func (s *scope) possible(family uint8) bool {
	return s.families == nil || slices.Contains(s.families, family)
}

// icmpTypes are types by family, and the codes of those that were named.
type icmpTypes struct {
	types   Any
	codes   []Range
	codesAt *yaml.Node
	types4  []uint8
	types6  []uint8
}

func (t *icmpTypes) expr() Expr { return or(t.types) }

func (m *matcher) icmpFields(t *icmpTypes) []field {
	return []field{
		{"code", "Codes of the type: numbers and ranges.", severalOf(textShape()), func(n *yaml.Node) {
			t.codes, t.codesAt = m.ranges(n, "code", 0, 255), n
		}},
		{"class", "What messages of both families have in common.", severalOf(words(known(icmpClasses)...)), func(n *yaml.Node) {
			for _, e := range m.oneOrMany(n, "class") {
				if i := m.word(e, "class", known(icmpClasses)); i >= 0 {
					m.class(e, t, icmpClasses[known(icmpClasses)[i]])
				}
			}
		}},
		{"type", "Types: names, or numbers if the family is known.", severalOf(textShape()), func(n *yaml.Node) { m.types(n, t) }},
		{"mtu", "The MTU of \"packet too big\" and \"fragmentation needed\"; {ge: inner.length} is one that the quoted packet would have fitted.", shape{"anyOf": []shape{refer("number"), {"const": shape{"ge": "inner.length"}}}}, m.mtu},
		{"inner", "The packet that an error quotes; {} is any.", refer("inner"), m.inner},
	}
}

// class adds the messages of a class that are possible.
func (m *matcher) class(n *yaml.Node, t *icmpTypes, c icmpClass) {
	found := false
	if c.v4 != nil && m.possible(4) {
		e := ICMPTypes{Family: 4, Types: c.v4}
		if c.v4Code {
			e.Codes = []Range{{uint32(c.code), uint32(c.code)}}
		}
		t.types, found = append(t.types, e), true
	}
	if c.v6 != nil && m.possible(6) {
		t.types, found = append(t.types, ICMPTypes{Family: 6, Types: c.v6}), true
	}
	if !found {
		m.fault(n, familyClash, "", "class %s is not of ipv%d, so it never matches", n.Value, m.families[0])
	}
}

func (m *matcher) types(n *yaml.Node, t *icmpTypes) {
	for _, e := range m.oneOrMany(n, "type") {
		v4, v6, ok := m.icmpType(e, m.families)
		if ok {
			t.types4, t.types6 = append(t.types4, v4...), append(t.types6, v6...)
		}
	}
	if t.types4 != nil {
		t.types = append(t.types, ICMPTypes{Family: 4, Types: t.types4, Codes: t.codes})
	}
	if t.types6 != nil {
		t.types = append(t.types, ICMPTypes{Family: 6, Types: t.types6, Codes: t.codes})
	}
}

// icmpType returns what a name or a number means in each family that is possible.
func (r *reader) icmpType(n *yaml.Node, families []uint8) (v4, v6 []uint8, ok bool) {
	text, ok := r.text(n)
	if !ok {
		return nil, nil, false
	}
	if isDigits(text) {
		value, ok := r.inRange(n, "type", text, 0, 255)
		if len(families) != 1 {
			r.fault(n, noProtocol, "add family:, or name the type", "the number %s of a type means something else in ICMP and in ICMPv6", text)
			return nil, nil, false
		}
		if families[0] == 4 {
			return []uint8{uint8(value)}, nil, ok
		}
		return nil, []uint8{uint8(value)}, ok
	}
	four, ok4 := icmp4Types[text]
	six, ok6 := icmp6Types[text]
	if !ok4 && !ok6 {
		all := append(known(icmp4Types), known(icmp6Types)...)
		slices.Sort(all)
		r.fault(n, unknownWord, suggest(text, slices.Compact(all)), "unknown type %q", text)
		return nil, nil, false
	}
	if ok4 && (families == nil || families[0] == 4) {
		v4 = []uint8{four}
	}
	if ok6 && (families == nil || families[0] == 6) {
		v6 = []uint8{six}
	}
	if v4 == nil && v6 == nil {
		r.fault(n, familyClash, "", "type %s is not of ipv%d, so it never matches", text, families[0])
		return nil, nil, false
	}
	return v4, v6, true
}

// mtu reads a comparison, or {ge: inner.length}.
func (m *matcher) mtu(n *yaml.Node) {
	if n.Kind == yaml.MappingNode && len(n.Content) == 2 && n.Content[0].Value == "ge" && n.Content[1].Value == "inner.length" {
		m.add(QuotedTooLarge{})
		return
	}
	m.number(n, "mtu", MTU, 1<<32-1)
}
