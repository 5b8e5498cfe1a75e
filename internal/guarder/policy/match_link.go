package policy

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"gopkg.in/yaml.v3"
)

func (m *matcher) linkFields() []field {
	return []field{
		{"vlan", "VLAN tags: depth is their number, id the identifier of one of them.", refer("vlan"), func(n *yaml.Node) {
			if m.mapping(n, "vlan", m.vlanFields()); len(n.Content) == 0 {
				m.add(Number{Tags, []Range{{1, packet.MaxTags}}})
			}
		}},
		{"interface", "Names of network devices, or patterns such as eth*.", severalOf(plain("string")), func(n *yaml.Node) {
			if names := m.interfaceNames(n); names != nil {
				m.add(Interfaces(names))
			}
		}},
	}
}

func (m *matcher) vlanFields() []field {
	return []field{
		{"depth", "How many tags the frame has, from 0 to 2.", refer("number"), func(n *yaml.Node) { m.number(n, "depth", Tags, packet.MaxTags) }},
		{"id", "The identifier of one of the tags.", refer("number"), func(n *yaml.Node) { m.number(n, "id", TagID, 4095) }},
	}
}

func (m *matcher) arp(n *yaml.Node) {
	m.add(EtherTypes{packet.EtherARP})
	m.mapping(n, "arp", m.arpFields())
}

func (m *matcher) arpFields() []field {
	address := severalOf(plain("string"))
	return []field{
		{"op", "request, reply, or a number.", severalOf(textShape()), m.operation},
		{"sender_ip", "The address that the sender claims: addresses, prefixes, or own.", address, func(n *yaml.Node) { m.add(m.addresses(n, "sender_ip", ARPSender)) }},
		{"target_ip", "The address that is asked for: addresses, prefixes, or own.", address, func(n *yaml.Node) { m.add(m.addresses(n, "target_ip", ARPTarget)) }},
		{"sender_mac", "{ne: eth.src}: not the source address of the frame.", refer("mac"), m.senderMAC},
		{"sender", "{conflicts_with: SET}: an address of the set with a MAC address that the set does not give it.", refer("sender"), m.sender},
		{"gratuitous", "Whether it asks for, or answers for, the address of the sender itself: an announcement (RFC 5227).", plain("boolean"), m.gratuitous},
	}
}

func (m *matcher) gratuitous(n *yaml.Node) {
	same := Same{CompareARPSender, CompareARPTarget}
	switch yes, ok := m.boolean(n); {
	case ok && yes:
		m.add(same)
	case ok:
		m.add(Not{same})
	}
}

func (m *matcher) operation(n *yaml.Node) {
	var all []Range
	for _, e := range m.oneOrMany(n, "op") {
		text, ok := m.text(e)
		switch op, found := arpOperations[text]; {
		case found:
			all = append(all, Range{op, op})
		case ok && isDigits(text):
			all = append(all, m.ranges(e, "op", 0, 65535)...)
		case ok:
			m.fault(e, unknownWord, suggest(text, known(arpOperations)), "unknown op %q", text)
		}
	}
	if all != nil {
		m.add(Number{ARPOperation, all})
	}
}

func (m *matcher) senderMAC(n *yaml.Node) { m.mapping(n, "sender_mac", m.macFields()) }

func (m *matcher) macFields() []field {
	compare := func(name string, add func()) field {
		return field{name, "eth.src, the source address of the frame.", words("eth.src"), func(n *yaml.Node) {
			if m.word(n, "field", []string{"eth.src"}) == 0 {
				add()
			}
		}}
	}
	same := Same{CompareARPSenderMAC, CompareSourceMAC}
	return []field{
		compare("eq", func() { m.add(same) }),
		compare("ne", func() { m.add(Not{same}) }),
	}
}

func (m *matcher) sender(n *yaml.Node) { m.mapping(n, "sender", m.senderFields()) }

func (m *matcher) senderFields() []field {
	return []field{
		{"conflicts_with", "A set of type ip-mac.", plain("string"), func(n *yaml.Node) {
			if s := m.use(n, "ip-mac"); s != nil {
				m.add(Binding{s.name})
			}
		}},
	}
}

// nd reads conditions on neighbour discovery. Only solicitations and advertisements of
// neighbours have a target here; a conflict is of any message.
func (m *matcher) nd(n *yaml.Node) {
	if !m.only(n, []uint8{packet.ICMPv6}, "nd") {
		return
	}
	m.family(n, 6)
	const routerSolicitation, routerAdvertisement, solicitation, advertisement, redirect = 133, 134, 135, 136, 137
	types := []uint8{solicitation, advertisement}
	isTarget := func(key *yaml.Node) bool { return key.Value == "target" }
	if n.Kind == yaml.MappingNode && len(n.Content) > 0 && !slices.ContainsFunc(n.Content, isTarget) {
		types = []uint8{routerSolicitation, routerAdvertisement, solicitation, advertisement, redirect}
	}
	m.add(ICMPTypes{Family: 6, Types: types})
	m.mapping(n, "nd", m.ndFields())
}

func (m *matcher) ndFields() []field {
	return []field{
		{"target", "The target: addresses, prefixes, or own.", severalOf(plain("string")), func(n *yaml.Node) { m.add(m.addresses(n, "target", NDTarget)) }},
		{"sender", "{conflicts_with: SET}: a message (also of routers, and a redirect) that claims an address of the set for a MAC address that the set does not give it, or a solicitation or an advertisement of a router for it that comes from one.", refer("sender"), m.sender},
	}
}

// payload reads bytes at offsets of the transport payload.
func (m *matcher) payload(n *yaml.Node) {
	for _, e := range m.oneOrMany(n, "payload") {
		p := Payload{At: -1}
		before := len(m.faults)
		m.mapping(e, "payload", m.payloadFields(&p))
		switch {
		case len(m.faults) > before:
		case p.At < 0 || p.Values == nil:
			m.fault(e, missingKey, "have at: with bytes: or any_byte:", "the payload condition is incomplete")
		case p.At+len(p.Values) > packet.MaxPayload:
			m.fault(e, OverBudget, "", "payload to byte %d: the first %d bytes are looked at", p.At+len(p.Values), packet.MaxPayload)
		default:
			m.add(p)
		}
	}
	if m.protocols == nil {
		m.fault(n, noProtocol, "add proto: beside payload", "payload needs a proto, as it begins behind the transport header")
	}
}

func (m *matcher) payloadFields(p *Payload) []field {
	return []field{
		{"at", "The offset, from 0.", plain("integer"), func(n *yaml.Node) {
			if at, ok := m.reader.number(n, "at", 0, 1<<16); ok {
				p.At = int(at)
			}
		}},
		{"bytes", "Bytes in hexadecimal, such as \"03 00\".", plain("string"), func(n *yaml.Node) {
			text, ok := m.text(n)
			bytes, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
			if ok && (err != nil || len(bytes) == 0) {
				m.fault(n, badQuantity, "", "bytes %q: want pairs of hexadecimal digits", text)
				return
			}
			for _, b := range bytes {
				p.Values = append(p.Values, []byte{b})
			}
		}},
		{"any_byte", "One byte that may have any of these values.", severalOf(textShape()), func(n *yaml.Node) {
			if p.Values != nil {
				m.fault(n, contradiction, "", "bytes and any_byte stand together")
				return
			}
			var values []byte
			for _, r := range m.ranges(n, "any_byte", 0, 255) {
				for v := r.Low; v <= r.High; v++ {
					values = append(values, byte(v))
				}
			}
			if values != nil {
				slices.Sort(values)
				p.Values = [][]byte{slices.Compact(values)}
			}
		}},
	}
}
