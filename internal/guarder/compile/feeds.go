package compile

import (
	"errors"
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
)

// The maps of feeds, which outlive generations, and tables.
const (
	MapFeedFilters = "guard_feed_filters"
	MapFeedTables  = "guard_feed_tables"
	MapFeedCounts  = "guard_feed_counts"
)

// FeedMaps are the names of all of them.
var FeedMaps = []string{MapFeedFilters, MapFeedTables, MapFeedCounts}

// FeedState returns the maps of feeds of a generation.
func (g *Generation) FeedState() map[string]*ebpf.Map {
	state := make(map[string]*ebpf.Map)
	for _, name := range FeedMaps {
		state[name] = g.Map(name)
	}
	return state
}

// feedConstants returns what the program knows of the policy's feeds: in their order the
// bit of each and what it does. Without slots feed i has bit i.
func (t *Tables) feedConstants(slots []uint32) (all [bpf.GuardMaxFeeds]uint32) {
	for i, credit := range t.Feeds {
		slot := uint32(i)
		if slots != nil {
			slot = slots[i]
		}
		all[i] = bpf.GuardFeedThere | slot<<bpf.GuardFeedSlot | uint32(credit)
	}
	return all
}

// Install puts the table in force, in place of the one before, which the kernel then gives
// up. Each packet is judged by one of the two, also if it fails.
func (t *FeedTable) Install(state map[string]*ebpf.Map) error {
	for entry := range uint32(bpf.GuardFeedTables) {
		// To write to a map of maps waits for all programs that run (maybe_wait_bpf_programs
		// of kernel/bpf/syscall.c). So when the table before leaves the second entry, none
		// that found it in the first is still at it.
		for _, part := range t.parts() {
			if err := state[part.in].Put(entry, part.m); err != nil {
				return fmt.Errorf("put a table of feeds in force: %w", err)
			}
		}
	}
	return nil
}

// ForgetFeeds takes the table in force away: nothing is listed until the next one.
func ForgetFeeds(state map[string]*ebpf.Map) error {
	for entry := range uint32(bpf.GuardFeedTables) {
		for _, name := range []string{MapFeedFilters, MapFeedTables} {
			if err := state[name].Delete(entry); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
				return fmt.Errorf("give up a table of feeds: %w", err)
			}
		}
	}
	return nil
}
