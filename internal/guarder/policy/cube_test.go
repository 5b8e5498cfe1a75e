package policy

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// seedVariable repeats a random test.
const seedVariable = "PACKETSCOPE_TEST_SEED"

func newRandom(t *testing.T) *rand.Rand {
	seed := uint64(time.Now().UnixNano())
	if text := os.Getenv(seedVariable); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%s=%d", seedVariable, seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// some returns one of the values.
func some[T any](r *rand.Rand, values ...T) T { return values[r.IntN(len(values))] }

// randomPacket describes a packet from few values, so that rules and packets meet.
func randomPacket(r *rand.Rand) string {
	address := func(four bool) string {
		if four {
			return some(r, "10.0.0.1", "10.0.0.2", "10.0.1.1", "192.0.2.1", "224.0.0.1")
		}
		return some(r, "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "ff02::1")
	}
	four := r.IntN(2) == 0
	from, to := address(four), address(four)
	ends := from + " > " + to
	withPorts := fmt.Sprintf("%s > %s",
		netip.AddrPortFrom(netip.MustParseAddr(from), some[uint16](r, 0, 22, 53, 4000)),
		netip.AddrPortFrom(netip.MustParseAddr(to), some[uint16](r, 0, 22, 53, 502)))
	more := some(r, "", "", " ttl=1", " vlan=10", " df")
	switch r.IntN(7) {
	case 0:
		return "arp " + address(true) + " > " + address(true)
	case 1:
		return "frame ethertype=0x88cc"
	case 2:
		return "gre " + ends + more
	case 3:
		return some(r, "tcp ", "udp ") + ends + " fragment=" + some(r, "later", "offset-one")
	case 4:
		kind := "icmp "
		if !four {
			kind = "icmpv6 "
		}
		return kind + ends + " type=" + some(r, "3", "8", "128", "135") + " code=" + some(r, "0", "4") + more
	case 5:
		return "udp " + withPorts + some(r, "", " fragment=first") + more
	}
	return "tcp " + withPorts + " flags=" + some(r, "none", "syn", "syn,ack", "ack", "fin,psh,urg") + more
}

// randomLeaf returns a condition, now and then one that no axis stands for.
func randomLeaf(r *rand.Rand) Expr {
	low := some[uint32](r, 0, 22, 53)
	ports := []Range{{low, low + some[uint32](r, 0, 31, 500)}}
	switch r.IntN(10) {
	case 0:
		return some(r, Family(4), Family(6))
	case 1:
		return EtherTypes{some[uint16](r, packet.EtherIPv4, packet.EtherARP, 0x88cc)}
	case 2:
		return some[Expr](r, Protocols{packet.TCP}, Protocols{packet.UDP, 47}, Protocols{packet.ICMPv4})
	case 3, 4:
		return Addresses{Of: some(r, Source, Destination), Prefixes: prefixes(some(r, "10.0.0.0/24", "10.0.0.1/32", "0.0.0.0/0", "2001:db8::/64", "::/0"))}
	case 5, 6:
		return Ports{some(r, SourcePort, DestinationPort), ports}
	case 7:
		return some[Expr](r, Bits{Of: TCPFlags, All: 2}, Bits{Of: TCPFlags, None: 255}, Bits{Of: TCPFlags, Any: 18, None: 1}, Bits{Of: Fragments, Any: 2})
	case 8:
		return some[Expr](r, ICMPTypes{4, []uint8{3}, []Range{{4, 4}}}, ICMPTypes{4, []uint8{3, 8}, nil}, ICMPTypes{6, []uint8{128, 135}, nil})
	}
	return some[Expr](r, Number{TTL, []Range{{0, 1}}}, Number{Tags, []Range{{1, 2}}}, Same{CompareSource, CompareDestination})
}

func randomExpr(r *rand.Rand, depth int) Expr {
	var parts []Expr
	for range r.IntN(3) + 1 {
		if depth == 0 || r.IntN(2) == 0 {
			parts = append(parts, randomLeaf(r))
		} else {
			parts = append(parts, randomExpr(r, depth-1))
		}
	}
	return some[Expr](r, All(parts), All(parts), Any(parts), Not{parts[0]})
}

// contains reports whether a packet is in a cube, by what stands on its axes.
func (c cube) contains(env *Env, p *packet.Packet) bool {
	kind := uint32(otherKind) + uint32(p.EtherType)
	switch p.Family {
	case 4:
		kind = uint32(p.Protocol)
	case 6:
		kind = ipv6Kind + uint32(p.Protocol)
	}
	from, to, flags, icmp := uint32(noPort), uint32(noPort), uint32(noFlags), uint32(noICMP)
	if p.HasPorts {
		from, to = uint32(p.SourcePort), uint32(p.DestinationPort)
		if p.Protocol == packet.TCP {
			flags = uint32(p.Flags)
		}
	}
	if p.ICMP != nil {
		icmp = uint32(p.ICMP.Type)<<8 | uint32(p.ICMP.Code)
		if p.Family == 6 {
			icmp |= icmp6
		}
	}
	point := func(a netip.Addr) string {
		if !a.IsValid() {
			return addressAxis.least
		}
		return addressSpan(netip.PrefixFrom(a, a.BitLen())).low
	}
	for _, t := range c.tests {
		if env.Eval(t.leaf, p) != t.want {
			return false
		}
	}
	return c.kind.has(kind) && c.fromPort.has(from) && c.toPort.has(to) && c.flags.has(flags) && c.icmp.has(icmp) &&
		c.source.has(point(p.Source)) && c.dest.has(point(p.Destination))
}

// A rule's cubes hold the packets that it matches and no others, so a rule within
// another matches nothing that the other does not.
func TestCubesAreWhatRulesMatch(t *testing.T) {
	r := newRandom(t)
	env := &Env{}
	pairs, matched, within := 0, 0, 0
	for range 2_000 {
		early, late := randomExpr(r, 2), randomExpr(r, 2)
		earlyCubes, ok1 := cubes(early, true)
		lateCubes, ok2 := cubes(late, true)
		if !ok1 || !ok2 {
			continue
		}
		inside := (&checked{cubes: lateCubes}).within(&checked{cubes: earlyCubes})
		if inside && len(lateCubes) > 0 {
			within++
		}
		for range 40 {
			text := randomPacket(r)
			s, err := ParseSpecimen(text)
			if err != nil {
				t.Fatal(err)
			}
			want := env.Eval(late, &s.Packet)
			got := false
			for _, c := range lateCubes {
				got = got || c.contains(env, &s.Packet)
			}
			if got != want {
				t.Fatalf("%s\n%s\nis matched: %v, in a cube: %v", text, Describe(late), want, got)
			}
			if inside && want && !env.Eval(early, &s.Packet) {
				t.Fatalf("%s\nis matched by %s\nbut not by %s", text, Describe(late), Describe(early))
			}
			if pairs++; want {
				matched++
			}
		}
	}
	if matched < pairs/20 || within < 20 {
		t.Errorf("%d of %d packets matched, %d rules within others: too few to show anything", matched, pairs, within)
	}
}
