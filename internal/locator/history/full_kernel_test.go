//go:build kernel && linux

package history

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"golang.org/x/sys/unix"
)

// TestARealDiskThatIsFull fills a file system of 1 MiB, and makes room again.
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
	if err := unix.Mount("history", disk, "tmpfs", 0, "size=1m"); err != nil {
		t.Fatal(err)
	}
	defer unix.Unmount(disk, unix.MNT_DETACH)
	other, dir := filepath.Join(disk, "other"), filepath.Join(disk, "history")
	if err := os.WriteFile(other, make([]byte, 600<<10), 0o600); err != nil {
		t.Fatal(err)
	}
	s := open(t, Config{Dir: dir})
	defer s.Close() // before the file system goes
	var want []Record
	failed := 0
	for n := 0; failed < 3; n++ {
		err := s.Append(checkpoint(n))
		switch {
		case err == nil:
			want = append(want, checkpoint(n))
		case errors.Is(err, unix.ENOSPC):
			failed++
		default:
			t.Fatal(err)
		}
	}
	full := s.Status()
	if err := os.Remove(other); err != nil {
		t.Fatal(err)
	}
	for n := range 100 {
		add(t, s, event(n))
		want = append(want, event(n))
	}
	if got := s.Status(); got.Lost != 3 || got.Records != len(want) || got.Dropped != full.Dropped || got.Err != nil || full.Records < 300 {
		t.Errorf("status %+v, when the disk was full %+v, want %d records", got, full, len(want))
	}
	faults := []string{}
	if full.Dropped > 0 {
		_, faults = readAll(dir, Filter{})
	}
	if len(faults) != full.Dropped {
		t.Errorf("%d lines have no end, faults %v", full.Dropped, faults)
	}
	wantRecords(t, dir, want, faults...)
}
