package change

import (
	"net/netip"
	"strings"
	"time"
)

// Level is a set of ways in which a path differs from before.
type Level uint16

// The levels. The first six are changes of the path.
const (
	IP      Level = 1 << iota // other routers
	AS                        // through another network, or one less
	Country                   // through another country, or one less
	Length                    // two hops more or less, or more
	Reach                     // the destination answers no longer, or again
	RTT                       // another round trip time
	Width                     // flows are balanced over more routers; no change
	Flap                      // the former path is back; no change
)

// Changes are the levels that count as changes.
const Changes = IP | AS | Country | Length | Reach | RTT

var names = []string{"ip", "as", "country", "length", "reach", "rtt", "width", "flap"}

// Names returns the names of the levels as labels have them, in their order.
func (l Level) Names() []string {
	var set []string
	for i, name := range names {
		if l&(1<<i) != 0 {
			set = append(set, name)
		}
	}
	return set
}

// String returns the names with "+" between them.
func (l Level) String() string { return strings.Join(l.Names(), "+") }

// An Event is a change, or one of the levels that are none.
type Event struct {
	// At is when it was certain; Since when it was first seen.
	At, Since time.Time
	Levels    Level
	// Flow is the flow whose path is told.
	Flow int
	// First and Last are the TTLs where it moved, 0 for Reach and RTT.
	First, Last uint8
	// Before and After are who answered the flow, by TTL less one; invalid where
	// nobody is known.
	Before, After []netip.Addr
	// Reached tells, for Reach, whether the destination answers now.
	Reached bool
	// RTTBefore and RTTAfter are medians, for RTT.
	RTTBefore, RTTAfter time.Duration
}

// A Place is where a hop is, as far as it is known.
type Place struct {
	AS uint32 // 0: unknown
	// Exchange is set for addresses of an Internet exchange: their AS is none
	// that the path passes.
	Exchange bool
	Country  string // "": unknown
}

// An Ask is a probe of a fresh flow that is wanted.
type Ask struct {
	TTL  uint8
	Flow int
}
