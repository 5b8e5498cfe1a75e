package compile

import (
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// seedVariable repeats a random test.
const seedVariable = "PACKETSCOPE_TEST_SEED"

// A maker makes random policies and packets of few values, so that they meet.
type maker struct{ *rand.Rand }

// newMaker prints the seed of what it makes.
func newMaker(t testing.TB) maker {
	seed := uint64(time.Now().UnixNano())
	if s := os.Getenv(seedVariable); s != "" {
		var err error
		if seed, err = strconv.ParseUint(s, 10, 64); err != nil {
			t.Fatalf("%s: %v", seedVariable, err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	return maker{rand.New(rand.NewPCG(seed, 1))}
}

func oneOf[T any](m maker, values ...T) T { return values[m.IntN(len(values))] }

// some returns one to n of what f makes.
func some[T any](m maker, n int, f func() T) []T {
	out := make([]T, 1+m.IntN(n))
	for i := range out {
		out[i] = f()
	}
	return out
}

func (m maker) chance(n int) bool { return m.IntN(n) == 0 }

func (m maker) address(six bool) netip.Addr {
	if !six {
		return netip.AddrFrom4([4]byte{oneOf[byte](m, 10, 10, 10, 192), oneOf[byte](m, 0, 1, 168, 200), byte(m.IntN(3)), byte(m.IntN(256)) & oneOf[byte](m, 255, 3)})
	}
	var a [16]byte
	copy(a[:], []byte{0x20, 0x01, 0x0d, 0xb8, oneOf[byte](m, 0, 0, 0x80), 0, oneOf[byte](m, 0, 1, 255)})
	binary.BigEndian.PutUint64(a[8:], m.Uint64()&oneOf[uint64](m, 3, 1, 0xf000000000000001))
	if m.chance(20) {
		a = [16]byte{10: 0xff, 11: 0xff, 12: 10, 15: byte(m.IntN(4))} // IPv4 in IPv6
	}
	return netip.AddrFrom16(a)
}

func (m maker) prefix() netip.Prefix {
	a := m.address(m.chance(2))
	bits := a.BitLen() - oneOf(m, 0, 0, 1, 2, 4, 7, 8, 9, 15, 16, 20, 24, 31, 32)
	if m.chance(3) {
		bits = m.IntN(a.BitLen() + 1)
	}
	return netip.PrefixFrom(a, bits).Masked()
}

func (m maker) port() uint16 {
	return oneOf(m, 0, 1, 22, 53, 80, 255, 256, 443, 1023, 1024, 32768, 65535, uint16(m.IntN(1<<16)))
}

func (m maker) ports() policy.Range {
	a, b := uint32(m.port()), uint32(m.port())
	if m.chance(2) {
		b = a
	}
	return policy.Range{Low: min(a, b), High: max(a, b)}
}

func (m maker) small() policy.Range {
	a := uint32(oneOf(m, 0, 1, 2, 4, 6, 20, 31, 64, 576, 1280, 1500))
	return policy.Range{Low: a, High: a + uint32(oneOf(m, 0, 0, 1, 10, 1000))}
}

func (m maker) protocol() uint8 {
	return oneOf[uint8](m, packet.TCP, packet.TCP, packet.UDP, packet.ICMPv4, packet.ICMPv6, packet.SCTP, packet.UDPLite, packet.DCCP, 47, 51, 0)
}

func (m maker) icmpType() uint8 {
	return oneOf[uint8](m, 0, 1, 2, 3, 4, 5, 8, 11, 12, 100, 128, 133, 134, 135, 136, 137)
}

func (m maker) mac() [6]byte {
	if m.chance(8) {
		return [6]byte{}
	}
	return [6]byte{2, 0, 0, 0, 0, byte(m.IntN(3))}
}

func (m maker) expr(depth int) policy.Expr {
	if depth > 0 && m.chance(2) {
		parts := some(m, 3, func() policy.Expr { return m.expr(depth - 1) })
		switch m.IntN(5) {
		case 0:
			return policy.Not{Of: parts[0]}
		case 1, 2:
			return policy.Any(parts)
		}
		return policy.All(parts)
	}
	return m.leaf()
}

func (m maker) leaf() policy.Expr {
	if m.chance(2) { // what most rules ask for
		switch m.IntN(5) {
		case 0, 1:
			return policy.Addresses{Of: policy.AddressField(m.IntN(2)), Prefixes: some(m, 3, m.prefix)}
		case 2, 3:
			return policy.Ports{Of: policy.PortField(m.IntN(2)), Ranges: some(m, 3, m.ports)}
		}
		return policy.Protocols(some(m, 2, m.protocol))
	}
	switch m.IntN(19) {
	case 18:
		return m.connectionsLeaf()
	case 16, 17:
		return m.socketLeaf()
	case 0:
		return policy.Family(oneOf[uint8](m, 4, 6))
	case 1:
		return policy.EtherTypes(some(m, 2, func() uint16 {
			return oneOf[uint16](m, packet.EtherIPv4, packet.EtherIPv6, packet.EtherARP, 0x88cc)
		}))
	case 2:
		return policy.Addresses{
			Of: policy.AddressField(m.IntN(int(policy.NDTarget) + 1)), Prefixes: some(m, 2, m.prefix),
			Set: oneOf(m, "", "large", "small"),
		}
	case 3:
		return policy.Own{Of: policy.AddressField(m.IntN(int(policy.NDTarget) + 1))}
	case 4:
		return policy.Ports{Of: policy.PortField(2 + m.IntN(2)), Ranges: some(m, 2, m.ports)}
	case 5, 6:
		return policy.Number{Of: policy.NumberField(m.IntN(int(policy.PayloadLength) + 1)), Ranges: some(m, 2, m.small)}
	case 7, 8:
		return policy.Bits{Of: policy.TCPFlags, All: uint32(m.IntN(256) & m.IntN(256) & m.IntN(256)), None: uint32(m.IntN(256) & m.IntN(256) & m.IntN(256))}
	case 9:
		return policy.Bits{
			Of:  policy.BitField(m.IntN(int(policy.TCPOptions) + 1)),
			All: uint32(m.IntN(64) & m.IntN(64) & m.IntN(64)), None: uint32(m.IntN(64) & m.IntN(64)), Any: uint32(m.IntN(64) & m.IntN(64)),
		}
	case 10, 11:
		e := policy.ICMPTypes{Family: oneOf[uint8](m, 4, 6), Types: some(m, 3, m.icmpType)}
		if m.chance(2) {
			e.Codes = []policy.Range{{Low: uint32(m.IntN(5)), High: uint32(m.IntN(6))}}
		}
		return e
	case 12:
		return policy.Same{Left: policy.CompareField(m.IntN(int(policy.CompareARPTarget) + 1)), Right: policy.CompareField(m.IntN(int(policy.CompareARPTarget) + 1))}
	case 13:
		return oneOf[policy.Expr](m, policy.QuotedTooLarge{}, policy.Interfaces{"eth1"}, policy.Interfaces{"e*"})
	case 14:
		return policy.Binding{Set: "gateways"}
	}
	if m.chance(3) {
		return policy.All{m.payload(), m.payload()}
	}
	return m.payload()
}

func (m maker) payload() policy.Payload {
	return policy.Payload{At: oneOf(m, 0, 0, 1, 2, 60, packet.MaxPayload-1), Values: some(m, 2, func() []byte { return some(m, 3, func() byte { return byte(m.IntN(4)) }) })}
}

// socketLeaf asks for the socket of a packet.
func (m maker) socketLeaf() policy.Expr {
	of := oneOf(m, policy.Outer, policy.Inner)
	if m.chance(2) {
		return policy.Sequence{Of: of, Is: policy.Sequences(1 + m.IntN(15))}
	}
	return policy.Socket{Of: of, States: policy.SocketStates(1+m.IntN(127)) & oneOf[policy.SocketStates](m, 127, 127, 3, 96)}
}

// connectionsLeaf asks for the connections of a source; of few lengths, as a policy may have.
func (m maker) connectionsLeaf() policy.Expr {
	return policy.Connections{Above: uint32(m.IntN(4)), IPv4: oneOf[uint8](m, 32, 24, 9, 1), IPv6: oneOf[uint8](m, 128, 64, 33, 32)}
}

// anyConnections makes a number of connections of a prefix, always the same one.
func anyConnections(p netip.Prefix) uint32 {
	hash := fnv.New32a()
	fmt.Fprint(hash, p)
	return hash.Sum32() % 5
}

func (m maker) policy(rules int) *policy.Policy {
	p := &policy.Policy{
		Unparsable: oneOf(m, policy.Pass, policy.Drop), UnparsableMode: oneOf(m, policy.Audit, policy.Enforce),
		Sets: map[string]*policy.Set{
			"large": {Name: "large", Prefixes: disjoint(some(m, 20, m.prefix))},
			"small": {Name: "small", Prefixes: disjoint(some(m, 2, m.prefix))},
		},
		Bindings: map[string]*policy.BindingSet{"gateways": {Name: "gateways", MACs: map[netip.Addr][][6]byte{
			m.address(false): some(m, 2, m.mac), m.address(true): some(m, 2, m.mac),
		}}},
	}
	// Half of the policies keep something.
	if m.chance(2) {
		p.Life.KeepEstablished = m.chance(2)
		p.Life.ProtectApplier = oneOf[time.Duration](m, 0, time.Minute)
	}
	guards := m.IntN(rules + 1)
	for i := range rules {
		r := policy.Rule{
			Group: "random", Name: strconv.Itoa(i), Match: m.expr(3), Mode: oneOf(m, policy.Audit, policy.Enforce),
			Action: oneOf(m, policy.Pass, policy.Drop, policy.Drop, policy.Drop, policy.Count, policy.Sample),
		}
		if i == 0 && m.chance(4) {
			r.Match = m.elaborate(r.Match)
		}
		if i >= guards {
			r.Stage = policy.PolicyRule
		}
		if m.chance(10) {
			r.Interfaces = []string{oneOf(m, "eth0", "eth1", "eth2", "eth?", "*1")}
		}
		if m.chance(4) {
			r.Until = oneOf(m, now.Add(-time.Hour), now, now.Add(time.Hour))
		}
		if m.chance(4) {
			r.Sample = &policy.Sampling{Rate: float64(1 + m.IntN(100)), Snap: 14 + m.IntN(policy.MaxSnap-13)}
		}
		if r.Action != policy.Pass && m.chance(3) {
			r.Limit = m.limit()
		}
		if m.chance(20) {
			m.answer(&r)
		}
		p.Rules = append(p.Rules, r)
	}
	return p
}

// answer makes a rule one that answers SYNs.
func (m maker) answer(r *policy.Rule) {
	r.Action, r.Limit = policy.Drop, nil
	r.SYNCookie = &policy.SYNCookie{}
	r.SYNCookie.Rates.On, r.SYNCookie.Rates.Off = uint64(1+m.IntN(5)), 1
	r.Match = policy.All{
		policy.Own{Of: policy.Destination},
		policy.Any{policy.Bits{Of: policy.TCPFlags, All: 2, None: 21}, policy.Bits{Of: policy.TCPFlags, All: 16, None: 6}},
		r.Match,
	}
}

func (m maker) limit() *policy.Limit {
	if m.chance(4) {
		return &policy.Limit{
			Level: policy.Level{
				Per:     oneOf(m, 0, policy.PerSource, policy.PerSource, policy.PerDestination, policy.PerInterface),
				Prefix4: oneOf(m, 32, 24, 1), Prefix6: oneOf(m, 128, 64, 1),
			},
			WhenFull: policy.PassAll,
			Distinct: oneOf(m, policy.DistinctDestinationPort, policy.DistinctSourcePort), Most: 1 + m.IntN(5), Within: oneOf(m, 10*time.Millisecond, time.Second),
		}
	}
	l := &policy.Limit{Level: m.level(), Rate: oneOf(m, 0.5, 3, 10, 1000, 1e6), Burst: 1 + m.IntN(4), WhenFull: oneOf(m, policy.Aggregate, policy.PassAll)}
	if m.chance(4) {
		l.Levels = some(m, bpf.GuardMaxLevels, m.level)
		l.Level = l.Levels[0]
	}
	return l
}

func (m maker) level() policy.Level {
	return policy.Level{
		Per:     oneOf(m, 0, policy.PerSource, policy.PerSource, policy.PerDestination, policy.PerSource|policy.PerDestination, policy.PerFlow, policy.PerInterface, policy.Per(m.IntN(16))),
		Prefix4: oneOf(m, 32, 24, 9, 1), Prefix6: oneOf(m, 128, 100, 64, 33, 1),
	}
}

// elaborate adds a condition of so many atoms that those of later rules are in another bank.
func (m maker) elaborate(e policy.Expr) policy.Expr {
	var crowd policy.Any
	for n := range uint32(30 + m.IntN(60)) {
		crowd = append(crowd, policy.Number{Of: policy.TTL, Ranges: []policy.Range{{Low: 100 + n, High: 100 + n}}})
	}
	return policy.All{e, policy.Not{Of: crowd}}
}

// disjoint makes prefixes those of a set: in order, none within another.
func disjoint(prefixes []netip.Prefix) []netip.Prefix {
	slices.SortFunc(prefixes, func(a, b netip.Prefix) int { return comparePrefixes(prefixOf(a), prefixOf(b)) })
	var out []netip.Prefix
	for _, p := range prefixes {
		if len(out) == 0 || !out[len(out)-1].Overlaps(p) {
			out = append(out, p)
		}
	}
	return out
}

// interfaces are the devices of the tests.
var interfaces = []string{"", "eth0", "eth1"}

func (m maker) packet() *packet.Packet {
	p := &packet.Packet{
		Interface: 1 + m.IntN(2), SourceMAC: m.mac(), DestinationMAC: m.mac(),
		EtherType: oneOf[uint16](m, packet.EtherIPv4, packet.EtherIPv4, packet.EtherIPv4, packet.EtherIPv6, packet.EtherIPv6, packet.EtherARP, 0x88cc),
	}
	if m.chance(6) {
		p.Tags = some(m, 2, func() uint16 { return uint16(m.IntN(8)) })
	}
	if m.chance(50) {
		p.Reason = packet.Reason(m.IntN(int(packet.Reasons)))
	}
	switch p.EtherType {
	case packet.EtherARP:
		p.ARP = &packet.ARP{
			Operation: uint16(m.IntN(4)), SenderMAC: m.mac(), TargetMAC: m.mac(), SenderIP: m.address(false), TargetIP: m.address(false),
		}
	case packet.EtherIPv4:
		p.Family = 4
		if m.chance(6) {
			p.Options = packet.Options(m.IntN(64))
		}
	case packet.EtherIPv6:
		p.Family = 6
		if m.chance(6) {
			p.Headers = packet.Header(m.IntN(32))
			p.RoutingTypes = uint16(m.IntN(16))
		}
	}
	if p.Family != 0 {
		m.internet(p)
	}
	return p
}

func (m maker) internet(p *packet.Packet) {
	six := p.Family == 6
	p.Source, p.Destination = m.address(six), m.address(six)
	if m.chance(20) {
		p.Source = p.Destination
	}
	p.TTL, p.Length = uint8(oneOf(m, 0, 1, 2, 31, 32, 64, 64, 255)), uint32(oneOf(m, 20, 40, 64, 576, 1500))
	p.Protocol = m.protocol()
	if m.chance(8) {
		p.Fragment = packet.Fragment(m.IntN(64))
	}
	if p.Fragment&packet.LaterFragment != 0 {
		return
	}
	switch {
	case slices.Contains([]uint8{packet.TCP, packet.UDP, packet.SCTP, packet.UDPLite, packet.DCCP}, p.Protocol):
		p.HasPorts = true
		p.SourcePort, p.DestinationPort = m.port(), m.port()
		p.PayloadLength = uint32(oneOf(m, 0, 1, 4, 564, 1500))
		if p.Protocol == packet.TCP {
			p.Flags = uint8(oneOf(m, 2, 16, 18, 24, 4, 1, m.IntN(256)))
			p.Window = uint16(oneOf(m, 0, 1, 64, 576, 65535))
			if p.Flags&2 != 0 && m.chance(2) {
				p.TCPOptions = packet.TCPOptions(m.IntN(2))
				p.MSS = uint16(oneOf(m, 1, 64, 576, 1460))
			}
		}
	case !six && p.Protocol == packet.ICMPv4, six && p.Protocol == packet.ICMPv6:
		m.icmp(p)
	}
	p.Payload = some(m, 4, func() byte { return byte(m.IntN(4)) })
	if m.chance(4) {
		p.Payload = append(p.Payload, make([]byte, packet.MaxPayload-len(p.Payload))...)
	}
}

func (m maker) icmp(p *packet.Packet) {
	six := p.Family == 6
	p.ICMP = &packet.ICMP{Type: m.icmpType(), Code: uint8(m.IntN(6))}
	if m.chance(2) {
		p.ICMP.MTU = uint32(oneOf(m, 0, 64, 576, 1500))
	}
	if six && m.chance(2) {
		p.ICMP.Target = m.address(true)
	}
	if p.ICMP.HasLinkAddress = six && p.ICMP.Type >= 133 && p.ICMP.Type <= 137 && m.chance(2); p.ICMP.HasLinkAddress {
		p.ICMP.LinkAddress = m.mac()
	}
	if m.chance(2) {
		return
	}
	q := &packet.Quoted{
		Family: p.Family, Source: m.address(six), Destination: m.address(six), Protocol: m.protocol(),
		Length: uint32(oneOf(m, 20, 64, 576, 1500)), DontFragment: m.chance(2), Later: m.chance(4),
	}
	if m.chance(4) {
		q.Source = p.Destination
	}
	if m.chance(2) {
		q.HasPorts, q.SourcePort, q.DestinationPort = true, m.port(), m.port()
		q.HasSequence = q.Protocol == packet.TCP && m.chance(2)
	} else if m.chance(2) {
		q.HasICMP, q.ICMPType = true, m.icmpType()
	}
	p.ICMP.Quoted = q
}

func env(p *policy.Policy, pkt *packet.Packet) *policy.Env {
	return &policy.Env{
		Interface: interfaces[pkt.Interface], Own: isOwn, Sets: p.Sets, Bindings: p.Bindings, Now: now, Sockets: anySocket,
	}
}

// anySocket makes a truth of a question, always the same one.
func anySocket(q policy.Question) policy.Truth {
	hash := fnv.New32a()
	fmt.Fprint(hash, q)
	n := hash.Sum32()
	return policy.Truth{State: 1 << (n % 7), Sequence: policy.Sequences(1<<(n>>8&3)) * policy.Sequences(n>>16&1)}
}

// own are this host's addresses.
var own = []netip.Prefix{netip.MustParsePrefix("10.0.0.0/30"), netip.MustParsePrefix("2001:db8::/126")}

func isOwn(a netip.Addr) bool {
	return slices.ContainsFunc(own, func(p netip.Prefix) bool { return p.Contains(a) })
}

var testOptions = Options{Interfaces: map[string]int{"eth0": 1, "eth1": 2}, InlinePrefixes: 2, Epoch: now.Add(-50 * time.Hour).Round(0)}

// now is the time of the tests, which take less than an hour.
var now = time.Now()
