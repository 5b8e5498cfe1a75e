package adopt

import (
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A Port is the number of a port, or one of the constants.
type Port int32

// What stands in place of a number.
const (
	NoPort  Port = -1 // the protocol has no ports
	AnyPort Port = -2 // it is not known which
)

// A Peer is who sends packets to this host, by what is known of those.
type Peer struct {
	Addr     netip.Addr
	Protocol uint8 // a number of IP
	// Remote is the port that they come from, Local the one that they go to.
	Remote, Local Port
}

// A Flow is what a peer sent while somebody looked.
type Flow struct {
	Peer
	Packets uint64
	// TwoWay tells that it is no stranger: it has a connection that is established, or
	// gets answers where there are no connections.
	TwoWay bool
}

// Traffic is what there was while somebody looked.
type Traffic struct {
	Flows []Flow
	// Connections are those of TCP that are established, whether they carry packets now or
	// not.
	Connections []Peer
}

// A Reach is how much of the traffic that there is a policy meets. Of what it meets it
// may only count some.
type Reach struct {
	// Packets and Flows are all that there was, Connections those that are established.
	Packets            uint64
	Flows, Connections int
	// Matched is the part of it that the rules match.
	MatchedPackets                   uint64
	MatchedFlows, MatchedConnections int
	// TwoWay is the part of what is matched of peers that are no strangers.
	TwoWayPackets uint64
	TwoWayFlows   int
	// Dropped tells that some of it is dropped, and not only counted.
	Dropped bool
}

// ReachOf judges traffic by the rules of a policy.
func ReachOf(p *policy.Policy, t Traffic) Reach {
	friends := make(map[netip.Addr]bool)
	for _, f := range t.Flows {
		if f.TwoWay {
			friends[f.Addr] = true
		}
	}
	var r Reach
	for _, f := range t.Flows {
		r.Flows++
		r.Packets += f.Packets
		effect := Match(p, f.Peer)
		if effect == Nothing {
			continue
		}
		r.Dropped = r.Dropped || effect == Dropped
		r.MatchedFlows++
		r.MatchedPackets += f.Packets
		if friends[f.Addr] {
			r.TwoWayFlows++
			r.TwoWayPackets += f.Packets
		}
	}
	for _, c := range t.Connections {
		r.Connections++
		if effect := Match(p, c); effect != Nothing {
			r.Dropped = r.Dropped || effect == Dropped
			r.MatchedConnections++
		}
	}
	return r
}

// Share is the part of all packets that the rules match, from 0 to 1; 0 if there were
// none.
func (r Reach) Share() float64 { return ratio(r.MatchedPackets, r.Packets) }

// TwoWayShare is the part of the packets that the rules match which comes from peers
// that are no strangers, from 0 to 1; 0 if they match none.
func (r Reach) TwoWayShare() float64 { return ratio(r.TwoWayPackets, r.MatchedPackets) }

func ratio(part, whole uint64) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}
