package guarder

import (
	"errors"
	"net/netip"
	"time"
)

// A HitList is the table of sources as it stands, as JSON of GET /hits: what [Top] tells
// of each source and no more, in no order, so that programs can ask for it often. Fields
// may be added; none is renamed or removed.
type HitList struct {
	// Boot is when CLOCK_MONOTONIC was zero, which First and Last count from; the zero
	// time if the agent is older than this field.
	Boot time.Time `json:"boot,omitzero"`
	Hits []Hit     `json:"hits"`
}

// A Hit is an entry of the table of sources: see [SourceStatus] for how exact it is.
type Hit struct {
	// Source is an IPv4 address, the first address of an IPv6 prefix of 64 bits, or the
	// zero Addr for packets without an address.
	Source netip.Addr `json:"source"`
	// Rule is a number that tells rules apart: see [RuleStatus.Number]. When another rule gets it, there are no
	// hits of the one before.
	Rule uint32 `json:"rule"`
	// Effect is what the rule did last: "drop", "would_drop", "count" or "sample".
	Effect  string `json:"effect"`
	Packets uint64 `json:"packets"`
	// First is when the entry was made, in ns of CLOCK_MONOTONIC: an entry that left the
	// full table and came back has another.
	First uint64 `json:"first"`
	// Last is when a packet was noted in it last, in the same ns.
	Last uint64 `json:"last"`
}

// ErrNotTold is wrapped by the error of a [Client] that asks for what is not told on its
// socket: the agent is older than the question, or the socket is for all users of the
// host and the question is not.
var ErrNotTold = errors.New("the agent does not tell it on this socket")
