package workload

import (
	"encoding/binary"
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Frame returns a frame that a rule matches; an earlier rule may match it too.
func (m *Maker) Frame(r *Rule) packet.Frame {
	f := packet.Frame{Source: m.within(r.Source), Destination: m.within(r.Destination), Protocol: r.Protocol}
	if !r.Source.IsValid() {
		f.Source = m.client(r.Six)
	}
	if !r.Destination.IsValid() {
		f.Destination = m.server(r.Six)
	}
	if f.Protocol == 0 {
		f.Protocol = m.protocol(r.Six)
	}
	m.upper(&f)
	if r.SourcePort.High != 0 {
		f.SourcePort = m.port(r.SourcePort)
	}
	if r.DestinationPort.High != 0 {
		f.DestinationPort = m.port(r.DestinationPort)
	}
	f.Flags = f.Flags&^r.FlagMask | r.Flags
	if r.HasType {
		f.ICMP.Type = r.Type
	}
	return f
}

// Background returns a frame from anywhere to one of the servers.
func (m *Maker) Background() packet.Frame {
	six := m.IntN(100) < 15
	f := packet.Frame{Source: m.client(six), Destination: m.server(six), Protocol: m.protocol(six)}
	if !six && m.IntN(2) == 0 {
		f.Source = address4(uint32(1+m.IntN(222))<<24 | m.Uint32N(1<<24))
	}
	m.upper(&f)
	return f
}

// Trace returns frames of which 70 % match a random rule.
func (m *Maker) Trace(rules []Rule, n int) []packet.Frame {
	out := make([]packet.Frame, n)
	for i := range out {
		if m.IntN(100) < 70 {
			out[i] = m.Frame(&rules[m.IntN(len(rules))])
		} else {
			out[i] = m.Background()
		}
	}
	return out
}

// within returns an address of a prefix.
func (m *Maker) within(p netip.Prefix) netip.Addr {
	if !p.IsValid() {
		return netip.Addr{}
	}
	if p.Addr().Is4() {
		b := p.Addr().As4()
		free := ^uint32(0) >> p.Bits()
		return address4(binary.BigEndian.Uint32(b[:]) | m.Uint32()&free)
	}
	b := p.Addr().As16()
	high, low := binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])
	high |= m.Uint64() & (^uint64(0) >> p.Bits())
	low |= m.Uint64() & (^uint64(0) >> max(p.Bits()-64, 0))
	return address6(high, low)
}

func (m *Maker) port(r policy.Range) uint16 { return uint16(r.Low + m.Uint32N(r.High-r.Low+1)) }

func (m *Maker) protocol(six bool) uint8 {
	p := []uint8{packet.TCP, packet.TCP, packet.TCP, packet.TCP, packet.UDP, packet.UDP, packet.ICMPv4, 47}[m.IntN(8)]
	if six && p == packet.ICMPv4 {
		p = packet.ICMPv6
	}
	return p
}

// upper fills in what is behind the headers of IP.
func (m *Maker) upper(f *packet.Frame) {
	f.SourcePort, f.DestinationPort = uint16(32_768+m.IntN(28_232)), uint16(services[m.skewed(len(services))])
	if m.IntN(4) == 0 {
		f.DestinationPort = uint16(m.IntN(1 << 16))
	}
	f.Flags = []uint8{0x10, 0x18, 0x02, 0x11, 0x12, 0x04, 0x00, 0x29}[m.skewed(8)]
	f.Payload = make([]byte, 32)
	switch f.Protocol {
	case packet.ICMPv4:
		f.ICMP = &packet.Message{Type: []uint8{8, 0, 13}[m.IntN(3)]}
	case packet.ICMPv6:
		f.ICMP = &packet.Message{Type: []uint8{128, 129}[m.IntN(2)]}
	}
}
