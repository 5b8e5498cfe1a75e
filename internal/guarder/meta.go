//go:build linux

package guarder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/internal/guarder/compile"
)

// metaSize is how many bytes Meta takes in its map.
const metaSize = 64

func (s *Store) read() error {
	var b [metaSize]byte
	if err := s.meta.Lookup(uint32(0), &b); err != nil {
		return fmt.Errorf("read the store: %w", err)
	}
	s.Meta = Meta{
		Generation: binary.NativeEndian.Uint32(b[:]),
		Since:      time.Unix(0, int64(binary.NativeEndian.Uint64(b[8:]))),
		Deadline:   binary.NativeEndian.Uint64(b[16:]),
		Policy:     Fingerprint(b[24:]),
		Expired:    binary.NativeEndian.Uint64(b[56:]), // 0 in those of agents before
	}
	return nil
}

func (s *Store) write() error {
	var b [metaSize]byte
	binary.NativeEndian.PutUint32(b[:], s.Meta.Generation)
	binary.NativeEndian.PutUint64(b[8:], uint64(s.Meta.Since.UnixNano()))
	binary.NativeEndian.PutUint64(b[16:], s.Meta.Deadline)
	copy(b[24:], s.Meta.Policy[:])
	binary.NativeEndian.PutUint64(b[56:], s.Meta.Expired)
	if err := s.meta.Put(uint32(0), b); err != nil {
		return fmt.Errorf("write the store: %w", err)
	}
	return nil
}

// The entries of the map of generations.
const (
	inForceEntry uint32 = iota
	beforeEntry
)

// Running returns the program in force, also if another agent put it there, or nil.
// The caller closes it.
func (s *Store) Running() (*ebpf.Program, error) { return s.program(inForceEntry) }

// Before returns the program that is in force again when a trial is not confirmed, or
// nil. The caller closes it.
func (s *Store) Before() (*ebpf.Program, error) { return s.program(beforeEntry) }

// programPins are the pins of the programs in those entries. To open a program by its
// number takes CAP_SYS_ADMIN, which an agent can do without.
var programPins = [...]string{inForceEntry: "in_force", beforeEntry: "before"}

// nextPin ends the name of the pin of a program that takes the place of another one.
const nextPin = "_next"

// programID returns the number of the program in an entry, or 0.
func (s *Store) programID(entry uint32) (id uint32, err error) {
	err = s.state[compile.MapGeneration].Lookup(entry, &id)
	if errors.Is(err, ebpf.ErrKeyNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("ask for the program in force: %w", err)
	}
	return id, nil
}

func (s *Store) program(entry uint32) (*ebpf.Program, error) {
	id, err := s.programID(entry)
	if err != nil || id == 0 {
		return nil, err
	}
	pin := filepath.Join(s.dir, programPins[entry])
	for _, pin := range []string{pin, pin + nextPin} {
		if p := pinnedProgram(pin, id); p != nil {
			return p, nil
		}
	}
	p, err := ebpf.NewProgramFromID(ebpf.ProgramID(id))
	if err != nil {
		return nil, fmt.Errorf("open the program in force: %w", err)
	}
	return p, nil
}

// pinnedProgram opens a program by its pin, if it has that number; else it is nil.
func pinnedProgram(pin string, id uint32) *ebpf.Program {
	p, err := ebpf.LoadPinnedProgram(pin, nil)
	if err != nil {
		return nil
	}
	defer p.Close()
	info, err := p.Info()
	if err != nil {
		return nil
	}
	if has, ok := info.ID(); !ok || uint32(has) != id {
		return nil
	}
	clone, err := p.Clone() // which is not pinned, as far as the library knows
	if err != nil {
		return nil
	}
	return clone
}

// Flip puts a program in force: each packet from now on is judged by it. Nil takes
// the one in force away, so that packets pass.
func (s *Store) Flip(p *ebpf.Program) error {
	if err := s.setProgram(inForceEntry, p); err != nil || p == nil {
		return err
	}
	s.Meta.Generation++
	return s.write()
}

func (s *Store) setProgram(entry uint32, p *ebpf.Program) error {
	jump, pin := s.state[compile.MapGeneration], filepath.Join(s.dir, programPins[entry])
	if p == nil {
		if err := jump.Delete(entry); err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("take the policy away: %w", err)
		}
		return removeAll(pin, pin+nextPin)
	}
	// An agent that dies in between leaves the pins of both.
	if err := s.finishPin(entry, pin); err != nil {
		return err
	}
	clone, err := p.Clone()
	if err != nil {
		return fmt.Errorf("pin the policy: %w", err)
	}
	defer clone.Close()
	if err := clone.Pin(pin + nextPin); err != nil {
		return fmt.Errorf("pin the policy: %w", err)
	}
	if err := jump.Put(entry, p); err != nil {
		return fmt.Errorf("put the policy in force: %w", err)
	}
	// It is in force: that it has the other pin is no reason to say that it is not. It is
	// found by that, and the next change does the rest.
	os.Rename(pin+nextPin, pin)
	return nil
}

// finishPin does what an agent that died as it replaced a program has left to do: to the
// pin of the one that is in the map, or of the one that did not get there.
func (s *Store) finishPin(entry uint32, pin string) error {
	id, err := s.programID(entry)
	if err != nil {
		return err
	}
	p := pinnedProgram(pin+nextPin, id)
	if p == nil {
		return removeAll(pin + nextPin)
	}
	p.Close()
	if err := os.Rename(pin+nextPin, pin); err != nil {
		return fmt.Errorf("pin the policy: %w", err)
	}
	return nil
}

// removeAll removes pins that are there.
func removeAll(pins ...string) error {
	for _, pin := range pins {
		if err := os.Remove(pin); err != nil && !errors.Is(err, os.ErrNotExist) {
			return fmt.Errorf("remove a pin: %w", err)
		}
	}
	return nil
}

// BeginTrial writes down that a policy is on trial until a deadline, and what was in
// force before it, which may be nil. The policy is not in force by that.
func (s *Store) BeginTrial(of Fingerprint, deadline uint64, before *ebpf.Program) error {
	if err := s.setProgram(beforeEntry, before); err != nil {
		return err
	}
	s.Meta.Deadline, s.Meta.Policy = deadline, of
	return s.write()
}

// EndTrial forgets the trial and what was before it. Devices must not run the program
// of a trial any more.
func (s *Store) EndTrial() error {
	s.Meta.Deadline, s.Meta.Policy = 0, Fingerprint{}
	return errors.Join(s.write(), s.setProgram(beforeEntry, nil))
}

// Entry loads the program of devices: one that ends a trial by itself at its deadline,
// or with 0 that of no trial.
func (s *Store) Entry(deadline uint64) (*ebpf.Program, error) {
	if deadline != 0 {
		return compile.LoadTrial(s.state, deadline)
	}
	return compile.LoadEntry(s.state)
}
