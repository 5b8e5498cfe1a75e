//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/host"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A deadline is the end of a trial; its zero value is that of none.
type deadline struct {
	at time.Time
	// kernel is when the kernel itself ends it, in ns of CLOCK_MONOTONIC: a little
	// later, as the agent does it better.
	kernel uint64
}

// grace is how much later.
const grace = time.Second

func (d deadline) none() bool { return d.kernel == 0 }

// deadlineIn returns the deadline of a trial that begins now; 0 is none.
func deadlineIn(d time.Duration) deadline {
	if d == 0 {
		return deadline{}
	}
	return deadline{time.Now().Add(d), monotonic() + uint64(d+grace)}
}

// deadlineOf returns the deadline that the kernel knows.
func deadlineOf(kernel uint64) deadline {
	left := time.Duration(kernel-monotonic()) - grace // may be negative
	return deadline{time.Now().Add(left), kernel}
}

// monotonic is the clock of the kernel's programs, in ns.
func monotonic() uint64 {
	var now unix.Timespec
	// It fails for no clock that exists.
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	return uint64(now.Nano())
}

// before is what is in force again when a trial is not confirmed.
type before struct {
	program *ebpf.Program // nil is nothing
	// known is the policy, or nil if the agent does not know it.
	known *inForce
}

func (b *before) close() {
	if b == nil {
		return
	}
	if b.program != nil {
		b.program.Close()
	}
	b.known.close()
}

// begin is the part of Open that decides what is put in force.
func (e *Engine) begin(p *policy.Policy, operator []host.Connection) error {
	goesOn, err := e.finishTrial()
	if err != nil {
		return err
	}
	e.current = &inForce{policy: &policy.Policy{}}
	mine := e.fingerprintOf(p)
	switch {
	case p.Life.ConfirmWithin == 0, e.memory.Confirmed(mine):
		return e.change(p, operator, deadlineIn, 0)
	case goesOn && e.store.Meta.Policy == mine:
		same := func(time.Duration) deadline { return deadlineOf(e.store.Meta.Deadline) }
		return e.change(p, operator, same, 0)
	case e.memory.Refused(mine):
		e.logger.Error("the policy was not confirmed when it was on trial and is not put in force; what was before it stays. Change it, or try it again with packetscope guard apply")
		return e.stay()
	}
	return e.change(p, operator, deadlineIn, p.Life.ConfirmWithin)
}

// finishTrial ends a trial that an agent before has left, unless it goes on.
func (e *Engine) finishTrial() (goesOn bool, err error) {
	meta := e.store.Meta
	switch {
	case meta.Deadline == 0:
		return false, nil
	case e.memory.Confirmed(meta.Policy): // that agent ended meanwhile
		return false, e.settle()
	case !e.memory.Refused(meta.Policy) && time.Until(deadlineOf(meta.Deadline).at) > 0:
		e.logger.Warn("an agent before has left a policy on trial", "left_seconds", time.Until(deadlineOf(meta.Deadline).at).Seconds())
		return true, nil
	}
	b, err := e.store.Before()
	if err != nil {
		return false, err
	}
	defer (&before{program: b}).close()
	if err := errors.Join(e.memory.Refuse(meta.Policy, nil, time.Now()), e.store.Flip(b), e.settle(), e.giveBack()); err != nil {
		return false, fmt.Errorf("take back a policy whose trial is over: %w", err)
	}
	e.logger.Error("a policy that an agent before had on trial was not confirmed; what was before it is in force")
	return false, nil
}

// stay leaves in force what is, without knowing it.
func (e *Engine) stay() error {
	e.current = &inForce{policy: &policy.Policy{}, applied: e.store.Meta.Since}
	links, err := pinnedLinks(e.cfg.Dir)
	if err != nil {
		return err
	}
	defer links.Close()
	all, err := Devices([]string{"*"})
	if err != nil {
		return err
	}
	for _, d := range all {
		if links[d.Index] == nil {
			continue
		}
		a, err := attachedAs(d, nil)
		if err != nil {
			return err
		}
		e.current.devices = append(e.current.devices, a)
	}
	return nil
}

// inPlace returns what a trial would go back to: what was there before any trial that
// is under way. It is nil without a deadline.
func (e *Engine) inPlace(on deadline) (*before, error) {
	switch {
	case on.none():
		return nil, nil
	case e.before != nil:
		return e.before, nil
	case e.store.Meta.Deadline != 0:
		program, err := e.store.Before()
		return &before{program: program}, err
	}
	program, err := e.store.Running()
	if err != nil || program != nil {
		return &before{program: program, known: e.known()}, err
	}
	program, err = e.foreign()
	return &before{program: program}, err
}

// giveBack takes Guarder off the devices that it came to with a trial: what was before
// that is not for them.
func (e *Engine) giveBack() error {
	links, err := pinnedLinks(e.cfg.Dir)
	if err != nil {
		return err
	}
	defer links.Close()
	var faults []error
	for _, l := range links {
		if l.cameWithTrial() {
			faults = append(faults, detachLink(l.pin), os.Remove(l.pin))
		}
	}
	return errors.Join(faults...)
}

