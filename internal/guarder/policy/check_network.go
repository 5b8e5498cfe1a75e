package policy

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// checkManagement refuses a policy that drops all TCP and has no failsafe by which
// its operator could come in.
func (l *loader) checkManagement(rules []checked) {
	for _, r := range rules {
		switch {
		case r.Stage == Failsafe && slices.ContainsFunc(r.cubes, func(c cube) bool {
			return c.kind.meets(tcpKinds) && c.toPort.meets(spans[uint32]{{1, 65535}})
		}):
			return
		case r.Action == Drop && r.Mode == Enforce && !r.Stateful() && slices.ContainsFunc(r.cubes, cube.allTCP):
			l.about(r.Rule, noFailsafe, "add an entry such as {name: ssh, proto: tcp, dst_port: 22, src: [10.0.0.0/8]}", "drops all tcp and failsafe.allow has no management entry")
			return
		}
	}
}

// allTCP reports whether the cube holds the beginning of every connection of a family.
func (c cube) allTCP() bool {
	const syn = 2
	for _, t := range c.tests {
		if own, ok := t.leaf.(Own); !ok || !t.want || own.Of != Destination {
			return false
		}
	}
	ports := spans[uint32]{{1, 65535}}
	four := c.kind.has(packet.TCP) && familySpans(4).within(c.source) && familySpans(4).within(c.dest)
	six := c.kind.has(ipv6Kind+packet.TCP) && familySpans(6).within(c.source) && familySpans(6).within(c.dest)
	return (four || six) && ports.within(c.toPort) && ports.within(c.fromPort) && c.flags.has(syn)
}

// A vital is traffic without which a network does not work.
type vital struct {
	name, cure string
	packets    []string
	// deliberate tells whether a cube is about this traffic only, so that its author
	// means it.
	deliberate func(c cube) bool
}

var never = func(cube) bool { return false }

// The vitals. This host is 192.0.2.1 and 2001:db8::1 in them.
var vitals = []vital{
	{"ARP", "{name: arp, ethertype: arp}", []string{
		"arp 192.0.2.254 > 192.0.2.1 op=request", "arp 192.0.2.254 > 192.0.2.1 op=reply",
	}, never},
	{"neighbour discovery", "{name: nd-and-mld, proto: icmpv6, icmp: {class: [nd, mld]}}", []string{
		"icmpv6 fe80::fe > ff02::1:ff00:1 type=neighbor-solicit target=2001:db8::1 ttl=255",
		"icmpv6 fe80::fe > 2001:db8::1 type=neighbor-advert target=fe80::fe ttl=255",
	}, never},
	{"DHCP", "{name: dhcp, proto: udp, dst_port: [68, 546]}", []string{
		"udp 192.0.2.254:67 > 192.0.2.1:68", "udp 192.0.2.254:67 > 255.255.255.255:68", "udp [fe80::fe]:547 > [fe80::1]:546",
	}, func(c cube) bool { return c.toPort.within(spans[uint32]{{67, 68}, {546, 547}}) }},
	{"path MTU discovery", "{name: ptb, icmp: {class: packet-too-big}}", []string{
		"icmp 203.0.113.9 > 192.0.2.1 type=packet-too-big mtu=1400 quoting (tcp 192.0.2.1:22 > 198.51.100.7:4000 df len=1500)",
		"icmpv6 2001:db8:9::9 > 2001:db8::1 type=packet-too-big mtu=1400 quoting (tcp [2001:db8::1]:22 > [2001:db8:7::7]:4000 len=1500)",
	}, func(c cube) bool {
		return c.icmp.within(normal(spans[uint32]{{3<<8 | 4, 3<<8 | 4}, {icmp6 | 2<<8, icmp6 | 2<<8 | 255}}, icmpAxis))
	}},
}

// vitalSocket is what is known of the sockets of the vitals: the connections are there,
// but DHCP clients such as dhclient have no socket that the kernel could find.
func vitalSocket(q Question) Truth {
	if q.Protocol == packet.UDP {
		return Truth{State: SocketNone}
	}
	return Truth{SocketEstablished, InWindow}
}

// checkNetwork judges the vitals on each interface that rules are for, and refuses a
// rule that drops them, unless it is about nothing else.
func (l *loader) checkNetwork(rules []checked) {
	type culprit struct{ names, cures []string }
	culprits := map[int]*culprit{}
	own := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("fe80::1")}
	// No address is bound here: the MAC addresses of the vitals are made up, and whoever is
	// bound to another has the right one.
	env := &Env{Own: func(a netip.Addr) bool { return slices.Contains(own, a) }, Sockets: vitalSocket, Sets: l.policy.Sets}
	for _, v := range vitals {
		for _, text := range v.packets {
			s, err := ParseSpecimen(text)
			if err != nil {
				panic(err) // the table above is wrong
			}
			for _, by := range l.droppers(&s.Packet, env) {
				if slices.ContainsFunc(rules[by].cubes, v.deliberate) {
					continue
				}
				c := culprits[by]
				if c == nil {
					c = &culprit{}
					culprits[by] = c
				}
				if !slices.Contains(c.names, v.name) {
					c.names, c.cures = append(c.names, v.name), append(c.cures, v.cure)
				}
			}
		}
	}
	for by, c := range culprits {
		l.about(rules[by].Rule, breaksNetwork, "add to failsafe.allow: "+strings.Join(c.cures, ", "), "would drop %s", strings.Join(c.names, ", "))
	}
}

// droppers returns the rules that drop a packet on an interface, now or when a rule that
// passes it is over.
func (l *loader) droppers(p *packet.Packet, env *Env) (all []int) {
	for _, env.Now = range l.policy.Moments() {
		for _, env.Interface = range append(l.policy.Attach, "") {
			if j := l.policy.Judge(p, env); j.Verdict == Dropped {
				all = append(all, j.By)
			}
		}
	}
	return all
}
