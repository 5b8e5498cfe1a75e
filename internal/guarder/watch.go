//go:build linux

package guarder

import (
	"cmp"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/bpf"
)

// How often an engine looks after its policy.
const (
	wireEvery = time.Second
	ownEvery  = 10 // of these; for the last match of rules too
)

// endOfRules is what is said of temporary rules; no device has such a name.
const endOfRules = "temporary rules"

// oldOwn is said when own addresses cannot be asked for.
const oldOwn = "own addresses may be out of date"

// watch looks after the policy until the engine is closed: the trip wire, the host's own
// addresses, connections that are kept, and devices that come and go. It tells once
// whether it can.
func (e *Engine) watch(ready chan<- error) {
	defer e.done.Done()
	if err := e.home.enter(); err != nil {
		ready <- err
		return
	}
	ready <- nil
	devices, addresses, neighbours := changes[netlink.LinkUpdate]{}, changes[netlink.AddrUpdate]{}, changes[netlink.NeighUpdate]{}
	defer devices.end()
	defer addresses.end()
	defer neighbours.end()
	tick := time.NewTicker(cmp.Or(e.cfg.every, wireEvery))
	defer tick.Stop()
	for n := 0; ; n++ {
		if devices.from == nil && n%ownEvery == 0 {
			devices = e.deviceChanges()
		}
		if addresses.from == nil && n%ownEvery == 0 {
			addresses = e.addressChanges()
		}
		if neighbours.from == nil {
			neighbours = e.neighbourChanges()
		}
		select {
		case <-e.stop:
			return
		case _, ok := <-devices.from:
			if !ok {
				devices.end() // until later; every look finds the same, if not at once
				continue
			}
			drain(devices.from)
			e.lookAtDevices()
		case _, ok := <-addresses.from:
			if !ok {
				addresses.end()
				continue
			}
			drain(addresses.from)
			e.lookAtAddresses()
		case u, ok := <-neighbours.from:
			if !ok {
				neighbours.end()
				continue
			}
			e.lookAtNeighbour(&u.Neigh)
		case now := <-tick.C:
			e.look(now, n%ownEvery == ownEvery-1)
		}
	}
}

// changes are what the kernel tells from now on; its zero value is nothing.
type changes[T any] struct {
	// from is closed when the kernel had more to tell than was read.
	from <-chan T
	stop chan struct{}
}

// end has the library close its socket, which it keeps until then, closed channel or not:
// whoever makes the kernel tell much must not use up the files of the agent.
func (c *changes[T]) end() {
	if c.stop == nil {
		return
	}
	close(c.stop)
	go func(rest <-chan T) { // the library may wait for somebody to read
		for range rest {
		}
	}(c.from)
	*c = changes[T]{}
}

// deviceChanges returns the changes of devices, or nothing if the kernel cannot be asked.
func (e *Engine) deviceChanges() changes[netlink.LinkUpdate] {
	from, stop := make(chan netlink.LinkUpdate, 256), make(chan struct{})
	err := netlink.LinkSubscribeWithOptions(from, stop, netlink.LinkSubscribeOptions{
		ErrorCallback: func(err error) { e.logger.Debug("changes of devices", "err", err) },
	})
	if err != nil {
		e.logger.Warn("devices that come are seen later", "err", err)
		return changes[netlink.LinkUpdate]{}
	}
	return changes[netlink.LinkUpdate]{from, stop}
}

// addressChanges returns the changes of addresses, or nothing if the kernel cannot be asked.
func (e *Engine) addressChanges() changes[netlink.AddrUpdate] {
	from, stop := make(chan netlink.AddrUpdate, 256), make(chan struct{})
	err := netlink.AddrSubscribeWithOptions(from, stop, netlink.AddrSubscribeOptions{
		ErrorCallback: func(err error) { e.logger.Debug("changes of addresses", "err", err) },
	})
	if err != nil {
		e.logger.Warn("own addresses that come are known later", "err", err)
		return changes[netlink.AddrUpdate]{}
	}
	return changes[netlink.AddrUpdate]{from, stop}
}

// drain reads what is there already: one look serves all.
func drain[T any](changes <-chan T) {
	for {
		select {
		case _, ok := <-changes:
			if !ok {
				return
			}
		default:
			return
		}
	}
}

func (e *Engine) lookAtDevices() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil {
		return
	}
	if err := e.follow(); err != nil {
		e.logger.Error("devices may not be guarded", "err", err)
	}
}

func (e *Engine) lookAtAddresses() {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil {
		return
	}
	if err := e.refreshOwn(); err != nil {
		e.logger.Error(oldOwn, "err", err)
	}
}

// look looks at the trip wire, takes out rules that are over, and at times at all that changes slowly.
func (e *Engine) look(now time.Time, atAll bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil {
		return
	}
	if atAll {
		for what, do := range map[string]func() error{
			oldOwn:                                e.refreshOwn,
			"connections may be kept too long":    e.sweep,
			"counts of connections may be wrong":  e.compareCounts,
			"devices may not be guarded":          e.follow,
			"MAC addresses may not be learnt":     e.relearn,
			"devices of samples may have no name": e.nameDevices,
			"last matches may be out of date": func() error {
				_, err := e.rules(now)
				return err
			},
		} {
			if err := do(); err != nil {
				e.logger.Error(what, "err", err)
			}
		}
	}
	if err := e.expire(now); err == nil {
		delete(e.said, endOfRules)
	} else if e.say(endOfRules, err.Error()) {
		e.logger.Error("temporary rules that are over are still in the policy, and match nothing", "err", err)
	}
	totals, err := e.totals()
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

// totals are the packets of attached devices that were judged and dropped.
func (e *Engine) totals() (t Totals, err error) {
	seen := make(map[uint32]bool)
	for _, d := range e.current.devices {
		index := uint32(d.Index)
		if d.Index >= bpf.GuardMaxDevices {
			index = 0
		}
		if seen[index] {
			continue
		}
		seen[index] = true
		of, err := e.store.Fates(index)
		if err != nil {
			return t, err
		}
		passed, dropped := of[bpf.GuardFatePassed].Packets, of[bpf.GuardFateDropped].Packets
		t.Arrived += passed + dropped
		t.Dropped += dropped
	}
	return t, nil
}

// compareCounts compares the counts of connections with the list of sockets, also those of
// a policy that may be in force again.
func (e *Engine) compareCounts() error {
	all := []*inForce{e.current}
	if e.before != nil {
		all = append(all, e.before.known)
	}
	for _, f := range all {
		if f != nil && f.census != nil {
			if err := f.census.compare(); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e *Engine) nameDevices() error {
	indices, err := deviceIndices()
	if err == nil {
		e.sampler.name(indices)
	}
	return err
}

func (e *Engine) refreshOwn() error {
	own, err := ownAddresses()
	if err != nil || e.current.generation == nil || slices.Equal(own, e.current.own) {
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
