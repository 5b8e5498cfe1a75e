//go:build linux

package guarder

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/packetscope/packetscope/bpf"
)

// How often an engine looks after its policy.
const (
	wireEvery = time.Second
	ownEvery  = 10 // of these
)

// watch looks at the trip wire, and keeps the host's own addresses up to date, until
// the engine is closed.
func (e *Engine) watch() {
	defer e.done.Done()
	tick := time.NewTicker(wireEvery)
	defer tick.Stop()
	for n := 1; ; n++ {
		select {
		case <-e.stop:
			return
		case now := <-tick.C:
			e.look(now, n%ownEvery == 0)
		}
	}
}

func (e *Engine) look(now time.Time, atAddresses bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil {
		return
	}
	if atAddresses {
		if err := e.refreshOwn(); err != nil {
			e.logger.Error("own addresses may be out of date", "err", err)
		}
	}
	totals, err := e.store.totals()
	if err != nil {
		e.logger.Error("trip wire cannot see", "err", err)
		return
	}
	if !e.current.tripped && e.wire.See(now, totals) {
		e.logger.Error("trip wire: the policy drops most of what arrives and is only audited from now on; apply a policy to end that",
			"dropped_ratio", e.wire.Ratio, "over_seconds", e.wire.Over.Seconds())
		if err := e.fallBack(); err != nil {
			e.logger.Error("trip wire", "err", err)
		}
	}
}

// totals are the packets that were judged and dropped, of all devices.
func (s *Store) totals() (t Totals, err error) {
	passed, err := s.Total(uint32(bpf.GuardTotalPassed))
	if err != nil {
		return t, err
	}
	dropped, err := s.Total(uint32(bpf.GuardTotalDropped))
	return Totals{Arrived: passed.Packets + dropped.Packets, Dropped: dropped.Packets}, err
}

func (e *Engine) refreshOwn() error {
	own, err := ownAddresses()
	if err != nil || slices.Equal(own, e.current.own) {
		return err
	}
	if err := e.current.generation.SetOwn(own); err != nil {
		return err
	}
	e.current.own = own
	return nil
}

// ownAddresses returns the addresses of this network namespace, sorted.
func ownAddresses() ([]netip.Addr, error) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list own addresses: %w", err)
	}
	var own []netip.Addr
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok {
			if addr, ok := netip.AddrFromSlice(n.IP); ok {
				own = append(own, addr.Unmap())
			}
		}
	}
	slices.SortFunc(own, netip.Addr.Compare)
	return slices.Compact(own), nil
}

// deviceIndices returns the indices of all devices by name.
func deviceIndices() (map[string]int, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list network devices: %w", err)
	}
	indices := make(map[string]int)
	for _, i := range all {
		indices[i.Name] = i.Index
	}
	return indices, nil
}
