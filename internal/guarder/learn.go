//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"reflect"
	"slices"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// learns tells whether a policy has sets that learn.
func learns(p *policy.Policy) bool {
	for set := range maps.Values(p.Bindings) {
		if set.Learn {
			return true
		}
	}
	return false
}

// learn reads the neighbour table for a policy with sets that learn. Nothing is put in
// force by it.
func (e *Engine) learn(p *policy.Policy, now time.Time) error {
	if !learns(p) {
		return nil
	}
	gateways, entries, err := host.ReadNeighbours()
	if err != nil {
		return err
	}
	e.gateways = gateways
	indices, err := deviceIndices()
	if err != nil {
		return err
	}
	e.deviceNames = make(map[int]string)
	for name, index := range indices {
		e.deviceNames[index] = name
	}
	var neighbours []Neighbour
	for _, n := range entries {
		neighbours = append(neighbours, Neighbour{n.Addr, e.deviceNames[n.Device], MAC(n.MAC), n.Confirmed})
	}
	return e.see(p, neighbours, true, now)
}

// learnFor learns for a policy that may be put in force, or nil; and returns what is known.
func (e *Engine) learnFor(p *policy.Policy) policy.Learned {
	e.mu.Lock()
	defer e.mu.Unlock()
	if p == nil {
		return nil
	}
	if err := e.learn(p, time.Now()); err != nil {
		e.logger.Error("MAC addresses may not be learnt", "err", err)
	}
	return e.bindings.Learned()
}

// see compares neighbours with what was learnt, tells what is new, and writes it.
func (e *Engine) see(p *policy.Policy, neighbours []Neighbour, whole bool, now time.Time) error {
	news, changed := e.bindings.See(p, e.gateways, neighbours, whole, now)
	for _, n := range news {
		about := []any{"set", n.Set, "address", n.IP, "device", n.Device, "mac", n.MAC}
		if n.what != "learnt" && !n.tells(now) {
			continue
		}
		switch n.what {
		case "learnt":
			e.logger.Info("a MAC address was learnt and is locked", about...)
		case "changed":
			e.logger.Error("a neighbour has another MAC address than the one that is locked", append(about, "other", n.other)...)
		case "back":
			e.logger.Info("a neighbour has the MAC address again that is locked", about...)
		case "full":
			e.logger.Error("a MAC address is not learnt, as there are too many already", append(about, "most", maxBindings)...)
		}
	}
	if !changed {
		return nil
	}
	return e.bindings.Write()
}

// relearn looks at the neighbour table and puts what is new in force.
func (e *Engine) relearn() error {
	// What the disk does not take is in force all the same.
	return errors.Join(e.learn(e.current.policy, time.Now()), e.renewLearned())
}

// renewLearned puts the policy in force again if something was learnt, or unlocked, that
// it does not know.
func (e *Engine) renewLearned() error {
	c := e.current
	if c.generation == nil || !learns(c.policy) || reflect.DeepEqual(c.learned, e.bindings.Learned()) {
		return nil
	}
	if err := e.again(c.indices); err != nil {
		return fmt.Errorf("what was learnt is not in force: %w", err)
	}
	return nil
}

// again compiles the policy in force for what has changed around it.
func (e *Engine) again(indices map[string]int) error {
	c := e.current
	next, err := e.prepare(c.policy, indices, c.own, unrehearsed)
	if err != nil {
		return err
	}
	if err := e.store.Flip(next.generation.Program); err != nil {
		next.close()
		return err
	}
	next.fingerprint, next.applied, next.tripped, next.devices = c.fingerprint, c.applied, c.tripped, c.devices
	e.current = next
	c.close()
	return nil
}

// Unlock implements [Administered].
func (e *Engine) Unlock(u Unlocking) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return err
	}
	if err := e.bindings.Unlock(u.Set, u.IP, time.Now()); err != nil {
		return err
	}
	if err := e.bindings.Write(); err != nil {
		return err
	}
	return e.relearn()
}

// neighbourChanges returns the changes of the neighbour table, or nothing if
// nobody wants to learn from them, or the kernel cannot be asked: then they are seen with
// the next look.
func (e *Engine) neighbourChanges() changes[netlink.NeighUpdate] {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil || !learns(e.current.policy) {
		return changes[netlink.NeighUpdate]{}
	}
	from, stop := make(chan netlink.NeighUpdate, 1024), make(chan struct{})
	err := netlink.NeighSubscribeWithOptions(from, stop, netlink.NeighSubscribeOptions{
		ErrorCallback: func(err error) { e.logger.Debug("changes of neighbours", "err", err) },
	})
	if err != nil {
		e.logger.Warn("neighbours that change are seen later", "err", err)
		return changes[netlink.NeighUpdate]{}
	}
	return changes[netlink.NeighUpdate]{from, stop}
}

// lookAtNeighbour takes note of a change of the neighbour table.
func (e *Engine) lookAtNeighbour(u *netlink.Neigh) {
	n, ok := host.NeighbourOf(u)
	if !ok {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.running() != nil || !e.concerns(n.Addr) || e.deviceNames[n.Device] == "" {
		return // the next look sees it, if it is of a new device
	}
	err := e.see(e.current.policy, []Neighbour{{n.Addr, e.deviceNames[n.Device], MAC(n.MAC), n.Confirmed}}, false, time.Now())
	if err := errors.Join(err, e.renewLearned()); err != nil {
		e.logger.Error("learn from the neighbour table", "err", err)
	}
}

// concerns tells whether a set learns of an address. Most neighbours are of no concern,
// and there may be thousands.
func (e *Engine) concerns(ip netip.Addr) bool {
	for _, set := range e.current.policy.Bindings {
		if set.Learn && (slices.Contains(e.gateways, ip) || slices.Contains(set.Open, ip) || e.bindings.has(set.Name, ip)) {
			return true
		}
	}
	return false
}
