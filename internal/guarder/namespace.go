//go:build linux

package guarder

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// A namespace is the network namespace of the thread that opened it. An engine looks
// after the one that it was opened in, whatever thread the runtime gives to it later.
type namespace struct{ file *os.File }

const ownNamespace = "/proc/thread-self/ns/net"

func openNamespace() (namespace, error) {
	f, err := os.Open(ownNamespace)
	if err != nil {
		return namespace{}, fmt.Errorf("own network namespace: %w", err)
	}
	return namespace{f}, nil
}

// inode is by what programs know the namespace.
func (n namespace) inode() (uint32, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(n.file.Fd()), &stat); err != nil {
		return 0, fmt.Errorf("own network namespace: %w", err)
	}
	return uint32(stat.Ino), nil
}

// enter has the calling goroutine stay in the namespace until it ends. That needs
// CAP_SYS_ADMIN, but only if the goroutine is in another one, which is so in tests.
func (n namespace) enter() error {
	runtime.LockOSThread() // for good: the thread must not be given to others
	here, err := os.Stat(ownNamespace)
	if err != nil {
		return fmt.Errorf("own network namespace: %w", err)
	}
	there, err := n.file.Stat()
	if err != nil {
		return fmt.Errorf("own network namespace: %w", err)
	}
	if os.SameFile(here, there) {
		return nil
	}
	if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("enter the network namespace of the agent: %w", err)
	}
	return nil
}
