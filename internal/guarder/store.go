//go:build linux

package guarder

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/guarder/compile"
	"github.com/packetscope/packetscope/internal/guarder/policy"
)

// A Store is what outlives an agent: maps that are pinned in a folder of the BPF file
// system. It is made when there is none, and found again otherwise.
//
// The links of devices are pinned in the folder that was asked for, the maps in one of
// their format below it; see [Store.Others].
type Store struct {
	dir string // of the maps
	// lock is the folder that was asked for, locked: one agent at a time.
	lock *os.File
	// state are the maps that programs use; the others are for agents alone.
	state             map[string]*ebpf.Map
	slots, meta, runs *ebpf.Map
	// feedSlots are the bits of feeds.
	feedSlots *ebpf.Map
	// slotted are how many of the counters are some rule's.
	counters, slotted uint32
	// Meta is the last that was written.
	Meta Meta
	// Replaced is why a store that was there before could not be used, or nil.
	Replaced error
}

// Meta is what one agent tells the next.
type Meta struct {
	// Generation counts the policies that were put in force.
	Generation uint32
	// Since is when the store was made.
	Since time.Time
	// Deadline is the end of a trial, in ns of CLOCK_MONOTONIC; 0 without one. Policy
	// is the fingerprint of the policy on trial.
	Deadline uint64
	Policy   Fingerprint
	// Expired counts the temporary rules that agents took out as they were over.
	Expired uint64
}

// storeFormat changes with what pinned maps mean: bpf/include/guard_*.h.
const storeFormat = 5

// formatFolder is the folder of a format's maps.
func formatFolder(format int) string { return fmt.Sprint("format_", format) }

// The pins of maps that programs do not use.
const (
	pinSlots = "slots"
	pinMeta  = "meta"
	pinRuns  = "runs"
	pinFeeds = "feed_slots"
)

