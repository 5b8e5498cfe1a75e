//go:build linux && kernel

package pathmap

import (
	"errors"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/testnet"
)

// mapOf returns the map of what do sends, as a sampler in a namespace sees it: every packet that
// is chosen there, wherever it goes.
func mapOf(t *testing.T, ns *testnet.Namespace, do func() error) Snapshot {
	t.Helper()
	var s *Sampler
	var err error
	every, attach := 3*time.Second, 300*time.Millisecond
	if testnet.InVM() {
		every, attach = 12*time.Second, 4*time.Second
	}
	ns.Do(t, func() {
		s, err = Open(Config{
			Every: every, Runs: 1 << 24, Events: 1 << 13, Drops: 1 << 10, Chance: 1, OwnNamespaceOnly: true,
		})
	})
	if err != nil {
		t.Fatalf("%+v", err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	time.Sleep(attach) // as long as that takes, and less than a turn
	if err := do(); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(testnet.Margin(10 * time.Second)); ; time.Sleep(50 * time.Millisecond) {
		got, err := s.Snapshot()
		if err != nil {
			t.Fatal(err)
		}
		if got.Counts.Turns > 0 {
			if got.Counts.Lost != 0 || got.Counts.Unnamed != 0 {
				t.Errorf("counts %+v", got.Counts)
			}
			return got
		}
		if time.Now().After(deadline) {
			t.Fatal("no turn ended")
		}
	}
}

// edgesOf returns the edges of a protocol that more than two packets took: a reader on another CPU
// may be faster than what wakes it, which is another way.
func edgesOf(g Graph, protocol string) (list []Edge) {
	for _, s := range g.Steps {
		if s.Protocol == protocol && s.Samples > 2 {
			list = append(list, s.Edge)
		}
	}
	slices.SortFunc(list, compareEdges)
	return list
}

func TestSameTrafficHasSameEdges(t *testing.T) {
	n := testnet.NewRouted(t)
	for _, f := range testnet.Families {
		t.Run(f.String(), func(t *testing.T) {
			var maps [2][]Edge
			for i := range maps {
				s := mapOf(t, n.Left, func() error { return testnet.SendUDP(n.Left, n.Right, f, 23, 64) })
				if got := s.Graph.Packets[ProtocolUDP]; got != 23 {
					t.Errorf("%d packets, 23 were sent", got)
				}
				maps[i] = edgesOf(s.Graph, ProtocolUDP)
				for _, step := range s.Graph.Steps {
					if i == 0 {
						t.Logf("%4d %9v %-8s %s > %s", step.Samples, step.Times.Typical(), step.Direction, step.Source, step.Target)
					}
				}
			}
			if diff := cmp.Diff(maps[0], maps[1]); diff != "" {
				t.Errorf("edges differ (-first +second):\n%s", diff)
			}
			for _, d := range []Direction{Transmit, Forward, Receive} {
				if !slices.ContainsFunc(maps[0], func(e Edge) bool { return e.Direction == d }) {
					t.Errorf("no edge has the direction %s", d)
				}
			}
		})
	}
}

func TestEdgesEndInFates(t *testing.T) {
	n := testnet.New(t)
	t.Run("datagrams are delivered", func(t *testing.T) {
		s := mapOf(t, n.Left, func() error { return testnet.SendUDP(n.Left, n.Right, testnet.IPv4, 23, 64) })
		if got := s.Graph.Ends; len(got) == 0 || got[0] != (Ended{End{"delivered", ProtocolUDP}, 23}) {
			t.Errorf("ends %+v", got)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		s := mapOf(t, n.Left, func() (err error) {
			n.Left.Do(t, func() {
				var c net.Conn
				if c, err = net.Dial("udp", netip.AddrPortFrom(n.Right.V4, 9).String()); err != nil {
					return
				}
				defer c.Close()
				_, err = c.Write([]byte("anyone?"))
			})
			return err
		})
		want := Ended{End{"dropped: NO_SOCKET", ProtocolUDP}, 1}
		if got := s.Graph.Ends; !slices.Contains(got, want) {
			t.Errorf("ends %+v", got)
		}
	})
	t.Run("TCP is delivered", func(t *testing.T) {
		s := mapOf(t, n.Left, func() error { return testnet.SendTCP(n.Left, n.Right, testnet.IPv4, 64<<10) })
		for _, step := range s.Graph.Steps {
			t.Logf("%4d %9v %-8s %s > %s", step.Samples, step.Times.Typical(), step.Direction, step.Source, step.Target)
		}
		delivered := slices.ContainsFunc(s.Graph.Ends, func(e Ended) bool { return e.Fate == "delivered" && e.Protocol == ProtocolTCP })
		if !delivered {
			t.Errorf("ends %+v", s.Graph.Ends)
		}
	})
}

// TestBudgetEndsATurn sends more than a turn may look at.
func TestBudgetEndsATurn(t *testing.T) {
	n := testnet.New(t)
	var s *Sampler
	var err error
	n.Left.Do(t, func() {
		s, err = Open(Config{Every: time.Second, Runs: 1 << 20, Events: 1, Drops: 1, OwnNamespaceOnly: true}) // the least that a CPU has
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	time.Sleep(testnet.Margin(100 * time.Millisecond))
	if err := testnet.SendUDP(n.Left, n.Right, testnet.IPv4, 2000, 64); err != nil {
		t.Fatal(err)
	}
	time.Sleep(testnet.Margin(1200 * time.Millisecond))
	got, err := s.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v, one of %d is chosen", got.Counts, got.Chance)
	c := got.Counts
	if c.Spent == 0 || c.Turns == 0 || c.Attached > time.Duration(c.Turns)*900*time.Millisecond && c.Turns < 2 {
		t.Errorf("no turn was spent: %+v", c)
	}
	if most := c.Turns * uint64(s.cpus) * leastEvents; c.Events > most+uint64(s.cpus)*leastEvents {
		t.Errorf("%d events in %d turns", c.Events, c.Turns)
	}
	if got.Chance < 2 {
		t.Errorf("one packet of %d is chosen, though there were too many", got.Chance)
	}
}

func TestCloseWaitsForNoTurn(t *testing.T) {
	s, err := Open(Config{Every: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	begin := time.Now()
	if err := s.Close(); err != nil && !errors.Is(err, net.ErrClosed) {
		t.Error(err)
	}
	if took := time.Since(begin); took > testnet.Margin(5*time.Second) {
		t.Errorf("it took %v", took)
	}
}
