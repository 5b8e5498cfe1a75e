package passive

import (
	"net/netip"
	"time"
)

// A Conn is an established TCP connection, as seen from its local end.
type Conn struct {
	// Cookie identifies the socket: no other one of this boot has the same.
	Cookie        uint64
	Local, Remote netip.AddrPort
	// RTT is the smoothed round trip time and RTTVar its mean deviation (RFC 6298), 0 as
	// long as nothing was acknowledged. MinRTT is the least of the last 5 minutes
	// (net.ipv4.tcp_min_rtt_wlen), 0 if it is unknown, as always before Linux 4.6.
	RTT, RTTVar, MinRTT time.Duration
	// Total is what happened since the connection began.
	Total Counts
	// Interval is what happened since the read before of the same [Reader], and the same
	// as Total if that did not see the connection.
	Interval Counts
}

// Counts are what a connection did.
type Counts struct {
	// Segments are those sent that carried data, with those sent again; before Linux 4.6
	// all that were sent. Retransmitted are those sent again; these can be
	// more, as a SYN or a FIN without data that is sent again is counted here only.
	//
	// The kernel's own counters have 32 bits and wrap around.
	Segments, Retransmitted uint32
	// Acked are bytes that the peer acknowledged, among them one for the SYN, and Received
	// those that it sent. Both are 0 before Linux 4.1.
	Acked, Received uint64
}

// Bytes are those of both directions.
func (c Counts) Bytes() uint64 { return c.Acked + c.Received }

// since returns what happened after before.
func (c Counts) since(before Counts) Counts {
	return Counts{
		Segments:      c.Segments - before.Segments,
		Retransmitted: c.Retransmitted - before.Retransmitted,
		Acked:         c.Acked - before.Acked,
		Received:      c.Received - before.Received,
	}
}
