package policy

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// Sockets tells what is said of the sockets; it has the shape of [Env.Sockets].
func (s *Specimen) Sockets(q Question) Truth {
	if t := s.truth[q.Of]; t != (Truth{}) {
		return t
	}
	return unknown
}

// Connections tells how many connections the source has open; it has the shape of
// [Env.Connections].
func (s *Specimen) Connections(netip.Prefix) uint32 { return s.connections }

// CheckSockets returns an error if something is said of the socket of an address that
// is none of the host's.
func (s *Specimen) CheckSockets(own func(netip.Addr) bool) error {
	for of, said := range s.truth {
		q, _ := question(Whose(of), &s.Packet)
		if said != (Truth{}) && !own(q.Local.Addr()) {
			return fmt.Errorf("%v is no address of this host, so nothing is known of its sockets", q.Local.Addr())
		}
	}
	return nil
}

// specimenSocket sets the state of the socket.
func specimenSocket(s *described, value string) error {
	bits, found := socketStates[value]
	switch {
	case !s.HasPorts || !hasSockets(s.Protocol):
		return errors.New("only TCP and UDP with ports have it")
	case !found || value == "any":
		return fmt.Errorf("unknown word %q (%s)", value, suggest(value, known(socketStates)))
	}
	s.truth.State = SocketStates(bits)
	return nil
}

// specimenSeq sets where the sequence number is, in a connection that is established
// unless it is said to be something else.
func specimenSeq(s *described, value string) error {
	places := map[string]Sequences{"in-window": InWindow, "out-of-window": OutOfWindow, "next": NextInWindow}
	place, found := places[value]
	switch {
	case !s.HasPorts || s.Protocol != packet.TCP:
		return errors.New("only TCP with ports has it")
	case !found:
		return fmt.Errorf("unknown word %q (%s)", value, suggest(value, known(places)))
	}
	s.truth.Sequence = place
	if s.truth.State == 0 {
		s.truth.State = SocketEstablished
	}
	return nil
}
