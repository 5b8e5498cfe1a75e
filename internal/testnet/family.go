//go:build linux

package testnet

// Family is an IP version.
type Family int

// The families, by their version number.
const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// Families lists both.
var Families = []Family{IPv4, IPv6}

// String returns "ipv4" or "ipv6".
func (f Family) String() string {
	if f == IPv4 {
		return "ipv4"
	}
	return "ipv6"
}

// network returns the name that package net uses, such as "udp6".
func (f Family) network(protocol string) string {
	if f == IPv4 {
		return protocol + "4"
	}
	return protocol + "6"
}
