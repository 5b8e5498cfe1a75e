//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A Config says what an agent enforces, and where.
type Config struct {
	// Paths are the files of the policy, or folders of them.
	Paths []string
	// Ceiling is the strongest mode that this host allows; Off means that there is
	// none.
	Ceiling policy.Mode
	// Devices are names or patterns; nil means those that the policy names.
	Devices []string
	// Dir is the folder of the pinned state, in the BPF file system.
	Dir string
	// Facts, if not nil, tells about the host; a policy that would cut it off is then
	// an error, unless AcceptLockout is set.
	Facts         func() (*host.Facts, error)
	AcceptLockout bool
}

// An Engine is an agent: it has a policy in force and looks after it. What it has
// put in force stays there when it is closed.
type Engine struct {
	cfg    Config
	store  *Store
	logger *slog.Logger
	trial  Trial

	// mu is held while the policy is changed, and while it is read.
	mu      sync.Mutex
	current *inForce
	wire    TripWire
	failed  bool
	trips   uint64
	// release gives up what was in force before, once the trial is over; nil if
	// nothing is on trial.
	release func()

	stop chan struct{}
	done sync.WaitGroup
}

// inForce is a policy with what the kernel holds of it.
type inForce struct {
	policy     *policy.Policy
	generation *compile.Generation
	slots      []uint32
	indices    map[string]int // of devices by name
	own        []netip.Addr
	devices    []Attachment
	applied    time.Time
	tripped    bool
}

// Open reads the policy, puts it in force and attaches it. If the policy is at fault,
// or cannot be put in force, whatever was in force before still is.
func Open(cfg Config, logger *slog.Logger) (*Engine, error) {
	p, err := load(cfg, logger)
	if err != nil {
		return nil, err
	}
	store, err := OpenStore(cfg.Dir, len(p.Rules))
	if err != nil {
		return nil, err
	}
	e := &Engine{cfg: cfg, store: store, logger: logger, stop: make(chan struct{})}
	e.trial.Undone = e.undone
	if err := e.apply(p); err != nil {
		store.Close()
		return nil, err
	}
	e.done.Add(1)
	go e.watch()
	return e, nil
}

// load reads the policy and logs its warnings. The error has a line per fault.
func load(cfg Config, logger *slog.Logger) (*policy.Policy, error) {
	p, faults := policy.Load(cfg.Paths, policy.Options{Ceiling: cfg.Ceiling})
	if p != nil && cfg.Facts != nil {
		facts, err := cfg.Facts()
		if err != nil {
			return nil, err
		}
		// Nothing keeps established connections apart yet, so to cut one is an error
		// whatever the policy promises.
		checked := *p
		checked.Life.KeepEstablished = false
		faults = append(faults, slices.DeleteFunc(host.Check(&checked, facts), func(f policy.Fault) bool {
			return cfg.AcceptLockout && f.Code == policy.Lockout
		})...)
	}
	failed := policy.Failed(faults)
	var lines []string
	for _, f := range faults {
		if !failed {
			logger.Warn("policy", "fault", f.String())
		}
		lines = append(lines, f.String())
	}
	if failed {
		return nil, errors.New(strings.Join(lines, "\n"))
	}
	if p.Life.KeepEstablished || p.Life.ProtectApplier > 0 {
		logger.Warn("established: keep and protect_applier are only checked when a policy is put in force; connections made later are judged like all others")
	}
	return p, nil
}

// Apply reads the policy again and puts it in force. If that fails, the one before
// still is.
func (e *Engine) Apply() error {
	p, err := load(e.cfg, e.logger)
	if err == nil {
		err = e.apply(p)
	}
	e.mu.Lock()
	e.failed = err != nil
	e.mu.Unlock()
	return err
}

// apply puts a policy in force, on trial if it asks for that.
func (e *Engine) apply(p *policy.Policy) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	before := e.current
	old, err := e.store.Running()
	if err != nil {
		return err
	}
	next, err := e.enforce(p)
	if err != nil {
		if old != nil {
			old.Close()
		}
		return err
	}
	e.logger.Info("policy in force", "rules", len(p.Rules), "generation", e.store.Meta.Generation, "devices", len(next.devices))
	release := func() {
		if old != nil {
			old.Close()
		}
		if before != nil {
			before.generation.Close()
		}
	}
	if e.release != nil {
		// Whoever changes a policy on trial has seen that it can be changed.
		e.trial.Confirm()
		e.release()
		e.release = nil
	}
	if p.Life.ConfirmWithin == 0 {
		release()
		return nil
	}
	e.release = release
	e.trial.Begin(time.Now(), p.Life.ConfirmWithin, func() error { return e.takeBack(next, before, old) })
	e.logger.Warn("policy is on trial", "confirm_within_seconds", p.Life.ConfirmWithin.Seconds())
	return nil
}

// takeBack puts the program in force that was before. If that was another agent's,
// nobody here knows its policy: the rules that are reported stay those of next.
func (e *Engine) takeBack(next, before *inForce, old *ebpf.Program) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return err
	}
	e.release = nil
	err := e.store.Flip(old)
	if old != nil {
		old.Close()
	}
	if before != nil {
		e.current = before
		next.generation.Close()
		e.wire.Reset()
	}
	return err
}

