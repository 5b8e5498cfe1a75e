// Package workload makes rules and packets like those of large firewalls, for tests
// and benchmarks of Guarder's classifier.
//
// Rules are of a mix of shapes: 30 % name source, destination, protocol and
// destination port, 30 % the source alone, 15 % destination, protocol and port, 12 %
// source, protocol and port, and a few each ICMP types, TCP flags, source ports and
// pairs of addresses. 15 % are of IPv6. Of the sources 58 % are single addresses and 27 %
// networks of 256; addresses and services are popular in different degrees. [Kinds] are
// sets of rules that are hard for one method of classification or another.
package workload

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A Maker makes what follows from its seed.
type Maker struct {
	*rand.Rand
	nets, servers   []uint32
	nets6, servers6 []uint64 // upper halves
}

// New returns a maker.
func New(seed uint64) *Maker {
	m := &Maker{Rand: rand.New(rand.NewPCG(seed, 2))}
	for range 600 {
		m.nets = append(m.nets, uint32(1+m.IntN(222))<<24|uint32(m.IntN(256))<<16)
	}
	for range 64 {
		m.servers = append(m.servers, 198<<24|18<<16|uint32(m.IntN(512))<<8)
	}
	for range 200 {
		m.nets6 = append(m.nets6, 0x2000<<48|uint64(1+m.IntN(3))<<48|uint64(m.IntN(1<<16))<<32)
	}
	for range 32 {
		m.servers6 = append(m.servers6, 0x20010db8<<32|uint64(m.IntN(256))<<16|uint64(m.IntN(16)))
	}
	return m
}

// A Rule is a conjunction; zero fields ask for nothing.
type Rule struct {
	Six                         bool
	Source, Destination         netip.Prefix
	Protocol                    uint8
	SourcePort, DestinationPort policy.Range // with High 0: any
	Flags, FlagMask             uint8
	HasType                     bool
	Type                        uint8
}

// Match returns the rule's expression.
func (r *Rule) Match() policy.Expr {
	var all policy.All
	if r.Source.IsValid() {
		all = append(all, policy.Addresses{Of: policy.Source, Prefixes: []netip.Prefix{r.Source}})
	}
	if r.Destination.IsValid() {
		all = append(all, policy.Addresses{Of: policy.Destination, Prefixes: []netip.Prefix{r.Destination}})
	}
	if r.Protocol != 0 {
		all = append(all, policy.Protocols{r.Protocol})
	}
	if r.SourcePort.High != 0 {
		all = append(all, policy.Ports{Of: policy.SourcePort, Ranges: []policy.Range{r.SourcePort}})
	}
	if r.DestinationPort.High != 0 {
		all = append(all, policy.Ports{Of: policy.DestinationPort, Ranges: []policy.Range{r.DestinationPort}})
	}
	if r.FlagMask != 0 {
		all = append(all, policy.Bits{Of: policy.TCPFlags, All: uint32(r.Flags), None: uint32(r.FlagMask &^ r.Flags)})
	}
	if r.HasType {
		family := uint8(4)
		if r.Six {
			family = 6
		}
		all = append(all, policy.ICMPTypes{Family: family, Types: []uint8{r.Type}})
	}
	return all
}

// Policy returns the policy of rules, of which every third passes.
func Policy(rules []Rule) *policy.Policy {
	p := &policy.Policy{Rules: make([]policy.Rule, len(rules))}
	for i := range rules {
		p.Rules[i] = policy.Rule{Group: "workload", Name: "rule", Match: rules[i].Match(), Mode: policy.Enforce, Action: policy.Drop}
		if i%3 == 2 {
			p.Rules[i].Action = policy.Pass
		}
	}
	return p
}

// skewed returns a number below n, low ones more often.
func (m *Maker) skewed(n int) int {
	f := m.Float64()
	return int(f * f * float64(n))
}

func address4(n uint32) netip.Addr {
	var b [4]byte
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}

func address6(high, low uint64) netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], high)
	binary.BigEndian.PutUint64(b[8:], low)
	return netip.AddrFrom16(b)
}

func (m *Maker) client(six bool) netip.Addr {
	if six {
		return address6(m.nets6[m.skewed(200)]|uint64(m.skewed(16))<<24|uint64(m.IntN(256))<<16|uint64(m.skewed(64)), m.Uint64())
	}
	return address4(m.nets[m.skewed(600)] | uint32(m.skewed(256))<<8 | uint32(m.IntN(256)))
}

func (m *Maker) server(six bool) netip.Addr {
	if six {
		return address6(m.servers6[m.skewed(32)], uint64(m.skewed(256)))
	}
	return address4(m.servers[m.skewed(64)] | uint32(m.skewed(256)))
}

func (m *Maker) source(six bool) netip.Prefix {
	bits := 32
	switch x := m.IntN(100); {
	case six:
		bits = []int{128, 128, 64, 64, 64, 48, 48, 56, 32, 32}[m.IntN(10)]
	case x < 58:
	case x < 85:
		bits = 24
	case x < 92:
		bits = 16 + m.IntN(8)
	case x < 97:
		bits = 25 + m.IntN(7)
	default:
		bits = 8 + m.IntN(8)
	}
	return netip.PrefixFrom(m.client(six), bits).Masked()
}

