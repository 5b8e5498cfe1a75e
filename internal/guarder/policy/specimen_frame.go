package policy

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// wireOptions are options of IPv4 as they are sent, by their bit.
var wireOptions = []struct {
	bit   packet.Options
	bytes []byte
}{
	{packet.RecordRoute, []byte{7, 7, 4, 0, 0, 0, 0}},
	{packet.Timestamp, []byte{68, 8, 5, 0, 0, 0, 0, 0}},
	{packet.LooseRoute, []byte{131, 7, 4, 0, 0, 0, 0}},
	{packet.StrictRoute, []byte{137, 7, 4, 0, 0, 0, 0}},
	{packet.RouterAlert, []byte{148, 4, 0, 0}},
	{packet.OtherOptions, []byte{82, 4, 0, 0}}, // traceroute, RFC 1393
}

// Offsets of fragments, in bytes: an ordinary one, and one whose end is behind that of
// the longest packet.
const (
	laterOffset = 1480
	endOffset   = 65528
)

// quotedSize is how much of a packet an error quotes at most, so that it has 576 bytes
// itself (RFC 1812 section 4.3.2.3).
const quotedSize = 548

// bytes returns the frame of a description, or why there is none like it.
func (d *described) bytes() ([]byte, error) {
	frame := d.frame()
	bytes := frame.Bytes()
	if d.Family == 0 {
		return bytes, nil
	}
	link := 14 + 4*len(d.Tags)
	size := uint32(len(bytes) - link)
	switch {
	case d.Length > 65535:
		return nil, errors.New("len: no packet has more than 65535 bytes")
	case d.Length != 0 && d.Length < size:
		return nil, fmt.Errorf("len: it has %d bytes already", size)
	case d.Length > size:
		frame.Payload = append(frame.Payload, make([]byte, d.Length-size)...)
		bytes = frame.Bytes()
	}
	// The builder takes 0 for an ordinary time to live.
	if d.TTL == 0 {
		bytes[link+map[uint8]int{4: 8, 6: 7}[d.Family]] = 0
	}
	return bytes, nil
}

func (d *described) frame() *packet.Frame {
	f := &packet.Frame{
		SourceMAC: d.SourceMAC, Tags: d.Tags, EtherType: d.EtherType, ARP: d.ARP,
		Source: d.Source, Destination: d.Destination, TTL: d.TTL, DontFragment: d.DontFragment, Protocol: d.Protocol,
		SourcePort: d.SourcePort, DestinationPort: d.DestinationPort, Flags: d.Flags, MSS: d.MSS,
		Window: d.Window, NoWindow: d.noWindow,
		MoreFragments: d.Fragment&packet.FirstFragment != 0, Payload: d.Payload,
	}
	switch {
	case d.Fragment&packet.PastEnd != 0:
		f.Offset, f.Payload = endOffset, make([]byte, 64)
	case d.Fragment&packet.OffsetOne != 0:
		f.Offset = 8
	case d.Fragment&packet.LaterFragment != 0:
		f.Offset = laterOffset
	}
	for _, o := range wireOptions {
		if d.Options&o.bit != 0 {
			f.Options = append(f.Options, o.bytes...)
		}
	}
	if d.TCPOptions&packet.FastOpen != 0 {
		f.TCPOptions = []byte{34, 2}
	}
	f.Extensions = d.extensions()
	if d.ICMP != nil {
		f.ICMP = &packet.Message{Type: d.ICMP.Type, Code: d.ICMP.Code, MTU: d.ICMP.MTU, Target: d.ICMP.Target}
		if d.needsTarget() && !d.ICMP.Target.IsValid() {
			f.ICMP.Target = netip.IPv6Unspecified()
		}
		if d.ICMP.HasLinkAddress {
			f.Payload = d.linkAddress()
		}
		if d.quoted != nil {
			f.ICMP.Quoted = d.quoted.frame()
			f.ICMP.Quoted.Payload = d.quoted.padding()
			if size := len(f.ICMP.Quoted.Bytes()) - 14; size > quotedSize {
				f.ICMP.QuotedSize = quotedSize
			}
		}
	}
	return f
}

// needsTarget reports whether it is a neighbour solicitation or advertisement, or a
// redirect of IPv6, which cannot be read without a target.
func (d *described) needsTarget() bool {
	return d.Family == 6 && (d.ICMP.Type == 135 || d.ICMP.Type == 136 || d.ICMP.Type == 137)
}

// linkAddress returns what stands behind the target, or behind the first 8 bytes, of a
// message of neighbour discovery that tells a MAC address (RFC 4861 section 4).
func (d *described) linkAddress() []byte {
	const source, target = 1, 2
	kind := byte(source)
	var before int
	switch d.ICMP.Type {
	case 134:
		before = 8
	case 136:
		kind = target
	case 137:
		kind, before = target, 16
	}
	return append(append(make([]byte, before), kind, 1), d.ICMP.LinkAddress[:]...)
}

// extensions returns the extension headers in the order that RFC 8200 recommends.
func (d *described) extensions() (all []packet.Extension) {
	for _, h := range []packet.Header{packet.HopByHop, packet.Destination, packet.Routing, packet.Authentication} {
		if d.Headers&h == 0 {
			continue
		}
		e := packet.Extension{Header: h}
		for kind := range uint8(16) {
			if h == packet.Routing && d.RoutingTypes&(1<<kind) != 0 {
				e.RoutingType = kind
			}
		}
		all = append(all, e)
	}
	return all
}

// padding returns the payload that gives the packet its length.
func (d *described) padding() []byte {
	size := uint32(len(d.frame().Bytes()) - 14)
	if d.Length <= size || d.Length > 65535 {
		return d.Payload
	}
	return append(d.Payload[:len(d.Payload):len(d.Payload)], make([]byte, d.Length-size)...)
}
