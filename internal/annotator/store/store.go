//go:build unix

package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	bolt "go.etcd.io/bbolt"
	berrors "go.etcd.io/bbolt/errors"
)

// A Config says where a store is, and how much of what it keeps.
type Config struct {
	// Path is a file, which is made if there is none, in a folder that exists.
	Path string
	// MaxInbox is how many messages may wait to be worked on: 20,000.
	MaxInbox int
	// MaxBytes is the size of those in bytes: 512 MiB.
	MaxBytes int64
	// Keep is for how long episodes that are closed, and the audit log, are kept: 30 days.
	Keep time.Duration
	// Seen is for how long keys of messages are kept: 7 days.
	Seen time.Duration
	// Clock is that of the machine if its functions are nil.
	Clock Clock
	// Logger tells of what nobody is waiting for; nil: nobody.
	Logger *slog.Logger
	// Disk, if not nil, is between all transactions and the disk: they end as it says, and are
	// on disk if it called commit without an error. Tests have disks that fail.
	Disk func(commit func() error) error

	// quick does not wait for the disk, in tests of what is in the file.
	quick bool
}

// A Store is a file that is open.
type Store struct {
	config Config
	db     *bolt.DB
	group  group
	time   steady

	// draining, once true, keeps messages out; puts are those under way.
	gate     sync.Mutex
	draining bool
	puts     sync.WaitGroup
	pending  atomic.Int64 // bytes of messages that wait for the disk
	broken   atomic.Bool
	full     atomic.Int64 // steady ns of when a message was refused last, 0 if one was stored since

	// running are the episodes and deliveries that somebody works on.
	running struct {
		sync.Mutex
		jobs       map[string]bool
		deliveries map[string]bool
	}
	// signal is closed and replaced when there may be something to do.
	signal struct {
		sync.Mutex
		c chan struct{}
	}
}

// Open opens a store. The error is [ErrInUse], [ErrCorrupt], or of the file system. The file
// is compacted before if over half of it is free.
func Open(c Config) (*Store, error) {
	c.MaxInbox = cmp.Or(c.MaxInbox, 20_000)
	c.MaxBytes = cmp.Or(c.MaxBytes, 512<<20)
	c.Keep = cmp.Or(c.Keep, 30*24*time.Hour)
	c.Seen = cmp.Or(c.Seen, 7*24*time.Hour)
	if c.Clock.Now == nil {
		c.Clock = systemClock()
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Store{config: c, time: newSteady(c.Clock)}
	s.running.jobs, s.running.deliveries = map[string]bool{}, map[string]bool{}
	s.signal.c = make(chan struct{})
	if err := s.open(); err != nil {
		return nil, fmt.Errorf("open store %q: %w", c.Path, err)
	}
	return s, nil
}

func (s *Store) open() error {
	use, err := inspect(s.config.Path)
	if err != nil {
		return err
	}
	if s.db, err = openFile(s.config.Path, s.config.quick); err != nil {
		return err
	}
	if use.wasteful() {
		s.db = compact(s.db, s.config)
	}
	if err := s.db.Update(s.prepare); err != nil {
		return errors.Join(err, s.db.Close())
	}
	s.group.update = s.commit
	return nil
}

// openFile opens a file that was inspected.
func openFile(path string, quick bool) (*bolt.DB, error) {
	_, err := os.Lstat(path)
	made := errors.Is(err, os.ErrNotExist)
	db, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second, FreelistType: bolt.FreelistMapType, NoSync: quick})
	if errors.Is(err, berrors.ErrTimeout) {
		return nil, fmt.Errorf("%w: end that one, or name another file", ErrInUse)
	}
	if err != nil {
		return nil, err
	}
	if made && !quick {
		// Else a power cut may take the file's name, with all in it.
		if err := syncFolder(path); err != nil {
			return nil, errors.Join(err, db.Close())
		}
	}
	return db, nil
}

