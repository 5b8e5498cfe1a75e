package attack

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/guarder/packet"
)

var (
	hereAt  = netip.MustParseAddrPort("198.18.1.1:80")
	thereAt = netip.MustParseAddrPort("198.18.2.2:4000")
)

// got and sent are events between here and there, at a second.
func got(second int, protocol, flags uint8, sequence, segment, acknowledged uint32) event {
	return event{at: time.Unix(int64(second), 0), acknowledged: acknowledged, Packet: packet.Packet{
		Family: 4, Protocol: protocol, HasPorts: true, Flags: flags, Sequence: sequence, Segment: segment, Length: 40 + segment,
		Source: thereAt.Addr(), SourcePort: thereAt.Port(), Destination: hereAt.Addr(), DestinationPort: hereAt.Port(),
	}}
}

func sent(second int, protocol, flags uint8, sequence, segment, acknowledged uint32) event {
	e := got(second, protocol, flags, sequence, segment, acknowledged)
	e.sent = true
	e.Source, e.Destination, e.SourcePort, e.DestinationPort = e.Destination, e.Source, e.DestinationPort, e.SourcePort
	return e
}

// soon moves an event by some ms.
func soon(e event, ms int) event {
	e.at = e.at.Add(time.Duration(ms) * time.Millisecond)
	return e
}

// about returns an error about a packet of this host.
func about(second int, e event) event {
	return event{at: time.Unix(int64(second), 0), Packet: packet.Packet{
		Family: 4, Protocol: packet.ICMPv4, Source: thereAt.Addr(), Destination: hereAt.Addr(),
		ICMP: &packet.ICMP{Type: 3, Code: 3, Quoted: &packet.Quoted{
			Family: 4, Protocol: e.Protocol, Source: e.Source, Destination: e.Destination, HasPorts: true,
			SourcePort: e.SourcePort, DestinationPort: e.DestinationPort, Sequence: e.Sequence, HasSequence: e.Protocol == packet.TCP,
		}},
	}}
}

const tcp, udp = packet.TCP, packet.UDP

// A connection from there to here, and its ends: it begins with the numbers 100 and 500.
var (
	opened      = []event{got(1, tcp, syn, 100, 1, 0), sent(1, tcp, syn|ack, 500, 1, 101), got(1, tcp, ack, 101, 0, 501)}
	itsPeer     = append(slices.Clone(opened), got(2, tcp, fin|ack, 101, 1, 501), sent(2, tcp, fin|ack, 501, 1, 102), got(3, tcp, ack, 102, 0, 502))
	itself      = append(slices.Clone(opened), sent(2, tcp, fin|ack, 501, 1, 101), got(2, tcp, fin|ack, 101, 1, 502), sent(3, tcp, ack, 502, 0, 102))
	hasReset    = append(slices.Clone(opened), sent(3, tcp, rst, 501, 0, 0))
	wasReset    = append(slices.Clone(opened), got(3, tcp, rst, 101, 0, 0))
	asked       = []event{sent(1, tcp, syn, 500, 1, 0), got(1, tcp, syn|ack, 100, 1, 501), sent(1, tcp, ack, 501, 0, 101)}
	askedReset  = append(slices.Clone(asked), sent(3, tcp, rst|ack, 501, 0, 101))
	wasAsked    = []event{sent(1, udp, 0, 0, 40, 0)}
	wasAnswered = append(slices.Clone(wasAsked), got(2, udp, 0, 0, 80, 0))
	hasServed   = []event{got(1, udp, 0, 0, 40, 0), sent(2, udp, 0, 0, 80, 0)}
)

