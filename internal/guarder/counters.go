//go:build linux

package guarder

import (
	"fmt"

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

// fates are those of all devices.
func (s *Store) fates() (all [4]Counts, err error) {
	for device := range uint32(bpf.GuardMaxDevices) {
		of, err := s.Fates(device)
		if err != nil {
			return all, err
		}
		for i, n := range of {
			all[i].Packets += n.Packets
			all[i].Bytes += n.Bytes
		}
	}
	return all, nil
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

// message returns an entry of the map of ICMP, enum guard_icmp_entry.
func (s *Store) message(i uint32) (packets uint64, err error) {
	err = sum(s, compile.MapICMP, i, func(n uint64) { packets += n })
	return packets, err
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
	for _, family := range []uint8{4, 6} {
		first, firstError := uint32(bpf.GuardICMPType4), uint32(bpf.GuardICMPError4)
		if family == 6 {
			first, firstError = uint32(bpf.GuardICMPType6), uint32(bpf.GuardICMPError6)
		}
		for kind := range uint32(256) {
			n, err := s.message(first + kind)
			if err != nil {
				return nil, nil, err
			}
			if n > 0 {
				types = append(types, ICMPStatus{family, uint8(kind), policy.ICMPName(family, uint8(kind)), n})
			}
		}
		for class, name := range errorNames {
			for cited, protocol := range citedNames {
				n, err := s.message(firstError + uint32(class)*uint32(bpf.GuardCiteds) + uint32(cited))
				if err != nil {
					return nil, nil, err
				}
				if n > 0 {
					quoted = append(quoted, QuotedStatus{family, name, protocol, n})
				}
			}
		}
	}
	return types, quoted, nil
}
