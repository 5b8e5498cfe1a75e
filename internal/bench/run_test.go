//go:build bench

package bench

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/stack"
)

// runs is how often a program runs in one turn.
const runs = 50_000

// A runCase is a program by its family, or by its name and how many packets are
// timed.
type runCase struct {
	program string
	every   int // 0 for a twin
}

// A runRound holds ns per run.
type runRound map[runCase]float64

func (r runRound) net(c runCase) float64 { return r[c] - r[runCase{empty + kindOf(c.program), 0}] }

func (r runRound) ratio(c runCase) float64 {
	return r.net(c) / r.net(runCase{clocks + kindOf(c.program), 0})
}

func kindOf(program string) string { return program[strings.LastIndex(program, "_")+1:] }

// testRun has the kernel run the programs of the network's own hooks on one packet.
func testRun(t *testing.T) section {
	cases, programs := runCases(t)
	packet := udpPacket()
	var all []runRound
	for range *rounds {
		round := make(runRound)
		for _, c := range cases {
			_, perRun, err := programs[c].Benchmark(packet, runs, nil)
			if err != nil {
				t.Fatalf("run %s: %v", c.program, err)
			}
			round[c] = float64(perRun)
		}
		all = append(all, round)
	}
	return section{
		title: "The programs of netfilter and TCX alone",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn, on one UDP packet. Each program is the only one, so that the
packet's path begins at it: it is classified each time, which on the way it is only once. The kernel
gives netfilter programs no network header here, so to them it is of another protocol than UDP; that
takes as long. Net and ratio are as above.`, runs),
		table: runTable(cases, all),
	}
}

func runTable(cases []runCase, all []runRound) table {
	rows := table{{"program", "two clock reads, net ns", "default, net ns", "ratio", "every packet timed, net ns", "ratio", "aim"}}
	for _, c := range cases {
		if c.every != 1 {
			continue
		}
		byDefault := runCase{c.program, stack.DefaultSampleEvery}
		net := func(c runCase) string { return over(all, func(r runRound) float64 { return r.net(c) }).text(0) }
		ratio := func(c runCase) spread { return over(all, func(r runRound) float64 { return r.ratio(c) }) }
		rows = append(rows, []string{
			c.program, net(runCase{clocks + kindOf(c.program), 0}),
			net(byDefault), ratio(byDefault).text(2), net(c), ratio(c).text(2), judge(ratio(byDefault), ratio(c)),
		})
	}
	return rows
}

// stationOf lists the programs in the order of the table.
var stationOf = []struct {
	program string
	station bpf.Station
}{
	{"link_receive_tcx", bpf.LinkReceive},
	{"network_receive_netfilter", bpf.NetworkReceive},
	{"transport_receive_netfilter", bpf.TransportReceive},
	{"network_forward_netfilter", bpf.NetworkForward},
	{"transport_transmit_netfilter", bpf.TransportTransmit},
	{"network_transmit_netfilter", bpf.NetworkTransmit},
	{"qdisc_transmit_tcx", bpf.QdiscTransmit},
}

// runCases loads the programs.
func runCases(t *testing.T) ([]runCase, map[runCase]*ebpf.Program) {
	var cases []runCase
	programs := make(map[runCase]*ebpf.Program)
	for _, twin := range []string{empty, clocks} {
		for _, hook := range []string{"netfilter", "tcx"} {
			spec, err := bpf.LoadBench()
			c := runCase{twin + hook, 0}
			cases = append(cases, c)
			programs[c] = loadAlone(t, spec, err, c.program, nil)
		}
	}
	for _, p := range stationOf {
		for _, every := range []int{stack.DefaultSampleEvery, 1} {
			spec, err := bpf.LoadStackNet()
			c := runCase{p.program, every}
			cases = append(cases, c)
			programs[c] = loadAlone(t, spec, err, p.program, map[string]any{
				"sample_mask": uint32(every - 1), "duration_bound": durationBounds(),
				// Nothing is counted before a station is there.
				"stations_attached": uint32(1) << p.station,
			})
		}
	}
	return cases, programs
}

// loadAlone loads one program of a collection, whose variables are set.
func loadAlone(t *testing.T, spec *ebpf.CollectionSpec, err error, name string, variables map[string]any) *ebpf.Program {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	spec.Programs = map[string]*ebpf.ProgramSpec{name: spec.Programs[name]}
	for variable, value := range variables {
		if err := spec.Variables[variable].Set(value); err != nil {
			t.Fatal(err)
		}
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		t.Fatal(err)
	}
	prog := coll.DetachProgram(name)
	coll.Close()
	t.Cleanup(func() { prog.Close() })
	return prog
}

// durationBounds returns the greatest number of nanoseconds of each slot.
func durationBounds() (bounds [stack.Slots]uint64) {
	for i := range bounds {
		bounds[i] = math.MaxUint64
		if i < stack.Slots-1 {
			bounds[i] = uint64(stack.UpperBound(i) * 1e9)
		}
	}
	return bounds
}

// udpPacket returns an Ethernet frame with an IPv4 datagram of 64 bytes.
func udpPacket() []byte {
	frame := make([]byte, 14+20+8+64)
	copy(frame[12:], []byte{0x08, 0x00})
	ip := frame[14:]
	copy(ip, []byte{0x45, 0, 0, 20 + 8 + 64, 0, 0, 0, 0, 64, 17, 0, 0, 198, 18, 1, 1, 198, 18, 1, 2})
	copy(ip[20:], []byte{0xc0, 0, 0x30, 0x39, 0, 8 + 64})
	return frame
}
