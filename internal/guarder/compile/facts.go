package compile

import (
	"net/netip"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A field is a number that atoms look at, in the order of the C enum guard_field.
type field uint8

const (
	fieldTTL field = iota
	fieldLength
	fieldMSS
	fieldTags
	fieldTag0
	fieldTag1
	fieldARPOperation
	fieldMTU
	fieldQuotedProtocol
	fieldQuotedLength
	fieldQuotedICMPType
	fieldQuotedFamily
	fieldQuotedSourcePort
	fieldQuotedDestinationPort
	fieldQuotedFlags
	fieldEtherType
	fieldInterface
	fieldFragment
	fieldOptions
	fieldHeaders
	fieldRoutingTypes
	fieldWindow
	fieldPayloadLength
	fieldTCPOptions
	fields
)

// A trait is what makes a packet unusual; bits of the C enum guard_trait. An atom
// that has the trait t is false in all packets that do not.
type trait uint8

const (
	traitAlways   trait = iota // no trait is needed
	traitNotIP                 // no IP header
	traitFragment              // any of packet.Fragment
	traitOptions               // IPv4 options, or extension headers
	traitTagged                // VLAN tags
	traitICMP                  // a message of ICMP
	traitMSS                   // the option of TCP
	traitSame                  // source and destination have one address, or one port
	traitExpiring              // fewer than bpf.GuardFewHops left
	traits
)

// facts are the fields of a packet.
type facts struct {
	value   [fields]uint32
	present uint32 // bit per field
	traits  uint32 // bit per trait
}

func (f *facts) set(of field, value uint32) {
	f.value[of], f.present = value, f.present|1<<of
}

func factsOf(p *packet.Packet) (f facts) {
	f.set(fieldEtherType, uint32(p.EtherType))
	f.set(fieldInterface, uint32(p.Interface))
	f.set(fieldTags, uint32(len(p.Tags)))
	if len(p.Tags) > 0 {
		f.set(fieldTag0, uint32(p.Tags[0]))
	}
	if len(p.Tags) > 1 {
		f.set(fieldTag1, uint32(p.Tags[1]))
	}
	if p.ARP != nil {
		f.set(fieldARPOperation, uint32(p.ARP.Operation))
	}
	if p.Family != 0 {
		f.set(fieldTTL, uint32(p.TTL))
		f.set(fieldLength, p.Length)
		f.set(fieldFragment, uint32(p.Fragment))
		f.set(fieldHeaders, uint32(p.Headers))
	}
	if p.Family == 4 {
		f.set(fieldOptions, uint32(p.Options))
	}
	if p.Family == 6 {
		f.set(fieldRoutingTypes, uint32(p.RoutingTypes))
	}
	if p.MSS != 0 {
		f.set(fieldMSS, uint32(p.MSS))
	}
	if p.HasPorts {
		f.set(fieldPayloadLength, p.PayloadLength)
	}
	if p.HasPorts && p.Protocol == packet.TCP {
		f.set(fieldWindow, uint32(p.Window))
		f.set(fieldTCPOptions, uint32(p.TCPOptions))
	}
	if p.ICMP != nil {
		f.setICMP(p)
	}
	f.traits = traitsOf(p)
	return f
}

func (f *facts) setICMP(p *packet.Packet) {
	if p.TellsMTU() {
		f.set(fieldMTU, p.ICMP.MTU)
	}
	q := p.ICMP.Quoted
	if q == nil {
		return
	}
	f.set(fieldQuotedProtocol, uint32(q.Protocol))
	f.set(fieldQuotedLength, q.Length)
	f.set(fieldQuotedFamily, uint32(q.Family))
	var flags uint32
	if q.DontFragment {
		flags |= 1
	}
	if q.Later {
		flags |= 2
	}
	f.set(fieldQuotedFlags, flags)
	if q.HasICMP {
		f.set(fieldQuotedICMPType, uint32(q.ICMPType))
	}
	if q.HasPorts {
		f.set(fieldQuotedSourcePort, uint32(q.SourcePort))
		f.set(fieldQuotedDestinationPort, uint32(q.DestinationPort))
	}
}

func traitsOf(p *packet.Packet) uint32 {
	t := uint32(1) << traitAlways
	has := func(of trait, yes bool) {
		if yes {
			t |= 1 << of
		}
	}
	has(traitNotIP, p.Family == 0)
	has(traitFragment, p.Fragment != 0)
	has(traitOptions, p.Options != 0 || p.Headers != 0 || p.RoutingTypes != 0)
	has(traitTagged, len(p.Tags) > 0)
	has(traitICMP, p.ICMP != nil)
	has(traitMSS, p.MSS != 0)
	has(traitExpiring, p.Family != 0 && int(p.TTL) < bpf.GuardFewHops)
	has(traitSame, p.Family != 0 && p.Source == p.Destination || p.HasPorts && p.SourcePort == p.DestinationPort)
	return t
}

// addressOf returns an address that members are looked up by, as the C function
// guard_copy_address does.
func addressOf(of policy.AddressField, p *packet.Packet) (a netip.Addr) {
	switch of {
	case policy.Source:
		return p.Source
	case policy.Destination:
		return p.Destination
	case policy.ARPSender, policy.ARPTarget:
		if p.ARP == nil {
			return a
		}
		if of == policy.ARPSender {
			return p.ARP.SenderIP
		}
		return p.ARP.TargetIP
	}
	if p.ICMP == nil {
		return a
	}
	if of == policy.NDTarget {
		return p.ICMP.Target
	}
	if p.ICMP.Quoted == nil {
		return a
	}
	if of == policy.QuotedSource {
		return p.ICMP.Quoted.Source
	}
	return p.ICMP.Quoted.Destination
}
