//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"
)

// fill puts messages of 100 kB until one is refused, and returns how many were stored and
// the error.
func fill(t testing.TB, s *Store) (stored int, err error) {
	t.Helper()
	for n := range 1000 {
		m := firing(fmt.Sprint("g", n), n, "a")
		m.Body = make([]byte, 100_000)
		if _, err := s.Put(t.Context(), m); err != nil {
			return n, err
		}
	}
	t.Fatal("never full")
	return 0, nil
}

func TestAFullInboxTakesNothingUntilSomeWasWorkedOn(t *testing.T) {
	for name, c := range map[string]Config{"messages": {MaxInbox: 7}, "bytes": {MaxBytes: 750_000}} {
		s := openQuick(t, c)
		stored, err := fill(t, s)
		if stored != 7 || !errors.Is(err, ErrFull) || !errors.Is(s.Takes(), ErrFull) {
			t.Errorf("%s: %d stored, error %v", name, stored, err)
		}
		if r := add(t, s, firing("g0", 0, "a")); r.Fresh {
			t.Errorf("%s: what is stored was refused", name)
		}
		if !errors.Is(s.Takes(), ErrFull) {
			t.Errorf("%s: there is room because of what is stored already", name)
		}
		done(t, s, take(t, s), Result{})
		if r := add(t, s, firing("later", 0, "a")); !r.Fresh {
			t.Errorf("%s: nothing was stored when there was room", name)
		}
		if err := s.Takes(); err != nil {
			t.Errorf("%s: behind a message that was stored: %v", name, err)
		}
		s.Close()
	}
}

func TestAFullDiskIsSaidAndForgotten(t *testing.T) {
	s := openQuick(t, Config{})
	s.db.MaxSize = 2 << 20 // bbolt refuses to grow, as a disk would
	stored, err := fill(t, s)
	if stored == 0 || !errors.Is(err, ErrFull) || s.Err() != nil {
		t.Fatalf("%d stored, error %v, store %v", stored, err, s.Err())
	}
	s.db.MaxSize = 0
	more, err := s.Put(t.Context(), firing("later", 0, "a"))
	if err != nil || !more.Fresh {
		t.Errorf("when there is room: %+v, error %v", more, err)
	}
	s = reopen(t, s)
	if d := must[Depth](t)(s.Depth()); d.Messages != stored+1 {
		t.Errorf("%d messages, %d were acknowledged", d.Messages, stored+1)
	}
}

func TestADiskThatLosesWritesIsNotWrittenAnyMore(t *testing.T) {
	s := openQuick(t, Config{})
	disk := func(err error) func(func(*bolt.Tx) error) error {
		return func(func(*bolt.Tx) error) error { return &fs.PathError{Op: "fdatasync", Path: "x", Err: err} }
	}
	nothing := func(*bolt.Tx) error { return nil }
	for _, err := range []error{syscall.ENOSPC, syscall.EDQUOT} {
		if got := s.write("test", disk(err), nothing); !errors.Is(got, ErrFull) || !errors.Is(got, err) || s.Err() != nil {
			t.Errorf("%v is %v, store %v", err, got, s.Err())
		}
	}
	if got := s.write("test", disk(syscall.EIO), nothing); !errors.Is(got, ErrBroken) || !errors.Is(got, syscall.EIO) {
		t.Errorf("EIO is %v", got)
	}
	if _, err := s.Put(t.Context(), firing("g", 0, "a")); !errors.Is(err, ErrBroken) || !errors.Is(s.Err(), ErrBroken) {
		t.Errorf("put on a broken store: %v, store %v", err, s.Err())
	}
	if s = reopen(t, s); s.Err() != nil {
		t.Errorf("opened again: %v", s.Err())
	}
}

func TestMessagesThatWaitForTheDiskAreBounded(t *testing.T) {
	s := openQuick(t, Config{})
	s.pending.Store(mostPending)
	if _, err := s.Put(t.Context(), firing("g", 0, "a")); !errors.Is(err, ErrBusy) {
		t.Errorf("error %v, want %v", err, ErrBusy)
	}
	s.pending.Store(0)
	add(t, s, firing("g", 0, "a"))
	s.puts.Wait()
	if left := s.pending.Load(); left != 0 {
		t.Errorf("%d bytes are still counted", left)
	}
}

func TestPutReturnsWhenItsTimeIsOver(t *testing.T) {
	s := openQuick(t, Config{})
	tx, err := s.db.Begin(true) // a disk that hangs
	if err != nil {
		t.Fatal(err)
	}
	late, over := errors.New("late"), make(chan error, 1)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		_, err := s.Put(ctx, firing("g", 0, "a"))
		over <- err
	}()
	cancel(late)
	if err := <-over; !errors.Is(err, late) {
		t.Errorf("error %v, want %v", err, late)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	s.puts.Wait()
	if r := add(t, s, firing("g", 0, "a")); r.Fresh {
		t.Error("it was not stored behind that")
	}
}

func TestItIsKnownForAMinuteThatThereIsNoRoom(t *testing.T) {
	h := newHands()
	s := openQuick(t, Config{MaxInbox: 1, Clock: h.clock()})
	if _, err := fill(t, s); !errors.Is(err, ErrFull) {
		t.Fatal(err)
	}
	h.pass(59 * time.Second)
	if err := s.Takes(); !errors.Is(err, ErrFull) {
		t.Errorf("after 59 s: %v", err)
	}
	h.pass(2 * time.Second)
	if err := s.Takes(); err != nil {
		t.Errorf("after 61 s: %v", err)
	}
	s.Drain()
	if err := s.Takes(); !errors.Is(err, ErrClosed) {
		t.Errorf("when it takes none any more: %v", err)
	}
}
