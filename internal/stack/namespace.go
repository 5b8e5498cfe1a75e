package stack

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// A netNamespace is a network namespace and a path that leads to it.
type netNamespace struct {
	inode uint64
	path  string
	// file is set for the own namespace only: other ones must not be kept alive.
	file *os.File
}

// ownNamespace returns the namespace of the calling thread. The caller closes file.
func ownNamespace() (netNamespace, error) {
	f, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return netNamespace{}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		f.Close()
		return netNamespace{}, fmt.Errorf("stat network namespace: %w", err)
	}
	return netNamespace{inode: st.Ino, file: f}, nil
}

// findNamespaces returns own and every other network namespace that a process
// lives in or that is mounted where "ip netns" and container engines mount them.
// What cannot be looked at (no permission, gone meanwhile) is left out.
func findNamespaces(own netNamespace) []netNamespace {
	found := []netNamespace{own}
	seen := map[uint64]bool{own.inode: true}
	for _, pattern := range []string{"/run/netns/*", "/run/docker/netns/*", "/proc/[0-9]*/ns/net"} {
		paths, _ := filepath.Glob(pattern) // the patterns are well-formed
		for _, path := range paths {
			var st unix.Stat_t
			if unix.Stat(path, &st) != nil || seen[st.Ino] || !isNamespace(path) {
				continue
			}
			seen[st.Ino] = true
			found = append(found, netNamespace{inode: st.Ino, path: path})
		}
	}
	return found
}

// isNamespace tells a namespace from the plain file that is left where one was
// mounted.
func isNamespace(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.NSFS_MAGIC
}

// threadNamespace returns the inode of the calling thread's network namespace.
func threadNamespace() (uint64, error) {
	var st unix.Stat_t
	err := unix.Stat("/proc/thread-self/ns/net", &st)
	return st.Ino, err
}

// do calls fn on a thread in the namespace. A thread that had to move is thrown
// away.
func (ns netNamespace) do(fn func() error) error {
	f := ns.file
	if f == nil {
		var err error
		if f, err = os.Open(ns.path); err != nil {
			return err
		}
		defer f.Close()
	}
	result := make(chan error, 1)
	go func() {
		// Unlocked only where it was not moved: the thread ends with the goroutine, so no other goroutine
		// can find itself in a foreign namespace.
		runtime.LockOSThread()
		if here, err := threadNamespace(); err == nil && here == ns.inode {
			// Needs no privilege to enter.
			defer runtime.UnlockOSThread()
			result <- fn()
			return
		}
		if err := unix.Setns(int(f.Fd()), unix.CLONE_NEWNET); err != nil {
			result <- fmt.Errorf("enter network namespace: %w", err)
			return
		}
		result <- fn()
	}()
	return <-result
}
