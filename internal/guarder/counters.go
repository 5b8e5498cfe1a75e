//go:build linux

package guarder

import (
	"fmt"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// sum reads an entry of a map with a value per CPU and adds the values up.
func sum[T any](s *Store, name string, key uint32, add func(T)) error {
	var cpus []T
	if err := s.state[name].Lookup(key, &cpus); err != nil {
		return fmt.Errorf("read entry %d of %s: %w", key, name, err)
	}
	for _, v := range cpus {
		add(v)
	}
	return nil
}

func (c *Counts) add(n bpf.GuardCount) {
	c.Packets += n.Packets
	c.Bytes += n.Bytes
}

// Counts returns what the rule with a slot was credited with, by credit.
func (s *Store) Counts(slot uint32) (of [4]Counts, err error) { return s.four(compile.MapCounts, slot) }

// Fates returns what became of the packets of a device, by enum guard_fate. Entry 0
// are devices whose index is bpf.GuardMaxDevices or more.
func (s *Store) Fates(device uint32) (of [4]Counts, err error) {
	return s.four(compile.MapDevices, device)
}

// each reads all entries of a map with a value per CPU.
func each[T any](s *Store, name string, add func(key uint32, value T)) error {
	m := s.state[name]
	n, cpus := int(m.MaxEntries()), ebpf.MustPossibleCPU()
	keys, values := make([]uint32, n), make([]T, n*cpus)
	var cursor ebpf.MapBatchCursor
	if read, err := m.BatchLookup(&cursor, keys, values, nil); read < n {
		return fmt.Errorf("read %d of %d entries of %s: %w", read, n, name, err)
	}
	for i, key := range keys {
		for _, v := range values[i*cpus:][:cpus] {
			add(key, v)
		}
	}
	return nil
}

// fates are those of all devices.
func (s *Store) fates() (all [4]Counts, err error) {
	err = each(s, compile.MapDevices, func(_ uint32, c bpf.GuardCounts) {
		for i := range all {
			all[i].add(c.Of[i])
		}
	})
	return all, err
}

func (s *Store) four(name string, key uint32) (of [4]Counts, err error) {
	err = sum(s, name, key, func(c bpf.GuardCounts) {
		for i := range of {
			of[i].add(c.Of[i])
		}
	})
	return of, err
}

// Total returns an entry of the map of totals, enum guard_total.
func (s *Store) Total(i uint32) (total Counts, err error) {
	err = sum(s, compile.MapTotals, i, total.add)
	return total, err
}

// errorNames and citedNames are the classes of ICMP errors, and the protocols of the
// packets that they quote.
var (
	errorNames = [bpf.GuardErrors]string{
		bpf.GuardErrorUnreachable: "unreachable", bpf.GuardErrorPacketTooBig: "packet-too-big",
		bpf.GuardErrorTimeExceeded: "time-exceeded", bpf.GuardErrorRedirect: "redirect",
		bpf.GuardErrorParameterProblem: "parameter-problem", bpf.GuardErrorSourceQuench: "source-quench",
	}
	citedNames = [bpf.GuardCiteds]string{
		bpf.GuardCitedTCP: "tcp", bpf.GuardCitedUDP: "udp", bpf.GuardCitedICMP: "icmp",
		bpf.GuardCitedOther: "other", bpf.GuardCitedNone: "none",
	}
)

// icmp returns the messages of ICMP that arrived, and what errors quoted.
func (s *Store) icmp() (types []ICMPStatus, quoted []QuotedStatus, err error) {
	var packets [bpf.GuardICMPEntries]uint64
	if err := each(s, compile.MapICMP, func(entry uint32, n uint64) { packets[entry] += n }); err != nil {
		return nil, nil, err
	}
	for _, family := range []uint8{4, 6} {
		first, firstError := packets[bpf.GuardICMPType4:], packets[bpf.GuardICMPError4:]
		if family == 6 {
			first, firstError = packets[bpf.GuardICMPType6:], packets[bpf.GuardICMPError6:]
		}
		for kind, n := range first[:256] {
			if n > 0 {
				types = append(types, ICMPStatus{family, uint8(kind), policy.ICMPName(family, uint8(kind)), n})
			}
		}
		for i, n := range firstError[:len(errorNames)*len(citedNames)] {
			if n > 0 {
				quoted = append(quoted, QuotedStatus{family, errorNames[i/len(citedNames)], citedNames[i%len(citedNames)], n})
			}
		}
	}
	return types, quoted, nil
}
