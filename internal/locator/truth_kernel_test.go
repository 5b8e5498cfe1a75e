//go:build kernel && linux

package locator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/change"
	"github.com/packetscope/packetscope/internal/locator/judge"
	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/locator/path"
	"github.com/packetscope/packetscope/internal/locator/plan"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// frequent runs ten rounds in a second, and half as many in a machine that could not keep
// up.
func frequent(destinations ...Destination) Config {
	c := Config{Destinations: destinations, Interval: 100 * time.Millisecond, Timeout: time.Second, Rate: 1000}
	if testnet.InVM() {
		c.Interval, c.Timeout = 200*time.Millisecond, 3*time.Second
	}
	return c
}

// hasty has budgets far above what routers of the Internet would bear.
func hasty() haste {
	return haste{
		limits: plan.Config{
			Destination: plan.Rate{PerSecond: 500, Burst: 100}, Router: plan.Rate{PerSecond: 100, Burst: 50},
			Extra: plan.Rate{PerSecond: 200, Burst: 20}, ExtraPerHour: 20_000,
		},
		changes: change.Config{Settle: 2 * time.Second},
		again:   5 * time.Second,
	}
}

// to are destinations at the end of a path, one for each family, and for both protocols
// whose answers are not of a service.
func to(p *testnet.Path, protocols ...wire.Protocol) []Destination {
	var all []Destination
	for _, protocol := range protocols {
		for _, f := range testnet.Families {
			all = append(all, Destination{Name: fmt.Sprintf("%v-%v", protocol, f), Host: p.Dest.Addr(f).String(), Protocol: protocol})
		}
	}
	return all
}

// probe runs a hasty engine at the host of a path until the test ends.
func probe(t *testing.T, p *testnet.Path, cfg Config, parts Parts) *Engine {
	t.Helper()
	parts.haste = hasty()
	return measure(t, p.Host, cfg, parts)
}

// measure runs an engine in a namespace until the test ends.
func measure(t *testing.T, host *testnet.Namespace, cfg Config, parts Parts) *Engine {
	t.Helper()
	cfg = cfg.withDefaults()
	var n *network.Network
	host.Do(t, func() {
		var err error
		if n, err = network.Open(network.Config{Timeout: cfg.Timeout}); err != nil {
			t.Fatal(err)
		}
	})
	t.Cleanup(func() { n.Close() })
	parts.Network = n
	e, err := New(cfg, parts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- e.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return e
}

// until waits until all paths are as wanted, and tells how they are if that takes too
// long.
func until(t *testing.T, e *Engine, patience time.Duration, want func(Path) string) *Snapshot {
	t.Helper()
	deadline := time.Now().Add(testnet.Margin(patience))
	for {
		s := e.Snapshot()
		var missing []string
		for _, p := range s.Paths {
			if why := want(p); why != "" {
				missing = append(missing, p.Name+": "+why)
			}
		}
		if len(missing) == 0 {
			return s
		}
		if time.Now().After(deadline) {
			t.Fatal(strings.Join(missing, "\n"))
		}
		time.Sleep(200 * time.Millisecond)
	}
}

// hopsOf returns who answers by TTL, sorted.
func hopsOf(p Path) [][]netip.Addr {
	var all [][]netip.Addr
	for _, h := range p.Hops {
		for len(all) < int(h.TTL) {
			all = append(all, nil)
		}
		all[h.TTL-1] = append(all[h.TTL-1], h.Addr)
	}
	for _, at := range all {
		slices.SortFunc(at, netip.Addr.Compare)
	}
	return all
}

// is returns why a path is not that of the truth, or "".
func is(p Path, truth [][]netip.Addr) string {
	if got := hopsOf(p); fmt.Sprint(got) != fmt.Sprint(truth) || !p.Reached || p.Length != len(truth) {
		return fmt.Sprintf("hops %v, length %d, reached %v, %s %s; want %v", got, p.Length, p.Reached, p.State, p.Error, truth)
	}
	return ""
}

func family(p Path) testnet.Family {
	if p.AddressFamily == 6 {
		return testnet.IPv6
	}
	return testnet.IPv4
}

func TestPathsAreTheTruth(t *testing.T) {
	t.Parallel()
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1, 1, 1}})
	began := time.Now()
	e := probe(t, p, frequent(to(p, wire.UDP, wire.ICMP, wire.TCP)...), Parts{})
	until(t, e, 10*time.Second, func(at Path) string { return is(at, p.Hops(family(at))) })
	t.Logf("six paths of six hops were known after %v", time.Since(began).Round(time.Millisecond))
	s := until(t, e, 30*time.Second, func(at Path) string {
		// One SYN in a second may reach a service.
		if least := uint64(101); at.End.Sent < least && (at.Protocol != wire.TCP || at.End.Sent < 7) {
			return "only few probes are sent"
		}
		return ""
	})
	for _, at := range s.Paths {
		for _, ttl := range at.TTLs {
			if l := ttl.Loss; l.Class != path.None || l.Sent-l.Answered > 1 {
				t.Errorf("%s, TTL %d: %d of %d answered, %v", at.Name, ttl.TTL, l.Answered, l.Sent, l.Class)
			}
		}
		if at.End.Lost > 1 || len(at.Events) > 0 {
			t.Errorf("%s: %d of %d lost, events %v", at.Name, at.End.Lost, at.End.Sent, levels(at))
		}
	}
	if s.Self.Way != "raw" || s.Self.UserReceived+s.Self.UserSent > s.Self.KernelReceived/100 {
		t.Errorf("self: %+v", s.Self)
	}
}