// TestProofsNeedTheirGrounds: packets that nobody misses are such, and the same packets are not
// where one thing is different.
func TestProofsNeedTheirGrounds(t *testing.T) {
	last := got(9, tcp, ack, 102, 0, 502)
	for _, c := range []struct {
		name    string
		proof   proof
		events  []event
		dropped event
		want    string // what it was, if nobody misses it
	}{
		{"closed", afterTheEnd, itsPeer, last, "a segment of a connection that both have closed, the peer first"},
		{"not closed: the last ACK lacks", afterTheEnd, itsPeer[:5], last, ""},
		{"not closed: this host has not", afterTheEnd, itsPeer[:4], last, ""},
		{"closed, but more is said", afterTheEnd, itsPeer, got(9, tcp, ack, 102, 10, 502), ""},
		{"what was said is repeated", afterTheEnd, itsPeer, got(9, tcp, fin|ack, 101, 1, 501), "a segment of a connection that both have closed, the peer first"},
		{"too early", afterTheEnd, itsPeer, got(2, tcp, ack, 102, 0, 502), ""},
		{"TIME-WAIT", afterTheEnd, itself, got(62, tcp, ack, 102, 0, 502), ""},
		{"after TIME-WAIT", afterTheEnd, itself, got(63, tcp, ack, 102, 0, 502), "a segment of a connection that both have closed, and whose TIME-WAIT is over"},
		{"after half of a close", afterTheEnd, itself[:4], got(63, tcp, ack, 102, 0, 502), ""},
		{"TIME-WAIT that was reset", afterTheEnd, append(slices.Clone(itself), got(4, tcp, rst, 102, 0, 0)), last, "a segment of a connection that the peer has reset"},
		{"reset here", afterTheEnd, hasReset, got(9, tcp, ack, 101, 1400, 501), "a segment of a connection that this host has reset"},
		{"about to be reset here", afterTheEnd, append(slices.Clone(opened), sent(9, tcp, rst|ack, 501, 0, 101)), soon(got(9, tcp, ack, 101, 1400, 501), -1), "a segment of a connection that this host has reset"},
		{"reset here much later", afterTheEnd, append(slices.Clone(opened), sent(10, tcp, rst|ack, 501, 0, 101)), got(9, tcp, ack, 101, 1400, 501), ""},
		{"reset here, after something else", afterTheEnd, append(slices.Clone(opened), sent(9, tcp, ack, 501, 0, 101), sent(9, tcp, rst|ack, 501, 0, 101)), soon(got(9, tcp, ack, 101, 1400, 501), -1), ""},
		{"reset there", afterTheEnd, wasReset, got(9, tcp, ack, 101, 0, 501), "a segment of a connection that the peer has reset"},
		{"reset there, but more is said", afterTheEnd, wasReset, got(9, tcp, ack, 101, 1400, 501), ""},
		{"reset, but this host goes on", afterTheEnd, append(slices.Clone(wasReset), sent(10, tcp, ack, 501, 20, 101)), last, ""},
		{"reset, but this host went on", afterTheEnd, append(slices.Clone(hasReset), sent(4, tcp, ack, 501, 20, 101)), last, ""},
		{"open", afterTheEnd, opened, last, ""},
		{"never there", afterTheEnd, nil, last, ""},
		{"begun again", afterTheEnd, append(slices.Clone(itsPeer), got(4, tcp, syn, 9000, 1, 0)), last, ""},
		{"a copy of its SYN", afterTheEnd, append(slices.Clone(itsPeer), got(4, tcp, syn, 100, 1, 0)), last, "a segment of a connection that both have closed, the peer first"},

		{"second SYN", secondSYN, opened, got(9, tcp, syn, 100, 1, 0), "a second copy of a SYN that made the connection"},
		{"another SYN", secondSYN, opened, got(9, tcp, syn, 101, 1, 0), ""},
		{"SYN without an answer", secondSYN, opened[:1], got(9, tcp, syn, 100, 1, 0), ""},
		{"SYN whose answer is not taken", secondSYN, opened[:2], got(9, tcp, syn, 100, 1, 0), ""},
		{"SYN to nobody", secondSYN, nil, got(9, tcp, syn, 100, 1, 0), ""},

		{"second answer", secondAnswer, askedReset, got(9, tcp, syn|ack, 100, 1, 501), "a second copy of the answer to a SYN, of a connection that this host has reset"},
		{"another answer", secondAnswer, askedReset, got(9, tcp, syn|ack, 700, 1, 501), "another answer to a SYN, by a peer that knows no more of the connection that this host has reset"},
		{"answer to another SYN", secondAnswer, askedReset, got(9, tcp, syn|ack, 100, 1, 502), ""},
		{"answer while the connection is there", secondAnswer, asked, got(9, tcp, syn|ack, 100, 1, 501), ""},
		{"first answer", secondAnswer, asked[:1], got(9, tcp, syn|ack, 100, 1, 501), ""},
		{"answer to what is asked again", secondAnswer, append(slices.Clone(askedReset), sent(10, tcp, syn, 500, 1, 0)), got(9, tcp, syn|ack, 100, 1, 501), ""},
		{"answer to nobody", secondAnswer, nil, got(9, tcp, syn|ack, 100, 1, 501), ""},

		{"error about a SYN", lateError, asked[:1], about(9, asked[0]), "an error about the packet of a socket that was closed"},
		{"error about a SYN that is sent again", lateError, append(slices.Clone(asked[:1]), sent(10, tcp, syn, 500, 1, 0)), about(9, asked[0]), ""},
		{"error about what was not sent", lateError, asked[:1], about(9, sent(1, tcp, ack, 501, 10, 0)), ""},
	} {
		what, ok := c.proof(newStory(c.events), &c.dropped)
		if ok != (c.want != "") || ok && what != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, what, ok, c.want)
		}
	}
}

