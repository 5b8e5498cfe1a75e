package propose

import (
	"net/netip"
	"time"
)

// Limits are what proposals must keep to.
type Limits struct {
	// Protected are never in a rule, nor is a network around or within them: the own
	// networks, gateways, resolvers, and whoever manages and monitors.
	Protected []netip.Prefix
	// Widest4 and Widest6 are the shortest prefixes of a source.
	Widest4, Widest6 int
	// MostSources is how many sources a rule may have.
	MostSources int
	// ShortestTTL and LongestTTL bound how long it may live.
	ShortestTTL, LongestTTL time.Duration
	// MostRate is the most packets per second that a limit may let pass.
	MostRate int
}

// Defaults are the limits where nobody says others.
var Defaults = Limits{Widest4: 24, Widest6: 48, MostSources: 10, ShortestTTL: time.Minute, LongestTTL: 4 * time.Hour, MostRate: 1_000_000}

// special are networks that are not outside, or in which an address of IPv6 stands for one
// of IPv4 that could be protected (RFC 6890, RFC 6052, RFC 3056, RFC 4380).
var special = []netip.Prefix{
	netip.MustParsePrefix("0.0.0.0/8"), netip.MustParsePrefix("100.64.0.0/10"), netip.MustParsePrefix("192.0.0.0/24"),
	netip.MustParsePrefix("192.88.99.0/24"), netip.MustParsePrefix("240.0.0.0/4"),
	netip.MustParsePrefix("::/3"), netip.MustParsePrefix("2001::/32"), netip.MustParsePrefix("2002::/16"), netip.MustParsePrefix("4000::/2"), netip.MustParsePrefix("8000::/1"),
}

// external tells whether a prefix is wholly outside.
func external(p netip.Prefix) bool {
	a := p.Addr()
	if a.Is4In6() || !a.IsGlobalUnicast() || a.IsPrivate() {
		return false
	}
	for _, s := range special {
		if s.Overlaps(p) {
			return false
		}
	}
	return true
}
