package locator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/sim"
	"github.com/packetscope/packetscope/internal/wire"
)

func router(i, k int) *sim.Router {
	return &sim.Router{
		Addr: netip.AddrFrom4([4]byte{203, 0, byte(113 + i), byte(k)}), Delay: time.Millisecond, Jitter: 50 * time.Microsecond,
		Limits: []*sim.Limit{sim.LinuxPeer(), sim.LinuxGlobal()}, Salt: uint64(k),
	}
}

// world is an engine that runs on simulated routers.
type world struct {
	*Engine
	fake *fakeNetwork
}

// inWorld runs f in a bubble with an engine for the config.
func inWorld(t *testing.T, net *sim.Net, cfg Config, parts Parts, f func(*world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		fake := newFakeNetwork(net)
		parts.Network = fake
		engine, err := New(cfg, parts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- engine.Run(ctx) }()
		f(&world{engine, fake})
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		time.Sleep(time.Minute) // until the last answers are there
	})
}

// wait lets time pass.
func (w *world) wait(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// addrs are the hops of a path by TTL, "*" where nobody answers.
func addrs(p Path) []string {
	var got []string
	for _, ttl := range p.TTLs {
		at := ""
		for _, h := range p.Hops {
			if h.TTL == ttl.TTL {
				at += h.Addr.String() + " "
			}
		}
		got = append(got, at)
	}
	return got
}

func TestAPathIsFoundAndMeasured(t *testing.T) {
	net := sim.New(1)
	var chain [][]*sim.Router
	for i := range 15 {
		chain = append(chain, []*sim.Router{router(0, i+1)})
	}
	chain[6] = []*sim.Router{router(1, 1), router(1, 2), router(1, 3)}
	dest := net.Chain(chain...)
	cfg := Config{Destinations: []Destination{{Name: "far", Host: dest.String(), Protocol: wire.UDP}}}
	inWorld(t, net, cfg, Parts{}, func(w *world) {
		w.wait(2 * time.Second)
		p := w.Snapshot().Paths[0]
		if p.Length != 15 || p.State != Steady || len(p.Hops) != 15 {
			t.Errorf("after 2 s: length %d, state %q, hops %q", p.Length, p.State, addrs(p))
		}
		w.wait(time.Hour)
		p = w.Snapshot().Paths[0]
		for ttl, stage := range chain {
			var want, got []string
			for _, r := range stage {
				want = append(want, r.Addr.String())
			}
			for _, h := range p.Hops {
				if int(h.TTL) == ttl+1 {
					got = append(got, h.Addr.String())
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("TTL %d: hops %q, want %q", ttl+1, got, want)
			}
		}
		if !p.Reached || !p.Known || p.Width != 3 || !p.Branches || p.ID == 0 || len(p.Links) != 2*3+12 {
			t.Errorf("reached %v/%v, width %d, branches known %v, id %d, %d links", p.Reached, p.Known, p.Width, p.Branches, p.ID, len(p.Links))
		}
		for _, ttl := range p.TTLs {
			if ttl.Loss.Class != path.None || ttl.Loss.Answered < ttl.Loss.Sent-1 {
				t.Errorf("TTL %d: %+v", ttl.TTL, ttl.Loss)
			}
			if least := time.Duration(ttl.TTL) * 2 * time.Millisecond; ttl.PathRTT < least || ttl.PathRTT > least+time.Millisecond {
				t.Errorf("TTL %d is %v away, want %v", ttl.TTL, ttl.PathRTT, least)
			}
		}
		if p.End.Lost != 0 || p.End.Sent < 300 || p.End.RTT.Count() != p.End.Sent || p.End.RTTMin < 30*time.Millisecond {
			t.Errorf("end: %+v", p.End)
		}
		if n := w.fake.busiest(); n > 100 {
			t.Errorf("%d packets in the busiest second", n)
		}
		if got := fmt.Sprint(p.Changes); got != "map[]" {
			t.Errorf("changes at rest: %s", got)
		}
	})
}

// The engine sleeps for 50 ms at least between what is due in the rounds, and not between
// the probes of a discovery.
func TestRoundsWakeTheEngineSeldom(t *testing.T) {
	net := sim.New(1)
	var destinations []Destination
	for i := range 16 {
		dest := net.Chain([]*sim.Router{router(0, 1)}, []*sim.Router{router(1, i+1)})
		destinations = append(destinations, Destination{Name: fmt.Sprint(i), Host: dest.String()})
	}
	inWorld(t, net, Config{Destinations: destinations, NoBranches: true, NoMTU: true}, Parts{}, func(w *world) {
		sleep := func() time.Duration {
			var background sync.WaitGroup
			return time.Until(w.step(t.Context(), &background))
		}
		w.wait(time.Millisecond)
		if d := sleep(); d > 5*time.Millisecond {
			t.Errorf("sleeps %v while paths are looked for", d)
		}
		w.wait(5 * time.Minute)
		for range 1000 {
			if d := sleep(); d < 50*time.Millisecond || d > time.Second {
				t.Fatalf("sleeps %v in the rounds, want 50 ms to 1 s", d)
			}
			w.wait(7 * time.Millisecond)
		}
	})
}
