//go:build kernel && linux

package stack

import (
	"os"
	"slices"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
)

// TestTCPCountersAreOfAllNamespaces overflows a queue in a namespace that comes after the
// engine, and that goes again.
func TestTCPCountersAreOfAllNamespaces(t *testing.T) {
	oncePerKernel(t)
	n := testnet.New(t)
	e := openAs(t, n.Left, tcpAlone()) // of the whole host
	read := func() TCP {
		all, err := e.TCP()
		must(t, err)
		return all
	}
	before := read()
	port := listen(t, n.Right, 0)
	fill := func(count int) {
		for i := range count {
			inject(t, n.Left, n.Right, segment{from: uint16(22_000 + i), to: port, flags: flagSYN})
		}
	}
	must(t, dial(t, n.Left, netAddr(n.Right, port), 0, func(int) error { return nil }))
	fill(3)
	if got := read().Counters.ListenOverflows - before.Counters.ListenOverflows; got != 0 {
		t.Errorf("%d overflows in a namespace that cannot be found", got)
	}
	path := n.Right.Pin(t)
	found := read()
	if found.NamespacesRead != before.NamespacesRead+1 || found.NamespacesUnread != before.NamespacesUnread {
		t.Errorf("%d namespaces read and %d not, before %d and %d; want one more read",
			found.NamespacesRead, found.NamespacesUnread, before.NamespacesRead, before.NamespacesUnread)
	}
	if got := found.Counters.ListenOverflows - before.Counters.ListenOverflows; got != 3 {
		t.Errorf("%d overflows since the namespace began, want 3", got)
	}
	if want := (AcceptQueue{Port: port, Length: 1}); !slices.Contains(found.AcceptQueues, want) {
		t.Errorf("accept queues %v lack %v", found.AcceptQueues, want)
	}
	fill(5)
	if got := read().Counters.ListenOverflows - before.Counters.ListenOverflows; got != 3+5 {
		t.Errorf("%d overflows, want 8", got)
	}
	must(t, unix.Unmount(path, unix.MNT_DETACH))
	must(t, os.Remove(path))
	gone := read()
	if gone.NamespacesRead != before.NamespacesRead {
		t.Errorf("%d namespaces read, want %d as before", gone.NamespacesRead, before.NamespacesRead)
	}
	if got := gone.Counters.ListenOverflows - before.Counters.ListenOverflows; got != 3+5 {
		t.Errorf("%d overflows after the namespace is gone, want the 8", got)
	}
}
