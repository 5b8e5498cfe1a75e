package netns

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A Namespace is a network namespace and a path that leads to it.
type Namespace struct {
	// Inode identifies it among those that exist at the same time.
	Inode uint64
	path  string
	// file is set for the own namespace only: other ones must not be kept alive.
	file *os.File
}

// Own returns the namespace of the calling thread. The caller must call
// [Namespace.Close].
func Own() (Namespace, error) {
	f, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		return Namespace{}, err
	}
	var st unix.Stat_t
	if err := unix.Fstat(int(f.Fd()), &st); err != nil {
		f.Close()
		return Namespace{}, fmt.Errorf("stat network namespace: %w", err)
	}
	return Namespace{Inode: st.Ino, file: f}, nil
}

// Close frees the handle that [Own] took.
func (ns Namespace) Close() error {
	if ns.file == nil {
		return nil
	}
	return ns.file.Close()
}

// Find returns own and every other network namespace that a process
// lives in or that is mounted where "ip netns" and container engines mount them.
// What cannot be looked at (no permission, gone meanwhile) is left out.
func Find(own Namespace) []Namespace {
	found := []Namespace{own}
	seen := map[uint64]bool{own.Inode: true}
	add := func(path string, mayBeFile bool) {
		var st unix.Stat_t
		if unix.Stat(path, &st) != nil || seen[st.Ino] || mayBeFile && !isNamespace(path) {
			return
		}
		seen[st.Ino] = true
		found = append(found, Namespace{Inode: st.Ino, path: path})
	}
	for _, folder := range []string{"/run/netns/", "/run/docker/netns/"} {
		for _, name := range names(folder) {
			add(folder+name, true)
		}
	}
	// Not by a pattern: filepath.Glob lists every folder on the way, which takes
	// ten times as long.
	for _, name := range names("/proc") {
		if name[0] >= '0' && name[0] <= '9' {
			add("/proc/"+name+"/ns/net", false)
		}
	}
	return found
}

// names returns the entries of a folder, none if it cannot be read.
func names(folder string) []string {
	f, err := os.Open(folder)
	if err != nil {
		return nil
	}
	defer f.Close()
	names, _ := f.Readdirnames(-1)
	return names
}

// isNamespace tells a namespace from the plain file that is left where one was
// mounted.
func isNamespace(path string) bool {
	var st unix.Statfs_t
	return unix.Statfs(path, &st) == nil && st.Type == unix.NSFS_MAGIC
}

// OfThread returns the inode of the calling thread's network namespace.
func OfThread() (uint64, error) {
	var st unix.Stat_t
	err := unix.Stat("/proc/thread-self/ns/net", &st)
	return st.Ino, err
}

// Do calls fn on a thread in the namespace. A thread that had to move is thrown
// away.
func (ns Namespace) Do(fn func() error) error {
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
		if here, err := OfThread(); err == nil && here == ns.Inode {
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
