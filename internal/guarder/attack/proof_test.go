package attack

import (
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

// A proof shows by what the host's stack went through that nobody misses a packet which a rule
// dropped. It returns what the packet was, or what is against it.
type proof func(s *story, d *event) (what string, ok bool)

// How a connection comes to its end.
const (
	thisReset = "this host has reset"
	peerReset = "the peer has reset"
	peerFirst = "both have closed, the peer first"
	waited    = "both have closed, and whose TIME-WAIT is over"
)

// timeWait is TCP_TIMEWAIT_LEN of include/net/tcp.h.
const timeWait = time.Minute

// ending returns how the connection of these events had come to its end by a time, or "", and the
// number of the peer up to which this host has told that it has got everything.
func ending(events []event, by time.Time) (how string, taken uint32) {
	var heard, took, said, acknowledged, first, begun bool
	var own, isn, behind uint32 // behind is the number behind the FIN of the peer
	var since time.Time         // of TIME-WAIT
	for i := range events {
		e := &events[i]
		if e.Flags&(syn|ack) == syn && !(begun && e.Sequence == isn) { // another connection; not a second copy of that SYN
			heard, took, said, acknowledged, first, begun = false, false, false, false, false, true
			isn, how, since, taken = e.Sequence, "", time.Time{}, 0
		}
		if e.sent && e.Flags&ack != 0 && (taken == 0 || int32(e.acknowledged-taken) > 0) {
			taken = e.acknowledged
		}
		switch {
		case how != "" && goesOn(e): // it was none
			how = ""
		case how != "":
		case e.Flags&rst != 0 && e.sent:
			how = thisReset
		case e.Flags&rst != 0:
			how = peerReset
		case e.sent:
			if e.Flags&fin != 0 && !said {
				said, own = true, e.Sequence+e.Segment
				first = heard && e.acknowledged == behind
			}
			took = took || heard && e.acknowledged == behind
		default:
			if e.Flags&fin != 0 && !heard {
				heard, behind = true, e.Sequence+e.Segment
			}
			acknowledged = acknowledged || said && e.acknowledged == own
		}
		if !(took && acknowledged) || how != "" {
			continue
		}
		if first {
			how = peerFirst
		} else if since.IsZero() {
			since = e.at
		}
	}
	if how == "" && !since.IsZero() && by.Sub(since) >= timeWait {
		how = waited
	}
	return how, taken
}

// goesOn tells whether this host says something by a segment that is not there when it has no
// connection.
func goesOn(e *event) bool { return e.sent && e.Segment > 0 && e.Flags&(syn|rst) == 0 }

// afterTheEnd is the proof of a segment that came when its connection was over: this host had it no
// more, and the segment holds nothing that the host had not got.
func afterTheEnd(s *story, d *event) (what string, ok bool) {
	before, later := s.around(d)
	how, taken := ending(before, d.at)
	if how == "" && resets(later, d.at) {
		how = thisReset
	}
	if how == "" {
		return "its connection was not over", false
	}
	// Who resets does not want the rest.
	if how != thisReset && d.Segment > 0 && int32(d.Sequence+d.Segment-taken) > 0 {
		return "it says what this host has not heard", false
	}
	for i := range later {
		e := &later[i]
		if e.Flags&(syn|ack) == syn { // another connection
			break
		}
		if goesOn(e) {
			return "this host went on", false
		}
	}
	return "a segment of a connection that " + how, true
}

// resets tells whether the next that this host sends is an RST, at once: who closes a socket with data
// that nobody has read takes it away first, and then sends the RST (__tcp_close of net/ipv4/tcp.c).
func resets(later []event, since time.Time) bool {
	i := slices.IndexFunc(later, func(e event) bool { return e.sent })
	return i >= 0 && later[i].Flags&rst != 0 && later[i].at.Sub(since) < 100*time.Millisecond
}

// secondSYN is the proof of a SYN that had made the connection by then which it was for.
func secondSYN(s *story, d *event) (what string, ok bool) {
	before, _ := s.around(d)
	if !slices.ContainsFunc(before, func(e event) bool { return !e.sent && e.Flags&(syn|ack) == syn && e.Sequence == d.Sequence }) {
		return "no such SYN came before", false
	}
	if !slices.ContainsFunc(before, func(e event) bool {
		return e.sent && e.Flags&(syn|ack) == syn|ack && e.acknowledged == d.Sequence+1
	}) {
		return "this host has not answered it", false
	}
	if !slices.ContainsFunc(before, func(e event) bool { return !e.sent && e.Flags&(syn|rst|ack) == ack }) {
		return "the peer has not taken the answer", false
	}
	return "a second copy of a SYN that made the connection", true
}

// secondAnswer is the proof of an answer to a SYN of this host, when the connection was over.
func secondAnswer(s *story, d *event) (what string, ok bool) {
	before, later := s.around(d)
	if !slices.ContainsFunc(before, func(e event) bool {
		return e.sent && e.Flags&(syn|ack) == syn && e.Sequence+1 == d.acknowledged
	}) {
		return "this host did not ask", false
	}
	how, _ := ending(before, d.at)
	if how == "" {
		return "its connection was not over", false
	}
	if slices.ContainsFunc(later, func(e event) bool { return e.sent && e.Flags&(syn|ack) == syn && e.Sequence+1 == d.acknowledged }) {
		return "this host asked again", false
	}
	if slices.ContainsFunc(before, func(e event) bool { return !e.sent && e.Flags&(syn|ack) == syn|ack && e.Sequence == d.Sequence }) {
		return "a second copy of the answer to a SYN, of a connection that " + how, true
	}
	return "another answer to a SYN, by a peer that knows no more of the connection that " + how, true
}

// over tells whether the local socket of a talk was closed before a packet, and why not. Who has
// closed it says that nothing more is wanted.
func (s *story) over(d *event) (why string, ok bool) {
	before, later := s.around(d)
	ends, _ := d.ends()
	var last time.Time
	for _, at := range s.closed[ends.Local] {
		if !at.After(d.at) && at.After(last) {
			last = at
		}
	}
	switch {
	case len(before) == 0:
		return "nothing was said between these ends", false
	case last.IsZero():
		return "its socket was not closed", false
	case before[len(before)-1].sent && before[len(before)-1].at.After(last):
		return "this host has said something since its socket was closed", false
	case len(s.closed[ends.Local]) == 1 && len(later) > 0:
		return "its socket was there later", false
	}
	return "", true
}

// lateDatagram is the proof of a datagram that came when its socket was closed.
func lateDatagram(s *story, d *event) (what string, ok bool) {
	if why, ok := s.over(d); !ok {
		return why, false
	}
	before, _ := s.around(d)
	switch {
	case !slices.ContainsFunc(before, func(e event) bool { return !e.sent && e.Length == d.Length && e.Fragment == d.Fragment }):
		return "an answer, when who had asked was gone", true
	case before[0].sent:
		return "a second answer, when who had asked was gone", true
	}
	return "a second copy of a question, when the service had ended", true
}

// lateError is the proof of an error about a packet of this host, when its socket was closed.
func lateError(s *story, d *event) (what string, ok bool) {
	if d.ICMP == nil || d.ICMP.Quoted == nil {
		return "it is no error", false
	}
	before, later := s.around(d)
	q := d.ICMP.Quoted
	if !slices.ContainsFunc(before, func(e event) bool {
		return e.sent && (q.Protocol != packet.TCP || q.Sequence-e.Sequence < max(e.Segment, 1))
	}) {
		return "this host did not send what it quotes", false
	}
	if q.Protocol == packet.UDP {
		if why, ok := s.over(d); !ok {
			return why, false
		}
	} else if slices.ContainsFunc(later, func(e event) bool { return e.sent }) {
		return "this host went on", false
	}
	return "an error about the packet of a socket that was closed", true
}
