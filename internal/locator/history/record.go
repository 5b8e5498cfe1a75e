package history

import (
	"net/netip"
	"time"

	"github.com/packetscope/packetscope/internal/locator/change"
)

// A Kind is a kind of records.
type Kind string

// The kinds.
const (
	KindCheckpoint Kind = "checkpoint"
	KindEvent      Kind = "event"
)

// A Record is a [Checkpoint] or an [Event].
type Record interface {
	// When is the time of the record, and Path what it is about.
	When() time.Time
	Path() Key
	kind() Kind
	// bounded returns a copy that shares nothing which it changed.
	bounded() Record
}

// A Key identifies a path.
type Key struct {
	// Dest is the name of the destination in the configuration.
	Dest  string `json:"dest"`
	Proto string `json:"proto"`
	AF    uint8  `json:"af"` // IP version: 4 or 6
}

// Micros are microseconds; 0 is unknown.
type Micros int64

// MicrosOf rounds a time, a positive one to 1 at least.
func MicrosOf(d time.Duration) Micros {
	if m := Micros(d.Round(time.Microsecond) / time.Microsecond); m > 0 || d <= 0 {
		return max(m, 0)
	}
	return 1
}

// Duration returns the time.
func (m Micros) Duration() time.Duration { return time.Duration(m) * time.Microsecond }

// A Checkpoint is what was known of a path at a time.
type Checkpoint struct {
	At time.Time `json:"at"`
	Key
	// Address is the destination's.
	Address netip.Addr `json:"address"`
	// State is the baseline, nil as long as it was learned.
	State   *change.State `json:"state,omitempty"`
	Reached bool          `json:"reached"`
	// Hops are who answered, in the order of their TTL.
	Hops []Hop `json:"hops"`
	// ASPath are the networks that the path passes, without repetition.
	ASPath []uint32 `json:"as_path,omitempty"`
	MTU    int      `json:"mtu,omitempty"` // bytes; 0: unknown
	// RiskScore is from 0 to 100, nil without a policy.
	RiskScore *int `json:"risk_score,omitempty"`
}

// A Hop is one of who answered at a TTL.
type Hop struct {
	TTL  uint8      `json:"ttl"`
	Addr netip.Addr `json:"addr"`
	// Name, AS, Country and City are 0 or "" if they are unknown.
	Name    string `json:"name,omitempty"`
	ASN     uint32 `json:"asn,omitempty"`
	ASName  string `json:"as_name,omitempty"`
	Country string `json:"country,omitempty"`
	City    string `json:"city,omitempty"`

	RTTMin    Micros `json:"rtt_min_us,omitempty"`
	RTTMedian Micros `json:"rtt_median_us,omitempty"`
	// Loss is the part of the probes with this TTL that was not answered, from 0 to 1;
	// nil is unknown.
	Loss *float64 `json:"loss,omitempty"`
}

// When implements Record.
func (c Checkpoint) When() time.Time { return c.At }

// Path implements Record.
func (c Checkpoint) Path() Key { return c.Key }

func (Checkpoint) kind() Kind { return KindCheckpoint }

// Destination returns the farthest hop that is the destination, and false if none is.
func (c Checkpoint) Destination() (Hop, bool) {
	var last Hop
	for _, h := range c.Hops {
		if h.Addr == c.Address && h.TTL > last.TTL {
			last = h
		}
	}
	return last, last.TTL > 0
}

// An Event is a change of a path, as [change.Event] tells it.
type Event struct {
	At    time.Time `json:"at"`
	Since time.Time `json:"since"`
	Key
	// Levels are names, as of [change.Level].
	Levels []string `json:"levels"`
	Flow   int      `json:"flow"`
	First  uint8    `json:"first,omitempty"`
	Last   uint8    `json:"last,omitempty"`
	// Before and After are by TTL less one; invalid where nobody is known.
	Before    []netip.Addr `json:"before,omitempty"`
	After     []netip.Addr `json:"after,omitempty"`
	Reached   bool         `json:"reached"`
	RTTBefore Micros       `json:"rtt_before_us,omitempty"`
	RTTAfter  Micros       `json:"rtt_after_us,omitempty"`
}

// EventOf returns the record of what a detector told of a path.
func EventOf(path Key, e change.Event) Event {
	return Event{
		At: e.At, Since: e.Since, Key: path,
		Levels: e.Levels.Names(), Flow: e.Flow, First: e.First, Last: e.Last,
		Before: e.Before, After: e.After, Reached: e.Reached,
		RTTBefore: MicrosOf(e.RTTBefore), RTTAfter: MicrosOf(e.RTTAfter),
	}
}

// When implements Record.
func (e Event) When() time.Time { return e.At }

// Path implements Record.
func (e Event) Path() Key { return e.Key }

func (Event) kind() Kind { return KindEvent }
