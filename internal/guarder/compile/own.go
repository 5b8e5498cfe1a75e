package compile

import (
	"fmt"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/bpf"
)

// ownRoom is how many addresses of this host there is room for.
const ownRoom = 4096

// SetOwn says which addresses are this host's, while the program runs. If it fails,
// some of the addresses may be old.
//
// An address counts if it is in the map and has a bit in the filter. So the filter has
// the bits of all old and new ones while the map changes.
func (g *Generation) SetOwn(own []netip.Addr) error {
	var now []bpf.GuardAddressOfHost
	for _, a := range own {
		now = append(now, addressOfHost(a))
	}
	if err := g.filterOwn(append(slices.Clone(g.own), now...)); err != nil {
		return err
	}
	addresses := g.coll.Maps["guard_own"]
	for i, key := range now {
		if err := addresses.Put(key, uint32(1)); err != nil {
			return fmt.Errorf("add own address %v: %w", own[i], err)
		}
	}
	for _, key := range g.own {
		if slices.Contains(now, key) {
			continue
		}
		if err := addresses.Delete(key); err != nil {
			return fmt.Errorf("remove own address: %w", err)
		}
	}
	g.own = now
	return g.filterOwn(now)
}

// Own returns how many addresses are this host's, and for how many there is room.
func (g *Generation) Own() (entries, room int) { return len(g.own), ownRoom }

func (g *Generation) filterOwn(own []bpf.GuardAddressOfHost) error {
	var filter [bpf.GuardOwnFilter]uint64
	for _, a := range own {
		bit := ownBit(a.Address)
		filter[bit/64] |= 1 << (bit % 64)
	}
	if err := g.coll.Maps["guard_own_filter"].Put(uint32(0), filter); err != nil {
		return fmt.Errorf("filter own addresses: %w", err)
	}
	return nil
}

// ownBit returns the bit of an address in the filter.
func ownBit(a [4]uint32) uint32 {
	const bits = 12 // of GuardOwnFilter words
	return (a[0] ^ a[1] ^ a[2] ^ a[3]) * 0x9e3779b1 >> (32 - bits)
}

func addressOfHost(a netip.Addr) bpf.GuardAddressOfHost {
	key := bpf.GuardAddressOfHost{Address: wordsOf(a), Family: 4}
	if a.Is6() {
		key.Family = 6
	}
	return key
}
