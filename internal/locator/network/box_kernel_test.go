//go:build kernel && linux

package network_test

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/locator/box"
	"github.com/packetscope/packetscope/internal/locator/network"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/wire"
)

// What no Linux router plays is found out through real sockets too: who answered, the
// labels, what was rewritten, and what came late, twice, or unasked. Each scenario of
// package box says it.
func TestSocketsFindOutScenarios(t *testing.T) {
	all, err := box.All()
	if err != nil {
		t.Fatal(err)
	}
	var excesses least
	t.Run("scenarios", func(t *testing.T) {
		for name, s := range all {
			if testnet.InVM() && !slices.Contains(inVM, name) {
				continue
			}
			for _, r := range s.Runs {
				t.Run(name+"/"+r.String(), func(t *testing.T) {
					t.Parallel()
					findOut(t, s, r, &excesses)
				})
			}
		}
	})
	// A machine that does other things too lets some wait, but not all.
	if most := testnet.Margin(5 * time.Millisecond); excesses.d > most {
		t.Errorf("all answers took %v more than the path, or longer", excesses.d)
	}
}

// inVM are the scenarios in which the kernel has a part: it decides what a socket is given
// and when that was. The others are of package wire, and the machines are slow.
var inVM = []string{
	"plain", "open_port", "duplicates", "late_twice", "garbage", "stranger", "mpls", "nat_checksum", "quote_8_bytes", "mtu", "wrong_source",
}

// slowness is how much longer all times are than those in the scenarios: 200 ms to the
// timeout and 40 ms from there to a late answer are too close for a machine with two
// processors and other work.
func slowness() time.Duration {
	return max(3, testnet.Margin(1)) // factors
}

func findOut(t *testing.T, s *box.Scenario, r box.Run, excesses *least) {
	slow := s.Slower(int(slowness()))
	n := behind(t, slow)
	flows := func(i int) wire.Flow {
		return n.Flow(r.Protocol, slow.Destination(r), box.Port(r), i)
	}
	answers, err := slow.Ask(newProber(n), flows, slow.Timeout+testnet.Margin(3*time.Second))
	if err != nil {
		t.Fatalf("%v; %+v", err, n.Stats())
	}
	want := s.Expect.Answers(r)
	if diff := cmp.Diff(box.Untimed(want), box.Untimed(slow.Summary(answers))); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	checkTimes(t, slow, want, answers, excesses)
	if diff := cmp.Diff(s.Expect.Counts(r), counts(n, s.Expect.Counts(r), slow.Timeout)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}

// behind opens a Network in a namespace behind which a scenario is played.
func behind(t *testing.T, s *box.Scenario) *network.Network {
	t.Helper()
	host := s.Addresses[box.Host]
	ns, device := testnet.NewTun(t, host[0], host[1])
	served := make(chan error, 1)
	go func() { served <- box.Serve(device, box.New(s, time.Now())) }()
	var n *network.Network
	var err error
	ns.Do(t, func() { n, err = network.Open(network.Config{Way: network.Raw, Timeout: s.Timeout}) })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
		device.Close()
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return n
}

// A prober lets a scenario ask a Network.
type prober struct {
	*network.Network
	answers chan box.Answer
}

func newProber(n *network.Network) prober {
	p := prober{n, make(chan box.Answer)}
	go func() {
		for a := range n.Answers() {
			p.answers <- box.Answer{Probe: box.Probe(a.Probe), Sent: a.Sent, Reply: a.Reply, RTT: a.RTT, Rewrites: a.Rewrites, Err: a.Err}
		}
	}()
	return p
}

func (p prober) Send(q box.Probe) error { return p.Network.Send(network.Probe(q)) }

func (p prober) Answers() <-chan box.Answer { return p.answers }

// counts waits until as many were counted as are wanted, or no more can come. Whatever
// is too much comes before an answer or before a timeout, which have been waited for.
func counts(n *network.Network, want box.Stats, timeout time.Duration) box.Stats {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	deadline := time.Now().Add(4*timeout + testnet.Margin(time.Second))
	for {
		s := n.Stats()
		got := box.Stats{Late: int(s.Late), Duplicates: int(s.Duplicates), Unmatched: int(s.Unmatched)}
		if got == want || time.Now().After(deadline) {
			return got
		}
		<-ticker.C
	}
}

// least is the least of some times.
type least struct {
	mu    sync.Mutex
	d     time.Duration
	known bool
}

func (l *least) add(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.known || d < l.d {
		l.d, l.known = d, true
	}
}

// checkTimes fails if an answer took less time than the scenario says, and tells how much
// more it was.
func checkTimes(t *testing.T, s *box.Scenario, want []string, answers []box.Answer, excesses *least) {
	t.Helper()
	times := box.Times(want)
	const step = 200 * time.Microsecond // that the clock may be set by between two stamps
	for _, a := range answers {
		line := s.Line(a)
		path, ok := times[box.Untimed([]string{line})[0]]
		if !ok {
			continue
		}
		path *= slowness()
		if a.RTT < path-step {
			t.Errorf("%s: the path takes %v", line, path)
		}
		excesses.add(a.RTT - path)
	}
}
