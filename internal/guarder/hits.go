//go:build linux

package guarder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"
	"unsafe"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/packet"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// hitBatch is how many entries are read at once.
const hitBatch = 2048

// hits calls f for each source and rule in the table. Those that come or go
// meanwhile may be left out.
func (s *Store) hits(f func(bpf.GuardHitKey, bpf.GuardHit)) error {
	m := s.state[compile.MapHits]
	keys, values := make([]bpf.GuardHitKey, hitBatch), make([]bpf.GuardHit, hitBatch)
	var cursor ebpf.MapBatchCursor
	for {
		n, err := m.BatchLookup(&cursor, keys, values, nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("read the table of sources: %w", err)
		}
		for i := range n {
			f(keys[i], values[i])
		}
		if err != nil {
			return nil
		}
	}
}

// sources returns whom rules hit.
func (e *Engine) sources() ([]SourceStatus, error) {
	zero, err := wallTime(0)
	if err != nil {
		return nil, err
	}
	names := make(map[uint32]int)
	for i, slot := range e.current.slots {
		names[slot] = i
	}
	all := []SourceStatus{}
	err = e.store.hits(func(k bpf.GuardHitKey, h bpf.GuardHit) {
		i, known := names[k.Slot]
		if !known {
			return // of a policy before
		}
		r := &e.current.policy.Rules[i]
		s := SourceStatus{
			Source: sourceOf(k), Group: r.Group, Rule: r.Name, Effect: effectNames[compile.Credit(h.Credit)], Packets: h.Packets, Bytes: h.Bytes,
			First: zero.Add(time.Duration(h.First)), Last: zero.Add(time.Duration(h.Last)), Port: h.Port,
			Protocol: policy.ProtocolName(h.EtherType, h.Protocol), Flags: policy.FlagNames(h.Flags),
		}
		if h.Protocol == packet.ICMPv4 && k.Family == 4 || h.Protocol == packet.ICMPv6 && k.Family == 6 {
			s.ICMPType = policy.ICMPName(uint8(k.Family), h.IcmpType)
		}
		all = append(all, s)
	})
	return all, err
}

// sourceOf returns the address or the prefix, or "" without one.
func sourceOf(k bpf.GuardHitKey) string {
	switch addr := addrOf(k); k.Family {
	case 4:
		return addr.String()
	case 6:
		return netip.PrefixFrom(addr, 64).String()
	}
	return ""
}

// addrOf returns the address, of IPv6 the first one of the prefix, or the zero Addr.
func addrOf(k bpf.GuardHitKey) netip.Addr {
	var b [16]byte
	binary.NativeEndian.PutUint32(b[:], k.Source[0])
	binary.NativeEndian.PutUint32(b[4:], k.Source[1])
	switch k.Family {
	case 4:
		return netip.AddrFrom4([4]byte(b[:4]))
	case 6:
		return netip.AddrFrom16(b)
	}
	return netip.Addr{}
}

// Hits returns the table of sources, also what rules that are in force no more have hit.
func (e *Engine) Hits() (HitList, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return HitList{}, err
	}
	boot, err := wallTime(0)
	if err != nil {
		return HitList{}, err
	}
	list := HitList{Boot: boot, Hits: []Hit{}}
	err = e.store.hits(func(k bpf.GuardHitKey, h bpf.GuardHit) {
		list.Hits = append(list.Hits, Hit{addrOf(k), k.Slot, effectNames[compile.Credit(h.Credit)], h.Packets, h.First, h.Last})
	})
	return list, err
}

// countSources returns how many entries the table of sources has.
func (s *Store) countSources() (n int, err error) {
	err = s.hits(func(bpf.GuardHitKey, bpf.GuardHit) { n++ })
	return n, err
}

// forgetHits removes those of a rule that is gone, before another one gets its slot.
func (s *Store) forgetHits(slot uint32) error {
	var gone []bpf.GuardHitKey
	if err := s.hits(func(k bpf.GuardHitKey, _ bpf.GuardHit) {
		if k.Slot == slot {
			gone = append(gone, k)
		}
	}); err != nil {
		return err
	}
	for _, k := range gone {
		if err := s.state[compile.MapHits].Delete(k); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("forget a source: %w", err)
		}
	}
	return nil
}

// services returns the ports that dropped packets were for.
func (s *Store) services() ([]ServiceStatus, error) {
	memory, err := s.state[compile.MapServices].Memory()
	if err != nil {
		return nil, fmt.Errorf("map the table of services: %w", err)
	}
	const size = int(unsafe.Sizeof(bpf.GuardService{}))
	all := []ServiceStatus{}
	chunk := make([]bpf.GuardService, 4096)
	raw := unsafe.Slice((*byte)(unsafe.Pointer(&chunk[0])), len(chunk)*size) // both are in the host's order
	for first := 0; first < bpf.GuardServices; first += len(chunk) {
		if _, err := memory.ReadAt(raw, int64(first*size)); err != nil {
			return nil, fmt.Errorf("read the table of services: %w", err)
		}
		for i, n := range chunk {
			if n != (bpf.GuardService{}) {
				all = append(all, serviceOf(first+i, n))
			}
		}
	}
	return all, nil
}

func serviceOf(at int, n bpf.GuardService) ServiceStatus {
	s := ServiceStatus{Protocol: "tcp", Port: uint16(at), Counts: make(map[string]Counts)}
	if at >= bpf.GuardServices/2 {
		s.Protocol = "udp"
	}
	for what, c := range map[string]bpf.GuardCount{"drop": n.Dropped, "would_drop": n.WouldDrop} {
		if c.Packets > 0 {
			s.Counts[what] = Counts{c.Packets, c.Bytes}
		}
	}
	return s
}
