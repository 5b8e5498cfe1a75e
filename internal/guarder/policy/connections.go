package policy

import (
	"fmt"
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"gopkg.in/yaml.v3"
)

// Connections matches if the source, with all others of its prefix, has more than Above
// connections to this host open. It does not match where they are not counted.
type Connections struct {
	Above      uint32
	IPv4, IPv6 uint8 // the lengths of prefixes
}

func (Connections) expr() {}

// Prefix returns whose connections are counted for a source.
func (c Connections) Prefix(source netip.Addr) netip.Prefix {
	bits := c.IPv4
	if source.Is6() {
		bits = c.IPv6
	}
	p, err := source.Prefix(int(bits))
	if err != nil {
		return netip.Prefix{} // the address is not valid
	}
	return p
}

// tooMany tells whether a source has more connections than a leaf allows.
func (env *Env) tooMany(c Connections, p *packet.Packet) bool {
	return env.Connections != nil && p.Family != 0 && env.Connections(c.Prefix(p.Source)) > c.Above
}

// ConnectionLimit returns what the rule asks of the connections of a source: of several
// leaves the one with the least number.
func (r *Rule) ConnectionLimit() (least Connections, ok bool) {
	var look func(Expr)
	look = func(e Expr) {
		switch e := e.(type) {
		case All:
			for _, part := range e {
				look(part)
			}
		case Any:
			for _, part := range e {
				look(part)
			}
		case Connections:
			if !ok || e.Above < least.Above {
				least, ok = e, true
			}
		}
	}
	look(r.Match)
	return least, ok
}

// LimitOf says what the rule counts before it does anything: "packets", different "ports",
// or "connections"; "" if nothing.
func (r *Rule) LimitOf() string {
	_, connections := r.ConnectionLimit()
	switch {
	case r.Limit != nil && r.Limit.Distinct != DistinctNothing:
		return "ports"
	case r.Limit != nil:
		return "packets"
	case connections:
		return "connections"
	}
	return ""
}

// maxConnections is more than a host has, and fits a signed number of the program.
const maxConnections = 1 << 30

// connections reads {per: src, above: 200, prefix: {ipv4: 32, ipv6: 64}}.
func (m *matcher) connections(n *yaml.Node) {
	c := Connections{IPv4: 32, IPv6: 64}
	before := len(m.faults)
	m.mapping(n, "connections", m.connectionFields(&c))
	switch {
	case len(m.faults) > before:
	case !has(n, "above"):
		m.fault(n, missingKey, "add above: 200, or another number", "connections has no number that is too much")
	case m.inverted:
		m.fault(n, contradiction, "pass those, and drop what is left", "connections stands below not: it would match where they are not counted")
	case m.needProtocol(n, "connections", []uint8{packet.TCP}, "tcp"):
		m.add(c)
	}
}

func (m *matcher) connectionFields(c *Connections) []field {
	return []field{
		{"per", "src, as without this key: the source, or its prefix.", words("src"), func(n *yaml.Node) { m.word(n, "per", []string{"src"}) }},
		{"above", "How many may be open: with more the condition holds.", plain("integer"), func(n *yaml.Node) {
			c.Above, _ = m.reader.number(n, "above", 0, maxConnections)
		}},
		{"prefix", "The lengths of prefixes whose addresses count together: {ipv4: 32, ipv6: 64} unless it says otherwise.", refer("prefix"), func(n *yaml.Node) {
			m.mapping(n, "prefix", m.lengthFields(c))
		}},
	}
}

func (m *matcher) lengthFields(c *Connections) []field {
	length := func(name string, most uint32, to *uint8) field {
		return field{name, fmt.Sprintf("From 1 to %d.", most), plain("integer"), func(n *yaml.Node) {
			if bits, ok := m.reader.number(n, name, 1, most); ok {
				*to = uint8(bits)
			}
		}}
	}
	return []field{length("ipv4", 32, &c.IPv4), length("ipv6", 128, &c.IPv6)}
}
