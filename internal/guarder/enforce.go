//go:build linux

package guarder

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
	"github.com/packetscope/packetscope/internal/kernel"
)

// A rehearsal tries a policy before it is put in force.
type rehearsal func(*policy.Policy, *compile.Tables, []netip.Addr) error

// change puts a policy in force, on trial if the deadline says so, which is asked for
// when there is nothing to be waited for any more. If it fails, nothing has changed. The
// lock is held, or nobody else has the engine yet.
func (e *Engine) change(p *policy.Policy, operator []host.Connection, until func(time.Duration) deadline, within time.Duration) error {
	try := e.cfg.rehearse
	if try == nil {
		try = rehearse
	}
	next, err := e.compile(p, try)
	if err != nil {
		return err
	}
	on := until(within)
	old, err := e.inPlace(on)
	if err == nil {
		err = e.enforce(next, operator, on, old)
	}
	if err != nil {
		next.close()
		if old != nil && old != e.before {
			old.known = nil // it is in force
			old.close()
		}
		return err
	}
	e.replace(next, old)
	e.logger.Info("policy in force", "rules", len(p.Rules), "generation", e.store.Meta.Generation, "devices", len(next.devices))
	if !on.none() {
		e.startTrial(on)
		return nil
	}
	e.trial.Confirm() // forgets the one of a policy that this takes the place of
	if e.store.Meta.Deadline != 0 {
		err = e.store.EndTrial()
	}
	e.tidy()
	return err
}

// replace has the agent look after a policy that is in force now. It gives up those that
// no trial goes back to any more; old is nil without a trial.
func (e *Engine) replace(next *inForce, old *before) {
	was, last := e.current, e.before
	e.current, e.before = next, old
	if last != old {
		last.close()
	}
	if old == nil || old.known != was {
		was.close()
	}
	e.wire = wireOf(next.policy)
	e.bans.changed = true // a rule may be audited now, or not any more
	e.sampler.know(next.policy, next.slots)
	e.sampler.name(next.indices)
}

// wireOf returns the trip wire that a policy asks for.
func wireOf(p *policy.Policy) TripWire {
	if w := p.Life.TripWire; w != nil {
		return TripWire{Ratio: w.DroppedRatio, MinRate: w.MinRate, Over: w.Over}
	}
	return TripWire{}
}

// compile brings a policy into the kernel, where nothing uses it yet.
func (e *Engine) compile(p *policy.Policy, try rehearsal) (*inForce, error) {
	devices, err := e.devices(p)
	if err != nil {
		return nil, err
	}
	if len(devices) == 0 && !mayCome(e.names(p)) {
		return nil, errors.New("the policy names no device: set interfaces under defaults, or --device")
	}
	own, err := ownAddresses()
	if err != nil {
		return nil, err
	}
	indices, err := deviceIndices()
	if err != nil {
		return nil, err
	}
	next, err := e.prepare(p, indices, own, try)
	if err != nil {
		return nil, err
	}
	for _, d := range devices {
		next.devices = append(next.devices, Attachment{Device: d})
	}
	return next, nil
}

// prepare compiles a policy, rehearses it, and loads it with its counters.
func (e *Engine) prepare(p *policy.Policy, indices map[string]int, own []netip.Addr, try rehearsal) (*inForce, error) {
	epoch, learned := bootZero(), e.bindings.Learned()
	with := p.With(learned)
	tables, err := compile.Compile(with, compile.Options{Interfaces: indices, Epoch: epoch})
	if err != nil {
		return nil, err
	}
	if err := try(with, tables, own); err != nil {
		return nil, err
	}
	slots, err := e.store.Slots(p)
	if err != nil {
		return nil, err
	}
	e.feeds.wants++ // a bit may change its feed
	bits, err := e.store.FeedSlots(p.Feeds, e.feedsInUse())
	if err != nil {
		return nil, err
	}
	state := e.store.shared()
	var count *census
	if tables.Lengths.Some() {
		if count, err = newCensus(tables.Lengths, cmp.Or(e.cfg.connections, bpf.GuardMaxPrefixes), e.home); err != nil {
			return nil, err
		}
		maps.Copy(state, count.maps())
	}
	load := e.cfg.load
	if load == nil {
		load = (*compile.Tables).Load
	}
	generation, err := load(tables, compile.LoadOptions{Slots: slots, FeedSlots: bits, State: state, Own: own, Sockets: true, Conntrack: kernel.ThisHost().Conntrack(), Bans: p.BanMode, MaxSamples: e.cfg.Samples.MaxRate, Hits: !e.cfg.NoHits})
	if err != nil {
		count.close()
		return nil, err
	}
	return &inForce{
		policy: p, learned: learned, fingerprint: e.fingerprintOf(p), generation: generation,
		census: count,
		slots:  slots, feedSlots: bits, indices: indices, own: own, epoch: epoch, applied: time.Now(),
	}, nil
}

// shared are the maps that a generation gets from the store.
func (s *Store) shared() map[string]*ebpf.Map {
	shared := make(map[string]*ebpf.Map)
	for _, name := range stateMaps {
		if name != compile.MapGeneration {
			shared[name] = s.state[name]
		}
	}
	return shared
}

