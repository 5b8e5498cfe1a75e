package mda

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/packetscope/packetscope/internal/locator/sim"
)

var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// The numbers that Locator's design has from its own computation and from scamper's
// tables; they may differ by one.
func TestStoppingPoints(t *testing.T) {
	for e, want := range map[float64][]int{
		0.05: {6, 11, 16, 21, 27, 33, 39, 45, 51, 57, 63, 70, 77, 83, 90},
		0.01: {8, 15, 21, 28, 36, 43, 51, 58, 66, 74, 82, 90, 98, 106, 115},
	} {
		var got []int
		for k := 2; k <= 16; k++ {
			got = append(got, Probes(k, e))
		}
		if !slices.Equal(got, want) {
			t.Errorf("%v: %v\nwant %v", e, got, want)
		}
	}
	for points, want := range map[int]int{1: 6, 4: 8, 30: 11} {
		if got := Probes(2, PerNode(0.05, points)); got != want {
			t.Errorf("with %d branching points the first stops after %d, want %d", points, got, want)
		}
	}
}

// Balanced evenly, the error of a stopping point is at most what was asked for.
func TestStoppingPointsHoldTheirError(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for k := 2; k <= 16; k++ {
		missed := 0
		const runs = 4000
		for range runs {
			seen := map[int]bool{}
			for range Probes(k, 0.05) {
				seen[rng.IntN(k)] = true
			}
			if len(seen) < k {
				missed++
			}
		}
		// The error plus three standard deviations of the count.
		if share := float64(missed) / runs; share > 0.05+3*0.0035 {
			t.Errorf("k = %d: %.3f of the runs missed a hop", k, share)
		}
	}
}

func router(stage, i int) *sim.Router {
	return &sim.Router{Addr: netip.AddrFrom4([4]byte{10, 0, byte(stage), byte(i)}), Salt: uint64(stage*100 + i)}
}

// build returns a path with so many routers at each TTL, and the destination.
func build(seed uint64, widths ...int) (*sim.Net, netip.Addr, [][]*sim.Router) {
	n := sim.New(seed)
	var stages [][]*sim.Router
	for stage, width := range append(widths, 1) {
		var routers []*sim.Router
		for i := range width {
			r := router(stage, i)
			r.Salt += seed * 1000
			routers = append(routers, r)
		}
		stages = append(stages, routers)
	}
	return n, n.Chain(stages...), stages
}

func enumerate(n *sim.Net, dest netip.Addr, c Config, last uint8) *Enumerator {
	e := New(c, 1, last)
	for !e.Done() {
		asks := e.Next()
		if len(asks) == 0 {
			panic("neither done nor asking")
		}
		for _, a := range asks {
			e.Seen(a, n.Send(start, sim.Probe{Dest: dest, TTL: a.TTL, Flow: a.Flow}).From)
		}
	}
	return e
}

// hops prints how many were found at each TTL.
func hops(e *Enumerator, last uint8) string {
	var found []int
	for ttl := uint8(1); ttl <= last; ttl++ {
		found = append(found, len(e.Hops(ttl)))
	}
	return fmt.Sprint(found)
}

// Random paths with up to four branching points: with 95 % all hops are found.
func TestAllBranchesAreFound(t *testing.T) {
	const runs = 500
	missed, probes := 0, 0
	for seed := range uint64(runs) {
		rng := rand.New(rand.NewPCG(seed, 3))
		widths := []int{1, 1, 1, 1, 1, 1}
		for range 1 + rng.IntN(2) {
			// Branches that are joined again at the next TTL.
			widths[1+2*rng.IntN(2)] = 1 + rng.IntN(6)
		}
		n, dest, stages := build(seed, widths...)
		e := enumerate(n, dest, Config{MaxProbes: 3000}, 7)
		probes += e.Asked()
		for i, stage := range stages {
			if found := len(e.Hops(uint8(i + 1))); found > len(stage) {
				t.Fatalf("seed %d: %d hops at TTL %d, which has %d", seed, found, i+1, len(stage))
			} else if found < len(stage) {
				missed++
				break
			}
		}
		if !e.Complete() {
			t.Fatalf("seed %d: not complete", seed)
		}
	}
	t.Logf("seeds 0 to %d: %d paths with a hop missed, %d probes per path", runs-1, missed, probes/runs)
	if missed > runs*5/100 {
		t.Errorf("%d of %d paths have a hop that was missed", missed, runs)
	}
}

