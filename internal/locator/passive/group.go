package passive

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/internal/geo"
)

// Unrouted are the kinds of addresses to which no path leads through the internet, for
// [Without].
var Unrouted = []geo.Kind{
	geo.Invalid, geo.Private, geo.CGNAT, geo.Loopback, geo.LinkLocal, geo.Multicast, geo.Broadcast,
	geo.Unspecified, geo.Documentation, geo.Benchmark, geo.Reserved,
}

// Without returns the connections whose remote address is of none of the kinds, and is
// none of this host: the local one of any of the connections.
func Without(conns []Conn, kinds ...geo.Kind) []Conn {
	own := make(map[netip.Addr]bool)
	for _, c := range conns {
		own[c.Local.Addr()] = true
	}
	var kept []Conn
	for _, c := range conns {
		if remote := c.Remote.Addr(); !own[remote] && !slices.Contains(kinds, geo.KindOf(remote)) {
			kept = append(kept, c)
		}
	}
	return kept
}

// A Peer is a remote network with which the host has connections.
type Peer struct {
	Prefix netip.Prefix
	// Addr is the one in it with the most bytes; of several the least.
	Addr netip.Addr
	// Conns is the number of connections.
	Conns int
	// Interval is the sum of the connections'. Segments and bytes that others of them
	// moved, which have ended since, are missing.
	Interval Sums
	// RTT is the median of the connections' smoothed times, MinRTT the least of their
	// least ones; 0 is unknown.
	RTT, MinRTT time.Duration
}

// Sums are the counts of several connections.
type Sums struct {
	Segments, Retransmitted uint64
	Acked, Received         uint64 // bytes
}

// Bytes are those of both directions.
func (s Sums) Bytes() uint64 { return s.Acked + s.Received }

// RetransRatio returns the part of the segments that was sent again, from 0 to 1, and
// false if none was sent.
func (s Sums) RetransRatio() (float64, bool) {
	if s.Segments == 0 {
		return 0, false
	}
	return min(1, float64(s.Retransmitted)/float64(s.Segments)), true
}

// Group sums connections by the prefix of their remote address, of v4bits or v6bits
// (24 and 48 are what networks announce at least). Peers are in the order of their
// bytes, the most first, and of their prefixes. A prefix length that there is not is
// bounded.
func Group(conns []Conn, v4bits, v6bits int) []Peer {
	groups := make(map[netip.Prefix][]Conn)
	for _, c := range conns {
		// A prefix has no zone: fe80::1 behind two devices is one peer.
		remote := c.Remote.Addr().WithZone("")
		bits := v6bits
		if remote.Is4() {
			bits = v4bits
		}
		p, err := remote.Prefix(max(0, min(bits, remote.BitLen())))
		if err != nil || !p.IsValid() {
			continue // no address
		}
		groups[p] = append(groups[p], c)
	}
	peers := make([]Peer, 0, len(groups))
	for p, group := range groups {
		peers = append(peers, sum(p, group))
	}
	slices.SortFunc(peers, func(a, b Peer) int {
		return cmp.Or(cmp.Compare(b.Interval.Bytes(), a.Interval.Bytes()), a.Prefix.Compare(b.Prefix))
	})
	return peers
}

// sum makes a peer of the connections with a prefix, which are not none.
func sum(prefix netip.Prefix, conns []Conn) Peer {
	p := Peer{Prefix: prefix, Conns: len(conns)}
	var times []time.Duration
	bytes := make(map[netip.Addr]uint64)
	for _, c := range conns {
		p.Interval.Segments += uint64(c.Interval.Segments)
		p.Interval.Retransmitted += uint64(c.Interval.Retransmitted)
		p.Interval.Acked += c.Interval.Acked
		p.Interval.Received += c.Interval.Received
		bytes[c.Remote.Addr()] += c.Interval.Bytes()
		if c.RTT > 0 {
			times = append(times, c.RTT)
		}
		if c.MinRTT > 0 && (p.MinRTT == 0 || c.MinRTT < p.MinRTT) {
			p.MinRTT = c.MinRTT
		}
	}
	for addr, n := range bytes {
		if !p.Addr.IsValid() || n > bytes[p.Addr] || n == bytes[p.Addr] && addr.Less(p.Addr) {
			p.Addr = addr
		}
	}
	p.RTT = median(times)
	return p
}

// median returns the lower of the middle ones, 0 if there are none.
func median(times []time.Duration) time.Duration {
	if len(times) == 0 {
		return 0
	}
	slices.Sort(times)
	return times[(len(times)-1)/2]
}
