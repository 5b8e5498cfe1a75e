package policy

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"gopkg.in/yaml.v3"
)

// local are the words for the addresses of this host.
var local = []string{"local", "own"}

// addresses reads addresses, prefixes and "local".
func (m *matcher) addresses(n *yaml.Node, key string, of AddressField) Expr {
	var parts Any
	var prefixes []netip.Prefix
	for _, e := range m.oneOrMany(n, key) {
		text, ok := m.text(e)
		if !ok {
			continue
		}
		if slices.Contains(local, text) {
			parts = append(parts, Own{of})
			continue
		}
		if p, ok := m.prefix(e, text); ok {
			prefixes = append(prefixes, p)
		}
	}
	if len(prefixes) > 0 {
		m.sameFamily(n, key, prefixes, parts != nil)
		parts = append(parts, Addresses{Of: of, Prefixes: merged(prefixes)})
	}
	if parts == nil {
		return nil
	}
	return or(parts)
}

// sameFamily records a fault if no prefix is of the family that the scope knows.
func (m *matcher) sameFamily(n *yaml.Node, key string, prefixes []netip.Prefix, more bool) {
	var families []uint8
	for _, p := range prefixes {
		f := uint8(6)
		if p.Addr().Is4() {
			f = 4
		}
		if !slices.Contains(families, f) {
			families = append(families, f)
		}
	}
	if more || len(families) != 1 || key != "src" && key != "dst" {
		return
	}
	if m.families != nil && m.families[0] != families[0] {
		beside := fmt.Sprintf("ipv%d", m.families[0])
		if len(m.protocols) == 1 && slices.Contains([]uint8{packet.ICMPv4, packet.ICMPv6}, m.protocols[0]) {
			beside = m.said
		}
		m.fault(n, familyClash, "", "%s with IPv%d %s %v never matches", beside, families[0], key, prefixes[0])
		return
	}
	m.families = families
}

// fromSets reads names of sets of prefixes, or of pairs, whose IP addresses count. Large ones stay sets, as copying them
// into each rule would cost too much.
func (m *matcher) fromSets(n *yaml.Node, of AddressField) Expr {
	var parts Any
	var prefixes []netip.Prefix
	found := false
	for _, e := range m.oneOrMany(n, "the list of sets") {
		s := m.use(e, "prefix", "ip-mac")
		switch {
		case s == nil:
			continue
		case len(s.prefixes) >= LargeSet:
			parts = append(parts, Addresses{Of: of, Set: s.name})
		case s.learn:
			parts = append(parts, Addresses{Of: of, Prefixes: merged(s.addresses()), Learns: s.name})
		default:
			prefixes = append(append(prefixes, s.prefixes...), s.addresses()...)
		}
		found = true
	}
	if prefixes != nil || found && parts == nil {
		parts = append(parts, Addresses{Of: of, Prefixes: merged(prefixes)})
	}
	if parts == nil {
		return nil
	}
	return or(parts)
}

func (m *matcher) ports(n *yaml.Node, key string, of PortField) {
	if all := m.ranges(n, key, 0, 65535); m.needPorts(n, key) && all != nil {
		m.add(Ports{of, all})
	}
}

func (m *matcher) portSets(n *yaml.Node, key string, of PortField) {
	var all []Range
	found := false
	for _, e := range m.oneOrMany(n, key) {
		if s := m.use(e, "port"); s != nil {
			all, found = append(all, s.ports...), true
		}
	}
	if m.needPorts(n, key) && found {
		m.add(Ports{of, all})
	}
}

func (m *matcher) same(n *yaml.Node) {
	var pair []string
	for _, e := range m.sequence(n, "same") {
		if text, ok := m.text(e); ok {
			pair = append(pair, text)
		}
	}
	slices.Sort(pair)
	switch strings.Join(pair, " ") {
	case "dst src":
		m.add(Same{CompareSource, CompareDestination})
	case "dst_port src_port":
		if m.needPorts(n, "same") {
			m.add(Same{CompareSourcePort, CompareDestinationPort})
		}
	default:
		m.fault(n, unknownWord, "have [src, dst] and [src_port, dst_port]", "same cannot compare %s", strings.Join(pair, ", "))
	}
}