// known returns the policy in force, if the agent knows it.
func (e *Engine) known() *inForce {
	if e.current.generation == nil {
		return nil
	}
	return e.current
}

// foreign returns the program by which an agent of another format enforces, or nil. It
// leads to that one's policy for as long as that one's maps are pinned.
func (e *Engine) foreign() (*ebpf.Program, error) {
	links, err := pinnedLinks(e.cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer links.Close()
	for _, l := range links {
		p, err := ebpf.NewProgramFromID(l.program)
		if errors.Is(err, os.ErrPermission) {
			return nil, e.withoutForeign(l.device)
		}
		if err != nil {
			return nil, fmt.Errorf("open program %d: %w", l.program, err)
		}
		own, err := e.leadsHere(p)
		if err == nil && !own {
			return p, nil
		}
		p.Close()
		if err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// withoutForeign returns an error if there may be a policy of another format that only
// CAP_SYS_ADMIN could go back to.
func (e *Engine) withoutForeign(device int) error {
	others, err := e.store.Others()
	if err != nil || len(others) == 0 {
		return err
	}
	return fmt.Errorf("device %d runs the policy of another version, and to go back to that after a trial takes CAP_SYS_ADMIN: "+
		"start packetscope guard run as root by hand once and confirm the policy, or leave confirm_within out", device)
}

// leadsHere tells whether a program of devices leads to the policies of this store.
func (e *Engine) leadsHere(p *ebpf.Program) (bool, error) {
	info, err := p.Info()
	if err != nil {
		return false, fmt.Errorf("ask for the maps of a program: %w", err)
	}
	jump, err := e.store.state[compile.MapGeneration].Info()
	if err != nil {
		return false, fmt.Errorf("ask for the map of generations: %w", err)
	}
	mine, _ := jump.ID()
	used, _ := info.MapIDs()
	return slices.Contains(used, mine), nil
}

// settle ends a trial in the kernel, whose outcome is in force already: devices run the
// program without a deadline, and what was before is given up.
func (e *Engine) settle() error {
	entry, err := e.store.Entry(0)
	if err != nil {
		return err
	}
	defer entry.Close()
	links, err := pinnedLinks(e.cfg.Dir)
	if err != nil {
		return err
	}
	defer links.Close()
	if err := links.update(entry); err != nil {
		return fmt.Errorf("end the trial: %w", err)
	}
	return e.store.EndTrial()
}

// startTrial has the agent take the policy in force back, unless it is confirmed.
func (e *Engine) startTrial(on deadline) {
	left := time.Until(on.at)
	e.trials++
	mine := e.trials
	e.trial.Begin(time.Now(), left, func() error { return e.takeBack(mine) })
	e.logger.Warn("policy is on trial", "confirm_within_seconds", left.Seconds())
}

// errLate is returned by the end of a trial that another one took the place of.
var errLate = errors.New("the trial was over")

// takeBack puts in force what was before the trial. If that was another agent's, nobody
// here knows its rules.
func (e *Engine) takeBack(trial int) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return err
	}
	if e.before == nil || e.trials != trial {
		return errLate
	}
	var remembered error
	if !e.memory.Confirmed(e.current.fingerprint) { // or its temporary rules alone were on trial, and are over
		remembered = e.memory.Refuse(e.current.fingerprint, e.rest(e.current.policy), time.Now())
	}
	if err := e.store.Flip(e.before.program); err != nil {
		return errors.Join(remembered, err) // the kernel will do it when the time is over
	}
	err := errors.Join(e.settle(), e.giveBack())
	failed := e.current
	e.current, e.before.known = e.before.known, nil
	if e.current == nil {
		err = errors.Join(err, e.stay())
	}
	e.wire = wireOf(e.current.policy)
	e.before.close()
	e.before = nil
	failed.close()
	return errors.Join(remembered, err)
}

// undone is told when a trial has run out.
func (e *Engine) undone(err error) {
	if errors.Is(err, errLate) || errors.Is(err, ErrDetached) {
		return
	}
	if err != nil {
		e.logger.Error("policy was not confirmed; not all went well as it was taken back", "err", err)
		return
	}
	e.logger.Warn("policy was not confirmed; what was before it is in force again")
}

// Confirm keeps a policy that is on trial.
func (e *Engine) Confirm() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.running(); err != nil {
		return err
	}
	if err := e.trial.Confirm(); err != nil {
		return err
	}
	remembered := e.memory.Confirm(e.current.fingerprint, e.rest(e.current.policy), time.Now())
	if remembered != nil {
		remembered = fmt.Errorf("the policy is confirmed, but will be on trial again after a restart: %w", remembered)
	}
	err := e.settle()
	if err != nil {
		err = fmt.Errorf("the policy is confirmed, but what was before it may come back when its time is over; start the agent again, which puts that right: %w", err)
	}
	e.before.close()
	e.before = nil
	e.tidy()
	return errors.Join(remembered, err)
}

// Rollback takes a policy that is on trial back.
func (e *Engine) Rollback() error { return e.trial.Rollback() }
