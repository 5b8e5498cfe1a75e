package compile

import (
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// true tells whether an atom is true of the packet.
func (w *walk) true(a *Atom) bool {
	for _, test := range w.t.Tests[a.First : a.First+a.Tests] {
		if w.passes(&test) != (a.All != 0) {
			return a.All == 0
		}
	}
	return a.All != 0
}

func (w *walk) passes(test *Test) bool {
	f := &w.facts
	switch test.Op {
	case opRange:
		return f.present>>test.Field&1 != 0 && test.A <= f.value[test.Field] && f.value[test.Field] <= test.B
	case opBits:
		have := f.value[test.Field]
		return f.present>>test.Field&1 != 0 && have&test.A == test.A && have&test.B == 0 && (test.C == 0 || have&test.C != 0)
	case opSame:
		left, okLeft := w.compared(policy.CompareField(test.Field))
		right, okRight := w.compared(policy.CompareField(test.Other))
		return okLeft && okRight && left == right
	case opLarge:
		return f.present>>fieldMTU&1 != 0 && f.present>>fieldQuotedLength&1 != 0 && f.value[fieldMTU] >= f.value[fieldQuotedLength]
	case opMember:
		return w.membership(w.t.OtherIn, policy.AddressField(test.Field)).Sets>>test.A&1 != 0
	case opBinding:
		return w.conflict(test.A)
	case opPayload:
		if int(test.A) >= len(w.p.Payload) {
			return false
		}
		b := w.p.Payload[test.A]
		return test.Bytes[b/64]>>(b%64)&1 != 0
	}
	return false
}

func (w *walk) compared(of policy.CompareField) (value any, ok bool) {
	p := w.p
	switch of {
	case policy.CompareSource, policy.CompareDestination, policy.CompareQuotedSource:
		a := addressOf(map[policy.CompareField]policy.AddressField{
			policy.CompareSource: policy.Source, policy.CompareDestination: policy.Destination, policy.CompareQuotedSource: policy.QuotedSource,
		}[of], p)
		return a, a.IsValid()
	case policy.CompareSourcePort:
		return p.SourcePort, p.HasPorts
	case policy.CompareDestinationPort:
		return p.DestinationPort, p.HasPorts
	case policy.CompareSourceMAC:
		return p.SourceMAC, true
	}
	if p.ARP == nil {
		return nil, false
	}
	return p.ARP.SenderMAC, true
}

func (w *walk) conflict(set uint32) bool {
	var ip netip.Addr
	var mac [6]byte
	const advertisement = 136
	switch p := w.p; {
	case p.ARP != nil:
		ip, mac = p.ARP.SenderIP, p.ARP.SenderMAC
	case p.ICMP != nil && p.Family == 6 && p.ICMP.Type == advertisement:
		if ip, mac = p.ICMP.Target, p.SourceMAC; p.ICMP.HasLinkAddress {
			mac = p.ICMP.LinkAddress
		}
	}
	return w.bound(Bound{Set: set, IP: ip}) && !w.bound(Bound{set, ip, mac})
}

func (w *walk) bound(b Bound) bool { return slices.Contains(w.t.Bounds, b) }
