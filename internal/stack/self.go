package stack

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/internal/kernel"
)

// lossRecursion names the runs that the kernel skipped because the same program was
// already running on the CPU, interrupted.
const lossRecursion = "recursion"

// report tells how the probe is attached and what it cost so far.
func (x *fixture) report() (Probe, error) {
	p := Probe{
		Name:     x.name,
		Hook:     x.hook.describe(),
		Family:   x.hook.family,
		Attached: x.attached,
		Reason:   x.reason,
	}
	for name, prog := range x.programs {
		stats, err := prog.Stats()
		if err != nil {
			return Probe{}, fmt.Errorf("read run time of %q: %w", name, err)
		}
		p.Runs += stats.RunCount
		p.RunTime += stats.Runtime
	}
	return p, nil
}

func (x *fixture) misses() (uint64, error) {
	var sum uint64
	for name, prog := range x.programs {
		stats, err := prog.Stats()
		if err != nil {
			return 0, fmt.Errorf("read misses of %q: %w", name, err)
		}
		sum += stats.RecursionMisses
	}
	return sum, nil
}

// fill returns how full the maps are that can become full.
func (o *objects) fill() (map[string]MapFill, error) {
	fill := make(map[string]MapFill)
	for name, m := range o.maps {
		switch m.Type() {
		case ebpf.PerCPUHash, ebpf.Hash:
		default:
			continue
		}
		entries, err := countKeys(m)
		if err != nil {
			return nil, err
		}
		fill[name] = MapFill{Entries: entries, Capacity: int(m.MaxEntries())}
	}
	return fill, nil
}

// decodeEnd returns one end of a flow; the address words are in network order.
func decodeEnd(address [4]uint32, port uint16) netip.AddrPort {
	var bytes [16]byte
	for i, word := range address {
		binary.NativeEndian.PutUint32(bytes[4*i:], word)
	}
	return netip.AddrPortFrom(netip.AddrFrom16(bytes).Unmap(), port)
}

// mapsReadableWithoutPrivilege reports whether a process may use the maps it holds
// after it gave up CAP_BPF: since Linux 5.19 (commit c8644cd0efe7), or where
// unprivileged BPF was not disabled.
func mapsReadableWithoutPrivilege() bool {
	disabled, err := os.ReadFile("/proc/sys/kernel/unprivileged_bpf_disabled")
	return err == nil && disabled[0] == '0' || runsOn(5, 19)
}

// runsOn reports whether the kernel is of the given release or newer; it is taken to
// be older if it does not say.
func runsOn(major, minor int) bool {
	release, _, err := kernel.ThisHost().Release()
	return err == nil && release.AtLeast(major, minor)
}