// ranges reads numbers and ranges "1-5", or a list of them. It returns nil if
// nothing is left of it.
func (r *reader) ranges(n *yaml.Node, what string, least, most uint32) []Range {
	var all []Range
	for _, e := range r.oneOrMany(n, what) {
		text, ok := r.text(e)
		if !ok {
			continue
		}
		low, high, isRange := strings.Cut(text, "-")
		if !isRange {
			high = low
		}
		if !isDigits(low) || !isDigits(high) {
			r.fault(e, wrongType, "", "%s must be a number or a range such as 1-5, not %s", what, describe(e))
			continue
		}
		from, ok := r.inRange(e, what, low, least, most)
		if !ok {
			continue
		}
		to, ok := r.inRange(e, what, high, least, most)
		if ok && to < from {
			r.fault(e, outOfRange, fmt.Sprintf("write %d-%d", to, from), "%s %s: the range is empty", what, text)
		} else if ok {
			all = append(all, Range{from, to})
		}
	}
	return all
}

func isDigits(text string) bool {
	if hex, ok := strings.CutPrefix(text, "0x"); ok {
		_, err := strconv.ParseUint(hex, 16, 64)
		return err == nil
	}
	return text != "" && strings.Trim(text, "0123456789") == ""
}

// number adds a number that is compared: a number, a range, a list of them, or a
// mapping of comparisons, all of which must hold.
func (m *matcher) number(n *yaml.Node, key string, of NumberField, most uint32) {
	if all := m.compared(n, key, most); all != nil {
		m.add(Number{of, all})
	}
}

func (r *reader) compared(n *yaml.Node, key string, most uint32) []Range {
	if n.Kind != yaml.MappingNode {
		return r.ranges(n, key, 0, most)
	}
	axis := numberAxis(most)
	left, ok := axis.all(), true
	r.mapping(n, key, r.comparisonFields(key, most, func(all []Range, invert bool) {
		if all == nil {
			ok = false
			return
		}
		other := spansOf(all)
		if invert {
			other = complement(other, axis)
		}
		left = left.intersect(other)
	}))
	switch {
	case !ok:
		return nil
	case len(n.Content) == 0:
		r.fault(n, emptyList, "have lt, le, gt, ge, eq, ne", "%s is compared with nothing", key)
		return nil
	case len(left) == 0:
		r.fault(n, contradiction, "", "no %s satisfies all comparisons", key)
		return nil
	}
	var all []Range
	for _, s := range left {
		all = append(all, Range{s.low, s.high})
	}
	return all
}

func (r *reader) comparisonFields(key string, most uint32, take func(all []Range, invert bool)) []field {
	limit := func(name, doc string, least, most uint32, make func(uint32) Range) field {
		return field{name, doc, plain("integer"), func(n *yaml.Node) {
			value, ok := r.number(n, key, least, most)
			if !ok {
				take(nil, false)
				return
			}
			take([]Range{make(value)}, false)
		}}
	}
	list := severalOf(textShape())
	return []field{
		limit("lt", "less than", 1, most, func(v uint32) Range { return Range{0, v - 1} }),
		limit("le", "less or equal", 0, most, func(v uint32) Range { return Range{0, v} }),
		limit("gt", "greater than", 0, most-1, func(v uint32) Range { return Range{v + 1, most} }),
		limit("ge", "greater or equal", 0, most, func(v uint32) Range { return Range{v, most} }),
		{"eq", "one of these", list, func(n *yaml.Node) { take(r.ranges(n, key, 0, most), false) }},
		{"ne", "none of these", list, func(n *yaml.Node) { take(r.ranges(n, key, 0, most), true) }},
	}
}

// bits adds a field of which one of the named bits at least must be set.
func (m *matcher) bits(n *yaml.Node, key string, of BitField, table map[string]uint32) {
	var any uint32
	if n.Kind == yaml.MappingNode && of == Fragments {
		m.mapping(n, key, []field{{"is", "", nil, func(n *yaml.Node) { m.bits(n, key, of, table) }}})
		return
	}
	for _, e := range m.oneOrMany(n, key) {
		if text, ok := m.text(e); ok && of == Fragments && text == "tiny" {
			m.fault(e, unknownWord, "see unparsable:", "tiny fragments cannot be read, so no rule sees them")
			continue
		}
		if i := m.word(e, key, known(table)); i >= 0 {
			any |= table[known(table)[i]]
		}
	}
	if any != 0 {
		m.add(Bits{Of: of, Any: any})
	}
}

func (m *matcher) routingHeader(n *yaml.Node) {
	var any uint32
	for _, e := range m.oneOrMany(n, "routing_header") {
		if kind, ok := m.reader.number(e, "routing_header", 0, 15); ok {
			any |= 1 << kind
		}
	}
	if any != 0 {
		m.add(Bits{Of: RoutingTypes, Any: any})
	}
}
