//go:build kernel

package compile

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/testnet"
)

// TestProgramKnowsSets compares the kernel's program with the plain interpreter where
// rules look addresses up in sets that are hard for one part of the blocks or another.
func TestProgramKnowsSets(t *testing.T) {
	m := newMaker(t)
	own := []netip.Addr{m.address(false), m.address(true)}
	left := len(crowds)
	if testnet.InVM() {
		left = 2 // any two, as each takes ten seconds there
	}
	for name, of := range crowds {
		if left--; left < 0 {
			break
		}
		t.Run(name, func(t *testing.T) {
			all := m.crowded(of, 4, 3000)
			p := &policy.Policy{Sets: make(map[string]*policy.Set)}
			for _, set := range all {
				p.Sets[set.Name] = set
			}
			in := func(of policy.AddressField, set int) policy.Expr {
				return policy.Addresses{Of: of, Set: all[set].Name}
			}
			rule := func(action policy.Action, mode policy.Mode, match ...policy.Expr) {
				p.Rules = append(p.Rules, policy.Rule{Match: policy.All(match), Action: action, Mode: mode})
			}
			tcp := policy.Protocols{packet.TCP}
			for set := range all {
				rule(policy.Count, policy.Enforce, in(policy.Source, set))
				rule(policy.Count, policy.Enforce, in(policy.Destination, set), tcp)
				rule(policy.Drop, policy.Audit, in(policy.QuotedSource, set))
				rule(policy.Drop, policy.Audit, in(policy.ARPTarget, set))
			}
			rule(policy.Pass, policy.Enforce, policy.Own{Of: policy.Source}, policy.Not{Of: in(policy.Destination, 0)})
			rule(policy.Drop, policy.Enforce, in(policy.Source, 0), in(policy.Source, 1))
			rule(policy.Drop, policy.Audit, in(policy.Source, 1))
			rule(policy.Drop, policy.Enforce, in(policy.Destination, 2), policy.Not{Of: in(policy.Source, 3)})
			rule(policy.Pass, policy.Enforce, policy.Not{Of: in(policy.Destination, 3)}, tcp)
			rule(policy.Drop, policy.Enforce, policy.Not{Of: in(policy.Source, 2)})
			tables, err := Compile(p, Options{InlinePrefixes: 1})
			if err != nil {
				t.Fatal(err)
			}
			g := loaded(t, tables, LoadOptions{Explain: true, Own: own})
			defer g.Close()
			e := &policy.Env{Sets: p.Sets, Own: func(a netip.Addr) bool { return a == own[0] || a == own[1] }}
			addresses := append(m.addresses(all, 600), own...)
			for _, a := range addresses {
				frame := m.frameBetween(a, addresses[m.IntN(len(addresses))])
				pkt := packet.Parse(frame)
				if diff := cmp.Diff(resultOf(p.Judge(&pkt, e)), judge(t, g, frame)); diff != "" {
					t.Fatalf("packet %+v: (-want +got)\n%s", pkt, diff)
				}
			}
		})
	}
}

// frameBetween returns a frame with an address, and another one if that is of the same
// family, in places where rules look.
func (m maker) frameBetween(a, b netip.Addr) []byte {
	if a.Is4() != b.Is4() {
		b = a.Next()
		if !b.IsValid() {
			b = a
		}
	}
	if m.chance(2) {
		a, b = b, a
	}
	f := packet.Frame{Source: a, Destination: b, Protocol: oneOf[uint8](m, packet.TCP, packet.UDP)}
	switch {
	case a.Is4() && m.chance(4):
		f = packet.Frame{ARP: &packet.ARP{Operation: 1, SenderIP: a, TargetIP: b}}
	case m.chance(4):
		quoted := f
		f.Protocol, f.ICMP = packet.ICMPv4, &packet.Message{Type: 3, Code: 4, Quoted: &quoted}
		if a.Is6() {
			f.Protocol, f.ICMP.Type, f.ICMP.Code = packet.ICMPv6, 2, 0
		}
	}
	return f.Bytes()
}