// syncFolder waits until the name of a file is on disk.
func syncFolder(path string) error {
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// Time returns the time of the steady clock, that of [Job.Since].
func (s *Store) Time() time.Time { return s.time.now() }

// Drain takes no messages any more: [Store.Put] returns [ErrClosed]. All else goes on.
func (s *Store) Drain() {
	s.gate.Lock()
	s.draining = true
	s.gate.Unlock()
}

// enter reports whether a message may be stored, which must call s.puts.Done then.
func (s *Store) enter() bool {
	s.gate.Lock()
	defer s.gate.Unlock()
	if !s.draining {
		s.puts.Add(1)
	}
	return !s.draining
}

// Close waits for messages that are being stored and closes the file. Steps and deliveries
// that are under way come again when it is opened the next time.
func (s *Store) Close() error {
	s.Drain()
	s.puts.Wait()
	defer s.wake() // who waits for something to do waits no more
	if err := s.db.Close(); err != nil {
		return fmt.Errorf("close store %q: %w", s.config.Path, err)
	}
	return nil
}

// Err returns [ErrBroken] if nothing is written any more, else nil.
func (s *Store) Err() error {
	if s.broken.Load() {
		return ErrBroken
	}
	return nil
}

// turnedAway is for how long a message that found no room speaks for those behind it.
const turnedAway = time.Minute

// Takes returns why messages are not taken now, or nil: [ErrClosed], [ErrBroken], or [ErrFull]
// for a minute behind a message that was refused for that, unless one was stored since. It
// does not last, as who asks before he sends would never find out that there is room again.
func (s *Store) Takes() error {
	s.gate.Lock()
	draining := s.draining
	s.gate.Unlock()
	if draining {
		return ErrClosed
	}
	if at := s.full.Load(); at != 0 && s.time.now().Sub(time.Unix(0, at)) < turnedAway {
		return fmt.Errorf("the disk or the inbox is %w", ErrFull)
	}
	return s.Err()
}

// found notes for Takes whether there was room for a message.
func (s *Store) found(err error) {
	if errors.Is(err, ErrFull) {
		s.full.Store(s.time.now().UnixNano())
	} else if err == nil {
		s.full.Store(0)
	}
}

func (s *Store) view(what string, fn func(*bolt.Tx) error) error {
	return s.run(what, s.db.View, fn)
}

// update runs fn in a transaction of its own. When it returns nil all is on disk.
func (s *Store) update(what string, fn func(*bolt.Tx) error) error {
	return s.write(what, s.commit, fn)
}

// store runs fn in a transaction that others may share, before what is no message. It may
// run several times.
func (s *Store) store(what string, fn func(*bolt.Tx) error) error {
	return s.write(what, func(fn func(*bolt.Tx) error) error { return s.group.write(fn, true) }, fn)
}

// share runs fn in a transaction that others may share. It may run several times.
func (s *Store) share(what string, fn func(*bolt.Tx) error) error {
	return s.write(what, func(fn func(*bolt.Tx) error) error { return s.group.write(fn, false) }, fn)
}

// commit runs fn in a transaction and waits for the disk.
func (s *Store) commit(fn func(*bolt.Tx) error) error {
	if s.config.Disk == nil {
		return s.db.Update(fn)
	}
	return s.config.Disk(func() error { return s.db.Update(fn) })
}

func (s *Store) write(what string, do func(func(*bolt.Tx) error) error, fn func(*bolt.Tx) error) error {
	if s.broken.Load() {
		return fmt.Errorf("%s: %w", what, ErrBroken)
	}
	err := s.run(what, do, fn)
	if errors.Is(err, ErrBroken) && !s.broken.Swap(true) {
		s.config.Logger.Error("store writes no more", "err", err)
	}
	return err
}

func (s *Store) run(what string, do func(func(*bolt.Tx) error) error, fn func(*bolt.Tx) error) error {
	var refused error // of fn, not of the disk
	err := do(func(tx *bolt.Tx) error {
		refused = fn(tx)
		return refused
	})
	if err == nil {
		return nil
	}
	if refused == nil {
		err = classify(err)
	}
	return fmt.Errorf("%s: %w", what, err)
}

// changed returns a channel that is closed when there may be something to do.
func (s *Store) changed() <-chan struct{} {
	s.signal.Lock()
	defer s.signal.Unlock()
	return s.signal.c
}

func (s *Store) wake() {
	s.signal.Lock()
	defer s.signal.Unlock()
	close(s.signal.c)
	s.signal.c = make(chan struct{})
}

// pause waits until something changed, some time has passed, or ctx ends, which is the error.
func (s *Store) pause(ctx context.Context, changed <-chan struct{}, wait time.Duration) error {
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-changed:
	case <-timer.C:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	return nil
}
