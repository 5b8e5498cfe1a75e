package policy

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A Specimen is a packet that is described in words, to ask a policy about it.
type Specimen struct {
	// Packet is what the parser finds in Frame, or what is said of a packet that
	// cannot be read.
	packet.Packet
	// Frame is as on the wire; nil if the description has a reason.
	Frame []byte
	// Interface is the name of the device, or "".
	Interface string
	// truth is what is said of the sockets, by Whose; the zero Truth if nothing is.
	truth [2]Truth
	// connections are those that the source has open.
	connections uint32
}

// A described packet has the fields that are said of it.
type described struct {
	packet.Packet
	iface string
	truth Truth
	// connections are those that the source has open.
	connections uint32
	// noWindow tells that the window of TCP is said to be 0.
	noWindow bool
	// quoted, if not nil, is the packet in an ICMP error.
	quoted *described
}

// defaultMAC is the source address of frames that name none.
var defaultMAC = [6]byte{2, 0, 0, 0, 0, 1}

// ParseSpecimen reads the description of a packet: its protocol, its ends, and then
// words and key=value in any order, such as
//
//	tcp 192.0.2.1:1234 > 198.51.100.1:22 flags=syn mss=1460 iface=eth0
//	udp [2001:db8::1]:53 > [2001:db8::2]:4000 ttl=3 len=512 vlan=10,20
//	udp 192.0.2.1 > 198.51.100.1 fragment=later,overlap
//	tcp 192.0.2.1:9 > 198.51.100.1:502 flags=psh,ack payload=000100000006ff05
//	icmp 192.0.2.9 > 198.51.100.1 type=packet-too-big mtu=600 quoting (icmp 198.51.100.1 > 192.0.2.7 type=echo-reply len=84)
//	icmpv6 fe80::1 > ff02::1 ttl=255 type=neighbor-advert target=2001:db8::1 mac=02:00:00:00:00:07
//	icmpv6 fe80::1 > ff02::1 ttl=255 type=router-advert link-address=02:00:00:00:00:07
//	arp 192.0.2.1 > 192.0.2.2 op=reply sender-mac=02:00:00:00:00:07
//	gre 192.0.2.1 > 198.51.100.1
//	frame ethertype=0x88cc
//	ip 192.0.2.1 > 198.51.100.1 reason=truncated
//	tcp 192.0.2.1:9 > 198.51.100.1:22 flags=rst socket=established seq=out-of-window
//	tcp 192.0.2.1:9 > 198.51.100.1:22 flags=syn socket=listen connections=201
//
// What is said of the socket, with the words of "socket" and of "seq", is true of it if
// its address is one of the host; else nothing is known of it. The source has as many
// connections open as is said, or else none.
//
// What is not said is as in an ordinary packet: ttl is 64, the length that of the
// headers and the payload. Protocols without a name are numbers. The fault of a
// bad description is one line.
func ParseSpecimen(text string) (*Specimen, error) {
	d, err := parseDescription(text)
	if err != nil {
		return nil, fmt.Errorf("packet %q: %w", text, err)
	}
	s := &Specimen{Packet: d.Packet, Interface: d.iface, truth: [2]Truth{Outer: d.truth}, connections: d.connections}
	if d.quoted != nil {
		s.truth[Inner] = d.quoted.truth
	}
	if d.Reason != packet.OK {
		return s, nil
	}
	if s.Frame, err = d.bytes(); err != nil {
		return nil, fmt.Errorf("packet %q: %w", text, err)
	}
	if s.Packet = packet.Parse(s.Frame); s.Reason != packet.OK {
		return nil, fmt.Errorf("packet %q: it cannot be read: %v (say reason=%v if that is meant)", text, s.Reason, s.Reason)
	}
	s.Fragment |= d.Fragment & packet.Overlap // with a packet before it, which only a tracker knows
	return s, nil
}

func parseDescription(text string) (*described, error) {
	outer, inner, quoting := strings.Cut(text, " quoting ")
	d := &described{}
	d.SourceMAC = defaultMAC
	if err := d.parse(strings.Fields(outer)); err != nil || !quoting {
		return d, err
	}
	inner = strings.TrimSpace(inner)
	if d.ICMP == nil || !strings.HasPrefix(inner, "(") || !strings.HasSuffix(inner, ")") {
		return nil, errors.New("quoting wants an ICMP error before it, and a packet in () behind it")
	}
	var err error
	d.quoted, err = parseDescription(inner[1 : len(inner)-1])
	return d, err
}

func (d *described) parse(words []string) error {
	if len(words) == 0 {
		return errors.New("nothing is described")
	}
	kind, rest := words[0], words[1:]
	switch protocol, found := protocols[kind]; {
	case kind == "arp":
		d.EtherType = packet.EtherARP
		d.ARP = &packet.ARP{Operation: 1, SenderMAC: defaultMAC}
	case kind == "frame" || kind == "ip":
	case found:
		d.Protocol = protocol
	default:
		number, err := parseNumber(kind, 255)
		if err != nil {
			return fmt.Errorf("unknown protocol %q (%s)", kind, suggest(kind, append(known(protocols), "arp", "frame", "ip")))
		}
		d.Protocol = uint8(number)
	}
	if kind != "frame" {
		if len(rest) < 3 || rest[1] != ">" {
			return errors.New("want SOURCE > DESTINATION behind the protocol")
		}
		if err := d.ends(rest[0], rest[2]); err != nil {
			return err
		}
		rest = rest[3:]
	}
	d.start()
	for _, word := range rest {
		key, value, _ := strings.Cut(word, "=")
		set := specimenKeys[key]
		if set == nil {
			return fmt.Errorf("unknown word %q (%s)", key, suggest(key, known(specimenKeys)))
		}
		if err := set(d, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}

// ends reads the addresses, with ports if the protocol has them.
func (d *described) ends(source, destination string) error {
	from, fromPort, err := d.end(source)
	if err != nil {
		return err
	}
	to, toPort, err := d.end(destination)
	if err != nil {
		return err
	}
	if d.ARP != nil {
		d.ARP.SenderIP, d.ARP.TargetIP = from, to
		return nil
	}
	if from.Is4() != to.Is4() {
		return fmt.Errorf("%v and %v are of different families", from, to)
	}
	d.Source, d.Destination, d.SourcePort, d.DestinationPort = from, to, fromPort, toPort
	d.Family, d.EtherType = 4, packet.EtherIPv4
	if from.Is6() {
		d.Family, d.EtherType = 6, packet.EtherIPv6
	}
	if d.Protocol == packet.ICMPv4 && d.Family == 6 {
		return errors.New("write icmpv6 with IPv6 addresses")
	}
	return nil
}

func (d *described) end(text string) (netip.Addr, uint16, error) {
	if !slices.Contains(withPorts, d.Protocol) || d.EtherType == packet.EtherARP {
		a, err := netip.ParseAddr(text)
		return a, 0, err
	}
	if end, err := netip.ParseAddrPort(text); err == nil {
		d.HasPorts = true
		return end.Addr(), end.Port(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, 0, fmt.Errorf("bad end %q (want ADDRESS:PORT)", text)
	}
	return a, 0, nil
}

// start sets what an ordinary packet has.
func (d *described) start() {
	if d.Family != 0 {
		d.TTL = 64
	}
	if d.Protocol == packet.ICMPv4 && d.Family == 4 || d.Protocol == packet.ICMPv6 && d.Family == 6 {
		d.ICMP = &packet.ICMP{Type: 255}
	}
}
