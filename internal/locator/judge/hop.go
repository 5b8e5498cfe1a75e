package judge

import (
	"net/netip"
	"time"
)

// A Hop is who answers at a TTL, with what is known about it. Of a TTL that nobody
// answers there is no hop.
type Hop struct {
	TTL  uint8
	Addr netip.Addr
	// Final is set for the destination.
	Final bool
	// RTT is the least of Samples round trip times, or of those to hops further on.
	RTT     time.Duration
	Samples int

	// AS is 0 if it is unknown.
	AS     uint32
	ASName string
	// Exchange is set if the address is of an Internet exchange, whose AS the path
	// does not pass.
	Exchange bool
	// Country is the ISO code, or "". Registered is set if it only tells where the
	// address is registered.
	Country    string
	Registered bool
	// Position is nil if it is unknown.
	Position *Position
	// Anycast is set if the database says that many places answer.
	Anycast bool

	// Plausibility is what Check found.
	Plausibility Plausibility
	// PrefixListed and ASListed tell whether a blocklist has them.
	PrefixListed, ASListed Listing
}

// A Position is a point on Earth.
type Position struct {
	Latitude, Longitude float64 // degrees
	Radius              float64 // km, of the circle in which it is; 0: unknown
}

// A Listing says whether something is on a blocklist. The zero value is that no list was
// asked.
type Listing struct {
	Asked, Listed bool
	// Reference is the list's entry, such as "SBL123456".
	Reference string
}

// A Scope says how far an address means the same.
type Scope uint8

// The scopes.
const (
	Local   Scope = iota // one link or host, or no address
	Private              // one site: RFC 1918, RFC 4193
	Shared               // one provider: 100.64.0.0/10, RFC 6598
	Global
)

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10")

// ScopeOf returns the scope of an address. Addresses for documentation count as
// Global, as they stand for such.
func ScopeOf(a netip.Addr) Scope {
	a = a.Unmap()
	switch {
	case a.IsPrivate():
		return Private
	case sharedSpace.Contains(a):
		return Shared
	case a.IsGlobalUnicast():
		return Global
	}
	return Local
}
