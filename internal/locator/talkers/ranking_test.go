package talkers

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/packetscope/packetscope/internal/locator/passive"
)

var (
	equate = cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})
	start  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
)

func at(minutes int) time.Time { return start.Add(time.Duration(minutes) * time.Minute) }

func prefix(n int) netip.Prefix { return netip.MustParsePrefix(fmt.Sprintf("10.0.%d.0/24", n)) }

func addr(n int) netip.Addr { return netip.MustParseAddr(fmt.Sprintf("10.0.%d.7", n)) }

// peer is network n, which moved bytes by connections.
func peer(n int, bytes uint64) passive.Peer {
	return passive.Peer{Prefix: prefix(n), Addr: addr(n), Conns: 1, Interval: passive.Sums{Received: bytes}}
}

func target(n, since, top int, bytes uint64) Target {
	return Target{Prefix: prefix(n), Addr: addr(n), Since: at(since), Top: at(top), Bytes: bytes}
}

// scan updates a ranking and compares all that it says.
func scan(t *testing.T, r *Ranking, minute int, peers []passive.Peer, flows []Flow, entered, left, targets []Target) {
	t.Helper()
	type result struct{ Entered, Left, Targets []Target }
	var got result
	got.Entered, got.Left = r.Update(at(minute), peers, flows)
	got.Targets = r.Targets()
	if diff := cmp.Diff(result{entered, left, targets}, got, equate, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("minute %d (-want +got):\n%s", minute, diff)
	}
}

func TestTwoScansOnEndMakeATarget(t *testing.T) {
	r := New(Config{})
	scan(t, r, 0, []passive.Peer{peer(1, 5), peer(2, 9)}, nil, nil, nil, nil)
	scan(t, r, 1, []passive.Peer{peer(2, 8)}, nil, []Target{target(2, 1, 1, 8)}, nil, []Target{target(2, 1, 1, 8)})
	// The first one begins anew.
	scan(t, r, 2, []passive.Peer{peer(1, 5)}, nil, nil, nil, []Target{target(2, 1, 1, 0)})
	both := []Target{target(2, 1, 3, 1), target(1, 3, 3, 5)}
	scan(t, r, 3, []passive.Peer{peer(2, 1), peer(1, 5)}, nil, both[1:], nil, both)
}

func TestTargetsLeaveAfter70Minutes(t *testing.T) {
	r := New(Config{Top: 1})
	scan(t, r, 0, []passive.Peer{peer(1, 9)}, nil, nil, nil, nil)
	scan(t, r, 5, []passive.Peer{peer(1, 9)}, nil, []Target{target(1, 5, 5, 9)}, nil, []Target{target(1, 5, 5, 9)})
	// Another one is above it, but there is no place.
	busy := []passive.Peer{peer(2, 90), peer(1, 9)}
	for minute := 6; minute <= 75; minute += 3 {
		scan(t, r, minute, busy, nil, nil, nil, []Target{target(1, 5, 5, 9)})
	}
	scan(t, r, 75, busy, nil, nil, nil, []Target{target(1, 5, 5, 9)})
	scan(t, r, 76, busy, nil, []Target{target(2, 76, 76, 90)}, []Target{target(1, 5, 5, 9)}, []Target{target(2, 76, 76, 90)})
}

func TestBeingAmongTheTopAgainProlongs(t *testing.T) {
	r := New(Config{Enter: 1})
	scan(t, r, 0, []passive.Peer{peer(1, 9)}, nil, []Target{target(1, 0, 0, 9)}, nil, []Target{target(1, 0, 0, 9)})
	scan(t, r, 70, []passive.Peer{peer(1, 1)}, nil, nil, nil, []Target{target(1, 0, 70, 1)})
	// Also after a time without scans.
	scan(t, r, 500, []passive.Peer{peer(1, 2)}, nil, nil, nil, []Target{target(1, 0, 500, 2)})
	scan(t, r, 571, nil, nil, nil, []Target{target(1, 0, 500, 0)}, nil)
}

