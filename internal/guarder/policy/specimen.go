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
	packet.Packet
	// Interface is the name of the device, or "".
	Interface string
}

// defaultMAC is the source address of frames that name none.
var defaultMAC = [6]byte{2, 0, 0, 0, 0, 1}

// ParseSpecimen reads the description of a packet: its protocol, its ends, and then
// words and key=value in any order, such as
//
//	tcp 192.0.2.1:1234 > 198.51.100.1:22 flags=syn mss=1460 iface=eth0
//	udp [2001:db8::1]:53 > [2001:db8::2]:4000 ttl=3 len=512 vlan=10,20
//	udp 192.0.2.1 > 198.51.100.1 fragment=later
//	tcp 192.0.2.1:9 > 198.51.100.1:502 flags=psh,ack payload=000100000006ff05
//	icmp 192.0.2.9 > 198.51.100.1 type=packet-too-big mtu=600 quoting (icmp 198.51.100.1 > 192.0.2.7 type=echo-reply len=84)
//	icmpv6 fe80::1 > ff02::1 ttl=255 type=neighbor-advert target=2001:db8::1 mac=02:00:00:00:00:07
//	arp 192.0.2.1 > 192.0.2.2 op=reply sender-mac=02:00:00:00:00:07
//	gre 192.0.2.1 > 198.51.100.1
//	frame ethertype=0x88cc
//	ip 192.0.2.1 > 198.51.100.1 reason=truncated
//
// What is not said is as in an ordinary packet: ttl is 64, the length that of the
// headers and the payload. Protocols without a name are numbers. The fault of a
// bad description is one line.
func ParseSpecimen(text string) (*Specimen, error) {
	outer, inner, quoting := strings.Cut(text, " quoting ")
	s := &Specimen{}
	s.SourceMAC = defaultMAC
	if err := s.parse(strings.Fields(outer)); err != nil {
		return nil, fmt.Errorf("packet %q: %w", text, err)
	}
	if !quoting {
		return s, nil
	}
	inner = strings.TrimSpace(inner)
	if s.ICMP == nil || !strings.HasPrefix(inner, "(") || !strings.HasSuffix(inner, ")") {
		return nil, fmt.Errorf("packet %q: quoting wants an ICMP error before it, and a packet in () behind it", text)
	}
	q, err := ParseSpecimen(inner[1 : len(inner)-1])
	if err != nil {
		return nil, err
	}
	s.ICMP.Quoted = q.quoted()
	return s, nil
}

func (s *Specimen) parse(words []string) error {
	if len(words) == 0 {
		return errors.New("nothing is described")
	}
	kind, rest := words[0], words[1:]
	switch protocol, found := protocols[kind]; {
	case kind == "arp":
		s.EtherType = packet.EtherARP
		s.ARP = &packet.ARP{Operation: 1, SenderMAC: defaultMAC}
	case kind == "frame" || kind == "ip":
	case found:
		s.Protocol = protocol
	default:
		number, err := parseNumber(kind, 255)
		if err != nil {
			return fmt.Errorf("unknown protocol %q (%s)", kind, suggest(kind, append(known(protocols), "arp", "frame", "ip")))
		}
		s.Protocol = uint8(number)
	}
	if kind != "frame" {
		if len(rest) < 3 || rest[1] != ">" {
			return errors.New("want SOURCE > DESTINATION behind the protocol")
		}
		if err := s.ends(rest[0], rest[2]); err != nil {
			return err
		}
		rest = rest[3:]
	}
	s.start()
	for _, word := range rest {
		key, value, _ := strings.Cut(word, "=")
		set := specimenKeys[key]
		if set == nil {
			return fmt.Errorf("unknown word %q (%s)", key, suggest(key, known(specimenKeys)))
		}
		if err := set(s, value); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	s.finish()
	return nil
}

// ends reads the addresses, with ports if the protocol has them.
func (s *Specimen) ends(source, destination string) error {
	from, fromPort, err := s.end(source)
	if err != nil {
		return err
	}
	to, toPort, err := s.end(destination)
	if err != nil {
		return err
	}
	if s.ARP != nil {
		s.ARP.SenderIP, s.ARP.TargetIP = from, to
		return nil
	}
	if from.Is4() != to.Is4() {
		return fmt.Errorf("%v and %v are of different families", from, to)
	}
	s.Source, s.Destination, s.SourcePort, s.DestinationPort = from, to, fromPort, toPort
	s.Family, s.EtherType = 4, packet.EtherIPv4
	if from.Is6() {
		s.Family, s.EtherType = 6, packet.EtherIPv6
	}
	if s.Protocol == packet.ICMPv4 && s.Family == 6 {
		return errors.New("write icmpv6 with IPv6 addresses")
	}
	return nil
}

func (s *Specimen) end(text string) (netip.Addr, uint16, error) {
	if !slices.Contains(withPorts, s.Protocol) || s.EtherType == packet.EtherARP {
		a, err := netip.ParseAddr(text)
		return a, 0, err
	}
	if end, err := netip.ParseAddrPort(text); err == nil {
		s.HasPorts = true
		return end.Addr(), end.Port(), nil
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return a, 0, fmt.Errorf("bad end %q (want ADDRESS:PORT)", text)
	}
	return a, 0, nil
}

// start sets what an ordinary packet has.
func (s *Specimen) start() {
	if s.Family != 0 {
		s.TTL = 64
	}
	if s.Protocol == packet.ICMPv4 && s.Family == 4 || s.Protocol == packet.ICMPv6 && s.Family == 6 {
		s.ICMP = &packet.ICMP{Type: 255}
	}
}

var transportLength = map[uint8]uint32{
	packet.TCP: 20, packet.UDP: 8, packet.UDPLite: 8, packet.SCTP: 12, packet.DCCP: 12, packet.ICMPv4: 8, packet.ICMPv6: 8,
}

// finish removes what cannot be there, and sets the length if none was given.
func (s *Specimen) finish() {
	if s.Fragment&packet.LaterFragment != 0 {
		s.HasPorts, s.SourcePort, s.DestinationPort, s.Flags, s.MSS, s.ICMP, s.Payload = false, 0, 0, 0, 0, nil, nil
	}
	if s.Reason != packet.OK {
		s.HasPorts, s.ICMP, s.Payload = false, nil, nil
	}
	if s.Length == 0 && s.Family != 0 {
		header := map[uint8]uint32{4: 20, 6: 40}[s.Family]
		s.Length = header + transportLength[s.Protocol] + uint32(len(s.Payload))
	}
}

// quoted returns the packet as an ICMP error quotes it.
func (s *Specimen) quoted() *packet.Quoted {
	q := &packet.Quoted{
		Family: s.Family, Source: s.Source, Destination: s.Destination, Protocol: s.Protocol, Length: s.Length,
		DontFragment: s.DontFragment, Later: s.Fragment&packet.LaterFragment != 0,
		HasPorts: s.HasPorts, SourcePort: s.SourcePort, DestinationPort: s.DestinationPort,
		HasSequence: s.HasPorts && s.Protocol == packet.TCP,
	}
	if s.ICMP != nil {
		q.ICMPType, q.HasICMP = s.ICMP.Type, true
	}
	return q
}
