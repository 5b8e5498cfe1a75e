package policy

import (
	"fmt"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A cube is a set of packets: those whose value on each axis is in the cube's, and
// for which all tests hold. It is what the checks of rules against each other
// compare. Every rule is a union of cubes.
type cube struct {
	kind             spans[uint32] // see kindAxis
	source, dest     spans[string] // see addressAxis
	fromPort, toPort spans[uint32] // see portAxis
	flags            spans[uint32] // see flagAxis
	icmp             spans[uint32] // see icmpAxis
	tests            []test        // on everything else, sorted
}

// A test is a leaf that no axis stands for. Two tests are the same if their texts are.
type test struct {
	text string
	leaf Expr
	want bool
}

// The axes. Each has a value for packets that have no such field, so that "not" is
// the complement.
var (
	// kindAxis: protocol p of IPv4 is p, of IPv6 256+p; EtherType e is 512+e.
	kindAxis = numberAxis(512 + 65535)
	// portAxis: the ports, and noPort.
	portAxis = numberAxis(noPort)
	// flagAxis: the flags of TCP, and noFlags.
	flagAxis = numberAxis(noFlags)
	// icmpAxis: type and code of ICMP are type<<8|code, of ICMPv6 1<<16 more; and noICMP.
	icmpAxis = numberAxis(noICMP)
)

const (
	ipv6Kind  = 256
	otherKind = 512
	noPort    = 65536
	noFlags   = 256
	icmp6     = 1 << 16
	noICMP    = 2 << 16
)

// Sets of kinds that imply, or are implied by, values on other axes.
var (
	ipv4Kinds = spans[uint32]{{0, ipv6Kind - 1}}
	ipv6Kinds = spans[uint32]{{ipv6Kind, otherKind - 1}}
	ipKinds   = spans[uint32]{{0, otherKind - 1}}
	portKinds = protocolKinds(withPorts...)
	tcpKinds  = protocolKinds(packet.TCP)
	icmpKinds = spans[uint32]{{packet.ICMPv4, packet.ICMPv4}, {ipv6Kind + packet.ICMPv6, ipv6Kind + packet.ICMPv6}}
	notIP     = complement(ipKinds, kindAxis)

	// byFamily are the kinds and the addresses of each family; 0 is no IP.
	byFamily = []struct {
		kinds, otherKinds         spans[uint32]
		addresses, otherAddresses spans[string]
	}{
		{notIP, ipKinds, familySpans(0), familySpans(4, 6)},
		{ipv4Kinds, complement(ipv4Kinds, kindAxis), familySpans(4), familySpans(0, 6)},
		{ipv6Kinds, complement(ipv6Kinds, kindAxis), familySpans(6), familySpans(0, 4)},
	}

	whole = cube{
		kind: kindAxis.all(), source: addressAxis.all(), dest: addressAxis.all(),
		fromPort: portAxis.all(), toPort: portAxis.all(), flags: flagAxis.all(), icmp: icmpAxis.all(),
	}
)

func protocolKinds(all ...uint8) spans[uint32] {
	var s spans[uint32]
	for _, p := range all {
		s = append(s, span[uint32]{uint32(p), uint32(p)}, span[uint32]{ipv6Kind + uint32(p), ipv6Kind + uint32(p)})
	}
	return normal(s, kindAxis)
}

// and returns what is in both cubes.
func (c cube) and(d cube) cube {
	tests := slices.Concat(c.tests, d.tests)
	slices.SortFunc(tests, compareTests)
	return cube{
		kind: c.kind.intersect(d.kind), source: c.source.intersect(d.source), dest: c.dest.intersect(d.dest),
		fromPort: c.fromPort.intersect(d.fromPort), toPort: c.toPort.intersect(d.toPort),
		flags: c.flags.intersect(d.flags), icmp: c.icmp.intersect(d.icmp),
		tests: slices.CompactFunc(tests, func(a, b test) bool { return compareTests(a, b) == 0 }),
	}.implied()
}

func compareTests(a, b test) int {
	switch {
	case a.text < b.text || a.text == b.text && !a.want && b.want:
		return -1
	case a.text == b.text && a.want == b.want:
		return 0
	}
	return 1
}

// implied narrows each axis to what the others leave: a packet with ports is of a
// protocol that has some, and so on, in both directions.
func (c cube) implied() cube {
	for range 2 {
		if !c.fromPort.has(noPort) || !c.toPort.has(noPort) {
			c.kind = c.kind.intersect(portKinds)
		}
		if !c.flags.has(noFlags) {
			c.kind = c.kind.intersect(tcpKinds)
		}
		if !c.icmp.has(noICMP) {
			c.kind = c.kind.intersect(icmpKinds)
		}
		for _, f := range byFamily {
			if !c.source.meets(f.addresses) || !c.dest.meets(f.addresses) {
				c.kind = c.kind.intersect(f.otherKinds)
			}
		}
		c = c.impliedByKind()
	}
	return c
}

func (c cube) impliedByKind() cube {
	absent := func(of *spans[uint32], kinds spans[uint32], none uint32) {
		if !c.kind.meets(kinds) {
			*of = of.intersect(spans[uint32]{{none, none}})
		}
	}
	absent(&c.fromPort, portKinds, noPort)
	absent(&c.toPort, portKinds, noPort)
	absent(&c.flags, tcpKinds, noFlags)
	absent(&c.icmp, icmpKinds, noICMP)
	for _, f := range byFamily {
		if !c.kind.meets(f.kinds) {
			c.source, c.dest = c.source.intersect(f.otherAddresses), c.dest.intersect(f.otherAddresses)
		}
	}
	return c
}

// empty reports whether no packet is in the cube.
func (c cube) empty() bool {
	for i := 1; i < len(c.tests); i++ {
		if c.tests[i].text == c.tests[i-1].text {
			return true // wanted both ways
		}
	}
	return len(c.kind) == 0 || len(c.source) == 0 || len(c.dest) == 0 || len(c.fromPort) == 0 || len(c.toPort) == 0 ||
		len(c.flags) == 0 || len(c.icmp) == 0
}

// within reports whether all packets of c are in d. It may say no where it is so, as
// nothing is known of how tests imply each other.
func (c cube) within(d cube) bool {
	for _, t := range d.tests {
		if !slices.ContainsFunc(c.tests, func(other test) bool { return compareTests(t, other) == 0 }) {
			return false
		}
	}
	return c.kind.within(d.kind) && c.fromPort.within(d.fromPort) && c.toPort.within(d.toPort) && c.flags.within(d.flags) &&
		c.icmp.within(d.icmp) && c.source.within(d.source) && c.dest.within(d.dest)
}

// maxCubes is the most cubes of a rule that are compared; rules with more are left
// alone.
const maxCubes = 64

// cubes returns an expression (or what it is not, if want is false) as a union of
// cubes, none of them empty; ok is false if there would be too many.
func cubes(e Expr, want bool) (all []cube, ok bool) {
	parts, conjunction := []Expr(nil), want
	switch e := e.(type) {
	case All:
		parts = e
	case Any:
		parts, conjunction = e, !want
	case Not:
		return cubes(e.Of, !want)
	default:
		c := leafCube(e, want).implied()
		if c.empty() {
			return nil, true
		}
		return []cube{c}, true
	}
	if conjunction {
		all = []cube{whole}
	}
	for _, part := range parts {
		more, ok := cubes(part, want)
		if !ok {
			return nil, false
		}
		if !conjunction {
			all = append(all, more...)
		} else {
			all = product(all, more)
		}
		if len(all) > maxCubes {
			return nil, false
		}
	}
	return all, true
}

// MayBegin reports whether the rule may match a packet that begins a connection: any
// datagram, a SYN. An error never does, nor a segment that answers or goes on.
func (r *Rule) MayBegin() bool {
	all, ok := cubes(r.Match, true)
	return !ok || slices.ContainsFunc(all, func(c cube) bool {
		return c.kind.meets(beginningKinds) || c.kind.meets(tcpKinds) && c.flags.meets(beginningFlags)
	})
}

// MayGoOn reports whether the rule may match a segment of a connection of TCP that is
// established, to one of these ports.
func (r *Rule) MayGoOn(first, last uint16) bool {
	all, _ := cubes(r.Match, true)
	return slices.ContainsFunc(all, func(c cube) bool {
		return c.kind.meets(tcpKinds) && c.toPort.meets(spans[uint32]{{uint32(first), uint32(last)}}) && c.flags.meets(lastingFlags) &&
			!slices.ContainsFunc(c.tests, func(t test) bool {
				s, ok := t.leaf.(Socket)
				return ok && s.Of == Outer && (s.States&SocketEstablished != 0) != t.want
			})
	})
}

var (
	beginningKinds = complement(protocolKinds(packet.ICMPv4, packet.ICMPv6, packet.TCP), kindAxis)
	beginningFlags = flagSpans(func(flags uint32) bool { const ack = 0x10; return flags&(flagSYN|ack) == flagSYN })
	lastingFlags   = flagSpans(func(flags uint32) bool { const ack, rst = 0x10, 0x04; return flags&(flagSYN|ack|rst) == ack })
)

// product returns what is in one of a and in one of b.
func product(a, b []cube) (all []cube) {
	for _, c := range a {
		for _, d := range b {
			if both := c.and(d); !both.empty() {
				all = append(all, both)
			}
		}
	}
	return all
}

// leafCube returns the packets for which a leaf is true, or is not.
func leafCube(e Expr, want bool) cube {
	c := whole
	narrow := func(of *spans[uint32], a axis[uint32], to spans[uint32]) {
		if *of = normal(to, a); !want {
			*of = complement(*of, a)
		}
	}
	switch e := e.(type) {
	case Family:
		narrow(&c.kind, kindAxis, map[Family]spans[uint32]{4: ipv4Kinds, 6: ipv6Kinds}[e])
	case EtherTypes:
		narrow(&c.kind, kindAxis, etherKinds(e))
	case Protocols:
		narrow(&c.kind, kindAxis, protocolKinds(e...))
	case Ports:
		switch e.Of {
		case SourcePort:
			narrow(&c.fromPort, portAxis, spansOf(e.Ranges))
		case DestinationPort:
			narrow(&c.toPort, portAxis, spansOf(e.Ranges))
		default:
			c.tests = []test{testOf(e, want)}
		}
	case ICMPTypes:
		narrow(&c.icmp, icmpAxis, icmpSpans(e))
	case Bits:
		if e.Of == TCPFlags {
			narrow(&c.flags, flagAxis, flagSpans(func(flags uint32) bool {
				return flags&e.All == e.All && flags&e.None == 0 && (e.Any == 0 || flags&e.Any != 0)
			}))
		} else {
			c.tests = []test{testOf(e, want)}
		}
	case Addresses:
		if e.Set != "" || e.Learns != "" || e.Of > Destination {
			c.tests = []test{testOf(e, want)}
			break
		}
		var in spans[string]
		for _, p := range e.Prefixes {
			in = append(in, addressSpan(p))
		}
		if in = normal(in, addressAxis); !want {
			in = complement(in, addressAxis)
		}
		*map[AddressField]*spans[string]{Source: &c.source, Destination: &c.dest}[e.Of] = in
	default:
		c.tests = []test{testOf(e, want)}
	}
	return c
}

func testOf(e Expr, want bool) test { return test{fmt.Sprintf("%T %v", e, e), e, want} }

func etherKinds(types EtherTypes) (s spans[uint32]) {
	for _, t := range types {
		switch t {
		case packet.EtherIPv4:
			s = append(s, ipv4Kinds...)
		case packet.EtherIPv6:
			s = append(s, ipv6Kinds...)
		default:
			s = append(s, span[uint32]{otherKind + uint32(t), otherKind + uint32(t)})
		}
	}
	return s
}

// flagSpans returns the values of TCP flags for which f is true.
func flagSpans(f func(flags uint32) bool) (s spans[uint32]) {
	for flags := range uint32(noFlags) {
		if f(flags) {
			s = append(s, span[uint32]{flags, flags})
		}
	}
	return normal(s, flagAxis)
}

func icmpSpans(e ICMPTypes) (s spans[uint32]) {
	var base uint32
	if e.Family == 6 {
		base = icmp6
	}
	codes := e.Codes
	if codes == nil {
		codes = []Range{{0, 255}}
	}
	for _, t := range e.Types {
		for _, code := range codes {
			s = append(s, span[uint32]{base | uint32(t)<<8 | code.Low, base | uint32(t)<<8 | code.High})
		}
	}
	return s
}