func TestATargetKeepsItsAddress(t *testing.T) {
	r := New(Config{Enter: 1})
	first := []Target{target(1, 0, 0, 9)}
	scan(t, r, 0, []passive.Peer{peer(1, 9)}, nil, first, nil, first)
	other := peer(1, 9)
	other.Addr = other.Addr.Next()
	scan(t, r, 1, []passive.Peer{other}, nil, nil, nil, []Target{target(1, 0, 1, 9)})
}

func TestFlowsTellHowMuchAndSocketsTellWho(t *testing.T) {
	r := New(Config{Top: 2, Enter: 1})
	flows := []Flow{
		{prefix(1), 50}, // less than the sockets say
		{prefix(2), 300}, {prefix(2), 200},
		{prefix(9), 100000}, // of no known address; takes no place
		{netip.Prefix{}, 7},
	}
	entered := []Target{target(2, 0, 0, 500), target(1, 0, 0, 100)}
	scan(t, r, 0, []passive.Peer{peer(1, 100), peer(2, 1), peer(3, 99)}, flows, entered, nil, entered)
	// No connection is open any more, but the flow table saw some.
	flows = []Flow{{prefix(2), 20}, {netip.MustParsePrefix("10.0.1.9/24"), 10}}
	scan(t, r, 1, nil, flows, nil, nil, []Target{target(2, 0, 1, 20), target(1, 0, 1, 10)})
}

func TestWhoWaitsKeepsItsAddress(t *testing.T) {
	r := New(Config{})
	scan(t, r, 0, []passive.Peer{peer(1, 5)}, nil, nil, nil, nil)
	entered := []Target{target(1, 1, 1, 4)}
	scan(t, r, 1, nil, []Flow{{prefix(1), 4}}, entered, nil, entered)
}

func TestWhoSaysNothingIsNoTalker(t *testing.T) {
	r := New(Config{Enter: 1})
	idle, nobody := peer(1, 0), peer(2, 9)
	nobody.Addr = netip.Addr{}
	scan(t, r, 0, []passive.Peer{idle, nobody, {}}, []Flow{{prefix(3), 0}}, nil, nil, nil)
}

// TestRandomScansKeepTheRules checks what holds for all scans, and that neither the order
// of the peers nor that of maps matters.
func TestRandomScansKeepTheRules(t *testing.T) {
	random := rand.New(rand.NewPCG(23, 42))
	config := Config{Top: 5, Enter: 2, Leave: 10 * time.Minute}
	a, b := New(config), New(config)
	var before []Target
	seen := 0
	for minute := range 3000 {
		var peers []passive.Peer
		var flows []Flow
		for n := range 12 {
			if random.IntN(3) > 0 {
				peers = append(peers, peer(n, random.Uint64N(4)))
			}
			if random.IntN(2) > 0 {
				flows = append(flows, Flow{prefix(n), random.Uint64N(4)})
			}
		}
		entered, left := a.Update(at(minute), peers, flows)
		random.Shuffle(len(peers), func(i, j int) { peers[i], peers[j] = peers[j], peers[i] })
		enteredB, leftB := b.Update(at(minute), peers, flows)
		if diff := cmp.Diff([][]Target{entered, left, a.Targets()}, [][]Target{enteredB, leftB, b.Targets()}, equate); diff != "" {
			t.Fatalf("minute %d: the order matters:\n%s", minute, diff)
		}
		now := a.Targets()
		if len(now) > config.Top {
			t.Fatalf("minute %d: %d targets", minute, len(now))
		}
		for _, l := range left {
			if at(minute).Sub(l.Top) <= config.Leave {
				t.Errorf("minute %d: left too early: %+v", minute, l)
			}
		}
		if got, want := names(now), slices.Concat(without(names(before), names(left)), names(entered)); !slices.Equal(got, want) {
			t.Fatalf("minute %d: targets %v, want %v", minute, got, want)
		}
		before, seen = now, seen+len(left)
	}
	if seen < 10 {
		t.Errorf("only %d targets left: the test shows little", seen)
	}
}

func names(targets []Target) (all []string) {
	for _, t := range targets {
		all = append(all, t.Prefix.String())
	}
	return all
}

func without(all, some []string) []string {
	return slices.DeleteFunc(all, func(s string) bool { return slices.Contains(some, s) })
}
