package policy

import (
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"gopkg.in/yaml.v3"
)

// The words of "socket", of "seq" and of "of".
var (
	socketStates = map[string]uint32{
		"none": uint32(SocketNone), "listen": uint32(SocketListen), "syn_sent": uint32(SocketSynSent), "syn_recv": uint32(SocketSynRecv),
		"established": uint32(SocketEstablished), "time_wait": uint32(SocketTimeWait), "any": uint32(anySocket),
	}
	sequences = map[string]uint32{
		"in-window": uint32(InWindow | NextInWindow), "out-of-window": uint32(OutOfWindow), "next": uint32(NextInWindow),
	}
	whoseNames = []string{"outer", "inner"}
)

func (m *matcher) socketFields() []field {
	return []field{
		{"socket", "The socket of this host that a packet of TCP or UDP is for (of: outer), or that sent the one which an ICMP error quotes (of: inner).", refer("socket"), m.socket},
		{"seq", "Where the sequence number of a TCP segment is, for the connection that it is for.", shape{"anyOf": []shape{words(known(sequences)...), refer("seq")}}, m.seq},
		{"connections", "How many connections to this host the source has open.", refer("connections"), m.connections},
	}
}

// socket reads {of: inner, is: [none, listen]}.
func (m *matcher) socket(n *yaml.Node) {
	var s Socket
	before := len(m.faults)
	m.mapping(n, "socket", m.stateFields(&s))
	switch {
	case s.States == 0 && len(m.faults) == before:
		m.fault(n, missingKey, "add is: none, or another state", "socket has no state")
	case s.States != 0 && m.canAsk(n, "socket", s.Of, packet.TCP, packet.UDP):
		s.States |= SocketStates(m.unknowing(uint32(SocketUnknown)))
		m.add(s)
	}
}

func (m *matcher) stateFields(s *Socket) []field {
	return []field{
		m.whoseField(&s.Of),
		{"is", "States, one of which must hold. any is all but none.", severalOf(words(known(socketStates)...)), func(n *yaml.Node) {
			s.States |= SocketStates(m.oneOfBits(n, "state of a socket", socketStates))
		}},
	}
}

func (m *matcher) whoseField(of *Whose) field {
	return field{"of", "outer, the packet itself (as without this key), or inner, the one that an ICMP error quotes.", words(whoseNames...), func(n *yaml.Node) {
		if i := m.word(n, "of", whoseNames); i >= 0 {
			*of = Whose(i)
		}
	}}
}

// seq reads "out-of-window", or {of: inner, is: out-of-window}.
func (m *matcher) seq(n *yaml.Node) {
	var s Sequence
	if before := len(m.faults); n.Kind == yaml.MappingNode {
		m.mapping(n, "seq", m.placeFields(&s))
		if s.Is == 0 && len(m.faults) == before {
			m.fault(n, missingKey, "add is: out-of-window", "seq has no place")
		}
	} else {
		s.Is = Sequences(m.oneOfBits(n, "place of a sequence number", sequences))
	}
	if s.Is != 0 && m.canAsk(n, "seq", s.Of, packet.TCP) {
		m.addSequence(n, s)
	}
}

func (m *matcher) placeFields(s *Sequence) []field {
	return []field{
		m.whoseField(&s.Of),
		{"is", "in-window, out-of-window, or next: the number that is awaited.", severalOf(words(known(sequences)...)), func(n *yaml.Node) {
			s.Is |= Sequences(m.oneOfBits(n, "place of a sequence number", sequences))
		}},
	}
}

// innerSeq reads the place of the quoted sequence number.
func (m *matcher) innerSeq(n *yaml.Node) {
	is := Sequences(m.oneOfBits(n, "place of a sequence number", sequences))
	if is != 0 && m.needProtocol(n, "seq", []uint8{packet.TCP}, "tcp") {
		m.addSequence(n, Sequence{Inner, is})
	}
}

func (m *matcher) addSequence(n *yaml.Node, s Sequence) {
	if s.Of == Inner && s.Is == NextInWindow {
		m.fault(n, contradiction, "have in-window and out-of-window", "what a host sent is not awaited by it, so next never matches a quoted packet")
		return
	}
	s.Is |= Sequences(m.unknowing(uint32(SequenceUnknown)))
	m.add(s)
}

// canAsk reports whether the packet has what a socket is looked up by; else it records
// a fault.
func (m *matcher) canAsk(n *yaml.Node, key string, of Whose, protocols ...uint8) bool {
	switch {
	case of == Inner:
		return m.needProtocol(n, key+" of inner", []uint8{packet.ICMPv4, packet.ICMPv6}, "icmp")
	case len(protocols) == 1:
		return m.needProtocol(n, key, protocols, "tcp")
	}
	return m.needProtocol(n, key, protocols, "tcp or udp")
}

// oneOfBits reads words and returns the bits of all of them.
func (m *matcher) oneOfBits(n *yaml.Node, what string, table map[string]uint32) (all uint32) {
	for _, e := range m.oneOrMany(n, what) {
		if i := m.word(e, what, known(table)); i >= 0 {
			all |= table[known(table)[i]]
		}
	}
	return all
}

// unknowing returns the bit that stands for not knowing if it is to count as true at
// this place. A rule shall not match where the socket that it asks for cannot be seen, or
// it shall, whether the condition stands below "not" or not.
func (m *matcher) unknowing(bit uint32) uint32 {
	if m.matchesUnknown != m.inverted {
		return bit
	}
	return 0
}
