//go:build linux

package guarder

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// newFeedSlots makes the map of the bits of feeds, by their identities.
func newFeedSlots() (*ebpf.Map, error) {
	m, err := ebpf.NewMap(&ebpf.MapSpec{Name: "guard_feed_slot", Type: ebpf.Hash, KeySize: 8, ValueSize: 4, MaxEntries: uint32(bpf.GuardMaxFeeds)})
	if err != nil {
		return nil, fmt.Errorf("make the map of feeds: %w", err)
	}
	return m, nil
}

// hasFeeds tells whether a table of feeds is in force.
func (s *Store) hasFeeds() bool {
	var id uint32
	return s.state[compile.MapFeedFilters].Lookup(uint32(0), &id) == nil
}

// FeedSlots returns the bits of feeds in tables: those that they had before, and free
// ones for new feeds. If none is free, those of feeds that are not in use are taken, and
// the table in force is given up, as it knows others by these bits.
func (s *Store) FeedSlots(feeds, inUse []policy.Feed) ([]uint32, error) {
	have, taken := make(map[uint64]uint32), make(map[uint32]bool)
	var id uint64
	var slot uint32
	all := s.feedSlots.Iterate()
	for all.Next(&id, &slot) {
		have[id], taken[slot] = slot, true
	}
	if err := all.Err(); err != nil { // or two feeds might get one bit
		return nil, fmt.Errorf("read the bits of feeds: %w", err)
	}
	wanted := make(map[uint64]bool)
	for _, list := range [][]policy.Feed{feeds, inUse} {
		for i := range list {
			wanted[list[i].ID()] = true
		}
	}
	slots := make([]uint32, len(feeds))
	for i := range feeds {
		id := feeds[i].ID()
		slot, known := have[id]
		if !known {
			var err error
			if slot, err = s.freeFeedSlot(have, taken, wanted); err != nil {
				return nil, fmt.Errorf("feed %q: %w", feeds[i].Name, err)
			}
			if err := s.feedSlots.Put(id, slot); err != nil {
				return nil, fmt.Errorf("give feed %q a bit: %w", feeds[i].Name, err)
			}
			have[id], taken[slot] = slot, true
		}
		slots[i] = slot
	}
	return slots, nil
}

// freeFeedSlot returns a bit that no feed has, or takes that of one that is gone.
func (s *Store) freeFeedSlot(have map[uint64]uint32, taken map[uint32]bool, wanted map[uint64]bool) (uint32, error) {
	for slot := range uint32(bpf.GuardMaxFeeds) {
		if !taken[slot] {
			return slot, nil
		}
	}
	for id, slot := range have {
		if wanted[id] {
			continue
		}
		zero := make([]bpf.GuardCounts, ebpf.MustPossibleCPU())
		if err := errors.Join(compile.ForgetFeeds(s.state), s.feedSlots.Delete(id), s.state[compile.MapFeedCounts].Put(slot, zero)); err != nil {
			return 0, fmt.Errorf("free a bit: %w", err)
		}
		delete(have, id)
		return slot, nil
	}
	return 0, fmt.Errorf("the policy and the one before it have more than %d feeds", bpf.GuardMaxFeeds)
}
