//go:build bench

package bench

import (
	"fmt"
	"slices"
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
}

// setups returns the floor, the default and what departs from it.
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
		{name: "exporter, default", attach: engine(stack.Config{SampleEvery: sampled})},
		{name: "every packet timed", attach: engine(stack.Config{})},
		{name: "group stack alone", attach: engine(stack.Config{
			SampleEvery: sampled,
			Disable: slices.DeleteFunc(stack.ProbeGroups(), func(group string) bool {
				return group == stack.GroupStack
			}),
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
	return x.with.perCall - (x.before.perCall+x.after.perCall)/2
}

// A comparison is all turns under one load, by setup in the order of setups; the
// first is the floor.
type comparison struct {
	load  string
	bare  spread // ns per call with nothing attached
	turns [][]turn
}

// loss returns what setup i costs of a rate.
func (c comparison) loss(i int, rate func(work) float64) spread {
	return over(c.turns[i], func(x turn) float64 { return x.loss(rate) })
}

// beyond returns the loss per CPU-second of setup i less that of the floor in the
// same round.
func (c comparison) beyond(i int) spread {
	var points []float64
	for round, x := range c.turns[i] {
		points = append(points, x.loss(work.perCPU)-c.turns[0][round].loss(work.perCPU))
	}
	return spreadOf(points)
}

// throughput compares how much a load gets done with and without probes.
func throughput(t *testing.T) section {
	n := pinnedNet(t)
	all := setups(probesHere(t))
	udp := compare(t, n, all, "UDP, 64 bytes", udpLoad)
	rr := compare(t, n, all, "TCP request and response", rrLoad)
	return section{
		title: "Throughput with the exporter on and off",
		text: fmt.Sprintf(`Over veth between two namespaces. Loss is the share of the rate without that is lost with something
attached. A CPU-second is one of the sending thread, on whose CPU a UDP datagram is carried up to the
receiver's socket; a second is one of the wall, which other work on the machine shares. Empty programs
show what any set of probes on these hooks costs on this machine; "beyond" is the loss less theirs. The
aim is for the default, on UDP: under %.0f %%.`, 100*aimedLoss),
		table:   append(udp.table(all), rr.table(all)[1:]...),
		verdict: udp.verdict(),
	}
}

// compare takes the turns, one of each setup in a round.
func compare(t *testing.T, n *testnet.Net, all []setup, name string, l load) comparison {
	c := comparison{load: name, turns: make([][]turn, len(all))}
	var bare []float64
	for range *rounds {
		before := l(t, n, *slice)
		for i, s := range all {
			detach := s.attach(t, n)
			with := l(t, n, *slice)
			detach()
			after := l(t, n, *slice)
			c.turns[i] = append(c.turns[i], turn{before, with, after})
			bare = append(bare, after.perCall)
			before = after
		}
	}
	c.bare = spreadOf(bare)
	return c
}

func (c comparison) table(all []setup) table {
	rows := table{
		{"load", "attached", "ns added per packet or round trip", "loss per CPU-second", "beyond empty programs", "loss per second"},
		{c.load, "nothing", "takes " + c.bare.text(0), "", "", ""},
	}
	for i, s := range all {
		beyond := ""
		if i > 0 {
			beyond = c.beyond(i).percent()
		}
		added := over(c.turns[i], turn.added).text(0)
		rows = append(rows, []string{c.load, s.name, added, c.loss(i, work.perCPU).percent(), beyond, c.loss(i, work.perSecond).percent()})
	}
	return rows
}

// verdict holds the default, which is the second setup, against the aim.
func (c comparison) verdict() string {
	floor, loss := c.loss(0, work.perCPU), c.loss(1, work.perCPU)
	return fmt.Sprintf(`By default the exporter costs %s of the UDP rate: the aim of %.0f %% is %s. Programs that
do nothing at all cost %s on the same hooks, what the probes do in them %s more.`,
		loss.percent(), 100*aimedLoss, met(loss.median < aimedLoss), floor.percent(), c.beyond(1).percent())
}
