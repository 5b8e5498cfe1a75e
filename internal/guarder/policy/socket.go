package policy

import (
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// Whose tells of which packet the socket is asked for.
type Whose uint8

const (
	// Outer is the packet itself: the socket is the one that would receive it.
	Outer Whose = iota
	// Inner is the packet that an ICMP error quotes: the socket is the one that would
	// have sent it.
	Inner
)

// SocketStates are states of the local end of a packet of TCP or UDP, by bit. A packet
// without ports, or of another protocol, is in none of them.
type SocketStates uint16

// The states, as the kernel's lookup finds them (include/net/tcp_states.h).
const (
	// SocketNone: no socket has the ports.
	SocketNone SocketStates = 1 << iota
	// SocketListen takes new connections of TCP, or datagrams of UDP from anybody.
	SocketListen
	SocketSynSent
	// SocketSynRecv is a connection whose SYN was answered, also one that is only a
	// request yet.
	SocketSynRecv
	// SocketEstablished is a connection in one of the synchronized states of RFC 9293
	// section 3.4 but TIME-WAIT, or a socket of UDP that is connected to the other end.
	SocketEstablished
	SocketTimeWait
	// SocketUnknown: the local address is none of this host's, or it has a socket that
	// cannot be seen (see [Env.Sockets]), or no socket has the connection but connection
	// tracking has, as it is that of a container whose addresses are translated.
	SocketUnknown
)

// anySocket are the states of all sockets.
const anySocket = SocketListen | SocketSynSent | SocketSynRecv | SocketEstablished | SocketTimeWait

// Sequences are what a sequence number of TCP can be for a connection, by bit. Without
// a connection it is none of them.
type Sequences uint8

// The places. Of Outer, the window is what the receiver would take (RFC 9293 section
// 3.10.7.4, as tcp_sequence of net/ipv4/tcp_input.c has it); of Inner, what was sent and
// is not acknowledged (RFC 5927 section 4, tcp_v4_err of net/ipv4/tcp_ipv4.c).
const (
	OutOfWindow Sequences = 1 << iota
	// InWindow is within, but not next.
	InWindow
	// NextInWindow is the number that is awaited next (RFC 5961 section 3.2); of Outer
	// alone.
	NextInWindow
	// SequenceUnknown: nothing is known of the socket.
	SequenceUnknown
)

// A Truth is what is known of the socket of a packet: one state, and one place or
// none. The zero Truth is that of a packet that no socket can be asked for.
type Truth struct {
	State    SocketStates
	Sequence Sequences
}

// unknown is the truth where no socket can be seen.
var unknown = Truth{SocketUnknown, SequenceUnknown}

// A Question is what a socket is looked up by.
type Question struct {
	Of            Whose
	Protocol      uint8 // packet.TCP or packet.UDP
	Local, Remote netip.AddrPort
	// Sequence and Segment are those of TCP, as in packet.Packet; of Inner Segment is 0.
	// HasSequence is false if it has none, or it was not quoted.
	Sequence, Segment uint32
	HasSequence       bool
}

// question returns what to ask for, or false if the packet has no ends of TCP or UDP.
func question(of Whose, p *packet.Packet) (q Question, ok bool) {
	if of == Outer {
		return Question{
			Protocol: p.Protocol,
			Local:    netip.AddrPortFrom(p.Destination, p.DestinationPort), Remote: netip.AddrPortFrom(p.Source, p.SourcePort),
			Sequence: p.Sequence, Segment: p.Segment, HasSequence: p.Protocol == packet.TCP,
		}, p.HasPorts && hasSockets(p.Protocol)
	}
	if p.ICMP == nil || p.ICMP.Quoted == nil {
		return q, false
	}
	i := p.ICMP.Quoted
	return Question{
		Of: Inner, Protocol: i.Protocol,
		Local: netip.AddrPortFrom(i.Source, i.SourcePort), Remote: netip.AddrPortFrom(i.Destination, i.DestinationPort),
		Sequence: i.Sequence, HasSequence: i.HasSequence,
	}, i.HasPorts && hasSockets(i.Protocol)
}

func hasSockets(protocol uint8) bool { return protocol == packet.TCP || protocol == packet.UDP }

// inVLAN tells whether a packet is in a VLAN. A tag with identifier 0 has a priority and
// no VLAN (IEEE 802.1Q): Linux takes it off and goes on as if it were not there, so it must
// hide nothing.
func inVLAN(p *packet.Packet) bool {
	return slices.ContainsFunc(p.Tags, func(id uint16) bool { return id != 0 })
}

// Truth returns what is known of the socket of a packet.
func (env *Env) Truth(of Whose, p *packet.Packet) Truth {
	q, ok := question(of, p)
	if !ok {
		return Truth{}
	}
	t := unknown
	if env.Sockets != nil && env.Own != nil && env.Own(q.Local.Addr()) {
		t = env.Sockets(q)
	}
	// A socket that is bound to the device of the VLAN is not found by the device below
	// it; a connection that is found has no such socket beside it.
	if inVLAN(p) && t.State&(SocketNone|SocketListen) != 0 {
		t = unknown
	}
	switch {
	case !q.HasSequence:
		t.Sequence = 0
	case t.State == SocketUnknown:
		t.Sequence = SequenceUnknown
	}
	return t
}