// enforce attaches the entry program and puts a policy in force. The one goes before
// the other: on devices that have it already, the policy changes last, so that an error
// before leaves everything as it was; but an entry that leads nowhere yet passes all
// packets, so it gets the policy first if another one enforces meanwhile.
func (e *Engine) enforce(next *inForce, operator []host.Connection, on deadline, old *before) (err error) {
	var undo undoing
	defer func() {
		if err != nil {
			err = errors.Join(err, undo.run())
		}
		undo.forget()
	}()
	running, err := e.store.Running()
	if err != nil {
		return err
	}
	empty := running == nil
	if running != nil {
		running.Close()
	}
	was := e.store.Meta
	if !on.none() {
		remembered := e.memory.past
		undo.add(nil, func() error { return e.memory.restore(remembered) })
		if err := e.memory.Begin(next.fingerprint); err != nil {
			return err
		}
		undo.add(nil, func() error {
			if was.Deadline != 0 {
				return e.store.BeginTrial(was.Policy, was.Deadline, old.program)
			}
			return e.store.EndTrial()
		})
		if err := e.store.BeginTrial(next.fingerprint, on.kernel, old.program); err != nil {
			return err
		}
	}
	if err := e.keep(next.policy, operator); err != nil {
		return err
	}
	if empty {
		undo.add(nil, func() error { return e.store.Flip(nil) })
		if err := e.store.Flip(next.generation.Program); err != nil {
			return err
		}
	}
	if err := e.keepingRuns(func() error { return e.attachAll(next, on, was.Deadline, &undo) }); err != nil {
		return err
	}
	if !empty {
		if err := e.store.Flip(next.generation.Program); err != nil {
			return err
		}
	}
	// Connections may have been established since they were listed. The policy is in
	// force by now.
	if err := e.keep(next.policy, operator); err != nil {
		e.logger.Error("connections that were established in the last moment are not kept", "err", err)
	}
	return nil
}

// attachAll attaches the entry program to all devices of a policy; was is the deadline of
// the trial before.
func (e *Engine) attachAll(next *inForce, on deadline, was uint64, undo *undoing) error {
	entry, err := e.store.Entry(on.kernel)
	if err != nil {
		return err
	}
	defer entry.Close()
	spare, err := e.store.Entry(was)
	if err != nil {
		return err
	}
	defer spare.Close()
	for i, d := range next.devices {
		pin := linkPin(d.Index)
		if !on.none() {
			pin = trialPin(d.Index)
		}
		a, before, err := attach(e.cfg.Dir, pin, d.Device, entry, spare)
		if before != nil {
			undo.add(before, before.back)
		}
		if err != nil {
			return err
		}
		e.attached(a)
		next.devices[i] = a
	}
	return nil
}

// attached says how a device was attached, if that costs more than it should.
func (e *Engine) attached(a Attachment) {
	if a.Why != "" {
		e.logger.Warn("attached generic, which costs more", "device", a.Name, "why", a.Why)
	}
	delete(e.said, a.Name)
}

// An undoing takes steps back, the last one first.
type undoing []undoStep

type undoStep struct {
	needs io.Closer // what it takes, or nil
	back  func() error
}

func (u *undoing) add(needs io.Closer, back func() error) { *u = append(*u, undoStep{needs, back}) }

func (u undoing) run() error {
	var faults []error
	for _, step := range slices.Backward(u) {
		faults = append(faults, step.back())
	}
	return errors.Join(faults...)
}

// forget gives up what the steps would need.
func (u undoing) forget() {
	for _, step := range u {
		if step.needs != nil {
			step.needs.Close()
		}
	}
}

// tidy removes what nothing goes back to any more: the program of devices that the
// policy is not for, and the state of other formats, whose links are pinned elsewhere
// by then. The policy is in force whether that succeeds or not.
func (e *Engine) tidy() {
	if err := errors.Join(e.removeUnused(), e.tidyFeeds()); err != nil {
		e.logger.Error("something is left that is not used any more", "err", err)
	}
}

func (e *Engine) removeUnused() error {
	links, err := pinnedLinks(e.cfg.Dir)
	if err != nil {
		return err
	}
	defer links.Close()
	var faults []error
	for _, l := range links {
		pin := filepath.Join(e.cfg.Dir, linkPin(l.device))
		switch {
		case !slices.ContainsFunc(e.current.devices, func(a Attachment) bool { return a.Index == l.device }):
			e.logger.Info("a device is not guarded any more", "index", l.device)
			faults = append(faults, detachLink(l.pin), os.Remove(l.pin))
		case l.pin != pin:
			faults = append(faults, l.moveTo(pin))
		}
	}
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("give up links: %w", err)
	}
	others, err := e.store.Others()
	if err != nil {
		return err
	}
	for _, path := range others {
		e.logger.Warn("state of another version is not used any more and removed; counters began anew", "path", path)
		if err := os.RemoveAll(path); err != nil {
			return fmt.Errorf("remove the state of another version: %w", err)
		}
	}
	return nil
}

// fallBack clamps the policy in force to audit. It must not fail for anything that
// has changed on the host since: nothing is attached or looked up, and if the kernel
// does not take the clamped policy either, none is in force.
func (e *Engine) fallBack() error {
	was, p := e.current, *e.current.policy
	p.Rules = slices.Clone(p.Rules)
	for i := range p.Rules {
		p.Rules[i].Mode = policy.Audit
	}
	p.Feeds = slices.Clone(p.Feeds)
	for i := range p.Feeds {
		p.Feeds[i].Mode = policy.Audit
	}
	p.UnparsableMode, p.BanMode = policy.Audit, policy.Audit
	e.trips++
	was.tripped = true
	next, err := e.prepare(&p, was.indices, was.own, unrehearsed)
	if err != nil {
		return errors.Join(fmt.Errorf("the audited policy cannot be loaded, so none is in force: %w", err), e.store.Flip(nil))
	}
	if err := e.store.Flip(next.generation.Program); err != nil {
		next.close()
		return err
	}
	next.devices, next.tripped, next.fingerprint, next.applied = was.devices, true, was.fingerprint, was.applied
	e.current = next
	was.close()
	return nil
}

func unrehearsed(*policy.Policy, *compile.Tables, []netip.Addr) error { return nil }
