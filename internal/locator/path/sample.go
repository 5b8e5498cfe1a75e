package path

import (
	"net/netip"
	"time"
)

// A Sample is a probe and what became of it.
type Sample struct {
	Sent time.Time
	TTL  uint8
	// Flow tells probes with different ports or labels apart. Those with the same
	// take the same way, unless a router balances packet by packet.
	Flow int
	// Hop is who answered. It is invalid if nobody did in time; that is no
	// information about the hop.
	Hop netip.Addr
	// RTT is 0 without an answer.
	RTT time.Duration
	// Final is set if the destination answered.
	Final bool
	// Extra marks a probe beside the rounds, such as those that look for more
	// branches. It counts for times, but not for loss: those who see what fraction
	// of the flows takes which link must have probed each TTL with the same flows.
	Extra bool
}

// Answered reports whether somebody answered.
func (s Sample) Answered() bool { return s.Hop.IsValid() }
