package wire

import "net/netip"

// The least MTU of a link: RFC 791 section 3.2, RFC 8200 section 5.
const (
	MinMTUv4 = 68
	MinMTUv6 = 1280
)

// plateaus are MTUs that were common, for routers that do not tell theirs (RFC 1191
// section 7.1).
var plateaus = [...]int{32000, 17914, 8166, 4352, 2002, 1492, 1006, 508, 296, MinMTUv4}

// NextMTU returns the size in bytes to try next, after a router refused a packet of a
// size to a destination and told an MTU, 0 if it told none. It returns false if that is
// not to be believed: below what every link has, or no less than what was refused.
func NextMTU(destination netip.Addr, told uint32, size int) (mtu int, ok bool) {
	least := MinMTUv6
	if destination.Is4() {
		least = MinMTUv4
		if told == 0 {
			return plateau(size)
		}
	}
	if uint64(told) < uint64(least) || uint64(told) >= uint64(max(size, 0)) {
		return 0, false
	}
	return int(told), true
}

func plateau(size int) (int, bool) {
	for _, mtu := range plateaus {
		if mtu < size {
			return mtu, true
		}
	}
	return 0, false
}

// InitialTTL guesses the TTL that a packet set out with: the next of those that systems
// use, 32, 64, 128 and 255. The first is a guess too far for paths of more than 32 hops
// from systems that use 64.
func InitialTTL(ttl uint8) uint8 {
	switch {
	case ttl <= 32:
		return 32
	case ttl <= 64:
		return 64
	case ttl <= 128:
		return 128
	}
	return 255
}

// ReverseHops guesses how many hops an answer came, counted as TTLs of probes are: a
// neighbour is at 1. It returns 0 if the TTL is 0, which is unknown.
func ReverseHops(ttl uint8) int {
	if ttl == 0 {
		return 0
	}
	return int(InitialTTL(ttl)-ttl) + 1
}
