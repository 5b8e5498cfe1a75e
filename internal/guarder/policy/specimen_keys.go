package policy

import (
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

func parseNumber(text string, most uint64) (uint64, error) {
	n, err := strconv.ParseUint(text, 0, 64)
	if err != nil || n > most {
		return 0, fmt.Errorf("%q: want a number from 0 to %d", text, most)
	}
	return n, nil
}

// numberKey is a key with a number that is given to set.
func numberKey(most uint64, set func(s *described, n uint64)) func(*described, string) error {
	return func(s *described, value string) error {
		n, err := parseNumber(value, most)
		if err == nil {
			set(s, n)
		}
		return err
	}
}

// bitsKey is a key with names of bits.
func bitsKey(table map[string]uint32, set func(s *described, bits uint32)) func(*described, string) error {
	return func(s *described, value string) error {
		for _, name := range strings.Split(value, ",") {
			bits, found := table[name]
			if !found {
				return fmt.Errorf("unknown word %q (%s)", name, suggest(name, known(table)))
			}
			set(s, bits)
		}
		return nil
	}
}

func macKey(set func(s *described, mac [6]byte) error) func(*described, string) error {
	return func(s *described, value string) error {
		mac, err := net.ParseMAC(value)
		if err != nil || len(mac) != 6 {
			return fmt.Errorf("bad MAC address %q", value)
		}
		return set(s, [6]byte(mac))
	}
}

var (
	errNotICMP = errors.New("only ICMP has it")
	errNotTCP  = errors.New("only TCP has it")
)

// tcpKey is a key that needs a segment of TCP.
func tcpKey(most uint64, set func(s *described, n uint64)) func(*described, string) error {
	return func(s *described, value string) error {
		if s.Protocol != packet.TCP {
			return errNotTCP
		}
		return numberKey(most, set)(s, value)
	}
}

// icmpKey is a key that needs a message of ICMP.
func icmpKey(set func(m *packet.ICMP, n uint64), most uint64) func(*described, string) error {
	return func(s *described, value string) error {
		if s.ICMP == nil {
			return errNotICMP
		}
		return numberKey(most, func(s *described, n uint64) { set(s.ICMP, n) })(s, value)
	}
}

// specimenKeys set what a word of a description says.
var specimenKeys = map[string]func(s *described, value string) error{
	"iface":  func(s *described, value string) error { s.iface = value; return nil },
	"ttl":    numberKey(255, func(s *described, n uint64) { s.TTL = uint8(n) }),
	"len":    numberKey(1<<32-1, func(s *described, n uint64) { s.Length = uint32(n) }),
	"mss":    numberKey(65535, func(s *described, n uint64) { s.MSS = uint16(n) }),
	"window": tcpKey(65535, func(s *described, n uint64) { s.Window, s.noWindow = uint16(n), n == 0 }),
	"tcp-options": func(s *described, value string) error {
		if s.Protocol != packet.TCP {
			return errNotTCP
		}
		return bitsKey(tcpOptions, func(s *described, bits uint32) { s.TCPOptions |= packet.TCPOptions(bits) })(s, value)
	},
	"ethertype": numberKey(65535, func(s *described, n uint64) { s.EtherType = uint16(n) }),
	"df":        func(s *described, _ string) error { s.DontFragment = true; return nil },
	"flags":     specimenFlags,
	"fragment":  bitsKey(fragments, setFragment),
	"options":   bitsKey(ipOptions, func(s *described, bits uint32) { s.Options |= packet.Options(bits) }),
	"headers":   bitsKey(headers, func(s *described, bits uint32) { s.Headers |= packet.Header(bits) }),
	"routing": numberKey(15, func(s *described, n uint64) {
		s.Headers |= packet.Routing
		s.RoutingTypes |= 1 << n
	}),
	"vlan":    specimenTags,
	"payload": specimenPayload,
	"reason":  specimenReason,
	"mac":     macKey(specimenMAC),
	"sender-mac": macKey(func(s *described, mac [6]byte) error {
		if s.ARP == nil {
			return errors.New("only ARP has it")
		}
		s.ARP.SenderMAC = mac
		return nil
	}),
	"op": func(s *described, value string) error {
		if s.ARP == nil {
			return errors.New("only ARP has it")
		}
		return bitsKey(arpOperations, func(s *described, n uint32) { s.ARP.Operation = uint16(n) })(s, value)
	},
	"connections": tcpKey(maxConnections, func(s *described, n uint64) { s.connections = uint32(n) }),
	"socket":      specimenSocket,
	"seq":         specimenSeq,
	"type":        specimenType,
	"code":        icmpKey(func(m *packet.ICMP, n uint64) { m.Code = uint8(n) }, 255),
	"mtu":         icmpKey(func(m *packet.ICMP, n uint64) { m.MTU = uint32(n) }, 1<<32-1),
	"target":      specimenTarget,
	"link-address": macKey(func(s *described, mac [6]byte) error {
		if s.ICMP == nil || s.Family != 6 || s.ICMP.Type < 133 || s.ICMP.Type > 137 {
			return errors.New("only neighbour discovery has it")
		}
		s.ICMP.LinkAddress, s.ICMP.HasLinkAddress = mac, true
		return nil
	}),
}

func specimenFlags(s *described, value string) error {
	if s.Protocol != packet.TCP {
		return errNotTCP
	}
	if value == "" || value == "none" {
		return nil
	}
	return bitsKey(tcpFlags, func(s *described, bits uint32) { s.Flags |= uint8(bits) })(s, value)
}

func setFragment(s *described, bits uint32) {
	s.Fragment |= packet.Fragment(bits)
	if bits&uint32(packet.OffsetOne|packet.PastEnd) != 0 || s.Fragment == packet.Overlap {
		s.Fragment |= packet.LaterFragment
	}
	if s.Family == 6 {
		s.Headers |= packet.FragmentHeader
	}
}

func specimenTags(s *described, value string) error {
	for _, text := range strings.Split(value, ",") {
		id, err := parseNumber(text, 4095)
		if err != nil {
			return err
		}
		s.Tags = append(s.Tags, uint16(id))
	}
	if len(s.Tags) > packet.MaxTags {
		return fmt.Errorf("%d tags, more than %d are not read (say reason=too_many_tags)", len(s.Tags), packet.MaxTags)
	}
	return nil
}

func specimenPayload(s *described, value string) error {
	bytes, err := hex.DecodeString(value)
	if err != nil {
		return fmt.Errorf("%q: want pairs of hexadecimal digits", value)
	}
	s.Payload = bytes[:min(len(bytes), packet.MaxPayload)]
	return nil
}

func specimenReason(s *described, value string) error {
	var all []string
	for r := range packet.Reasons {
		if all = append(all, r.String()); r.String() == value {
			s.Reason = r
			return nil
		}
	}
	return fmt.Errorf("unknown word %q (%s)", value, suggest(value, all))
}

// specimenMAC sets the source of the frame, which is the sender of ARP too unless
// that is given.
func specimenMAC(s *described, mac [6]byte) error {
	if s.ARP != nil && s.ARP.SenderMAC == s.SourceMAC {
		s.ARP.SenderMAC = mac
	}
	s.SourceMAC = mac
	return nil
}

// specimenType sets the type of an ICMP message by number or name. The names of
// classes with one code, such as packet-too-big, set the code too.
func specimenType(s *described, value string) error {
	if s.ICMP == nil {
		return errNotICMP
	}
	table := icmp4Types
	if s.Family == 6 {
		table = icmp6Types
	}
	if t, found := table[value]; found {
		s.ICMP.Type = t
		return nil
	}
	if c, found := icmpClasses[value]; found && c.v4Code && s.Family == 4 {
		s.ICMP.Type, s.ICMP.Code = c.v4[0], c.code
		return nil
	}
	n, err := parseNumber(value, 255)
	if err != nil {
		return fmt.Errorf("unknown type %q (%s)", value, suggest(value, known(table)))
	}
	s.ICMP.Type = uint8(n)
	return nil
}

func specimenTarget(s *described, value string) (err error) {
	if s.ICMP == nil {
		return errNotICMP
	}
	s.ICMP.Target, err = netip.ParseAddr(value)
	return err
}
