package compile

import (
	"net/netip"

	"github.com/packetscope/packetscope/internal/guarder/feed"
)

// Listing returns which feeds list an address, by bit, as the kernel would find it in a
// table of these rows.
func Listing(rows []feed.Row) func(netip.Addr) uint32 {
	w := unionOfFeeds(rows)
	if len(w.classes) > maxClasses { // which NewFeedTable refuses
		return func(netip.Addr) uint32 { return 0 }
	}
	b := newBlocks(w)
	return func(a netip.Addr) uint32 { return uint32(w.classes[b.Class(a)]) }
}
