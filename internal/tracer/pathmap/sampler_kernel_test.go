//go:build linux && kernel

package pathmap

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/testnet"
)

// mapOf returns the map of what do sends, as a sampler in a namespace sees it: every packet that
// is chosen there, wherever it goes.
func mapOf(t *testing.T, ns *testnet.Namespace, do func() error) Snapshot {
	t.Helper()
	var s *Sampler
	var err error
	every := 3 * time.Second
	if testnet.InVM() {
		every = 12 * time.Second
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
	attached(t, s)
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

// attached waits until all programs of a sampler are attached, in a turn that has begun. It looks
// at the links that this process holds, as an iterator over all would hold those of others, too.
func attached(t *testing.T, s *Sampler) {
	t.Helper()
	ours := make(map[string]bool)
	for name, p := range s.coll.Programs {
		info, err := p.Info()
		if err != nil {
			t.Fatalf("program %s: %v", name, err)
		}
		id, _ := info.ID()
		ours[fmt.Sprint(id)] = true
	}
	for deadline := time.Now().Add(testnet.Margin(10 * time.Second)); ; time.Sleep(time.Millisecond) {
		links := 0
		files, err := filepath.Glob("/proc/self/fdinfo/*")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			text, _ := os.ReadFile(file) // or it is closed
			if words := strings.Fields(string(text)); slices.Contains(words, "link_id:") && ours[words[slices.Index(words, "prog_id:")+1]] {
				links++
			}
		}
		if links == len(ours) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d of %d programs are attached", links, len(ours))
		}
	}
}

// edgesOf returns how many packets of a protocol took each edge.
func edgesOf(g Graph, protocol string) map[Edge]uint64 {
	all := make(map[Edge]uint64)
	for _, s := range g.Steps {
		if s.Protocol == protocol {
			all[s.Edge] += s.Samples
		}
	}
	return all
}

// TestSameTrafficHasSameEdges looks for the edges that most packets took: a reader on another CPU
// may be faster than what wakes it, which is another way.
func TestSameTrafficHasSameEdges(t *testing.T) {
	n := testnet.NewRouted(t)
	for _, f := range testnet.Families {
		t.Run(f.String(), func(t *testing.T) {
			const sent = 23
			var maps [2]map[Edge]uint64
			for i := range maps {
				s := mapOf(t, n.Left, func() error { return testnet.SendUDP(n.Left, n.Right, f, sent, 64) })
				if got := s.Graph.Packets[ProtocolUDP]; got != sent {
					t.Errorf("%d packets, %d were sent", got, sent)
				}
				maps[i] = edgesOf(s.Graph, ProtocolUDP)
				for _, step := range s.Graph.Steps {
					if i == 0 {
						t.Logf("%4d %9v %-8s %s > %s", step.Samples, step.Times.Typical(), step.Direction, step.Source, step.Target)
					}
				}
			}
			var seen []Direction
			for i, edges := range maps {
				for e, samples := range edges {
					if samples > 2 {
						seen = append(seen, e.Direction)
					}
					if samples > sent/2 && maps[1-i][e] == 0 {
						t.Errorf("map %d has %d packets on an edge of which the other has none: %+v", i, samples, e)
					}
				}
			}
			for _, d := range []Direction{Transmit, Forward, Receive} {
				if !slices.Contains(seen, d) {
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

// TestBudgetEndsATurn sends more than a turn may look at, which nothing else ends.
func TestBudgetEndsATurn(t *testing.T) {
	n := testnet.New(t)
	var s *Sampler
	var err error
	n.Left.Do(t, func() {
		s, err = Open(Config{Every: time.Hour, Runs: 1 << 20, Events: 1, Drops: 1, OwnNamespaceOnly: true}) // the least that a CPU has
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	attached(t, s)
	if err := testnet.SendUDP(n.Left, n.Right, testnet.IPv4, 2000, 64); err != nil {
		t.Fatal(err)
	}
	var got Snapshot
	for deadline := time.Now().Add(testnet.Margin(10 * time.Second)); got.Counts.Turns == 0; time.Sleep(5 * time.Millisecond) {
		if got, err = s.Snapshot(); err != nil {
			t.Fatal(err)
		}
		if time.Now().After(deadline) {
			t.Fatal("no turn was spent")
		}
	}
	t.Logf("%+v, one of %d is chosen", got.Counts, got.Chance)
	c := got.Counts
	if c.Spent == 0 || c.Turns != 1 {
		t.Errorf("another thing ended the turn: %+v", c)
	}
	if most := uint64(s.cpus) * (leastEvents + 1); c.Events > most { // an interrupt may count where it interrupts counting
		t.Errorf("%d events in a turn of %d at most", c.Events, most)
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
