//go:build kernel && linux

package sockets

import (
	"cmp"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/netns"
	"github.com/packetscope/packetscope/internal/testnet"
)

// list returns the sockets of an engine in an order of their own.
func list(t *testing.T, e *Engine) []Socket {
	t.Helper()
	l, err := e.List()
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(l.Sockets, func(a, b Socket) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Family, b.Family), cmp.Compare(a.Protocol, b.Protocol),
			a.Local.Compare(b.Local), a.Peer.Compare(b.Peer), cmp.Compare(a.Inode, b.Inode))
	})
	return l.Sockets
}

var comparable = cmpopts.EquateComparable(netip.AddrPort{})

// TestBothWaysTellTheSame compares every field, of sockets in all states.
func TestBothWaysTellTheSame(t *testing.T) {
	p := populate(t)
	for _, ns := range []*testnet.Namespace{p.net.Left, p.net.Right} {
		iterator := list(t, openIn(t, ns, Config{OwnNamespaceOnly: true, Way: Iterator}))
		diag := list(t, openIn(t, ns, Config{OwnNamespaceOnly: true, Way: Diag}))
		if diff := gocmp.Diff(diag, iterator, comparable); diff != "" {
			t.Errorf("%s (-sock_diag +iterator):\n%s", ns.Name, diff)
		}
	}
}

func TestListTellsOfASocket(t *testing.T) {
	n := testnet.New(t)
	for _, f := range testnet.Families {
		tcp, err := testnet.NewTCPPair(n.Left, n.Right, f)
		if err != nil {
			t.Fatal(err)
		}
		udp, err := testnet.NewUDPPair(n.Left, n.Right, f)
		if err != nil {
			t.Fatal(err)
		}
		p := &population{TB: t, net: n}
		listener, port := p.listen(f, 7)
		for _, way := range ways {
			left := list(t, openIn(t, n.Left, Config{OwnNamespaceOnly: true, Way: way}))
			right := list(t, openIn(t, n.Right, Config{OwnNamespaceOnly: true, Way: way}))
			common := Socket{Family: Family(f), Cgroup: ownCgroup(t)}
			client, sender, accepting := common, common, common
			client.Namespace, sender.Namespace, accepting.Namespace = inodeOf(t, n.Left), inodeOf(t, n.Left), inodeOf(t, n.Right)
			client.Protocol, client.State = TCP, Established
			client.Local, client.Peer = addrPort(t, tcp.Client.LocalAddr()), addrPort(t, tcp.Client.RemoteAddr())
			client.Inode = connInode(t, tcp.Client)
			sender.Protocol, sender.State = UDP, Established
			sender.Local, sender.Peer = addrPort(t, udp.Sender.LocalAddr()), addrPort(t, udp.Sender.RemoteAddr())
			sender.Inode = connInode(t, udp.Sender)
			if diff := gocmp.Diff([]Socket{client, sender}, left, comparable); diff != "" {
				t.Errorf("%v, left (-want +got):\n%s", way, diff)
			}
			accepting.Protocol, accepting.State, accepting.TransmitQueue = TCP, Listen, 7
			accepting.Local = netip.AddrPortFrom(n.Right.Addr(f), port)
			accepting.Peer = netip.AddrPortFrom(unspecified(f), 0)
			accepting.Inode = fdInode(t, listener)
			i := slices.IndexFunc(right, func(s Socket) bool { return s.State == Listen })
			if i < 0 || len(right) != 3 {
				t.Fatalf("%v, right: %+v, want a listener, a connection and a receiver", way, right)
			}
			if diff := gocmp.Diff(accepting, right[i], comparable); diff != "" {
				t.Errorf("%v, listener (-want +got):\n%s", way, diff)
			}
		}
		p.close(listener)
		tcp.Client.SetLinger(0) // leaves nothing behind
		tcp.Close()
		udp.Close()
	}
}

func TestNamespacesInSightAreCovered(t *testing.T) {
	p := populate(t)
	for _, way := range ways {
		e := openIn(t, p.net.Left, Config{Way: way})
		count := func(ns *testnet.Namespace) (n int) {
			for _, s := range list(t, e) {
				if s.Namespace == inodeOf(t, ns) {
					n++
				}
			}
			return n
		}
		if got := count(p.net.Right); got != 0 {
			t.Fatalf("%v: %d sockets in a namespace that nothing leads to", way, got)
		}
		before := snapshot(t, e)
		t.Run(way.String(), func(t *testing.T) {
			p.net.Right.Pin(t)
			if got, want := count(p.net.Right), wantRight().sum(); got != want {
				t.Errorf("%d sockets in the named namespace, want %d", got, want)
			}
			after := snapshot(t, e)
			if after.NamespacesCovered < before.NamespacesCovered+1 || after.NamespacesUncovered != 0 {
				t.Errorf("%d namespaces covered and %d not, before it was named %d", after.NamespacesCovered, after.NamespacesUncovered, before.NamespacesCovered)
			}
			name := "ipv4 tcp syn_recv"
			if got, want := tableauOf(after)[name]-tableauOf(before)[name], wantRight()[name]; got != want {
				t.Errorf("%s grew by %d, want %d", name, got, want)
			}
		})
		if got := count(p.net.Right); got != 0 {
			t.Errorf("%v: %d sockets in a namespace that lost its name", way, got)
		}
	}
}

func inodeOf(t *testing.T, ns *testnet.Namespace) (inode uint64) {
	t.Helper()
	ns.Do(t, func() {
		var err error
		if inode, err = netns.OfThread(); err != nil {
			t.Fatal(err)
		}
	})
	return inode
}

// ownCgroup returns the id of this process's cgroup, which new sockets belong to.
func ownCgroup(t *testing.T) uint64 {
	t.Helper()
	text, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		t.Fatal(err)
	}
	mounts, err := os.ReadFile("/proc/mounts")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(mounts)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[2] != "cgroup2" {
			continue
		}
		for line := range strings.Lines(string(text)) {
			if path, ok := strings.CutPrefix(strings.TrimSpace(line), "0::"); ok {
				var st unix.Stat_t
				if err := unix.Stat(fields[1]+path, &st); err != nil {
					t.Fatal(err)
				}
				return st.Ino
			}
		}
	}
	return 1 // the root, which is there without a mount
}

func addrPort(t *testing.T, a fmt.Stringer) netip.AddrPort {
	t.Helper()
	parsed, err := netip.ParseAddrPort(a.String())
	if err != nil {
		t.Fatal(err)
	}
	return parsed
}

func unspecified(f testnet.Family) netip.Addr {
	if f == testnet.IPv4 {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

func connInode(t *testing.T, conn interface{ File() (*os.File, error) }) uint64 {
	t.Helper()
	f, err := conn.File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	return fdInode(t, int(f.Fd()))
}

func fdInode(t *testing.T, fd int) uint64 {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		t.Fatal(err)
	}
	return st.Ino
}
