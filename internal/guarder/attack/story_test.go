package attack

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Flags of TCP.
const (
	fin = 1
	syn = 2
	rst = 4
	psh = 8
	ack = 16
	urg = 32
)

// An event is a packet that a host's stack was given, or that it sent, or that a rule dropped before
// the stack.
type event struct {
	at   time.Time
	sent bool
	packet.Packet
	acknowledged uint32 // of TCP
}

func newEvent(at time.Time, sent bool, frame []byte) event {
	e := event{at: at, sent: sent, Packet: packet.Parse(frame)}
	const acknowledgement = 8 // in a header of TCP
	if i := transportOf(&e.Packet, frame) + acknowledgement; e.Protocol == packet.TCP && e.HasPorts && i+4 <= len(frame) {
		e.acknowledged = binary.BigEndian.Uint32(frame[i:])
	}
	return e
}

// transportOf returns where the header behind that of IP begins, if IPv6 has no more than that.
func transportOf(p *packet.Packet, frame []byte) int {
	const link = 14
	if p.Family == 4 {
		return link + int(frame[link]&0xf)*4
	}
	return link + 40
}

// ends are those that the packet is of, or the packet that it quotes.
func (e *event) ends() (ends policy.Ends, ok bool) {
	source, destination := netip.AddrPortFrom(e.Source, e.SourcePort), netip.AddrPortFrom(e.Destination, e.DestinationPort)
	switch {
	case e.ICMP != nil && e.ICMP.Quoted != nil && e.ICMP.Quoted.HasPorts:
		q := e.ICMP.Quoted
		return policy.Ends{Protocol: q.Protocol, Local: netip.AddrPortFrom(q.Source, q.SourcePort), Remote: netip.AddrPortFrom(q.Destination, q.DestinationPort)}, true
	case !e.HasPorts:
		return ends, false
	case e.sent:
		return policy.Ends{Protocol: e.Protocol, Local: source, Remote: destination}, true
	}
	return policy.Ends{Protocol: e.Protocol, Local: destination, Remote: source}, true
}

func (e *event) String() string {
	way := "got"
	if e.sent {
		way = "sent"
	}
	text := fmt.Sprintf("%s %-4s %s", e.at.Format("05.000000"), way, policy.InWords(&e.Packet))
	if e.Protocol == packet.TCP {
		text += fmt.Sprintf(" seq=%d+%d ack=%d", e.Sequence, e.Segment, e.acknowledged)
	}
	return text
}

// A story is what a host's stack went through.
type story struct {
	// talks are what was said between two ends, in the order of time. Errors of ICMP are not
	// in it.
	talks map[policy.Ends][]event
	// closed tells when those who had sockets of UDP closed them, as they wanted nothing more.
	closed map[netip.AddrPort][]time.Time
}

func newStory(events []event) *story {
	s := &story{talks: make(map[policy.Ends][]event), closed: make(map[netip.AddrPort][]time.Time)}
	for _, e := range events {
		if ends, ok := e.ends(); ok && e.ICMP == nil {
			s.talks[ends] = append(s.talks[ends], e)
		}
	}
	for _, talk := range s.talks {
		slices.SortStableFunc(talk, func(a, b event) int { return a.at.Compare(b.at) })
	}
	return s
}

// around returns what was said between the ends of a packet before it, and later.
func (s *story) around(d *event) (before, later []event) {
	ends, _ := d.ends()
	talk := s.talks[ends]
	i, _ := slices.BinarySearchFunc(talk, d.at, func(e event, at time.Time) int {
		if e.at.After(at) {
			return 1
		}
		return -1
	})
	return talk[:i], talk[i:]
}
