//go:build bench

package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/tracer/pathmap"
)

// aimedPathMap is the part of a CPU that the path map may take.
const aimedPathMap = 0.005

const (
	// mapping is how long the path map is watched in each round: two turns.
	mapping = 2 * pathmap.DefaultEvery
	// mapRounds is how often; each takes two minutes.
	mapRounds = 3
)

// pathMapWays are how packets may be sampled all the time: by programs that are attached in
// turns, and by ones that stay attached and choose few packets. Names are read as after the first
// minute.
var pathMapWays = []struct {
	name   string
	config *pathmap.Config
}{
	{"not at all", nil},
	{"in turns, until a budget is used up (as it is)", &pathmap.Config{Reads: 1}},
	{"always attached, one packet of 32,768", &pathmap.Config{Runs: 1 << 30, Events: 1 << 13, Chance: 1 << 15, Reads: 1}},
}

// mapped is what a path map took.
type mapped struct {
	// programs and process are parts of a CPU: that of the programs, and that of all that this
	// process did but for the load.
	programs, process float64
	// rate is that of the load, 0 without.
	rate          float64
	attached      float64 // part of the time
	events, edges int
}

// mapPaths measures what sampling the ways of packets costs, on a quiet host and on one whose
// CPU does nothing else than to send.
func mapPaths(t *testing.T) section {
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		t.Fatal(err)
	}
	defer stats.Close()
	n := testnet.New(t)
	rows := table{{"load", "packets are sampled", "programs, part of a CPU", "process, part of a CPU", "datagrams per second", "attached", "sightings", "steps", "aim"}}
	for _, l := range []struct {
		name string
		load load
	}{{"none", nil}, {"datagrams of 64 bytes, as fast as a CPU can", udpLoad}} {
		rounds := make([][]mapped, len(pathMapWays))
		for range mapRounds {
			for i, way := range pathMapWays {
				rounds[i] = append(rounds[i], mapFor(t, n, way.config, l.load))
			}
		}
		for i, way := range pathMapWays {
			rows = append(rows, mappedRow(l.name, way.name, rounds[i], way.config != nil))
		}
	}
	return section{
		title: "Path map: sampling the ways of packets",
		text: fmt.Sprintf(`%d rounds of %v, two turns each, after a first turn; the ways of sampling take turns. What programs take is by the kernel's statistics (kernel.bpf_stats_enabled);
what the process takes includes attaching, reading, naming functions and the map, and what the test itself does, which the first line has alone; under load it is not told apart from what the load takes.
Datagrams per second are those of the load. The aim is %g %% of one CPU for each of both.`, mapRounds, mapping, 100*aimedPathMap),
		table: rows,
	}
}

func mappedRow(load, way string, rounds []mapped, sampled bool) []string {
	process, rate := over(rounds, func(m mapped) float64 { return m.process }), over(rounds, func(m mapped) float64 { return m.rate })
	processText, rateText := process.fine(), "-"
	if rate.high > 0 {
		process, processText, rateText = spread{}, "-", rate.text(0)
	}
	if !sampled {
		return []string{load, way, "-", processText, rateText, "-", "-", "-", "-"}
	}
	programs := over(rounds, func(m mapped) float64 { return m.programs })
	return []string{
		load, way, programs.fine(), processText, rateText,
		over(rounds, func(m mapped) float64 { return m.attached }).percent(), over(rounds, func(m mapped) float64 { return float64(m.events) }).text(0),
		over(rounds, func(m mapped) float64 { return float64(m.edges) }).text(0), met(programs.median <= aimedPathMap && process.median <= aimedPathMap),
	}
}

// fine formats small shares: "0.031 % (0.022 to 0.040)".
func (s spread) fine() string {
	return fmt.Sprintf("%.3f %% (%.3f to %.3f)", 100*s.median, 100*s.low, 100*s.high)
}

// mapFor makes a load, or waits, with a path map if there is a config for it.
func mapFor(t *testing.T, n *testnet.Net, config *pathmap.Config, l load) (m mapped) {
	var s *pathmap.Sampler
	if config != nil {
		var err error
		if s, err = pathmap.Open(*config); err != nil {
			t.Fatalf("%+v", err)
		}
		defer s.Close()
	}
	busy := func(d time.Duration) (w work) {
		if l == nil {
			time.Sleep(d)
			return w
		}
		return l(t, n, d)
	}
	var tookBefore time.Duration
	if s != nil {
		busy(pathmap.DefaultEvery) // while it learns names, which it does once
		var err error
		if _, tookBefore, err = s.RunTime(); err != nil {
			t.Fatal(err)
		}
	}
	first, err := snapshotOf(s)
	if err != nil {
		t.Fatal(err)
	}
	before, begin := processTime(), time.Now()
	w := busy(mapping)
	wall := time.Since(begin)
	m.process = (processTime() - before - time.Duration(float64(w.calls)*w.perCall)).Seconds() / wall.Seconds()
	if l != nil {
		m.rate = w.perSecond()
	}
	if s == nil {
		return m
	}
	_, took, err := s.RunTime()
	if err != nil {
		t.Fatal(err)
	}
	got, err := snapshotOf(s)
	if err != nil {
		t.Fatal(err)
	}
	m.programs = (took - tookBefore).Seconds() / wall.Seconds()
	m.attached = min(1, (got.Counts.Attached-first.Counts.Attached).Seconds()/wall.Seconds())
	m.events, m.edges = int(got.Counts.Events-first.Counts.Events), len(got.Graph.Steps)
	t.Logf("%+v %+v", m, got.Counts)
	return m
}

// snapshotOf returns what a sampler knows; without one nothing.
func snapshotOf(s *pathmap.Sampler) (pathmap.Snapshot, error) {
	if s == nil {
		return pathmap.Snapshot{}, nil
	}
	return s.Snapshot()
}
