package compile

import (
	"slices"

	"github.com/packetscope/packetscope/bpf"
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
	case opSocket:
		return truthBits(w.env.Truth(policy.Whose(test.Field), w.p))&test.A != 0
	case opConnections:
		return w.env.Eval(policy.Connections{Above: test.A, IPv4: uint8(test.B), IPv6: uint8(test.C)}, w.p)
	case opPayload:
		if int(test.A) >= len(w.p.Payload) {
			return false
		}
		b := w.p.Payload[test.A]
		return test.Bytes[b/64]>>(b%64)&1 != 0
	case opUntil:
		return w.env.Now.IsZero() || uint64(max(w.env.Now.Sub(w.t.Epoch), 0)) < test.Bytes[0]
	}
	return false
}

func (w *walk) compared(of policy.CompareField) (value any, ok bool) {
	p := w.p
	switch of {
	case policy.CompareSource, policy.CompareDestination, policy.CompareQuotedSource, policy.CompareARPSender, policy.CompareARPTarget:
		a := addressOf(map[policy.CompareField]policy.AddressField{
			policy.CompareSource: policy.Source, policy.CompareDestination: policy.Destination, policy.CompareQuotedSource: policy.QuotedSource,
			policy.CompareARPSender: policy.ARPSender, policy.CompareARPTarget: policy.ARPTarget,
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
	ip, told, sent := w.p.Claim()
	has := func(mac [6]byte) bool { return w.bound(Bound{Set: set, IP: ip, MAC: mac, HasMAC: true}) }
	return w.bound(Bound{Set: set, IP: ip}) && !(has(told) && has(sent))
}

func (w *walk) bound(b Bound) bool { return slices.Contains(w.t.Bounds, b) }

// truthBits returns what is known of a socket as tests of the program compare it.
func truthBits(t policy.Truth) uint32 {
	return uint32(t.State) | uint32(t.Sequence)<<bpf.GuardSequenceShift
}
