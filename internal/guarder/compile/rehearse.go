package compile

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
)

// NewBuckets makes a map of buckets with as much room as an agent has, for a generation
// without a state of its own. The caller closes it.
func NewBuckets() (*ebpf.Map, error) {
	spec, err := bpf.LoadGuard()
	if err != nil {
		return nil, err
	}
	m, err := ebpf.NewMap(spec.Maps[MapBuckets])
	if err != nil {
		return nil, fmt.Errorf("make map %q: %w", MapBuckets, err)
	}
	return m, nil
}

// SamePort is the bit that the program has for a port where it counts different ones, with
// a seed of hashes: guard_is_spread() and guard_mix().
func SamePort(seed uint64, port uint16) uint16 {
	hash := (seed ^ uint64(port)) * 0x9e3779b97f4a7c15
	hash ^= hash >> 32
	return uint16(hash >> 58)
}
