package main

import (
	"cmp"
	"net/netip"
	"sync/atomic"

	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/locator/talkers"
	"github.com/packetscope/packetscope/internal/stack"
)

// talks tells the Locator what the Analyzer's table of flows says was moved.
type talks struct {
	flows func() (stack.FlowTable, error)
	// discover is of the config in force, which a reload may change.
	discover atomic.Pointer[locator.Discover]
	// before is what each flow had moved when it was read last.
	before map[stack.FlowKey]uint64
}

// newTalks returns talks under a config.
func newTalks(flows func() (stack.FlowTable, error), discover locator.Discover) *talks {
	t := &talks{flows: flows}
	t.discover.Store(&discover)
	return t
}

// read returns the bytes since it was called last, by remote network. A flow that had to
// leave the table and came back begins at zero, and a table that cannot be read has none.
func (t *talks) read() []talkers.Flow {
	table, err := t.flows()
	if err != nil {
		return nil
	}
	moved := make(map[netip.Prefix]uint64)
	now := make(map[stack.FlowKey]uint64, len(table.Flows))
	for _, f := range table.Flows {
		sum := f.Bytes()
		now[f.FlowKey] = sum
		if before := t.before[f.FlowKey]; before <= sum {
			sum -= before
		}
		if network, ok := t.network(f.Remote); ok && t.before != nil {
			moved[network] += sum
		}
	}
	t.before = now
	var all []talkers.Flow
	for network, bytes := range moved {
		if bytes > 0 {
			all = append(all, talkers.Flow{Prefix: network, Bytes: bytes})
		}
	}
	return all
}

// network returns the network of the Locator that a remote one is in. One that is larger
// is in none.
func (t *talks) network(remote netip.Prefix) (netip.Prefix, bool) {
	discover := t.discover.Load()
	bits := cmp.Or(discover.IPv4Bits, locator.DefaultIPv4Bits)
	if remote.Addr().Is6() {
		bits = cmp.Or(discover.IPv6Bits, locator.DefaultIPv6Bits)
	}
	if remote.Bits() < bits {
		return netip.Prefix{}, false
	}
	network, err := remote.Addr().Prefix(bits)
	return network, err == nil
}
