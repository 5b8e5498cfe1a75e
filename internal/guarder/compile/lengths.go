package compile

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// Lengths are the lengths of prefixes whose connections a policy asks for, of each family.
type Lengths struct{ IPv4, IPv6 []uint8 }

// Some tells whether the policy asks for any.
func (l *Lengths) Some() bool { return len(l.IPv4) > 0 }

// add notes what a leaf asks for. All prefixes are counted for each connection that begins
// or ends, so there may be only some.
func (l *Lengths) add(c policy.Connections) error {
	for _, one := range []struct {
		of   *[]uint8
		bits uint8
	}{{&l.IPv4, c.IPv4}, {&l.IPv6, c.IPv6}} {
		if slices.Contains(*one.of, one.bits) {
			continue
		}
		if len(*one.of) == bpf.GuardMaxLengths {
			return fmt.Errorf("the policy counts connections by prefixes of more than %d different lengths", bpf.GuardMaxLengths)
		}
		*one.of = append(*one.of, one.bits)
	}
	return nil
}

// PrefixKey returns the key of a prefix in the map of connections.
func PrefixKey(p netip.Prefix) bpf.GuardPrefix {
	key := bpf.GuardPrefix{Address: wordsOf(p.Masked().Addr()), Family: 4, Bits: uint8(p.Bits())}
	if p.Addr().Is6() {
		key.Family = 6
	}
	return key
}

// PrefixOf is the reverse of PrefixKey.
func PrefixOf(key bpf.GuardPrefix) netip.Prefix {
	return netip.PrefixFrom(fromWords(key.Address, key.Family), int(key.Bits))
}
