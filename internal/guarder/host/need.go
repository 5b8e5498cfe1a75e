package host

import (
	"fmt"
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A Need is a packet that this host lives on, or one of many that are like it.
type Need struct {
	Kind NeedKind
	// Text is what is lost without it, to follow "would drop".
	Text string
	// Certain is false if nothing proves that such packets come here.
	Certain bool
	// Arrivals are the packet in each place where XDP may see it.
	Arrivals []Arrival
}

// An Arrival is a packet as it is on a device: the frame, and what the parser finds in
// it.
type Arrival struct {
	Interface string
	Frame     []byte
	Packet    packet.Packet
}

// A NeedKind tells needs apart.
type NeedKind string

// The kinds, the most painful first.
const (
	NeedOperator    NeedKind = "operator"    // the operator's own connection
	NeedManagement  NeedKind = "management"  // the operator's next connection
	NeedARP         NeedKind = "arp"         // of a gateway
	NeedNeighbour   NeedKind = "neighbour"   // discovery, of a gateway
	NeedRouter      NeedKind = "router"      // advertisement, of a gateway
	NeedDNS         NeedKind = "dns"         // answer of a resolver
	NeedDHCP        NeedKind = "dhcp"        // answer of a server
	NeedTooBig      NeedKind = "too_big"     // about an own connection
	NeedEstablished NeedKind = "established" // connection of somebody else
)

// ssh is the port of management, beside that of the operator's connection.
const ssh = 22

// Needs returns the packets that must survive any policy, the most painful to lose
// first. Traffic of the host with itself is not among them: it does not leave lo.
//
// Of many connections that differ in nothing but the port that one end chose at
// random, one stands for all.
func (f *Facts) Needs() []Need {
	var needs []Need
	for _, c := range f.Operator {
		needs = append(needs, f.connection(NeedOperator, c, "your own connection")...)
		needs = append(needs, f.tooBig(c)...)
	}
	needs = append(needs, f.management()...)
	for _, g := range f.Gateways {
		needs = append(needs, f.gateway(g)...)
	}
	needs = append(needs, f.dns()...)
	needs = append(needs, f.dhcp()...)
	return append(needs, f.established()...)
}

// need spreads a frame over its places; without a place there is no need.
func (f *Facts) need(kind NeedKind, certain bool, frame packet.Frame, places []place, format string, args ...any) []Need {
	n := Need{Kind: kind, Certain: certain, Text: fmt.Sprintf(format, args...)}
	for _, at := range places {
		there := frame
		there.Tags = at.tags
		if there.DestinationMAC == ([6]byte{}) {
			there.DestinationMAC = at.device.MAC
		}
		a := Arrival{Interface: at.device.Name, Frame: there.Bytes()}
		a.Packet = packet.Parse(a.Frame)
		a.Packet.Interface = at.device.Index
		n.Arrivals = append(n.Arrivals, a)
	}
	if n.Arrivals == nil {
		return nil
	}
	return []Need{n}
}

// local tells whether a packet from an address stays within the host.
func (f *Facts) local(remote netip.Addr) bool {
	return !remote.IsValid() || remote.IsUnspecified() || remote.IsLoopback() || f.Owns(remote)
}

// connection returns data and a bare acknowledgement of a connection.
func (f *Facts) connection(kind NeedKind, c Connection, what string) []Need {
	if f.local(c.Remote.Addr()) {
		return nil
	}
	places := f.placesFrom(c.Remote.Addr(), c.Local.Addr())
	text := fmt.Sprintf("tcp %v to %v (%s", c.Remote, c.Local, what)
	data := f.segment(c, ackFlag|pshFlag, make([]byte, 64))
	return append(f.need(kind, true, data, places, "%s, data)", text),
		f.need(kind, true, f.segment(c, ackFlag, nil), places, "%s, acknowledgement)", text)...)
}

func (f *Facts) management() []Need {
	var needs []Need
	for _, c := range f.Operator {
		ports := []uint16{c.Local.Port()}
		if c.Local.Port() != ssh && f.listens(c.Local.Addr(), ssh) {
			ports = append(ports, ssh)
		}
		if f.local(c.Remote.Addr()) {
			continue
		}
		for _, port := range ports {
			next := Connection{netip.AddrPortFrom(c.Local.Addr(), port), netip.AddrPortFrom(c.Remote.Addr(), f.ephemeral())}
			syn := f.segment(next, synFlag, nil)
			needs = append(needs, f.need(NeedManagement, true, syn, f.placesFrom(c.Remote.Addr(), c.Local.Addr()),
				"tcp/%d from %v (your next connection)", port, c.Remote.Addr())...)
		}
	}
	return needs
}

// listens tells whether a socket takes connections of TCP to an address and port.
func (f *Facts) listens(addr netip.Addr, port uint16) bool {
	for _, s := range f.Sockets {
		if s.Protocol == packet.TCP && s.State == Listening && s.Local.Port() == port &&
			(s.Local.Addr() == addr || s.Local.Addr().IsUnspecified()) {
			return true
		}
	}
	return false
}

// established returns the connections that are not the operator's, one for each
// service here and peer, and one for each service there; and a "packet too big" for
// the first of each family.
func (f *Facts) established() []Need {
	type service struct {
		local, remote netip.AddrPort // one of which has no port
	}
	done := make(map[service]bool)
	families := make(map[bool]bool)
	var needs []Need
	for _, c := range f.Operator {
		families[c.Remote.Addr().Is4()] = true
		done[service{c.Local, netip.AddrPortFrom(c.Remote.Addr(), 0)}] = true
	}
	for _, s := range f.Sockets {
		if s.Protocol != packet.TCP || s.State != Established || f.local(s.Remote.Addr()) {
			continue
		}
		of := service{netip.AddrPortFrom(s.Local.Addr(), 0), s.Remote}
		if f.listens(s.Local.Addr(), s.Local.Port()) {
			of = service{s.Local, netip.AddrPortFrom(s.Remote.Addr(), 0)}
		}
		if done[of] {
			continue
		}
		done[of] = true
		c := Connection{s.Local, s.Remote}
		needs = append(needs, f.connection(NeedEstablished, c, "an established connection")...)
		if is4 := s.Remote.Addr().Is4(); !families[is4] {
			families[is4] = true
			needs = append(needs, f.tooBig(c)...)
		}
	}
	return needs
}