// OpenStore opens the store below a folder, or makes one with room for the counters of
// some rules. One that is there but cannot be used, as maps are missing or it has
// no room, is put aside, and what it enforces stays in force until links are taken
// over.
func OpenStore(dir string, rules int) (*Store, error) {
	if err := withinBPFFS(dir); err != nil {
		return nil, err
	}
	maps := filepath.Join(dir, formatFolder(storeFormat))
	if err := os.MkdirAll(maps, 0o700); err != nil {
		return nil, fmt.Errorf("folder of the pinned state: %w", err)
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	s := &Store{dir: maps, lock: lock}
	if err := s.findOrMake(rules); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

func (s *Store) findOrMake(rules int) error {
	if _, err := os.Stat(filepath.Join(s.dir, pinMeta)); err == nil {
		if s.Replaced = s.find(rules); s.Replaced == nil || denied(s.Replaced) {
			return s.Replaced
		}
		s.closeMaps()
		if err := s.putAside(); err != nil {
			return errors.Join(s.Replaced, err)
		}
	}
	return s.make(rules)
}

// lockFolder keeps other agents out for as long as the file is open, also if they are
// administered over another socket or run in another container.
func lockFolder(dir string) (*os.File, error) {
	f, err := os.Open(dir)
	if err != nil {
		return nil, fmt.Errorf("folder of the pinned state: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("another agent looks after %s: end that one, or name another folder (--pins)", dir)
		}
		return nil, fmt.Errorf("lock %s: %w", dir, err)
	}
	return f, nil
}

// denied tells whether an error is about this process, and says nothing of the state.
func denied(err error) bool {
	for _, of := range []error{os.ErrPermission, unix.EMFILE, unix.ENFILE, unix.ENOMEM} {
		if errors.Is(err, of) {
			return true
		}
	}
	return false
}

// putAside gives the folder of the maps another name.
func (s *Store) putAside() error {
	if err := os.Rename(s.dir, fmt.Sprintf("%s_until_%d", s.dir, time.Now().UnixNano())); err != nil {
		return fmt.Errorf("put the old state aside: %w", err)
	}
	if err := os.Mkdir(s.dir, 0o700); err != nil {
		return fmt.Errorf("folder of the pinned state: %w", err)
	}
	return nil
}

// Others returns the folders and pins below a store's folder that are neither links
// nor its own: what agents of other formats have left. Links that are pinned in there
// are not among those of devices.
func (s *Store) Others() ([]string, error) {
	entries, err := os.ReadDir(filepath.Dir(s.dir))
	if err != nil {
		return nil, fmt.Errorf("read what is pinned: %w", err)
	}
	var others []string
	for _, e := range entries {
		if e.Name() != filepath.Base(s.dir) && !strings.HasPrefix(e.Name(), linkPrefix) {
			others = append(others, filepath.Join(filepath.Dir(s.dir), e.Name()))
		}
	}
	return others, nil
}

// withinBPFFS checks that a folder, which need not exist, is in a BPF file system, and
// not all of it.
func withinBPFFS(dir string) error {
	parent := filepath.Dir(filepath.Clean(dir))
	for {
		is, err := isBPFFS(parent)
		switch {
		case err == nil && is:
			return nil
		case err == nil:
			if all, _ := isBPFFS(dir); all {
				return fmt.Errorf("%s is all of a BPF file system: name a folder in it, as Guarder removes what it finds there", dir)
			}
			return fmt.Errorf("%s is no BPF file system: mount -t bpf bpf /sys/fs/bpf", parent)
		case !errors.Is(err, os.ErrNotExist) || parent == "/":
			return fmt.Errorf("BPF file system at %s: %w", parent, err)
		}
		parent = filepath.Dir(parent)
	}
}

func isBPFFS(dir string) (bool, error) {
	var fs unix.Statfs_t
	err := unix.Statfs(dir, &fs)
	return err == nil && uint32(fs.Type) == unix.BPF_FS_MAGIC, err
}

// find opens what is pinned, if it has room for some rules.
func (s *Store) find(rules int) error {
	var err error
	open := func(name string) (m *ebpf.Map) {
		if err == nil {
			if m, err = ebpf.LoadPinnedMap(filepath.Join(s.dir, name), nil); err != nil {
				err = fmt.Errorf("open the pinned map %q: %w", name, err)
			}
		}
		return m
	}
	s.state = make(map[string]*ebpf.Map)
	s.meta, s.slots, s.runs, s.feedSlots = open(pinMeta), open(pinSlots), open(pinRuns), open(pinFeeds)
	for _, name := range stateMaps {
		s.state[name] = open(name)
	}
	if err != nil {
		return err
	}
	if s.counters = s.state[compile.MapCounts].MaxEntries(); rules > int(s.counters) {
		return fmt.Errorf("the policy has %d rules, and the pinned counters room for %d", rules, s.counters)
	}
	return s.read()
}

// stateMaps are those that programs use, and that are pinned.
var stateMaps = []string{
	compile.MapCounts, compile.MapTotals, compile.MapGeneration, compile.MapKept, compile.MapDevices, compile.MapICMP,
	compile.MapSamples, compile.MapHits, compile.MapServices, compile.MapBuckets, compile.MapSketch, compile.MapSpreads, compile.MapSetup, compile.MapFloods,
	compile.MapFeedFilters, compile.MapFeedTables, compile.MapFeedCounts,
	compile.MapBans, compile.MapBanFilter, compile.MapBanCounts, compile.MapBanRates, compile.MapBanRequests,
}

// make makes and pins everything; meta last, because it says that the rest is there.
func (s *Store) make(rules int) error {
	const least = 1024
	room := least
	for room < 2*rules {
		room *= 2
	}
	all, err := compile.NewState(room)
	if err != nil {
		return err
	}
	s.state, s.counters = all, uint32(room)
	if s.slots, err = ebpf.NewMap(&ebpf.MapSpec{Name: "guard_slots", Type: ebpf.Hash, KeySize: 8, ValueSize: 4, MaxEntries: uint32(room)}); err != nil {
		return fmt.Errorf("make the map of slots: %w", err)
	}
	if s.meta, err = ebpf.NewMap(&ebpf.MapSpec{Name: "guard_meta", Type: ebpf.Array, KeySize: 4, ValueSize: metaSize, MaxEntries: 1}); err != nil {
		return fmt.Errorf("make the map of the store: %w", err)
	}
	if s.runs, err = ebpf.NewMap(&ebpf.MapSpec{Name: "guard_runs", Type: ebpf.Array, KeySize: 4, ValueSize: 16, MaxEntries: 1}); err != nil {
		return fmt.Errorf("make the map of run times: %w", err)
	}
	if s.feedSlots, err = newFeedSlots(); err != nil {
		return err
	}
	for _, name := range stateMaps {
		if err := s.pin(s.state[name], name); err != nil {
			return err
		}
	}
	if err := errors.Join(s.pin(s.slots, pinSlots), s.pin(s.runs, pinRuns), s.pin(s.feedSlots, pinFeeds)); err != nil {
		return err
	}
	s.Meta = Meta{Since: time.Now()}
	if err := s.write(); err != nil {
		return err
	}
	return s.pin(s.meta, pinMeta)
}

func (s *Store) pin(m *ebpf.Map, name string) error {
	pin := filepath.Join(s.dir, name)
	// Left by an agent that ended while it made the store.
	if err := os.Remove(pin); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	if err := m.Pin(pin); err != nil {
		return fmt.Errorf("pin map %q: %w", name, err)
	}
	return nil
}

// Slots returns the entries of the map of counters for the rules of a policy: those
// that they had before, and free ones for new rules. If none is free, those of rules
// that are not in the policy are taken, and begin at 0.
func (s *Store) Slots(p *policy.Policy) ([]uint32, error) {
	have, used := make(map[uint64]uint32), make(map[uint32]bool)
	var id uint64
	var slot uint32
	all := s.slots.Iterate()
	for all.Next(&id, &slot) {
		have[id], used[slot] = slot, true
	}
	if err := all.Err(); err != nil { // or two rules might get one counter
		return nil, fmt.Errorf("read the slots of rules: %w", err)
	}
	wanted := make(map[uint64]bool, len(p.Rules))
	for i := range p.Rules {
		wanted[p.Rules[i].ID()] = true
	}
	if len(wanted) > int(s.counters) {
		return nil, fmt.Errorf("the policy has %d rules, and the pinned counters room for %d: start the agent again, which begins new ones", len(wanted), s.counters)
	}
	slots, next := make([]uint32, len(p.Rules)), uint32(0)
	for i := range p.Rules {
		id := p.Rules[i].ID()
		slot, known := have[id]
		if !known {
			for ; next < s.counters && used[next]; next++ {
			}
			if slot = next; slot == s.counters {
				var err error
				if slot, err = s.recycle(have, wanted); err != nil {
					return nil, err
				}
			}
			if err := s.slots.Put(id, slot); err != nil {
				return nil, fmt.Errorf("give rule %q a counter: %w", p.Rules[i].Name, err)
			}
			have[id], used[slot] = slot, true
		}
		slots[i] = slot
	}
	s.slotted = uint32(len(have))
	return slots, nil
}

// recycle takes the counter of a rule that is gone.
func (s *Store) recycle(have map[uint64]uint32, wanted map[uint64]bool) (uint32, error) {
	for id, slot := range have {
		if wanted[id] {
			continue
		}
		zero := make([]bpf.GuardCounts, ebpf.MustPossibleCPU())
		if err := errors.Join(s.slots.Delete(id), s.state[compile.MapCounts].Put(slot, zero), s.forgetHits(slot)); err != nil {
			return 0, fmt.Errorf("free a counter: %w", err)
		}
		delete(have, id)
		return slot, nil
	}
	return 0, errors.New("no counter is free")
}

// Close gives up the maps; what is pinned stays.
func (s *Store) Close() {
	s.closeMaps()
	s.lock.Close()
}

func (s *Store) closeMaps() {
	for _, m := range s.state {
		m.Close()
	}
	s.slots.Close()
	s.meta.Close()
	s.runs.Close()
	s.feedSlots.Close()
}
