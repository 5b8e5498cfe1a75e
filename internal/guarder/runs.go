//go:build linux

package guarder

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/cilium/ebpf"
)

// runs is what the kernel accounts a program for. A packet's program is the entry
// program; where it leads to is accounted for with it.
type runs struct {
	count uint64
	time  time.Duration
}

func (r *runs) add(more runs) {
	r.count += more.count
	r.time += more.time
}

// programs returns the entry programs that are attached now, by the pinned links.
func (e *Engine) programs() (map[ebpf.ProgramID]runs, error) {
	links, err := pinnedLinks(e.cfg.Dir)
	if err != nil {
		return nil, err
	}
	defer links.Close()
	all := make(map[ebpf.ProgramID]runs)
	for _, l := range links {
		if all[l.program], err = runsOf(l.program); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// runsOf returns what a program is accounted for; nothing if it is gone, or if this
// process may not open it by its number, which takes CAP_SYS_ADMIN.
func runsOf(id ebpf.ProgramID) (runs, error) {
	p, err := ebpf.NewProgramFromID(id)
	if errors.Is(err, os.ErrNotExist) || errors.Is(err, os.ErrPermission) {
		return runs{}, nil
	}
	if err != nil {
		return runs{}, fmt.Errorf("open the entry program: %w", err)
	}
	defer p.Close()
	stats, err := p.Stats()
	if err != nil {
		return runs{}, fmt.Errorf("ask for the run time of the entry program: %w", err)
	}
	return runs{stats.RunCount, stats.Runtime}, nil
}

// keepingRuns calls f, which may replace entry programs, and keeps what the replaced
// ones were accounted for until then.
func (e *Engine) keepingRuns(f func() error) error {
	before, err := e.programs()
	if err != nil {
		return err
	}
	if err := f(); err != nil {
		return err
	}
	after, err := e.programs()
	if err != nil {
		return err
	}
	kept, err := e.store.keptRuns()
	if err != nil {
		return err
	}
	for id, r := range before {
		if _, runs := after[id]; !runs {
			kept.add(r)
		}
	}
	var b [16]byte
	binary.NativeEndian.PutUint64(b[:], kept.count)
	binary.NativeEndian.PutUint64(b[8:], uint64(kept.time))
	return e.store.runs.Put(uint32(0), b)
}

// keptRuns are those of programs that were replaced.
func (s *Store) keptRuns() (runs, error) {
	var b [16]byte
	if err := s.runs.Lookup(uint32(0), &b); err != nil {
		return runs{}, fmt.Errorf("read the run time of programs before: %w", err)
	}
	return runs{binary.NativeEndian.Uint64(b[:]), time.Duration(binary.NativeEndian.Uint64(b[8:]))}, nil
}

func (e *Engine) programStatus() (ProgramStatus, error) {
	sum, err := e.store.keptRuns()
	if err != nil {
		return ProgramStatus{}, err
	}
	now, err := e.programs()
	for _, r := range now {
		sum.add(r)
	}
	return ProgramStatus{sum.count, sum.time.Seconds()}, err
}
