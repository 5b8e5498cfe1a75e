//go:build bench

package bench

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"testing"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/testnet"
	"github.com/packetscope/packetscope/internal/tracer"
	"github.com/packetscope/packetscope/internal/tracer/filter"
)

// tracedHooks are those of a datagram over veth, in order.
var tracedHooks = []tracer.Hook{"net_dev_queue", "net_dev_start_xmit", "netif_rx", "net_dev_xmit", "netif_receive_skb"}

// untraced are filters that choose none of the load.
var untraced = []string{"host 192.0.2.1 and udp port 9", "netns 1"}

// tracedRate is how many packets of the traced flow are sent in a second.
const tracedRate = 10_000

// openTrace traces what an expression chooses.
func openTrace(t *testing.T, expression string, stacks bool) *tracer.Session {
	t.Helper()
	f, err := filter.Compile(expression, filter.Names{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := tracer.Open(tracer.Config{Filter: f, Stacks: stacks})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A traceRound is one turn: ns per run of a program at each hook.
type traceRound struct {
	empty map[tracer.Hook]float64
	trace map[string]map[tracer.Hook]float64 // by filter
}

// tracePackets measures what packets cost that the Tracer does not choose, and whether it tells
// all of one flow.
func tracePackets(t *testing.T) section {
	n := pinnedNet(t)
	costs, loss := untracedTable(t, n), throughputOfTrace(t, n)
	flow, lost := tracedFlow(t, n)
	return section{
		title: "What a trace costs",
		text: fmt.Sprintf(`A trace is attached, and its filter chooses none of the packets: 64-byte UDP datagrams over veth, each of
which meets %d hooks. This is run time by the kernel's accounting, at the hook where the median is the
greatest, beside that of an empty program there. The first filter looks at the frame alone, the second at
the network namespace.`, len(tracedHooks)),
		table: costs,
		verdict: fmt.Sprintf(`What the load loses, as above:

%s
One flow of %d datagrams a second, traced whole and read by one thread:

%s
%s`, loss.markdown(), tracedRate, flow.markdown(), lost),
	}
}

// untracedTable compares the run time of programs.
func untracedTable(t *testing.T, n *testnet.Net) table {
	stats, err := ebpf.EnableStats(uint32(unix.BPF_STATS_RUN_TIME))
	if err != nil {
		t.Fatal(err)
	}
	defer stats.Close()
	var all []traceRound
	for range *rounds {
		round := traceRound{empty: emptyAtHooks(t, n), trace: make(map[string]map[tracer.Hook]float64)}
		for _, expression := range untraced {
			round.trace[expression] = untracedAtHooks(t, n, expression)
		}
		all = append(all, round)
	}
	rows := table{{"filter", "empty program, ns", "trace, ns", "net ns per hook"}}
	for _, expression := range untraced {
		worst, most := tracer.Hook(""), spread{}
		for _, hook := range tracedHooks {
			net := over(all, func(r traceRound) float64 { return r.trace[expression][hook] - r.empty[hook] })
			if worst == "" || net.median > most.median {
				worst, most = hook, net
			}
		}
		rows = append(rows, []string{
			fmt.Sprintf("`%s` at %s", expression, worst),
			over(all, func(r traceRound) float64 { return r.empty[worst] }).text(0),
			over(all, func(r traceRound) float64 { return r.trace[expression][worst] }).text(0),
			most.text(0),
		})
	}
	return rows
}

func untracedAtHooks(t *testing.T, n *testnet.Net, expression string) map[tracer.Hook]float64 {
	s := openTrace(t, expression, true)
	defer s.Close()
	udpLoad(t, n, *slice)
	all, err := s.RunStats()
	if err != nil {
		t.Fatal(err)
	}
	counts, err := s.Counts()
	if err != nil {
		t.Fatal(err)
	}
	if counts.Chosen != 0 {
		t.Fatalf("%q chose %d packets", expression, counts.Chosen)
	}
	ns := make(map[tracer.Hook]float64)
	for _, hook := range tracedHooks {
		ns[hook] = float64(all[hook].Took) / float64(all[hook].Runs)
	}
	return ns
}

// emptyPrograms are programs that do nothing, by hook.
type emptyPrograms struct {
	programs map[tracer.Hook]*ebpf.Program
	links    []link.Link
}

// attachEmpty hangs empty programs at all hooks that the Tracer has here.
func attachEmpty(t *testing.T) *emptyPrograms {
	t.Helper()
	spec, err := bpf.LoadBench()
	if err != nil {
		t.Fatal(err)
	}
	s := openTrace(t, "netns 1", false)
	stats, err := s.RunStats()
	s.Close()
	if err != nil {
		t.Fatal(err)
	}
	e := &emptyPrograms{programs: make(map[tracer.Hook]*ebpf.Program)}
	for hook := range stats {
		p := loadTwin(t, spec.Programs[empty+"tracepoint"], spec, string(hook))
		e.programs[hook] = p
		l, err := link.AttachTracing(link.TracingOptions{Program: p})
		if err != nil {
			t.Fatal(err)
		}
		e.links = append(e.links, l)
	}
	return e
}

func (e *emptyPrograms) Close() {
	for _, l := range e.links {
		l.Close()
	}
	for _, p := range e.programs {
		p.Close()
	}
}

func emptyAtHooks(t *testing.T, n *testnet.Net) map[tracer.Hook]float64 {
	e := attachEmpty(t)
	defer e.Close()
	udpLoad(t, n, *slice)
	ns := make(map[tracer.Hook]float64)
	for _, hook := range tracedHooks {
		s, err := e.programs[hook].Stats()
		if err != nil {
			t.Fatal(err)
		}
		ns[hook] = float64(s.Runtime) / float64(s.RunCount)
	}
	return ns
}

// throughputOfTrace compares how many datagrams are sent.
func throughputOfTrace(t *testing.T, n *testnet.Net) table {
	all := []setup{{name: "empty programs on the same hooks", attach: func(t *testing.T, _ *testnet.Net) func() { return attachEmpty(t).Close }}}
	for _, expression := range untraced {
		all = append(all, setup{name: fmt.Sprintf("trace of `%s`", expression), attach: func(t *testing.T, _ *testnet.Net) func() {
			s := openTrace(t, expression, true)
			return func() { s.Close() }
		}})
	}
	c := compare(t, n, all, "UDP, 64 bytes", udpLoad)
	rows := table{{"attached", "ns added per packet", "loss per CPU-second", "beyond empty programs"}}
	for i, s := range all {
		beyond := ""
		if i > 0 {
			beyond = c.beyond(i).percent()
		}
		rows = append(rows, []string{s.name, over(c.turns[i], turn.added).text(0), c.loss(i, work.perCPU).percent(), beyond})
	}
	return rows
}

// tracedFlow traces a whole flow and tells what was lost of it.
func tracedFlow(t *testing.T, n *testnet.Net) (table, string) {
	rows := table{{"traced flow", "packets sent", "per second", "events", "lost", "missed", "packets told whole"}}
	lost := uint64(0)
	for _, stacks := range []bool{false, true} {
		name := map[bool]string{false: "without stacks", true: "with stacks"}[stacks]
		r := traceFlow(t, n, stacks)
		rows = append(rows, []string{
			name, fmt.Sprint(r.sent), fmt.Sprintf("%.0f", float64(r.sent)/r.took.Seconds()),
			fmt.Sprint(r.counts.Chosen), fmt.Sprint(r.counts.Lost), fmt.Sprint(r.counts.Missed), fmt.Sprint(r.whole),
		})
		lost += r.counts.Lost + r.counts.Missed
	}
	if lost == 0 {
		return rows, "No event of the traced flow was lost."
	}
	return rows, fmt.Sprintf("%d events of the traced flows were **lost**.", lost)
}

type flowResult struct {
	sent, whole int
	took        time.Duration
	counts      tracer.Counts
}

// traceFlow sends for 3 s.
func traceFlow(t *testing.T, n *testnet.Net, stacks bool) flowResult {
	p, err := testnet.NewUDPPair(n.Left, n.Right, testnet.IPv4)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	out, in := blocking(t, p.Sender, stalled), blocking(t, p.Receiver, background)
	defer unix.Close(out)
	defer unix.Close(in)
	buffer := make([]byte, 128)
	defer inBackground(func() { read(in, buffer) })()
	s := openTrace(t, fmt.Sprintf("udp dst port %d", p.Receiver.LocalAddr().(*net.UDPAddr).Port), stacks)
	defer s.Close()

	ctx, stop := context.WithCancel(t.Context())
	events := make(map[tracer.Identity]int)
	followed := make(chan error)
	go func() {
		followed <- s.Follow(ctx, func(e tracer.Event) bool {
			if slices.Contains(tracedHooks, e.Hook) {
				events[e.Packet]++
			}
			return true
		})
	}()
	r := flowResult{}
	payload := make([]byte, 64)
	begin := time.Now()
	for r.took < 3*time.Second {
		for due := int(r.took.Seconds() * tracedRate); r.sent < due; r.sent++ {
			if err := write(out, payload); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(100 * time.Microsecond)
		r.took = time.Since(begin)
	}
	time.Sleep(500 * time.Millisecond) // what is in the buffer is read yet
	stop()
	r.counts, err = s.Counts()
	if err := errors.Join(err, <-followed); err != nil {
		t.Fatal(err)
	}
	for _, number := range events {
		if number == len(tracedHooks) {
			r.whole++
		}
	}
	return r
}
