package policy

import (
	"net/netip"
	"path"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// An Env is what a rule may ask for beside the packet.
type Env struct {
	// Interface is the name of the device that the packet came from.
	Interface string
	// Own tells whether an address is one of this host.
	Own      func(netip.Addr) bool
	Sets     map[string]*Set
	Bindings map[string]*BindingSet
	// Sockets tells what is known of the socket of a packet whose local address is Own;
	// nil, or SocketUnknown, is that nothing is. It is asked for nothing else.
	Sockets func(Question) Truth
	// Connections tells how many connections from addresses of a prefix to this host are
	// open; nil means that nobody has counted them.
	Connections func(netip.Prefix) uint32
	// Kept tells whether rules of the policy stage do not drop a packet; nil means that
	// they may drop all. See [Kept.Has].
	Kept func(*packet.Packet) bool
	// Now is the time, at which temporary rules may be over; the zero time is before all
	// ends.
	Now time.Time
	// Feeds tells which feeds list an address, as bits by their index in
	// [Policy.Feeds]; nil means that no list is known.
	Feeds func(netip.Addr) uint32
	// Cookie tells whether the kernel makes a cookie for a SYN, which it does for those to a
	// listener whose queue is full; nil is that it does for none.
	Cookie func(*packet.Packet) bool
	// States are what rules remember of packets before; nil is that there were none. They
	// go by Now, so that it must not go back.
	States *States
	// Banned tells whether an address is banned; nil means that none is.
	Banned func(netip.Addr) Banned
}

// keeps tells whether a rule does not drop a packet that it matches.
func (env *Env) keeps(p *packet.Packet, r *Rule) bool {
	return r.Action == Drop && r.Stage == PolicyRule && env.Kept != nil && env.Kept(p)
}

// Eval tells whether an expression is true for a packet that could be read.
func (env *Env) Eval(e Expr, p *packet.Packet) bool {
	switch e := e.(type) {
	case All:
		return !slices.ContainsFunc(e, func(x Expr) bool { return !env.Eval(x, p) })
	case Any:
		return slices.ContainsFunc(e, func(x Expr) bool { return env.Eval(x, p) })
	case Not:
		return !env.Eval(e.Of, p)
	case Family:
		return p.Family == uint8(e)
	case EtherTypes:
		return slices.Contains(e, p.EtherType)
	case Protocols:
		return p.Family != 0 && slices.Contains(e, p.Protocol)
	case Addresses:
		a := address(e.Of, p)
		return a.IsValid() && (env.Sets[e.Set].Has(a) || slices.ContainsFunc(e.Prefixes, func(x netip.Prefix) bool { return x.Contains(a) }))
	case Own:
		a := address(e.Of, p)
		return a.IsValid() && env.Own != nil && env.Own(a)
	case Ports:
		n, ok := port(e.Of, p)
		return ok && within(uint32(n), e.Ranges)
	case Number:
		return slices.ContainsFunc(numbers(e.Of, p), func(n uint32) bool { return within(n, e.Ranges) })
	case Bits:
		have, ok := bits(e.Of, p)
		return ok && have&e.All == e.All && have&e.None == 0 && (e.Any == 0 || have&e.Any != 0)
	case ICMPTypes:
		return p.ICMP != nil && p.Family == e.Family && slices.Contains(e.Types, p.ICMP.Type) &&
			(e.Codes == nil || within(uint32(p.ICMP.Code), e.Codes))
	case Same:
		return same(e, p)
	case QuotedTooLarge:
		return p.TellsMTU() && p.ICMP.Quoted != nil && p.ICMP.MTU >= p.ICMP.Quoted.Length
	case Payload:
		return e.in(p.Payload)
	case Binding:
		return env.conflict(e.Set, p)
	case Interfaces:
		return e.Has(env.Interface)
	case Socket:
		return env.Truth(e.Of, p).State&e.States != 0
	case Sequence:
		return env.Truth(e.Of, p).Sequence&e.Is != 0
	case Connections:
		return env.tooMany(e, p)
	}
	return false
}

// Has tells whether one of the names or patterns stands for a device.
func (i Interfaces) Has(name string) bool {
	return slices.ContainsFunc(i, func(pattern string) bool {
		matches, err := path.Match(pattern, name)
		return err == nil && matches
	})
}

func within(n uint32, ranges []Range) bool {
	return slices.ContainsFunc(ranges, func(r Range) bool { return r.Low <= n && n <= r.High })
}

// address returns a field, which is not valid if the packet has none.
func address(of AddressField, p *packet.Packet) (a netip.Addr) {
	quoted := p.ICMP != nil && p.ICMP.Quoted != nil
	switch {
	case of == Source:
		return p.Source
	case of == Destination:
		return p.Destination
	case of == QuotedSource && quoted:
		return p.ICMP.Quoted.Source
	case of == QuotedDestination && quoted:
		return p.ICMP.Quoted.Destination
	case of == ARPSender && p.ARP != nil:
		return p.ARP.SenderIP
	case of == ARPTarget && p.ARP != nil:
		return p.ARP.TargetIP
	case of == NDTarget && p.ICMP != nil:
		return p.ICMP.Target
	}
	return a
}

func port(of PortField, p *packet.Packet) (n uint16, ok bool) {
	switch of {
	case SourcePort:
		return p.SourcePort, p.HasPorts
	case DestinationPort:
		return p.DestinationPort, p.HasPorts
	}
	if p.ICMP == nil || p.ICMP.Quoted == nil {
		return 0, false
	}
	q := p.ICMP.Quoted
	if of == QuotedSourcePort {
		return q.SourcePort, q.HasPorts
	}
	return q.DestinationPort, q.HasPorts
}

// numbers returns the values of a field: none if the packet has not got it, and
// several only for the VLAN identifiers.
func numbers(of NumberField, p *packet.Packet) []uint32 {
	one := func(n uint32, ok bool) []uint32 {
		if !ok {
			return nil
		}
		return []uint32{n}
	}
	switch of {
	case TTL:
		return one(uint32(p.TTL), p.Family != 0)
	case Length:
		return one(p.Length, p.Family != 0)
	case MSS:
		return one(uint32(p.MSS), p.MSS != 0)
	case Window:
		return one(uint32(p.Window), p.Protocol == packet.TCP && p.HasPorts)
	case PayloadLength:
		return one(p.PayloadLength, p.HasPorts)
	case Tags:
		return one(uint32(len(p.Tags)), true)
	case TagID:
		var all []uint32
		for _, id := range p.Tags {
			all = append(all, uint32(id))
		}
		return all
	case ARPOperation:
		if p.ARP == nil {
			return nil
		}
		return one(uint32(p.ARP.Operation), true)
	}
	if p.ICMP == nil {
		return nil
	}
	if of == MTU {
		return one(p.ICMP.MTU, p.TellsMTU())
	}
	q := p.ICMP.Quoted
	if q == nil {
		return nil
	}
	switch of {
	case QuotedProtocol:
		return one(uint32(q.Protocol), true)
	case QuotedLength:
		return one(q.Length, true)
	case QuotedICMPType:
		return one(uint32(q.ICMPType), q.HasICMP)
	case QuotedFamily:
		return one(uint32(q.Family), true)
	}
	return nil
}

// bits returns a field and whether the packet has it.
func bits(of BitField, p *packet.Packet) (uint32, bool) {
	switch of {
	case TCPFlags:
		return uint32(p.Flags), p.Protocol == packet.TCP && p.HasPorts
	case TCPOptions:
		return uint32(p.TCPOptions), p.Protocol == packet.TCP && p.HasPorts
	case Fragments:
		return uint32(p.Fragment), p.Family != 0
	case IPOptions:
		return uint32(p.Options), p.Family == 4
	case Headers:
		return uint32(p.Headers), p.Family != 0
	case RoutingTypes:
		return uint32(p.RoutingTypes), p.Family == 6
	case QuotedFlags:
		if p.ICMP == nil || p.ICMP.Quoted == nil {
			return 0, false
		}
		var have uint32
		if p.ICMP.Quoted.DontFragment {
			have |= 1
		}
		if p.ICMP.Quoted.Later {
			have |= 2
		}
		return have, true
	}
	return 0, false
}

// same compares two fields of one kind; a field that is not there is equal to none.
func same(e Same, p *packet.Packet) bool {
	left, okLeft := compared(e.Left, p)
	right, okRight := compared(e.Right, p)
	return okLeft && okRight && left == right
}

func compared(of CompareField, p *packet.Packet) (value any, ok bool) {
	switch of {
	case CompareSource:
		return p.Source, p.Source.IsValid()
	case CompareDestination:
		return p.Destination, p.Destination.IsValid()
	case CompareSourcePort:
		return p.SourcePort, p.HasPorts
	case CompareDestinationPort:
		return p.DestinationPort, p.HasPorts
	case CompareSourceMAC:
		return p.SourceMAC, true
	case CompareARPSenderMAC:
		if p.ARP != nil {
			return p.ARP.SenderMAC, true
		}
	case CompareARPSender, CompareARPTarget:
		a := address(map[CompareField]AddressField{CompareARPSender: ARPSender, CompareARPTarget: ARPTarget}[of], p)
		return a, a.IsValid()
	case CompareQuotedSource:
		if p.ICMP != nil && p.ICMP.Quoted != nil {
			return p.ICMP.Quoted.Source, true
		}
	}
	return nil, false
}

// in tells whether the bytes stand at their place in a payload.
func (e Payload) in(payload []byte) bool {
	for i, values := range e.Values {
		if e.At+i >= len(payload) || !slices.Contains(values, payload[e.At+i]) {
			return false
		}
	}
	return true
}

// conflict tells whether a sender claims an address of the set with a MAC address
// that the set does not give it: see [packet.Packet.Claim].
func (env *Env) conflict(set string, p *packet.Packet) bool {
	b := env.Bindings[set]
	if b == nil {
		return false
	}
	ip, told, sent := p.Claim()
	allowed, bound := b.MACs[ip]
	return bound && !(slices.Contains(allowed, told) && slices.Contains(allowed, sent))
}
