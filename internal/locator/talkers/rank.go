package talkers

import (
	"cmp"
	"net/netip"
	"slices"

	"github.com/packetscope/packetscope/internal/locator/passive"
)

// A candidate is a network that talks and can be probed.
type candidate struct {
	prefix netip.Prefix
	addr   netip.Addr
	bytes  uint64
}

// rank puts networks in the order of their bytes, the most first, and of their prefixes.
// Those without an address, or without bytes, have no rank. Known are addresses from
// before, for networks with which there is no connection right now.
func rank(peers []passive.Peer, flows []Flow, known map[netip.Prefix]netip.Addr) []candidate {
	connected := make(map[netip.Prefix]passive.Peer, len(peers))
	for _, p := range peers {
		connected[p.Prefix.Masked()] = p
	}
	moved := make(map[netip.Prefix]uint64, len(flows))
	for _, f := range flows {
		moved[f.Prefix.Masked()] += f.Bytes
	}
	var ranked []candidate
	add := func(c candidate) {
		if c.prefix.IsValid() && c.addr.IsValid() && c.bytes > 0 {
			ranked = append(ranked, c)
		}
	}
	for prefix, p := range connected {
		add(candidate{prefix, p.Addr, max(p.Interval.Bytes(), moved[prefix])})
	}
	for prefix, bytes := range moved {
		if _, ok := connected[prefix]; !ok {
			add(candidate{prefix, known[prefix], bytes})
		}
	}
	slices.SortFunc(ranked, func(a, b candidate) int {
		return cmp.Or(cmp.Compare(b.bytes, a.bytes), a.prefix.Compare(b.prefix))
	})
	return ranked
}