// enforce compiles a policy, rehearses it, attaches the entry program and puts the
// policy in force. Nothing has changed for packets until the last step.
func (e *Engine) enforce(p *policy.Policy) (*inForce, error) {
	names := e.cfg.Devices
	if names == nil {
		names = append([]string(nil), p.Attach...)
		for _, optional := range p.Optional {
			names = append(names, optional+"?")
		}
	}
	devices, err := Devices(names)
	if err != nil {
		return nil, err
	}
	if len(devices) == 0 {
		return nil, errors.New("the policy names no device: set interfaces under defaults, or --guarder.device")
	}
	own, err := ownAddresses()
	if err != nil {
		return nil, err
	}
	indices, err := deviceIndices()
	if err != nil {
		return nil, err
	}
	next, err := e.prepare(p, indices, own, rehearse)
	if err != nil {
		return nil, err
	}
	next.devices, err = e.attach(devices)
	if err == nil {
		err = e.store.Flip(next.generation.Program)
	}
	if err != nil {
		next.generation.Close()
		return nil, err
	}
	e.current = next
	e.wire = TripWire{}
	if w := p.Life.TripWire; w != nil {
		e.wire = TripWire{Ratio: w.DroppedRatio, MinRate: w.MinRate, Over: w.Over}
	}
	return e.current, nil
}

// prepare brings a policy into the kernel, after a rehearsal.
func (e *Engine) prepare(p *policy.Policy, indices map[string]int, own []netip.Addr,
	rehearse func(*policy.Policy, *compile.Tables, []netip.Addr) error) (*inForce, error) {
	tables, err := compile.Compile(p, compile.Options{Interfaces: indices})
	if err != nil {
		return nil, err
	}
	if err := rehearse(p, tables, own); err != nil {
		return nil, err
	}
	slots, err := e.store.Slots(p)
	if err != nil {
		return nil, err
	}
	generation, err := tables.Load(compile.LoadOptions{Slots: slots, State: e.store.shared(), Own: own})
	if err != nil {
		return nil, err
	}
	return &inForce{policy: p, generation: generation, slots: slots, indices: indices, own: own, applied: time.Now()}, nil
}

func (e *Engine) attach(devices []Device) ([]Attachment, error) {
	entry, err := e.store.Entry()
	if err != nil {
		return nil, err
	}
	defer entry.Close()
	var all []Attachment
	for _, d := range devices {
		a, err := Attach(e.cfg.Dir, d, entry)
		if err != nil {
			return nil, err
		}
		if a.Why != "" {
			e.logger.Warn("attached generic, which costs more", "device", d.Name, "why", a.Why)
		}
		all = append(all, a)
	}
	return all, nil
}

// Confirm keeps a policy that is on trial.
func (e *Engine) Confirm() error {
	if err := e.trial.Confirm(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.release != nil {
		e.release()
		e.release = nil
	}
	return nil
}

// Rollback takes a policy that is on trial back.
func (e *Engine) Rollback() error { return e.trial.Rollback() }

// undone is told when a trial has run out.
func (e *Engine) undone(err error) {
	if err != nil {
		e.logger.Error("policy was not confirmed and could not be taken back", "err", err)
		return
	}
	e.logger.Warn("policy was not confirmed; the one before is in force again")
}

// Detach takes Guarder off all devices and removes the pinned state; the counters
// with it. The engine cannot be used after.
func (e *Engine) Detach() error {
	e.Close()
	_, err := Detach(e.cfg.Dir)
	return err
}

// Close ends the agent. The policy stays in force. A policy on trial stays too, and
// nobody takes it back any more.
func (e *Engine) Close() {
	e.mu.Lock()
	if e.running() != nil {
		e.mu.Unlock()
		return
	}
	close(e.stop)
	e.mu.Unlock()
	e.done.Wait()
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.release != nil {
		e.release()
	}
	e.current.generation.Close()
	e.store.Close()
}

var errClosed = errors.New("guarder has been detached")

// running tells whether the engine has not been closed; the lock is held.
func (e *Engine) running() error {
	select {
	case <-e.stop:
		return errClosed
	default:
		return nil
	}
}

// fallBack clamps the policy in force to audit. It must not fail for anything that
// has changed on the host since: nothing is attached or looked up, and if the kernel
// does not take the clamped policy either, none is in force.
func (e *Engine) fallBack() error {
	before, p := e.current, *e.current.policy
	p.Rules = slices.Clone(p.Rules)
	for i := range p.Rules {
		p.Rules[i].Mode = policy.Audit
	}
	p.UnparsableMode = policy.Audit
	e.trips++
	before.tripped = true
	unrehearsed := func(*policy.Policy, *compile.Tables, []netip.Addr) error { return nil }
	next, err := e.prepare(&p, before.indices, before.own, unrehearsed)
	if err != nil {
		return errors.Join(fmt.Errorf("the audited policy cannot be loaded, so none is in force: %w", err), e.store.Flip(nil))
	}
	if err := e.store.Flip(next.generation.Program); err != nil {
		next.generation.Close()
		return err
	}
	next.devices, next.tripped = before.devices, true
	e.current = next
	// A trial that is taken back goes on to what was before it all, and needs this.
	if e.release == nil {
		before.generation.Close()
	}
	return nil
}

// Running returns the program in force, also if another agent put it there, or nil.
// The caller closes it.
func (s *Store) Running() (*ebpf.Program, error) {
	var id uint32
	err := s.state[compile.MapGeneration].Lookup(uint32(0), &id)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("ask for the program in force: %w", err)
	}
	p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
	if err != nil {
		return nil, fmt.Errorf("open the program in force: %w", err)
	}
	return p, nil
}

// shared are the maps that a generation gets from the store.
func (s *Store) shared() map[string]*ebpf.Map {
	return map[string]*ebpf.Map{compile.MapCounts: s.state[compile.MapCounts], compile.MapTotals: s.state[compile.MapTotals]}
}