// In a mesh all links are wanted, and those that are found exist.
func TestLinksOfAMesh(t *testing.T) {
	missed := 0
	const runs = 100
	for seed := range uint64(runs) {
		n, dest, stages := build(seed, 1, 2, 3, 1)
		e := enumerate(n, dest, Config{MaxProbes: 3000}, 5)
		want := 0
		for i := range len(stages) - 1 {
			want += len(stages[i]) * len(stages[i+1])
		}
		links := e.Links()
		if len(links) > want {
			t.Fatalf("seed %d: %d links of %d: %v", seed, len(links), want, links)
		}
		if len(links) < want {
			missed++
		}
	}
	if missed > runs*8/100 { // 5 %, and chance
		t.Errorf("%d of %d meshes have a link that was missed", missed, runs)
	}
}

func TestAStraightPathCostsLittle(t *testing.T) {
	n, dest, _ := build(1, 1, 1, 1, 1)
	e := enumerate(n, dest, Config{}, 5)
	if e.Asked() != 5*8 || !e.Complete() || e.Width() != 1 {
		t.Errorf("%d probes, want 8 for each TTL", e.Asked())
	}
}

// A balancer of packets is noticed wherever it is, and not taken for one of flows.
func TestPerPacketBalancers(t *testing.T) {
	wrong := 0
	const runs = 200
	for seed := range uint64(runs) {
		n, dest, stages := build(seed, 1, 3, 1, 2, 1)
		stages[0][0].PerPacket = true
		e := enumerate(n, dest, Config{MaxProbes: 3000}, 6)
		if !e.PerPacket(2) || e.PerPacket(1) || e.PerPacket(3) {
			wrong++
		}
		if e.PerPacket(4) {
			t.Errorf("seed %d: the balancer of flows at TTL 4 is called one of packets", seed)
		}
		for _, l := range e.Links() {
			if l.TTL == 1 || l.TTL == 2 {
				if e.PerPacket(2) {
					t.Errorf("seed %d: link %v of a balancer of packets", seed, l)
				}
			}
		}
	}
	if wrong > runs/50 {
		t.Errorf("%d of %d balancers of packets not noticed", wrong, runs)
	}
}

// A route that changes while a flow is repeated is no balancer.
func TestAChangeIsNoPerPacketBalancer(t *testing.T) {
	l := &level{hops: map[netip.Addr]bool{}}
	a, b := netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	for i := range 2*repeats - 1 {
		hop := a
		if i >= 3 {
			hop = b
		}
		l.repeat(hop)
	}
	if l.perPacket || !l.testedOnce {
		t.Errorf("per packet %v, tested %v", l.perPacket, l.testedOnce)
	}
}

func TestSilenceIsNoHop(t *testing.T) {
	n, dest, stages := build(3, 1, 1, 2, 1)
	stages[1][0].Silent = true
	stages[2][0].AnswerLoss = 0.5
	stages[2][1].AnswerLoss = 0.5
	e := enumerate(n, dest, Config{}, 5)
	if got := hops(e, 5); got != "[1 0 2 1 1]" {
		t.Errorf("hops %s", got)
	}
	if e.Asked() > 150 {
		t.Errorf("%d probes", e.Asked())
	}
}

func TestLimits(t *testing.T) {
	n, dest, _ := build(4, 1, 40, 1)
	e := enumerate(n, dest, Config{MaxProbes: 3000}, 4)
	if e.Complete() || len(e.Hops(2)) < 16 {
		t.Errorf("complete with %d hops of 40", len(e.Hops(2)))
	}
	if e.Asked() > 600 {
		t.Errorf("%d probes where 16 hops end the search", e.Asked())
	}
	e = enumerate(n, dest, Config{MaxProbes: 50}, 4)
	if e.Asked() != 50 || e.Complete() || !e.Done() {
		t.Errorf("%d probes of 50, complete %v, done %v", e.Asked(), e.Complete(), e.Done())
	}
}

// Few flows cover the branches.
func TestCover(t *testing.T) {
	n, dest, stages := build(5, 1, 3, 1, 2, 1)
	e := enumerate(n, dest, Config{}, 6)
	flows := e.Cover(4)
	if len(flows) != 3 || flows[0] != 0 {
		t.Fatalf("flows %v, want 3 from 0 on", flows)
	}
	passed := map[netip.Addr]bool{}
	for _, flow := range flows {
		for _, r := range n.Path(dest, flow) {
			passed[r.Addr] = true
		}
	}
	for _, stage := range stages {
		for _, r := range stage {
			if !passed[r.Addr] {
				t.Errorf("no flow passes %v", r.Addr)
			}
		}
	}
}
