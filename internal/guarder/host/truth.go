package host

import (
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// truths returns what the sockets of the host will say of the packets of a need, as
// policy.Env.Sockets. The packets are the next ones of their connections.
func (f *Facts) truths(kind NeedKind) func(policy.Question) policy.Truth {
	return func(q policy.Question) policy.Truth {
		if q.Protocol == packet.TCP {
			return f.truthOfTCP(q)
		}
		if kind == NeedDNS { // there will be a socket when the host has asked
			return policy.Truth{State: policy.SocketEstablished}
		}
		if f.Unknown[UDPSockets] != "" {
			return policy.Truth{State: policy.SocketUnknown}
		}
		truth := policy.Truth{State: policy.SocketNone}
		for _, s := range f.Sockets {
			switch {
			case s.Protocol != packet.UDP || s.Local.Port() != q.Local.Port():
			case s.Remote == q.Remote && s.Local == q.Local:
				return policy.Truth{State: policy.SocketEstablished}
			case s.State == Listening && (s.Local.Addr() == q.Local.Addr() || s.Local.Addr().IsUnspecified()):
				truth.State = policy.SocketListen
			}
		}
		return truth
	}
}

func (f *Facts) truthOfTCP(q policy.Question) policy.Truth {
	there := slices.ContainsFunc(f.Sockets, func(s Socket) bool {
		return s.Protocol == packet.TCP && s.State == Established && s.Local == q.Local && s.Remote == q.Remote
	})
	switch {
	case there && q.Of == policy.Inner:
		return policy.Truth{State: policy.SocketEstablished, Sequence: policy.InWindow}
	case there:
		return policy.Truth{State: policy.SocketEstablished, Sequence: policy.NextInWindow}
	case f.Unknown[TCPSockets] != "":
		return policy.Truth{State: policy.SocketUnknown, Sequence: policy.SequenceUnknown}
	case f.listens(q.Local.Addr(), q.Local.Port()):
		return policy.Truth{State: policy.SocketListen}
	}
	return policy.Truth{State: policy.SocketNone}
}

// elsewhere reports enforced rules that drop what has no connection here, if packets are
// wanted that no socket of this network namespace waits for: addresses are translated,
// services spread, or sockets bound to a device above. Those of a network that is only forwarded have no address of this host,
// and nothing is known of them; so forwarding alone is no fault. Nor is translation, where
// connection tracking can be asked, for a rule about packets that begin no connection.
func elsewhere(p *policy.Policy, facts *Facts) (faults []policy.Fault) {
	find := func(tracked bool) int {
		return slices.IndexFunc(facts.Detours, func(d Detour) bool { return d.Kind != DetourForwarding && !(tracked && d.Kind == DetourNAT) })
	}
	for j := range p.Rules {
		r := &p.Rules[j]
		if r.Action != policy.Drop || r.Mode != policy.Enforce || r.SYNCookie == nil && !mayHold(r.Match, true, policy.SocketNone|policy.SocketListen) {
			continue
		}
		if i := find(facts.Conntrack && r.SYNCookie == nil && !r.MayBegin() && !mayHold(r.Match, true, policy.SocketUnknown)); i >= 0 {
			faults = append(faults, r.About(policy.SocketsElsewhere, "keep mode: audit, or use --accept-lockout if it is for no such packets",
				"%s: sockets do not tell which packets are wanted", facts.Detours[i].Text))
		} else if port, above, ok := facts.boundAbove(p, r); ok {
			faults = append(faults, r.About(policy.SocketsElsewhere, "keep mode: audit, or attach to "+above.Name+" instead",
				"sockets are bound to %s, of which %s is a port: they are not found for packets of %s", above.Name, port.Name, port.Name))
		}
	}
	return faults
}

// boundAbove returns a device of a rule, and the bridge, bond or VRF of which it is a port, if
// sockets are bound to that. The kernel finds these only for packets that came as far as that
// device, see inet_bound_dev_eq in its inet_sock.h.
func (f *Facts) boundAbove(p *policy.Policy, r *policy.Rule) (port, above Device, ok bool) {
	for _, d := range f.Devices {
		named := slices.ContainsFunc(p.Named, func(n policy.NamedInterface) bool { return matches(n.Name, d.Name) })
		if d.Master == 0 || !named || r.Interfaces != nil && !policy.Interfaces(r.Interfaces).Has(d.Name) {
			continue
		}
		if !slices.ContainsFunc(f.Sockets, func(s Socket) bool { return s.Device == d.Master }) {
			continue
		}
		if above, ok = f.Device(d.Master); ok {
			return d, above, true
		}
	}
	return port, above, false
}

// mayHold tells whether an expression, or what it is not, may hold because some socket is in
// one of the states: none or listen say that there is no connection. One that is found is here,
// whatever is translated.
func mayHold(e policy.Expr, want bool, because policy.SocketStates) bool {
	some := func(parts []policy.Expr) bool {
		return slices.ContainsFunc(parts, func(part policy.Expr) bool { return mayHold(part, want, because) })
	}
	switch e := e.(type) {
	case policy.All:
		return some(e)
	case policy.Any:
		return some(e)
	case policy.Not:
		return mayHold(e.Of, !want, because)
	case policy.Socket:
		states := e.States
		if !want {
			states = ^states
		}
		return states&because != 0
	case policy.Sequence:
		return !want || because&policy.SocketUnknown != 0
	}
	return false
}
