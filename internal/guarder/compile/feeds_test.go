package compile

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/feed"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// listsOf returns sets as feeds list them, each with a bit of its own.
func listsOf(all []*policy.Set) (lists []feed.Listed) {
	for i, set := range all {
		l := &feed.List{}
		for _, p := range set.Prefixes {
			l.Entries = append(l.Entries, feed.Entry{Prefix: p})
		}
		lists = append(lists, feed.Listed{List: l, Slot: uint32(31 - 9*i)})
	}
	return lists
}

// listing returns the feeds that list an address, by bit.
func listing(all []*policy.Set, a netip.Addr) (feeds uint32) {
	for i, set := range all {
		if set.Has(a) {
			feeds |= 1 << (31 - 9*i)
		}
	}
	return feeds
}

// TestFeedBlocksAreExact compares the blocks of feeds with the lists that they are made of.
func TestFeedBlocksAreExact(t *testing.T) {
	m := newMaker(t)
	areas := 0
	for name, of := range crowds {
		for _, size := range []int{1, 30, 3000} {
			all := m.crowded(of, 4, size)
			w := unionOfFeeds(feed.Join(listsOf(all), time.Now()))
			b := newBlocks(w)
			for _, a := range m.addresses(all, 2000) {
				if want, got := listing(all, a), uint32(w.classes[b.Class(a)]); got != want {
					t.Fatalf("%s, up to %d: %v is listed by %#b, want %#b", name, size, a, got, want)
				}
			}
			areas += b.checkAreas(t, b.Root6)
		}
	}
	if areas == 0 {
		t.Error("no list had an area; the test tests nothing")
	}
}

// checkAreas counts the areas below a slot, none of which may be on two lines.
func (b *Blocks) checkAreas(t *testing.T, slot uint64) (n int) {
	switch slot >> slotKind {
	case slotBranch:
		for way := range uint64(1) << (slot >> branchBits & 31) {
			n += b.checkAreas(t, b.Words[uint64(uint32(slot))+way])
		}
	case slotArea:
		for at := uint32(slot); at != 0; at = uint32(b.Words[at]) {
			if n++; int(at%cacheLine)+areaWords(uint8(b.Words[at]>>areaLength)) > cacheLine {
				t.Errorf("an area is on two lines, from word %d on", at)
			}
		}
	}
	return n
}

// TestPartsOfAFeedTable looks for each part where the head says that it is.
func TestPartsOfAFeedTable(t *testing.T) {
	m := newMaker(t)
	rows := feed.Join(listsOf(m.crowded(crowds["small networks"], 4, 3000)), time.Now())
	_, head, parts, err := feedLines(rows)
	if err != nil {
		t.Fatal(err)
	}
	var all []byte
	for _, part := range append([][]byte{bytesOf([]bpf.GuardFeedHead{head})}, parts...) {
		all = append(all, part...)
		all = append(all, make([]byte, linesOf(part)*lineBytes-len(part))...)
	}
	w := unionOfFeeds(rows)
	b := newBlocks(w)
	for name, part := range map[string]struct {
		line    uint32
		content []byte
	}{
		"blocks4": {head.Blocks4, bytesOf(b.Blocks4)}, "words": {head.Words, bytesOf(b.Words)}, "pages": {head.Pages, bytesOf(b.Pages)},
	} {
		if at := all[part.line*lineBytes:]; len(part.content) == 0 || !slices.Equal(at[:len(part.content)], part.content) {
			t.Errorf("%s is not at line %d, or is empty", name, part.line)
		}
	}
	for class, feeds := range w.classes {
		if got := binary.NativeEndian.Uint32(all[int(head.Classes)*lineBytes+4*class:]); got != uint32(feeds) {
			t.Errorf("class %d is of feeds %#b, want %#b", class, got, feeds)
		}
	}
}

// TestFilterHasRoomForTheLargestBlocks compares with what Blocks can have.
func TestFilterHasRoomForTheLargestBlocks(t *testing.T) {
	if got, want := bpf.GuardFeedAny4, 1<<(32-minShift)/64; got != want {
		t.Errorf("there is room for %d words of IPv4, want %d", got, want)
	}
	if bpf.GuardFeedAny6 != maxAny6 {
		t.Errorf("there is room for %d words of IPv6, want %d", bpf.GuardFeedAny6, maxAny6)
	}
}

// TestMillionOfFeedsTakesLittleMemory holds the size of a table against the aim.
func TestMillionOfFeedsTakesLittleMemory(t *testing.T) {
	const million, aim = 1_000_000, 16_000_000
	m := newMaker(t)
	rows := make([]feed.Row, 0, million+20_000)
	for range million {
		rows = append(rows, feed.Row{Prefix: longest(m.anywhere(false)), Feeds: 1 + m.Uint32N(7)})
	}
	for range 20_000 {
		rows = append(rows, feed.Row{Prefix: netip.PrefixFrom(m.anywhere(false), 24).Masked(), Feeds: 8})
	}
	slices.SortFunc(rows, func(a, b feed.Row) int { return a.Prefix.Compare(b.Prefix) })
	_, _, parts, err := feedLines(rows)
	if err != nil {
		t.Fatal(err)
	}
	size := int(unsafe.Sizeof(bpf.GuardFeedNear{}))
	for _, part := range parts {
		size += linesOf(part) * lineBytes
	}
	if t.Logf("%d prefixes: %.1f MB", len(rows), float64(size)/1e6); size > aim {
		t.Errorf("%d prefixes of three feeds and of a fourth take %d bytes, more than %d", len(rows), size, aim)
	}
}

// TestFeedsThatOverlapInTooManyWays has fifteen feeds list addresses in more ways than
// there are classes.
func TestFeedsThatOverlapInTooManyWays(t *testing.T) {
	rows := make([]feed.Row, maxClasses)
	for i := range rows {
		var b [4]byte
		binary.BigEndian.PutUint32(b[:], 1<<24+uint32(i))
		rows[i] = feed.Row{Prefix: longest(netip.AddrFrom4(b)), Feeds: uint32(i + 1)}
	}
	if _, _, _, err := feedLines(rows[1:]); err != nil {
		t.Errorf("%d ways: %v", len(rows)-1, err)
	}
	if _, _, _, err := feedLines(rows); err == nil || !strings.Contains(err.Error(), "overlap in more than 16384 ways") {
		t.Errorf("%d ways: %v", len(rows), err)
	}
}
