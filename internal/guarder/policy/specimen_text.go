package policy

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// InWords describes a packet in one line, in the language of [ParseSpecimen]. What that
// reads from it is judged like the packet, but by rules that look at the payload.
func InWords(p *packet.Packet) string {
	var w wording
	switch {
	case p.ARP != nil:
		w.arp(p)
	case p.Family == 0:
		w.say("frame ethertype=%#04x", p.EtherType)
	default:
		w.ip(p)
	}
	if len(p.Tags) > 0 {
		w.say("vlan=%s", strings.Trim(strings.Join(strings.Fields(fmt.Sprint(p.Tags)), ","), "[]"))
	}
	if p.Reason != packet.OK {
		w.say("reason=%v", p.Reason)
	}
	if p.ICMP != nil && p.ICMP.Quoted != nil {
		w.quoted(p.ICMP.Quoted)
	}
	return strings.Join(w, " ")
}

// A wording are the words of a description.
type wording []string

func (w *wording) say(format string, args ...any) { *w = append(*w, fmt.Sprintf(format, args...)) }

// names says which bits of a table are set.
func (w *wording) names(key string, table map[string]uint32, bits uint32) {
	var all []string
	for _, name := range known(table) {
		if bit := table[name]; name != "any" && bits&bit != 0 {
			all = append(all, name)
			bits &^= bit
		}
	}
	if all != nil {
		w.say("%s=%s", key, strings.Join(all, ","))
	}
}

func (w *wording) arp(p *packet.Packet) {
	w.say("arp %v > %v", p.ARP.SenderIP, p.ARP.TargetIP)
	w.say("op=%s", nameOf(arpOperations, uint32(p.ARP.Operation), "%d"))
	if p.SourceMAC != p.ARP.SenderMAC {
		w.say("mac=%v", net.HardwareAddr(p.SourceMAC[:]))
	}
	w.say("sender-mac=%v", net.HardwareAddr(p.ARP.SenderMAC[:]))
}

// ends says the protocol and the addresses.
func (w *wording) ends(protocol uint8, ports bool, from, to netip.AddrPort) {
	name := nameOf(protocols, protocol, "%d")
	switch {
	case ports:
		w.say("%s %v > %v", name, from, to)
	default:
		w.say("%s %v > %v", name, from.Addr(), to.Addr())
	}
}

func (w *wording) ip(p *packet.Packet) {
	if p.Reason != packet.OK && p.Protocol == 0 {
		w.say("ip %v > %v", p.Source, p.Destination)
	} else {
		w.ends(p.Protocol, p.HasPorts, netip.AddrPortFrom(p.Source, p.SourcePort), netip.AddrPortFrom(p.Destination, p.DestinationPort))
	}
	if p.Protocol == packet.TCP && p.HasPorts {
		if p.Flags == 0 {
			w.say("flags=none")
		}
		w.names("flags", tcpFlags, uint32(p.Flags))
	}
	if p.MSS != 0 {
		w.say("mss=%d", p.MSS)
	}
	if p.Protocol == packet.TCP && p.HasPorts && p.Window != 65_535 {
		w.say("window=%d", p.Window)
	}
	w.names("tcp-options", tcpOptions, uint32(p.TCPOptions))
	if p.ICMP != nil {
		w.icmp(p)
	}
	if p.TTL != 64 {
		w.say("ttl=%d", p.TTL)
	}
	w.say("len=%d", p.Length)
	if p.DontFragment {
		w.say("df")
	}
	w.fragment(p.Fragment)
	w.names("options", ipOptions, uint32(p.Options))
	w.names("headers", headers, uint32(p.Headers&^(packet.FragmentHeader|packet.Routing)))
	for kind := range 16 {
		if p.RoutingTypes>>kind&1 != 0 {
			w.say("routing=%d", kind)
		}
	}
}

// fragment leaves out what the others imply.
func (w *wording) fragment(f packet.Fragment) {
	if f&(packet.OffsetOne|packet.PastEnd) != 0 {
		f &^= packet.LaterFragment
	}
	w.names("fragment", fragments, uint32(f))
}

func (w *wording) icmp(p *packet.Packet) {
	m := p.ICMP
	w.say("type=%s", ICMPName(p.Family, m.Type))
	if m.Code != 0 {
		w.say("code=%d", m.Code)
	}
	if m.MTU != 0 {
		w.say("mtu=%d", m.MTU)
	}
	if m.Target.IsValid() {
		w.say("target=%v", m.Target)
	}
	if m.HasLinkAddress {
		w.say("link-address=%v", net.HardwareAddr(m.LinkAddress[:]))
	}
}

func (w *wording) quoted(q *packet.Quoted) {
	var inner wording
	inner.ends(q.Protocol, q.HasPorts, netip.AddrPortFrom(q.Source, q.SourcePort), netip.AddrPortFrom(q.Destination, q.DestinationPort))
	if q.HasICMP {
		inner.say("type=%s", ICMPName(q.Family, q.ICMPType))
	}
	inner.say("len=%d", q.Length)
	if q.DontFragment {
		inner.say("df")
	}
	if q.Later {
		inner.say("fragment=later")
	}
	*w = append(*w, "quoting", "("+strings.Join(inner, " ")+")")
}
