//go:build bench

package bench

import (
	"context"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/locator"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// manyDestinations gives the end of a path as many addresses as an engine measures.
func manyDestinations(t *testing.T, p *testnet.Path) (all []locator.Destination) {
	for i := range byte(locator.MaxDestinations / 2) {
		v4 := netip.AddrFrom4([4]byte{203, 0, 113, i + 1})
		v6 := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 4: 9, 15: i + 1})
		p.Alias(t, p.Dest, v4, v6)
		for _, a := range []netip.Addr{v4, v6} {
			all = append(all, locator.Destination{Name: a.String(), Host: a.String()})
		}
	}
	return all
}

// steady runs an engine until all paths are known, and measures from then on.
func steady(t *testing.T, p *testnet.Path, cfg locator.Config) (cost pathCost) {
	before := liveMemory()
	n := openAtHost(t, p)
	defer n.Close()
	e, stop := startEngine(t, cfg, n)
	defer stop()
	began := time.Now()
	waitFor(t, 4*time.Minute, func() bool { return allKnown(e.Snapshot(), pathHops) })
	cost.known = time.Since(began).Seconds()
	sent, used := n.Stats().Sent, usage(t)
	time.Sleep(steadyFor)
	used = usage(t) - used
	sent = n.Stats().Sent - sent
	cost.memory = liveMemory() - before
	cost.cpu = 100 * used.Seconds() / steadyFor.Seconds()
	cost.packets = float64(sent) / steadyFor.Seconds()
	cost.path = 100 * bareSeconds(t, p, cfg.Destinations) * cost.packets
	for _, at := range e.Snapshot().Paths {
		if at.End.Lost > 0 || at.Error != "" {
			t.Errorf("%s: %d of %d lost, error %q", at.Name, at.End.Lost, at.End.Sent, at.Error)
		}
	}
	return cost
}

// startEngine runs an engine until stop is called.
func startEngine(t *testing.T, cfg locator.Config, n locator.Network) (e *locator.Engine, stop func()) {
	t.Helper()
	e, err := locator.New(cfg, locator.Parts{Network: n})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- e.Run(ctx) }()
	return e, func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func waitFor(t *testing.T, patience time.Duration, is func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(100 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not after %v", patience)
		}
	}
}

// allKnown reports whether all paths are as long as wanted, and no hop is missing.
func allKnown(s *locator.Snapshot, hops int) bool {
	for _, at := range s.Paths {
		seen := make(map[uint8]bool)
		for _, h := range at.Hops {
			seen[h.TTL] = true
		}
		if at.State != locator.Steady || at.Length != hops || len(seen) != hops {
			return false
		}
	}
	return true
}

// usage returns the CPU time of the process.
func usage(t *testing.T) time.Duration {
	var u unix.Rusage
	if err := unix.Getrusage(unix.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// liveMemory returns what is used of the heap, and stacks, in MB.
func liveMemory() float64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc+m.StackInuse) / 1e6
}

// bareSeconds returns the CPU time of a packet that is only sent, to all destinations and TTLs in
// turn: mostly that of the routers that it passes, and of their answers.
func bareSeconds(t *testing.T, p *testnet.Path, destinations []locator.Destination) float64 {
	out := make(map[bool]int)
	for v6, family := range map[bool]int{false: unix.AF_INET, true: unix.AF_INET6} {
		p.Host.Do(t, func() {
			fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_RAW)
			if err != nil {
				t.Fatal(err)
			}
			out[v6] = fd
		})
		defer unix.Close(out[v6])
	}
	var count int
	used := cpuOf(func() {
		count = pace(5*time.Second, func(i int) {
			to := netip.MustParseAddr(destinations[i%len(destinations)].Host)
			flow := wire.Flow{Protocol: wire.ICMP, Source: p.Host.V4, Destination: to, SourcePort: 61440}
			if to.Is6() {
				flow.Source = p.Host.V6
			}
			packet, err := wire.Probe{Flow: flow, TTL: uint8(i%pathHops + 1), ID: uint16(i + 1)}.Append(nil)
			if err == nil {
				err = unix.Sendto(out[to.Is6()], packet, 0, address(to))
			}
			if err != nil {
				t.Fatal(err)
			}
		})
	})
	return (used/float64(count) - cpuOfTimer()) / 1e6
}

func address(a netip.Addr) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}
	}
	return &unix.SockaddrInet6{Addr: a.As16()}
}
