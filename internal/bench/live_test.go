//go:build bench

package bench

import (
	"fmt"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/testnet"
)

// aimedRatio is what a probe may cost, in units of two reads of the clock.
const aimedRatio = 1.5

// A cost is what the programs of one probe cost under a load, by the kernel's
// accounting.
type cost struct {
	ns        float64 // per run
	perPacket float64 // runs
}

// A liveRound is one turn of everything; the costs are by probe.
type liveRound struct {
	empty, clocks, byDefault, every map[string]cost
}

// net returns what a probe adds to an empty program, in ns per run.
func (r liveRound) net(of map[string]cost, probe string) float64 {
	return of[probe].ns - r.empty[probe].ns
}

// ratio compares that with two reads of the clock.
func (r liveRound) ratio(of map[string]cost, probe string) float64 {
	return r.net(of, probe) / r.net(r.clocks, probe)
}

// sum adds up the probes that a packet passes, in ns per packet.
func (r liveRound) sum(of map[string]cost, probes []stack.Probe) float64 {
	total := 0.0
	for _, p := range probes {
		total += r.net(of, p.Name) * r.every[p.Name].perPacket
	}
	return total
}

// live compares the probes with their twins while packets pass them.
func live(t *testing.T) section {
	probes, n := probesHere(t), pinnedNet(t)
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		t.Fatal(err)
	}
	defer stats.Close()
	var all []liveRound
	for range *rounds {
		all = append(all, liveRound{
			empty:     twinCosts(t, n, empty, probes),
			clocks:    twinCosts(t, n, clocks, probes),
			byDefault: probeCosts(t, n, stack.DefaultSampleEvery),
			every:     probeCosts(t, n, 1),
		})
	}
	return section{
		title: "What each probe adds to a packet",
		text: fmt.Sprintf(`64-byte UDP datagrams over veth, while the kernel accounts for the run time of BPF
programs. A probe's twins hang on the same hooks: an empty program, and one that reads the clock twice,
which is what timing a stage takes at the least. "net" is nanoseconds per run less those of the empty
program, "ratio" is net over that of two clock reads. By default one packet in %d is timed. Flows are not
counted here; they are measured below.

The sum takes each probe as often as a datagram meets it. All of it but socket_read is on the
sender's CPU, up to the receiver's socket. The aim is a ratio under %.1f.`, stack.DefaultSampleEvery, aimedRatio),
		table: liveTable(probes, all),
	}
}

func liveTable(probes []stack.Probe, all []liveRound) table {
	rows := table{{"probe", "hook", "runs per packet", "two clock reads, net ns", "default, net ns", "ratio", "every packet timed, net ns", "ratio", "aim"}}
	var onSender []stack.Probe
	for _, p := range probes {
		perPacket := over(all, func(r liveRound) float64 { return r.every[p.Name].perPacket }).median
		if perPacket < 0.01 || all[0].empty[p.Name].perPacket == 0 {
			continue
		}
		if p.Name != "socket_read" {
			onSender = append(onSender, p)
		}
		net := func(of func(liveRound) map[string]cost) spread {
			return over(all, func(r liveRound) float64 { return r.net(of(r), p.Name) })
		}
		ratio := func(of func(liveRound) map[string]cost) spread {
			return over(all, func(r liveRound) float64 { return r.ratio(of(r), p.Name) })
		}
		rows = append(rows, liveRow(p.Name, p.Hook, fmt.Sprintf("%.2f", perPacket), net, ratio))
	}
	net := func(of func(liveRound) map[string]cost) spread {
		return over(all, func(r liveRound) float64 { return r.sum(of(r), onSender) })
	}
	ratio := func(of func(liveRound) map[string]cost) spread {
		return over(all, func(r liveRound) float64 { return r.sum(of(r), onSender) / r.sum(r.clocks, onSender) })
	}
	return append(rows, liveRow("**sum on the sender's CPU**", "", "", net, ratio))
}

func liveRow(name, hook, perPacket string, net, ratio func(of func(liveRound) map[string]cost) spread) []string {
	twoClocks := func(r liveRound) map[string]cost { return r.clocks }
	byDefault := func(r liveRound) map[string]cost { return r.byDefault }
	every := func(r liveRound) map[string]cost { return r.every }
	return []string{
		name, hook, perPacket, net(twoClocks).text(0),
		net(byDefault).text(0), ratio(byDefault).text(2), net(every).text(0), ratio(every).text(2),
		judge(ratio(byDefault), ratio(every)),
	}
}

// judge holds the ratios by default, and with every packet timed, against the aim.
func judge(byDefault, every spread) string {
	if byDefault.median < aimedRatio && every.median >= aimedRatio {
		return "met; " + met(false) + " if every packet is timed"
	}
	return met(byDefault.median < aimedRatio)
}

// twinCosts runs the load with the twins attached.
func twinCosts(t *testing.T, n *testnet.Net, kind string, probes []stack.Probe) map[string]cost {
	w := attachTwins(t, n, kind, probes)
	defer w.Close()
	calls := udpLoad(t, n, *slice).calls
	costs := make(map[string]cost)
	for probe, programs := range w.programs {
		var runs uint64
		var total time.Duration
		for _, p := range programs {
			s, err := p.Stats()
			if err != nil {
				t.Fatal(err)
			}
			runs, total = runs+s.RunCount, total+s.Runtime
		}
		costs[probe] = costOf(total, runs, calls)
	}
	return costs
}

// probeCosts runs the load with the engine attached.
func probeCosts(t *testing.T, n *testnet.Net, sampleEvery int) map[string]cost {
	// The accounting is on for everything; the engine need not turn it on too.
	e := open(t, stack.Config{
		SampleEvery: sampleEvery, RunStats: stack.RunStatsOff, Disable: []string{stack.GroupFlows},
	})
	defer e.Close()
	calls := udpLoad(t, n, *slice).calls
	self, err := e.Self()
	if err != nil {
		t.Fatal(err)
	}
	costs := make(map[string]cost)
	for _, p := range self.Probes {
		costs[p.Name] = costOf(p.RunTime, p.Runs, calls)
	}
	return costs
}

func costOf(total time.Duration, runs uint64, calls int) cost {
	if runs == 0 {
		return cost{}
	}
	return cost{ns: float64(total) / float64(runs), perPacket: float64(runs) / float64(calls)}
}