// TestLateDatagramsNeedAClosedSocket: nobody misses a packet to a socket of UDP that who had it has
// closed, unless it was there again.
func TestLateDatagramsNeedAClosedSocket(t *testing.T) {
	at := func(seconds ...int) (all []time.Time) {
		for _, s := range seconds {
			all = append(all, time.Unix(int64(s), 0))
		}
		return all
	}
	datagram := got(9, udp, 0, 0, 80, 0)
	const closed = "an error about the packet of a socket that was closed"
	for _, c := range []struct {
		name    string
		proof   proof
		events  []event
		closed  []time.Time
		dropped event
		want    string // what it was, if nobody misses it
	}{
		{"answer", lateDatagram, wasAsked, at(3), datagram, "an answer, when who had asked was gone"},
		{"answer to an open socket", lateDatagram, wasAsked, nil, datagram, ""},
		{"answer before the socket is closed", lateDatagram, wasAsked, at(10), datagram, ""},
		{"answer to nobody", lateDatagram, nil, at(3), datagram, ""},
		{"second answer", lateDatagram, wasAnswered, at(3), datagram, "a second answer, when who had asked was gone"},
		{"second question", lateDatagram, hasServed, at(3), got(9, udp, 0, 0, 40, 0), "a second copy of a question, when the service had ended"},
		{"service that goes on", lateDatagram, append(slices.Clone(hasServed), got(10, udp, 0, 0, 40, 0)), at(3), got(9, udp, 0, 0, 40, 0), ""},
		{"another question from there", lateDatagram, append(slices.Clone(wasAnswered), sent(4, udp, 0, 0, 40, 0)), at(3), datagram, ""},
		{"another question, closed too", lateDatagram, append(slices.Clone(wasAnswered), sent(4, udp, 0, 0, 40, 0)), at(3, 5), datagram, "a second answer, when who had asked was gone"},
		{"another question later", lateDatagram, append(slices.Clone(wasAnswered), sent(10, udp, 0, 0, 40, 0)), at(3, 11), datagram, "a second answer, when who had asked was gone"},
		{"error", lateError, wasAsked, at(3), about(9, wasAsked[0]), closed},
		{"error to an open socket", lateError, wasAsked, nil, about(9, wasAsked[0]), ""},
		{"error about nobody", lateError, nil, at(3), about(9, wasAsked[0]), ""},
		{"error too early", lateError, wasAsked, at(0), about(0, wasAsked[0]), ""},
		{"no error", lateError, wasAsked, at(3), datagram, ""},
	} {
		s := newStory(c.events)
		s.closed[hereAt] = c.closed
		what, ok := c.proof(s, &c.dropped)
		if ok != (c.want != "") || ok && what != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, what, ok, c.want)
		}
	}
}

// TestEventsAreReadFromFrames compares what is read of a frame with what was put in.
func TestEventsAreReadFromFrames(t *testing.T) {
	for _, options := range [][]byte{nil, {1, 1, 1, 0}} {
		f := packet.Frame{
			Source: thereAt.Addr(), Destination: hereAt.Addr(), Protocol: tcp, SourcePort: thereAt.Port(), DestinationPort: hereAt.Port(),
			Options: options, Flags: ack, Sequence: 7, Acknowledgement: 9, Payload: make([]byte, 100),
		}
		if options == nil {
			f.Source, f.Destination = netip.MustParseAddr("2001:db8::2"), netip.MustParseAddr("2001:db8::1")
		}
		e := newEvent(time.Unix(1, 0), false, f.Bytes()[:80])
		ends, ok := e.ends()
		if e.Sequence != 7 || e.Segment != 100 || e.acknowledged != 9 || !ok ||
			ends.Local != netip.AddrPortFrom(f.Destination, 80) || ends.Remote != netip.AddrPortFrom(f.Source, 4000) {
			t.Errorf("%+v of %+v", ends, e)
		}
	}
}
