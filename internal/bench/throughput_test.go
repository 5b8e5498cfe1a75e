//go:build bench

package bench

import (
	"fmt"
	"testing"

	"github.com/packetscope/packetscope/internal/stack"
	"github.com/packetscope/packetscope/internal/testnet"
)

// aimedLoss is the share of the small-packet rate that the always-on set may cost.
const aimedLoss = 0.05

// A setup is something to attach while a load runs.
type setup struct {
	name   string
	attach func(t *testing.T, n *testnet.Net) (detach func())
	// judged is whether the aim is for this one.
	judged bool
}

func setups(probes []stack.Probe) []setup {
	// Without the accounting of run time, which a turn would have on for a third of
	// its time and the exporter has on for a hundredth.
	engine := func(cfg stack.Config) func(*testing.T, *testnet.Net) func() {
		cfg.RunStats = stack.RunStatsOff
		return func(t *testing.T, n *testnet.Net) func() {
			e := open(t, cfg)
			return func() { e.Close() }
		}
	}
	const sampled = stack.DefaultSampleEvery
	return []setup{
		{name: "empty programs on the same hooks", attach: func(t *testing.T, n *testnet.Net) func() {
			return attachTwins(t, n, empty, probes).Close
		}},
		{name: "exporter, default", attach: engine(stack.Config{SampleEvery: sampled}), judged: true},
		{name: "every packet timed", attach: engine(stack.Config{})},
		{name: "group stack alone", attach: engine(stack.Config{
			SampleEvery: sampled,
			Disable:     []string{stack.GroupSocket, stack.GroupDevice, stack.GroupSoftirq},
		})},
		{name: "8 watches that do not match", attach: engine(stack.Config{SampleEvery: sampled, Watches: eightWatches()})},
	}
}

func eightWatches() []stack.Watch {
	var watches []stack.Watch
	for port := range uint16(8) {
		watches = append(watches, stack.Watch{
			Name:  fmt.Sprintf("port%d", 1+port),
			Ports: stack.PortRange{First: 1 + port, Last: 1 + port},
		})
	}
	return watches
}

// A turn is a load without and with a setup, and without again, because the
// machine drifts.
type turn struct{ before, with, after work }

// loss returns the share of a rate that the setup costs.
func (x turn) loss(rate func(work) float64) float64 {
	return 1 - rate(x.with)/((rate(x.before)+rate(x.after))/2)
}

// added returns what the setup adds to the sending thread's time, in ns per call.
func (x turn) added() float64 {
	return 1e9/x.with.perCPU() - 1e9/((x.before.perCPU()+x.after.perCPU())/2)
}

// throughput compares how much a load gets done with and without probes.
func throughput(t *testing.T) section {
	n := pinnedNet(t)
	all := setups(probesHere(t))
	rows := table{{"load", "attached", "ns added per packet or round trip", "loss per CPU-second", "loss per second", "aim"}}
	for _, l := range []struct {
		name string
		load load
	}{{"UDP, 64 bytes", udpLoad}, {"TCP request and response", rrLoad}} {
		turns, bare := takeTurns(t, n, all, l.load)
		rows = append(rows, []string{l.name, "nothing", fmt.Sprintf("(takes %s)", bare.text(0)), "", "", ""})
		for i, s := range all {
			rows = append(rows, throughputRow(l.name, s, turns[i]))
		}
	}
	return section{
		title: "Throughput with the exporter on and off",
		text: fmt.Sprintf(`Over veth between two namespaces. Loss is the share of the rate without that is lost with something
attached. A CPU-second is one of the sending thread, on whose CPU a UDP datagram is carried up to the
receiver's socket; a second is one of the wall. Empty programs show what any set of probes
on these hooks costs on this machine. The aim is for the default, on UDP: under %.0f %%.`, 100*aimedLoss),
		table: rows,
	}
}

// takeTurns returns the turns by setup, and the ns per call with nothing attached.
func takeTurns(t *testing.T, n *testnet.Net, all []setup, l load) ([][]turn, spread) {
	turns := make([][]turn, len(all))
	var bare []float64
	for range *rounds {
		before := l(t, n, *slice)
		for i, s := range all {
			detach := s.attach(t, n)
			with := l(t, n, *slice)
			detach()
			after := l(t, n, *slice)
			turns[i] = append(turns[i], turn{before, with, after})
			bare = append(bare, 1e9/after.perCPU())
			before = after
		}
	}
	return turns, spreadOf(bare)
}

func throughputRow(name string, s setup, turns []turn) []string {
	perCPU := over(turns, func(x turn) float64 { return x.loss(work.perCPU) })
	perSecond := over(turns, func(x turn) float64 { return x.loss(work.perSecond) })
	aim := ""
	if s.judged && name == "UDP, 64 bytes" {
		aim = met(perCPU.median < aimedLoss)
	}
	return []string{name, s.name, over(turns, turn.added).text(0), perCPU.percent(), perSecond.percent(), aim}
}
