//go:build linux

package network

import (
	"fmt"
	"runtime"

	"golang.org/x/sys/unix"
)

// ownNamespace is the network namespace of the calling thread; /proc/self has that of the
// first thread of the process.
const ownNamespace = "/proc/thread-self/ns/net"

// An opener has sockets opened later in the network namespace of the thread that made it:
// a socket is of the one that the thread is in which opens it, and who calls later may be
// in any.
type opener struct {
	work  chan func()
	ended chan struct{}
}

// newOpener keeps a thread for as long as the opener is not closed. It is moved to the
// namespace if it is in another, as when the caller has entered one; that takes
// CAP_SYS_ADMIN, as entering did.
func newOpener() (*opener, error) {
	fd, err := unix.Open(ownNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open own network namespace %q: %w", ownNamespace, err)
	}
	defer unix.Close(fd)
	o := &opener{work: make(chan func()), ended: make(chan struct{})}
	ready := make(chan error)
	go o.run(fd, ready)
	if err := <-ready; err != nil {
		return nil, err
	}
	return o, nil
}

// run works on a thread of a namespace, whose descriptor is valid until it is ready.
func (o *opener) run(namespace int, ready chan<- error) {
	defer close(o.ended)
	runtime.LockOSThread()
	home, err := enter(namespace)
	if err != nil {
		runtime.UnlockOSThread()
		ready <- err
		return
	}
	ready <- nil
	for f := range o.work {
		f()
	}
	// A thread that cannot go home stays locked, so that the runtime ends it with this
	// goroutine.
	if home < 0 || unix.Setns(home, unix.CLONE_NEWNET) == nil {
		runtime.UnlockOSThread()
	}
	if home >= 0 {
		unix.Close(home)
	}
}

// enter moves the calling thread to a namespace. It returns a descriptor of the one that
// it was in, -1 if that is the same.
func enter(namespace int) (home int, err error) {
	if home, err = unix.Open(ownNamespace, unix.O_RDONLY|unix.O_CLOEXEC, 0); err != nil {
		return -1, fmt.Errorf("open own network namespace %q: %w", ownNamespace, err)
	}
	if same(namespace, home) {
		unix.Close(home)
		return -1, nil // and no privilege is needed
	}
	if err := unix.Setns(namespace, unix.CLONE_NEWNET); err != nil {
		unix.Close(home)
		return -1, fmt.Errorf("enter the network namespace of the caller: %w (it takes CAP_SYS_ADMIN, or a process that is in it)", err)
	}
	return home, nil
}

// same reports whether two descriptors are of one file.
func same(a, b int) bool {
	var of [2]unix.Stat_t
	return unix.Fstat(a, &of[0]) == nil && unix.Fstat(b, &of[1]) == nil &&
		of[0].Dev == of[1].Dev && of[0].Ino == of[1].Ino
}

// do calls f on the thread of the opener, and returns when f has.
func (o *opener) do(f func()) {
	done := make(chan struct{})
	o.work <- func() {
		defer close(done)
		f()
	}
	<-done
}

// close ends the thread. Nobody may call do any more.
func (o *opener) close() {
	close(o.work)
	<-o.ended
}
