//go:build kernel && linux

package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestARealDiskThatIsFull fills a file system of 2 MiB, and makes room again. What was
// acknowledged is there, and nothing else.
func TestARealDiskThatIsFull(t *testing.T) {
	// The thread with the mount is not given back, so the mount ends with it.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		t.Fatal(err)
	}
	disk := t.TempDir()
	if err := unix.Mount("store", disk, "tmpfs", 0, "size=2m"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(disk, unix.MNT_DETACH)
	other := filepath.Join(disk, "other")
	if err := os.WriteFile(other, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Path: filepath.Join(disk, "store.db")})
	defer s.Close() // before the file system goes
	var stored int
	put := func(n int) error {
		m := firing(fmt.Sprint("g", n), n, "a")
		m.Body = make([]byte, 20_000)
		r, err := s.Put(t.Context(), m)
		if err == nil && r.Fresh {
			stored++
		}
		return err
	}
	full := 0
	for n := 0; full < 5; n++ {
		if err := put(n); errors.Is(err, ErrFull) && errors.Is(err, unix.ENOSPC) {
			full++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	if stored == 0 || s.Err() != nil {
		t.Fatalf("%d stored, store %v", stored, s.Err())
	}
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	for n := range 5 {
		if err := put(1000 + n); err != nil {
			t.Errorf("when there is room: %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, s.config)
	if d := must[Depth](t)(s.Depth()); d.Messages != stored || d.Jobs != stored {
		t.Errorf("%d messages and %d jobs, %d were acknowledged", d.Messages, d.Jobs, stored)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}
