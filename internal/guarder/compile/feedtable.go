package compile

import (
	"errors"
	"fmt"
	"unsafe"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/feed"
)

// A FeedTable is what all feeds list, in the kernel. It is made beside the one in force
// and put in its place by Install; nobody changes it after.
type FeedTable struct {
	table, filter *ebpf.Map
	// Addresses and Prefixes are how many it has.
	Addresses, Prefixes int
}

// lineBytes is how many bytes a line of a table takes.
const lineBytes = 8 * cacheLine

// NewFeedTable brings rows into the kernel, where nothing uses them yet. The caller closes
// what it returns; the kernel keeps it for as long as it is in force.
func NewFeedTable(rows []feed.Row) (*FeedTable, error) {
	b, head, parts, err := feedLines(rows)
	if err != nil {
		return nil, err
	}
	spec, err := bpf.LoadGuard()
	if err != nil {
		return nil, err
	}
	lines := 1
	for _, part := range parts {
		lines += linesOf(part)
	}
	t := &FeedTable{}
	for _, made := range []struct {
		m       **ebpf.Map
		of, as  string
		entries int
	}{{&t.table, MapFeedTables, "guard_feed_list", lines}, {&t.filter, MapFeedFilters, "guard_feed_near", 1}} {
		m := spec.Maps[made.of].InnerMap.Copy()
		m.Name, m.MaxEntries = made.as, uint32(made.entries)
		if *made.m, err = ebpf.NewMap(m); err != nil {
			t.Close()
			return nil, fmt.Errorf("make a table of feeds of %d bytes: %w", made.entries*int(m.ValueSize), err)
		}
	}
	if err := errors.Join(t.fill(head, parts, lines), t.fillFilter(b)); err != nil {
		t.Close()
		return nil, err
	}
	for i := range rows {
		if rows[i].Prefix.IsSingleIP() {
			t.Addresses++
		}
	}
	t.Prefixes = len(rows) - t.Addresses
	return t, nil
}

// A feedPart is a map of a table, and the name of the map of maps that it belongs into.
type feedPart struct {
	in string
	m  *ebpf.Map
}

// parts returns both, the filter last: what it lets by needs no table.
func (t *FeedTable) parts() []feedPart {
	return []feedPart{{MapFeedTables, t.table}, {MapFeedFilters, t.filter}}
}

// feedLines returns the blocks of rows as a table has them: its parts in their order, each
// of which begins on a line of its own, behind the head.
func feedLines(rows []feed.Row) (b *Blocks, head bpf.GuardFeedHead, parts [][]byte, err error) {
	w := unionOfFeeds(rows)
	if len(w.classes) > maxClasses {
		return nil, head, nil, fmt.Errorf("the lists of feeds overlap in more than %d ways; have fewer feeds", maxClasses)
	}
	b = newBlocks(w)
	classes := make([]uint32, len(w.classes))
	for i, feeds := range w.classes {
		classes[i] = uint32(feeds)
	}
	head = bpf.GuardFeedHead{Root6: b.Root6, Outside6: b.Outside6}
	next := uint32(1)
	for _, part := range []struct {
		at      *uint32
		content []byte
	}{
		{&head.Classes, bytesOf(classes)}, {&head.Blocks4, bytesOf(b.Blocks4)}, {&head.Words, bytesOf(b.Words)}, {&head.Pages, bytesOf(b.Pages)},
	} {
		*part.at = next
		next += uint32(linesOf(part.content))
		parts = append(parts, part.content)
	}
	return b, head, parts, nil
}

func linesOf(part []byte) int { return (len(part) + lineBytes - 1) / lineBytes }

// fill writes the lines.
func (t *FeedTable) fill(head bpf.GuardFeedHead, parts [][]byte, lines int) error {
	return write(t.table, lines*lineBytes, func(to []byte) {
		at := to[copy(to, bytesOf([]bpf.GuardFeedHead{head})):]
		for _, part := range parts {
			copy(at, part)
			at = at[linesOf(part)*lineBytes:]
		}
	})
}

// fillFilter writes the filter.
func (t *FeedTable) fillFilter(b *Blocks) error {
	return write(t.filter, int(unsafe.Sizeof(bpf.GuardFeedNear{})), func(to []byte) {
		n := (*bpf.GuardFeedNear)(unsafe.Pointer(unsafe.SliceData(to)))
		n.Shift4, n.Skip6, n.Shift6, n.Outside6 = b.Shift4, b.Skip6, b.Shift6, b.Outside6
		copy(n.Any4[:], b.Any4)
		copy(n.Any6[:], b.Any6)
	})
}

// write has f write to the memory of a map of some size.
func write(m *ebpf.Map, size int, f func([]byte)) error {
	to, err := unix.Mmap(m.FD(), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return fmt.Errorf("map a table of feeds: %w", err)
	}
	f(to)
	if err := unix.Munmap(to); err != nil {
		return fmt.Errorf("unmap a table of feeds: %w", err)
	}
	return nil
}

// Bytes returns how much memory of the kernel the table takes, as the kernel tells, or 0
// if it does not.
func (t *FeedTable) Bytes() (sum uint64) {
	for _, part := range t.parts() {
		info, err := part.m.Info()
		if err != nil {
			return 0
		}
		bytes, _ := info.Memlock()
		sum += bytes
	}
	return sum
}

// Close gives the table up; the kernel keeps it for as long as it is in force.
func (t *FeedTable) Close() {
	for _, part := range t.parts() {
		part.m.Close()
	}
}
