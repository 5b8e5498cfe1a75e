package plan

import (
	"net/netip"
	"time"
)

// A Purpose says why a probe is sent.
type Purpose uint8

// The purposes.
const (
	Discovery Purpose = iota // looks for routers of a new or longer path
	LastDitch                // looks for a destination behind silent routers
	Round                    // measures a TTL again
	Beyond                   // looks whether the path is longer
	ToEnd                    // measures the destination, with the TTL End
	Extra                    // was asked for by Scheduler.Ask
)

// String returns the purpose in a word.
func (p Purpose) String() string {
	return [...]string{"discovery", "last_ditch", "round", "beyond", "end", "extra"}[p]
}

// A Probe is to be sent now.
type Probe struct {
	// Target is the name that Add got.
	Target  string
	TTL     uint8
	Flow    int
	Purpose Purpose

	// node is the router that the probe measures for several targets, or nil.
	node *node
	// search is the discovery that it belongs to, or nil.
	search *discovery
	// charged is whose budget it came from, or invalid.
	charged netip.Addr
}

// A Result says what became of a probe.
type Result struct {
	Probe
	Sent time.Time
	// Hop is who answered, invalid if nobody did in time.
	Hop netip.Addr
	RTT time.Duration
	// Final is set if the destination answered.
	Final bool
}

// Shared is a result that counts for a target that did not send the probe. The flow of
// the result is one of that target.
type Shared struct {
	Target string
	Result Result
}

// A Batch is what is due.
type Batch struct {
	Probes []Probe
	Shared []Shared
	// Wake is when Next is to be called again, unless a result comes before.
	// It is the zero time without targets.
	Wake time.Time
}

// Counts are what a scheduler did so far.
type Counts struct {
	// Sent and Skipped are by purpose and by reason: "router", "destination" or
	// "global", the budget that a round had to do without.
	Sent    map[Purpose]uint64
	Skipped map[string]uint64
	// Shared counts probes that were not sent as others counted for them.
	Shared uint64
	// Lag is by how much the newest probe was late.
	Lag time.Duration
}
