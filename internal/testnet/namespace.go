//go:build linux

package testnet

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"
)

// A Namespace is a network namespace with its loopback device up.
type Namespace struct {
	// Name tells the namespaces of a [Net] apart, such as "left".
	Name string
	// Device is the end of the veth pair in here. A router has two; this is the
	// one that faces left.
	Device string
	// V4 and V6 are the addresses of Device.
	V4, V6 netip.Addr

	fd netns.NsHandle
	nl *netlink.Handle
}

// Addr returns the address of the namespace in the given family.
func (ns *Namespace) Addr(f Family) netip.Addr {
	if f == IPv4 {
		return ns.V4
	}
	return ns.V6
}

// Do calls f in the namespace, on the calling goroutine. Sockets made by f stay
// in the namespace. Goroutines started by f do not run in it.
func (ns *Namespace) Do(t testing.TB, f func()) {
	t.Helper()
	if err := ns.do(func() error { f(); return nil }); err != nil {
		t.Fatal(err)
	}
}

// do is Do for callers that return errors.
func (ns *Namespace) do(f func() error) (err error) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return fmt.Errorf("open own network namespace: %w", err)
	}
	defer func() {
		// A thread that cannot go home stays locked, so the runtime ends it
		// with its goroutine instead of giving it to another.
		if back := netns.Set(home); back != nil {
			err = fmt.Errorf("leave network namespace %q: %w", ns.Name, back)
		} else {
			runtime.UnlockOSThread()
		}
		home.Close()
	}()
	if err := netns.Set(ns.fd); err != nil {
		return fmt.Errorf("enter network namespace %q: %w", ns.Name, err)
	}
	return f()
}

// Pin gives the namespace a name under /run/netns until the test ends, for code
// under test that looks there. A killed test leaves the name behind; it can be
// removed with "ip netns delete".
//
// Pin returns the path.
func (ns *Namespace) Pin(t testing.TB) string {
	t.Helper()
	if err := os.MkdirAll("/run/netns", 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join("/run/netns", fmt.Sprintf("packetscope-test-%d-%s", os.Getpid(), ns.Name))
	if err := os.WriteFile(path, nil, 0o444); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Remove(path) })
	source := fmt.Sprintf("/proc/self/fd/%d", ns.fd)
	if err := unix.Mount(source, path, "", unix.MS_BIND, ""); err != nil {
		t.Fatalf("bind network namespace %q to %q: %v", ns.Name, path, err)
	}
	t.Cleanup(func() { unix.Unmount(path, unix.MNT_DETACH) })
	return path
}

// newNamespace makes an anonymous network namespace and brings its loopback up.
func newNamespace(t testing.TB, name string) *Namespace {
	t.Helper()
	fd, err := unshareNet()
	if err != nil {
		t.Fatalf("make network namespace %q: %v (the kernel lane needs root)", name, err)
	}
	t.Cleanup(func() { fd.Close() })
	nl, err := netlink.NewHandleAt(fd, unix.NETLINK_ROUTE)
	if err != nil {
		t.Fatalf("open netlink in network namespace %q: %v", name, err)
	}
	t.Cleanup(nl.Close)
	ns := &Namespace{Name: name, fd: fd, nl: nl}
	ns.Do(t, func() { quiet(t) })
	ns.up(t, "lo")
	return ns
}

// unshareNet returns a new network namespace that only the handle keeps alive.
func unshareNet() (netns.NsHandle, error) {
	runtime.LockOSThread()
	home, err := netns.Get()
	if err != nil {
		runtime.UnlockOSThread()
		return netns.None(), err
	}
	defer home.Close()
	fd, err := netns.New() // and enter it
	if err != nil {
		runtime.UnlockOSThread()
		return netns.None(), err
	}
	if err := netns.Set(home); err != nil {
		return fd, err // the thread stays locked and dies with the goroutine
	}
	runtime.UnlockOSThread()
	return fd, nil
}

// quiet turns off what IPv6 would say unasked on devices made from now on. It
// must be called in the namespace. What no sysctl stops is stopped by the flags
// that [Namespace.silence] clears.
func quiet(t testing.TB) {
	t.Helper()
	const conf = "/proc/sys/net/ipv6/conf/default/"
	for key, value := range map[string]string{
		"accept_ra":            "0",
		"router_solicitations": "0",
		"dad_transmits":        "0",
		"addr_gen_mode":        "1", // no link-local address
	} {
		if err := os.WriteFile(conf+key, []byte(value), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
