package propose

import (
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/annotator/explain/answer"
)

// A Flow is what a host and a remote network have sent each other, as the exporter of the
// host adds it up.
type Flow struct {
	// Remote may be wider than a source, as exporters cut addresses to networks.
	Remote netip.Prefix
	// Port is that of the service, at the end that Role tells; 0 without one.
	Port uint16
	// Protocol is "tcp", "udp", "icmp", "icmpv6" or another word, and Role what the host is:
	// "client", "server", "peer" or "forward".
	Protocol, Role string
	// Received and Sent are packets, as the host sees them.
	Received, Sent uint64
}

// MostShare is the greatest share of live packets in two-way traffic that a rule which takes
// packets away may match. Above it the rule only counts.
const MostShare = 0.01

// MatchedShare returns, of the packets of these flows that the rule would match, the share
// of those of established two-way traffic: of flows in which the host has sent packets too.
// It is 0 if the rule matches none of them.
//
// Where it cannot be told whether the rule matches a flow it is taken to: a flow of a wider
// network than a source, or with a port of the host that is not known.
func (p Proposal) MatchedShare(flows []Flow) float64 {
	var matched, twoWay float64
	for _, f := range flows {
		if !p.matches(f) {
			continue
		}
		matched += float64(f.Received)
		if f.Received > 0 && f.Sent > 0 {
			twoWay += float64(f.Received)
		}
	}
	if matched == 0 {
		return 0
	}
	return twoWay / matched
}

// matches tells whether packets of a flow from its remote end may match the rule.
func (p Proposal) matches(f Flow) bool {
	if !slices.ContainsFunc(p.Sources, f.Remote.Overlaps) {
		return false
	}
	switch {
	case p.Proto == answer.ICMP:
		if f.Protocol != "icmp" && f.Protocol != "icmpv6" {
			return false
		}
	case p.Proto != answer.AnyProto:
		if f.Protocol != string(p.Proto) {
			return false
		}
	case p.Port != 0:
		if f.Protocol != "tcp" && f.Protocol != "udp" {
			return false
		}
	}
	// The port of a client is at the other end; its own may be any that is not privileged.
	return p.Port == 0 || f.Port == p.Port || f.Role != "server" && p.Port >= 1024
}

// Rehearsed returns the rule as it may be proposed, if that share of the live packets that it
// matches is of two-way traffic; nil is not known. A rule that takes packets away becomes one
// that only counts, unless the share is known and at most [MostShare].
func (l Limits) Rehearsed(p Proposal, share *float64) (Proposal, Code) {
	switch {
	case p.Action == answer.Monitor:
		return p, OK
	case share == nil:
		p.Only = "whether it would hit established traffic is not known"
	case *share > MostShare:
		p.Only = "it would hit established traffic"
	default:
		return p, OK
	}
	p.Asked, p.Action, p.Rate = p.Action, answer.Monitor, 0
	p.YAML = p.render()
	var code Code
	if p.Warnings, code = p.check(l.Protected); code != OK {
		return Proposal{}, code
	}
	return p, OK
}
