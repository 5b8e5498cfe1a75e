//go:build kernel && linux

package stack

import (
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/netns"
	"github.com/packetscope/packetscope/internal/testnet"
)

// needs skips the test if this kernel lacks what a hook is made of.
func needs(t *testing.T, h hook) {
	t.Helper()
	if missing := lacks(t, h); missing != "" {
		t.Skipf("this kernel lacks %s", missing)
	}
}

func TestNamespacesAreFollowed(t *testing.T) {
	oncePerKernel(t)
	needs(t, probeNamed(t, "network_receive").ofFamily(Net)[0])
	const count, size = 101, 10
	n := testnet.New(t)
	// Of all namespaces of this machine, so a watch tells this test's packets.
	p, err := testnet.NewUDPPair(n.Left, n.Right, testnet.IPv4)
	must(t, err)
	defer p.Close()
	here, there := end(p.Sender.LocalAddr()), end(p.Receiver.LocalAddr())
	e := openAs(t, n.Left, Config{
		Hooks:   map[string]HookFamily{"network_receive": Net, "transport_receive": Net},
		Disable: []string{GroupDevice, GroupSoftirq, GroupSocket},
		Watches: []Watch{{
			Name: "test", Prefix: host(here.Addr()), Ports: port(here.Port()),
			PeerPrefix: host(there.Addr()), PeerPorts: port(there.Port()),
		}},
	})
	if e.self(t).NamespacesCovered == 0 {
		t.Error("not even the own namespace is covered")
	}
	received := func() uint64 {
		got := e.countWatched(t, func() { talk(t, p, count, size) })
		watched, _ := got.parts(Transport, Receive, "test")
		return watched
	}
	if got := received(); got != 0 {
		t.Errorf("%d packets were counted in a namespace that is not in sight", got)
	}
	t.Run("pinned", func(t *testing.T) {
		must(t, p.Receiver.SetDeadline(time.Now().Add(testnet.Margin(10*time.Second))))
		n.Right.Pin(t)
		if !eventually(t, func() bool { return e.covers(t, n.Right) }) {
			t.Fatal("the new namespace is not covered")
		}
		if got := received(); got != count {
			t.Errorf("%d packets were counted, want %d", got, count)
		}
		if got := e.self(t); got.NamespacesUncovered != 0 || got.NamespacesCovered < 2 {
			t.Errorf("%d namespaces are covered, %d not", got.NamespacesCovered, got.NamespacesUncovered)
		}
	})
	if !eventually(t, func() bool { return !e.covers(t, n.Right) }) {
		t.Error("the links of a namespace that went are still held")
	}
}

// covers reports whether links are held in a namespace.
func (l *lab) covers(t *testing.T, ns *testnet.Namespace) bool {
	t.Helper()
	var inode uint64
	ns.Do(t, func() {
		var err error
		inode, err = netns.OfThread()
		must(t, err)
	})
	l.follower.mu.Lock()
	defer l.follower.mu.Unlock()
	return len(l.follower.links[inode]) > 0
}

func TestRulesAreTimedByHook(t *testing.T) {
	oncePerKernel(t)
	needs(t, probeNamed(t, "netfilter_hook").hooks[0])
	const count = 101
	n := testnet.NewRouted(t)
	e := open(t, n.Router, Config{NetfilterTiming: true})
	for _, f := range testnet.Families {
		before := e.rules(t)
		must(t, testnet.SendUDP(n.Left, n.Right, f, count, 10))
		must(t, testnet.SendUDP(n.Left, n.Router, f, count+2, 10))
		must(t, testnet.SendUDP(n.Router, n.Right, f, count+4, 10))
		after := e.rules(t)
		for name, want := range map[string]uint64{
			"prerouting": 2*count + 2, "input": count + 2, "forward": count, "output": count + 4, "postrouting": 2*count + 4,
		} {
			at := [2]string{f.String(), name}
			h := after[at].without(before[at])
			if h.Count() != want || h.SumSeconds <= 0 {
				t.Errorf("%v: %d packets in %v s, want %d", at, h.Count(), h.SumSeconds, want)
			}
		}
	}
}

// rules returns the times by family and hook.
func (l *lab) rules(t *testing.T) map[[2]string]Histogram {
	t.Helper()
	s, err := l.Snapshot()
	must(t, err)
	by := make(map[[2]string]Histogram)
	for _, h := range s.NetfilterHooks {
		by[[2]string{h.Family, h.Hook}] = h.Histogram
	}
	return by
}