func TestBranchesAreTheTruth(t *testing.T) {
	t.Parallel()
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 3, 1, 2, 1}})
	e := probe(t, p, frequent(to(p, wire.UDP)...), Parts{})
	s := until(t, e, 30*time.Second, func(at Path) string {
		if !at.Branches || at.ID == 0 {
			return "its branches are not known"
		}
		return is(at, p.Hops(family(at)))
	})
	for _, at := range s.Paths {
		if at.Width != 3 || len(at.Links) != 3+3+2+2+1 || len(at.Events) > 0 {
			t.Errorf("%s: width %d, %d links, events %v", at.Name, at.Width, len(at.Links), levels(at))
		}
	}
}

// classes are those of the loss by TTL.
func classes(p Path) string {
	var all []string
	for _, ttl := range p.TTLs {
		all = append(all, ttl.Loss.Class.String())
	}
	return strings.Join(all, " ")
}

func TestLossIsThatOfTheTruth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limited bool
		play    func(*testing.T, *testnet.Path)
		want    string
		loss    float64
	}{
		"silent":        {false, func(t *testing.T, p *testnet.Path) { p.Stages[1][0].Silence(t) }, "none unresponsive none none", 0},
		"limited":       {false, func(t *testing.T, p *testnet.Path) { p.Stages[1][0].LimitErrors(t, 1, 1) }, "none icmp_limited none none", 0},
		"forward loss":  {false, func(t *testing.T, p *testnet.Path) { p.Stages[1][0].LoseForwarded(t, 20, testnet.ToDest) }, "none none real real", 0.2},
		"backward loss": {false, func(t *testing.T, p *testnet.Path) { p.Stages[1][0].LoseForwarded(t, 20, testnet.ToHost) }, "none none real real", 0.2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
			c.play(t, p)
			cfg := frequent(to(p, wire.UDP)...)
			cfg.NoBranches = true
			e := probe(t, p, cfg, Parts{})
			s := until(t, e, 60*time.Second, func(at Path) string {
				if at.End.Sent < 201 || classes(at) != c.want {
					return fmt.Sprintf("%d sent, classes %s, want %s", at.End.Sent, classes(at), c.want)
				}
				return ""
			})
			for _, at := range s.Paths {
				truth := path.Wilson(int(at.End.Lost), int(at.End.Sent), 4)
				if c.loss < truth.Low || c.loss > truth.High {
					t.Errorf("%s: %d of %d lost, want %v", at.Name, at.End.Lost, at.End.Sent, c.loss)
				}
			}
		})
	}
}

