package stack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
)

// A watchTable holds the filters in force and the ids that the kernel knows them by.
type watchTable struct {
	objects *objects

	mu   sync.Mutex
	ids  map[uint8]Watch
	next uint8
	bank uint32
}

func newWatchTable(o *objects) *watchTable {
	return &watchTable{objects: o, ids: make(map[uint8]Watch)}
}

// set writes the filters into the bank that is not in use, switches over, and then
// forgets the counts of the watches that are gone.
func (t *watchTable) set(watches []Watch) error {
	if len(watches) > MaxWatches {
		return fmt.Errorf("%d watches are more than %d", len(watches), MaxWatches)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	ids, next := t.assign(watches)
	bank := 1 - t.bank
	first := bank * bpf.MaxWatches
	for i, w := range watches {
		filter := encodeWatch(w)
		filter.Id = ids[i]
		if err := t.objects.maps["watches"].Put(first+uint32(i), filter); err != nil {
			return fmt.Errorf("store watch %q: %w", w.Name, err)
		}
	}
	if err := t.objects.bank.Set(first<<8 | uint32(len(watches))); err != nil {
		return fmt.Errorf("switch watches: %w", err)
	}
	gone := t.ids
	t.ids, t.next, t.bank = make(map[uint8]Watch), next, bank
	for i, w := range watches {
		t.ids[ids[i]] = w
		delete(gone, ids[i])
	}
	return t.forget(gone)
}

// assign gives unchanged watches their old id, and others one that was not in use
// for as long as possible, because packets in flight still carry the old ones.
func (t *watchTable) assign(watches []Watch) (ids []uint8, next uint8) {
	next = t.next
	taken := make(map[uint8]bool)
	for id := range t.ids {
		taken[id] = true
	}
	for _, w := range watches {
		id, known := t.idOf(w)
		for !known {
			next++
			if id = next; id != 0 && !taken[id] {
				break
			}
		}
		taken[id] = true
		ids = append(ids, id)
	}
	return ids, next
}

func (t *watchTable) idOf(w Watch) (uint8, bool) {
	for id, known := range t.ids {
		if known == w {
			return id, true
		}
	}
	return 0, false
}

// name returns the name of the watch with an id; an id that is gone has none.
func (t *watchTable) name(id uint32) (string, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w, ok := t.ids[uint8(id)]
	return w.Name, ok
}

// forget deletes the counts of watches.
func (t *watchTable) forget(gone map[uint8]Watch) error {
	if len(gone) == 0 {
		return nil
	}
	return errors.Join(
		deleteKeys(t.objects.maps["watched_traffic"], func(k bpf.WatchedStation) bool {
			_, ok := gone[uint8(k.Watch)]
			return ok
		}),
		deleteKeys(t.objects.maps["watched_latency"], func(k bpf.WatchedEntry) bool {
			_, ok := gone[uint8(k.Watch)]
			return ok
		}))
}

// deleteKeys deletes the keys for which match holds.
func deleteKeys[K any](m *ebpf.Map, match func(K) bool) error {
	keys, err := keysOf[K](m)
	if err != nil {
		return err
	}
	for _, k := range slices.DeleteFunc(keys, func(k K) bool { return !match(k) }) {
		if err := m.Delete(k); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("forget counts: %w", err)
		}
	}
	return nil
}

func encodeWatch(w Watch) bpf.Watch {
	f := bpf.Watch{Protocol: w.Protocol, Version: ipVersion(w)}
	f.Address, f.Mask = encodePrefix(w.Prefix)
	f.PeerAddress, f.PeerMask = encodePrefix(w.PeerPrefix)
	f.PortFirst, f.PortLast = encodePorts(w.Ports)
	f.PeerPortFirst, f.PeerPortLast = encodePorts(w.PeerPorts)
	copy(f.Device[:len(f.Device)-1], w.Device)
	return f
}

// ipVersion returns the version that the prefixes of a watch limit it to, 0 if both.
func ipVersion(w Watch) uint8 {
	for _, p := range []netip.Prefix{w.Prefix, w.PeerPrefix} {
		switch {
		case !p.IsValid():
		case p.Addr().Is4():
			return 4
		default:
			return 6
		}
	}
	return 0
}

// encodePrefix returns address and mask as the kernel half keeps them: network
// order, IPv4 mapped into IPv6, so that an IPv4 prefix never fits IPv6.
func encodePrefix(p netip.Prefix) (address, mask [4]uint32) {
	if !p.IsValid() {
		return address, mask
	}
	bits := p.Bits()
	if p.Addr().Is4() {
		bits += 96
	}
	bytes := p.Addr().As16()
	for i := range 16 {
		keep := max(0, min(8, bits-8*i))
		m := byte(0xff << (8 - keep))
		address[i/4] |= uint32(bytes[i]&m) << (8 * (i % 4))
		mask[i/4] |= uint32(m) << (8 * (i % 4))
	}
	return address, mask
}

func encodePorts(r PortRange) (first, last uint16) {
	if r == (PortRange{}) {
		return 0, 65535
	}
	return r.First, r.Last
}
