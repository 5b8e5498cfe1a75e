//go:build kernel && linux

package stack

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/cilium/ebpf"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/testnet"
)

// Several watches at a time; the engine is that of TestWatchesCountTheirFlows.

func checkFirstWatchWins(t *testing.T, n *testnet.Net, e *lab) {
	const count = 11
	setWatches(t, e,
		Watch{Name: "ping", Protocol: unix.IPPROTO_ICMP},
		Watch{Name: "udp", Protocol: unix.IPPROTO_UDP},
		Watch{Name: "any"})
	got := e.countWatched(t, func() {
		must(t, testnet.SendUDP(n.Left, n.Right, testnet.IPv4, count, 10))
		must(t, testnet.Ping(n.Left, n.Right, testnet.IPv6, count+2))
	})
	for watch, want := range map[string]uint64{"ping": 0, "udp": count, "any": count + 2} {
		if watched, _ := got.parts(Driver, Transmit, watch); watched != want {
			t.Errorf("%d packets of watch %q, want %d", watched, watch, want)
		}
	}
}

// checkRandomWatches compares the kernel half with the reference of watch_test.go, on
// flows that many filters nearly fit.
func checkRandomWatches(t *testing.T, n *testnet.Net, e *lab) {
	random := rand.New(rand.NewPCG(3, 5))
	all := append(pairs(t, n, testnet.IPv4, 16), pairs(t, n, testnet.IPv6, 16)...)
	flows := make([]packetFlow, len(all))
	for i, p := range all {
		flows[i] = packetFlow{
			source: end(p.Sender.LocalAddr()), destination: end(p.Receiver.LocalAddr()),
			protocol: unix.IPPROTO_UDP, device: n.Left.Device,
		}
	}
	for round := range 20 {
		watches := make([]Watch, 1+random.IntN(MaxWatches))
		for i := range watches {
			watches[i] = randomWatch(random, flows[random.IntN(len(flows))])
			watches[i].Name = fmt.Sprint("watch ", i)
		}
		setWatches(t, e, watches...)
		got := e.countWatched(t, func() {
			for _, p := range all {
				talk(t, p, 1, 10)
			}
		})
		want := make(map[string]uint64)
		for _, f := range flows {
			first := slices.IndexFunc(watches, func(w Watch) bool { return reference(w, f) })
			if first >= 0 {
				want[watches[first].Name]++
			} else {
				want[""]++
			}
		}
		counted := make(map[string]uint64)
		for at, v := range got.traffic {
			if at.Layer == Driver {
				counted[at.Watch] += v.Packets
			}
		}
		if diff := cmp.Diff(want, counted); diff != "" {
			t.Fatalf("round %d, packets by watch (-want +got):\n%s\nwatches %+v", round, diff, watches)
		}
	}
}

func checkReplacedWatches(t *testing.T, n *testnet.Net, e *lab) {
	const count = 11
	keep, change := Watch{Name: "keep", Protocol: unix.IPPROTO_UDP}, Watch{Name: "change", Protocol: unix.IPPROTO_ICMP}
	load := func() {
		must(t, testnet.SendUDP(n.Left, n.Right, testnet.IPv4, count, 10))
		must(t, testnet.Ping(n.Left, n.Right, testnet.IPv4, count))
	}
	wantWatched := func(when string, got tally, want map[string]uint64) {
		t.Helper()
		for watch, packets := range want {
			if watched, _ := got.parts(Driver, Transmit, watch); watched != packets {
				t.Errorf("%s: %d packets of watch %q, want %d", when, watched, watch, packets)
			}
		}
	}
	setWatches(t, e) // forgets those of other tests
	setWatches(t, e, keep, change)
	wantWatched("at first", e.countWatched(t, load), map[string]uint64{"keep": count, "change": count})
	kept, _ := e.snapshot(t).parts(Driver, Transmit, "keep")
	changed := change
	changed.Prefix = host(n.Left.V4)
	setWatches(t, e, changed, keep, Watch{Name: "new"})
	wantWatched("replaced", e.snapshot(t), map[string]uint64{"keep": kept, "change": 0, "new": 0})
	wantWatched("and then", e.countWatched(t, load), map[string]uint64{"keep": count, "change": count, "new": 0})
	setWatches(t, e)
	for at := range e.snapshot(t).traffic {
		if at.Watch != "" {
			t.Errorf("%v is still listed, and no watch is left", at)
		}
	}
	for name, fill := range e.self(t).Maps {
		if fill.Entries != 0 && (name == "watched_traffic" || name == "watched_latency") {
			t.Errorf("%d entries of map %q are left", fill.Entries, name)
		}
	}
}

func checkManyWatches(t *testing.T, n *testnet.Net, e *lab) {
	const count = 3
	all := pairs(t, n, testnet.IPv6, MaxWatches)
	var watches []Watch
	for i, p := range all {
		watches = append(watches, Watch{Name: fmt.Sprint("watch ", i), PeerPorts: port(end(p.Receiver.LocalAddr()).Port()), Prefix: host(n.Left.V6)})
	}
	setWatches(t, e, watches...)
	if err := e.SetWatches(append(watches, Watch{Name: "too many"})); err == nil {
		t.Errorf("%d watches were taken", len(watches)+1)
	}
	got := e.countWatched(t, func() {
		for i, p := range all {
			talk(t, p, count+i%2, 10)
		}
	})
	want := make(map[station]volume)
	for i, w := range watches {
		packets := uint64(count + i%2)
		maps.Copy(want, named(sent(UDP6, packets, ipv6Header+udpHeader+10, 10), w.Name))
	}
	got.want(t, want)
	got.wantBalance(t)
}

// checkFullMap fills the map of watched traffic with entries of a watch that does not
// exist.
func checkFullMap(t *testing.T, n *testnet.Net, e *lab) {
	const count, size = 101, 10
	setWatches(t, e) // forgets the entries of other tests
	setWatches(t, e, Watch{Name: "unlucky"})
	m := e.objects.maps["watched_traffic"]
	cpus, err := ebpf.PossibleCPU()
	must(t, err)
	for i := range m.MaxEntries() {
		// The kernel's stock of memory for such maps is refilled in the background.
		var err error
		eventually(t, func() bool {
			err = m.Put(bpf.WatchedStation{Entry: i, Watch: 1 << 20}, make([]bpf.Traffic, cpus))
			return !errors.Is(err, unix.ENOMEM)
		})
		must(t, err)
	}
	t.Cleanup(func() {
		must(t, deleteKeys(m, func(k bpf.WatchedStation) bool { return k.Watch == 1<<20 }))
	})
	got := e.count(t, func() { must(t, testnet.SendUDP(n.Left, n.Right, testnet.IPv4, count, size)) })
	// As much as without a watch, and it says so.
	packet := uint64(ipv4Header + udpHeader + size)
	got.want(t, sent(UDP4, count, packet, size))
	if lost := got.lost["watched_traffic"]; lost != 5*count {
		t.Errorf("%d lost updates, want %d at each of five stations", lost, count)
	}
	fill := e.self(t).Maps["watched_traffic"]
	if fill.Entries != fill.Capacity {
		t.Errorf("the map holds %d of %d", fill.Entries, fill.Capacity)
	}
}