func TestTranslatorsAreTheTruth(t *testing.T) {
	t.Parallel()
	p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
	p.Renumber(t, netip.MustParseAddr("10.9.8.7"), netip.MustParseAddr("fd09:8::7"))
	p.Stages[0][0].Masquerade(t)
	e := probe(t, p, frequent(to(p, wire.UDP, wire.ICMP, wire.TCP)...), Parts{})
	until(t, e, 10*time.Second, func(at Path) string {
		if want := []judge.Translator{{After: 0, Before: 1, Method: judge.Inferred}}; !slices.Equal(at.Translators, want) {
			return fmt.Sprintf("translators %+v, want %+v", at.Translators, want)
		}
		return is(at, p.Hops(family(at)))
	})
}

func TestPathMTUIsTheTruth(t *testing.T) {
	t.Parallel()
	for _, hidden := range []bool{false, true} {
		t.Run(fmt.Sprintf("hidden=%v", hidden), func(t *testing.T) {
			t.Parallel()
			p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1, 1}})
			p.SetMTU(t, 4, 1404)
			if hidden {
				for _, stage := range p.Stages {
					stage[0].HideMTU(t)
				}
			}
			e := probe(t, p, frequent(to(p, wire.UDP, wire.ICMP)...), Parts{})
			until(t, e, 90*time.Second, func(at Path) string {
				if at.MTU != 1404 || at.MTULink != 3 || at.MTUBlackHole != hidden {
					return fmt.Sprintf("MTU %d behind TTL %d, black hole %v", at.MTU, at.MTULink, at.MTUBlackHole)
				}
				return is(at, p.Hops(family(at)))
			})
		})
	}
}

func TestChangesAreTheTruth(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		begin, then []int
		want        string
	}{
		"another router": {[]int{0}, []int{1}, "ip"},
		"swapped":        {[]int{0, 1}, []int{2}, "ip"},
		"wider":          {[]int{0}, []int{0, 1, 2}, "width"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 3, 1}})
			p.Stages[0][0].Forward(t, c.begin...)
			e := probe(t, p, frequent(to(p, wire.UDP)...), Parts{})
			until(t, e, 30*time.Second, func(at Path) string {
				if !at.Branches || at.ID == 0 || at.Width != len(c.begin) {
					return fmt.Sprintf("its branches are not known, width %d", at.Width)
				}
				return ""
			})
			p.Stages[0][0].Forward(t, c.then...)
			until(t, e, 60*time.Second, func(at Path) string {
				if len(at.Events) == 0 || at.Width != len(c.then) {
					return fmt.Sprintf("%d events, width %d", len(at.Events), at.Width)
				}
				return ""
			})
			time.Sleep(8 * time.Second) // so that a second one would come
			for _, at := range e.Snapshot().Paths {
				if got := strings.Join(slices.Compact(levels(at)), ", "); got != c.want {
					t.Errorf("%s: events %s, want %s", at.Name, got, c.want)
				}
			}
		})
	}
}

func TestWhoDoesNotForwardIsNamed(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		play func(*testing.T, *testnet.Router)
		want map[testnet.Family]string
	}{
		"rejects":     {func(t *testing.T, r *testnet.Router) { r.Reject(t) }, map[testnet.Family]string{testnet.IPv4: "communication_prohibited", testnet.IPv6: "communication_prohibited"}},
		"unreachable": {func(t *testing.T, r *testnet.Router) { r.Unreachable(t) }, map[testnet.Family]string{testnet.IPv4: "host_unreachable", testnet.IPv6: "no_route"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := testnet.NewPath(t, testnet.PathConfig{Widths: []int{1, 1, 1}})
			c.play(t, p.Stages[1][0])
			e := probe(t, p, frequent(to(p, wire.UDP, wire.ICMP)...), Parts{})
			until(t, e, 15*time.Second, func(at Path) string {
				by := p.Hops(family(at))[1][0]
				if at.Blocked != by || at.BlockedReason != c.want[family(at)] || at.Reached || !at.Known || at.End.Lost != at.End.Sent || len(at.Hops) != 2 {
					return fmt.Sprintf("blocked by %v (%s), reached %v (known %v), end %d of %d lost, hops %v", at.Blocked, at.BlockedReason, at.Reached, at.Known, at.End.Lost, at.End.Sent, hopsOf(at))
				}
				return ""
			})
		})
	}
}