func (m *Maker) destination(six bool) netip.Prefix {
	bits := 32
	switch x := m.IntN(100); {
	case six:
		bits = []int{128, 128, 128, 64, 64, 48}[m.IntN(6)]
	case x < 70:
	case x < 90:
		bits = 24
	case x < 97:
		bits = 25 + m.IntN(7)
	default:
		bits = 15 + m.IntN(9)
	}
	return netip.PrefixFrom(m.server(six), bits).Masked()
}

var services = []uint32{
	22, 25, 53, 80, 110, 123, 143, 161, 389, 443, 445, 465, 587, 636, 993, 995, 1433, 1521, 1900, 2049, 3306, 3389,
	5060, 5432, 5672, 6379, 8000, 8080, 8443, 9000, 9092, 9200, 11211, 27017,
}

func (m *Maker) service() policy.Range {
	n := services[m.skewed(len(services))]
	switch x := m.IntN(100); {
	case x < 62:
	case x < 72:
		n = uint32(1 + m.IntN(65535))
	case x < 82:
		return policy.Range{Low: 1024, High: 65535}
	case x < 92:
		low := uint32(m.IntN(60_000))
		return policy.Range{Low: low, High: low + 1 + uint32(m.IntN(4000))}
	default:
		return policy.Range{}
	}
	return policy.Range{Low: n, High: n}
}

// Rules returns n different rules.
func (m *Maker) Rules(n int) []Rule {
	out := make([]Rule, 0, n)
	seen := make(map[Rule]bool)
	for len(out) < n {
		if r := m.rule(); !seen[r] {
			seen[r] = true
			out = append(out, r)
		}
	}
	return out
}

func (m *Maker) rule() Rule {
	r := Rule{Six: m.IntN(100) < 15}
	shape := m.IntN(1000)
	if shape < 600 || shape >= 750 && shape < 870 || shape >= 980 || shape >= 870 && shape < 910 && m.IntN(2) == 0 {
		r.Source = m.source(r.Six)
	}
	if shape < 300 || shape >= 600 && shape < 750 || shape >= 910 || !r.Source.IsValid() && shape >= 870 {
		r.Destination = m.destination(r.Six)
	}
	switch {
	case shape < 300 || shape >= 600 && shape < 870:
		r.Protocol = []uint8{packet.TCP, packet.TCP, packet.UDP}[m.IntN(3)]
		r.DestinationPort = m.service()
	case shape < 600 || shape >= 980: // addresses alone
	case shape < 910:
		r.HasType, r.Protocol, r.Type = true, packet.ICMPv4, []uint8{0, 3, 5, 8, 11, 12, 13, 17}[m.IntN(8)]
		if r.Six {
			r.Protocol, r.Type = packet.ICMPv6, []uint8{1, 2, 3, 4, 128, 129, 133, 134, 135, 136}[m.IntN(10)]
		}
	case shape < 950:
		flags := [][2]uint8{{0x02, 0x12}, {0x29, 0x29}, {0x00, 0x3f}, {0x03, 0x03}, {0x06, 0x06}, {0x04, 0x04}, {0x10, 0x17}}[m.IntN(7)]
		r.Protocol, r.Flags, r.FlagMask = packet.TCP, flags[0], flags[1]
	default:
		n := []uint32{53, 123, 1900, 389, 11211, 19, 161}[m.IntN(7)]
		r.Protocol, r.SourcePort = packet.UDP, policy.Range{Low: n, High: n}
	}
	return r
}

// Kinds are the names of hard sets of rules.
var Kinds = []string{"ports-any", "ports-one-server", "ranges", "cross"}

// Hard returns n rules of a kind: different ports of any address; different ports of
// one server; wide ranges of both ports that overlap; nested prefixes of both
// addresses, each pair with a port.
func (m *Maker) Hard(kind string, n int) []Rule {
	out := make([]Rule, n)
	span := func(high int) policy.Range {
		a, b := uint32(m.IntN(high)), uint32(m.IntN(high))
		return policy.Range{Low: min(a, b), High: max(a, b) + 1}
	}
	prefix := func(first byte) netip.Prefix {
		a := address4(uint32(first)<<24 | m.Uint32N(1<<24))
		return netip.PrefixFrom(a, 8+m.IntN(17)).Masked()
	}
	for i := range out {
		r := Rule{Protocol: packet.TCP}
		low := uint32(1 + i*6%65_000)
		switch kind {
		case "ports-any":
			r.Protocol = []uint8{packet.TCP, packet.UDP}[i%2]
			r.DestinationPort = policy.Range{Low: low, High: low + m.Uint32N(3)}
		case "ports-one-server":
			r.Destination = netip.MustParsePrefix("198.18.0.1/32")
			r.DestinationPort = policy.Range{Low: low, High: low + m.Uint32N(5)}
		case "ranges":
			r.Source = netip.PrefixFrom(m.client(false), 8).Masked()
			r.SourcePort, r.DestinationPort = span(65_535), span(65_535)
		case "cross":
			r.Source, r.Destination = prefix(10), prefix(198)
			r.DestinationPort = policy.Range{Low: low, High: low}
		}
		out[i] = r
	}
	return out
}
