//go:build bench

package bench

import (
	"fmt"
	"testing"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/stack"
)

// aimedFlowNs is what counting a packet in its flow may cost.
const aimedFlowNs = 100

// A flowCase is how many flows the packets belong to in turn, and the table.
type flowCase struct {
	active, room int
	table        ebpf.MapType
	count        bool // else all is done but counting
}

// countFlows has the kernel count packets in their flows.
func countFlows(t *testing.T) section {
	var cases []flowCase
	for _, c := range []struct{ active, room int }{
		{1, stack.DefaultMaxFlows}, {50_000, stack.DefaultMaxFlows}, {100_000, 1 << 17}, {100_000, stack.DefaultMaxFlows},
	} {
		for _, table := range []ebpf.MapType{ebpf.LRUHash, ebpf.LRUCPUHash} {
			cases = append(cases, flowCase{c.active, c.room, table, false}, flowCase{c.active, c.room, table, true})
		}
	}
	programs := make(map[flowCase]*ebpf.Program)
	packet := udpPacket()
	for _, c := range cases {
		programs[c] = loadFlows(t, c)
		// Fill the table first.
		if _, _, err := programs[c].Benchmark(packet, 2*c.active, nil); err != nil {
			t.Fatal(err)
		}
	}
	var all []map[flowCase]float64
	for range *rounds {
		round := make(map[flowCase]float64)
		for _, c := range cases {
			_, perRun, err := programs[c].Benchmark(packet, runs, nil)
			if err != nil {
				t.Fatal(err)
			}
			round[c] = float64(perRun)
		}
		all = append(all, round)
	}
	return section{
		title: "Counting a packet in its flow",
		text: fmt.Sprintf(`BPF_PROG_TEST_RUN, %d runs in a turn, on one UDP packet whose address the program changes each time, so
that it is of as many flows as the row says, in an order that no cache can guess. The time is what reading
the addresses and ports and counting the flow add to the same program without them: what flows cost on
top of the layers. The aim is under %d ns. One value for all CPUs is what is built in; values per CPU need
no atomic additions, which are measured here all the same, but the memory times the number of CPUs. Where more
flows are active than there is room for, each packet makes an entry and evicts another.`, runs, aimedFlowNs),
		table: flowTable(cases, all),
	}
}

func flowTable(cases []flowCase, all []map[flowCase]float64) table {
	rows := table{{"active flows", "room for", "values", "ns per packet", "aim"}}
	for _, c := range cases {
		if !c.count {
			continue
		}
		without := c
		without.count = false
		net := over(all, func(r map[flowCase]float64) float64 { return r[c] - r[without] })
		values := "one for all CPUs"
		if c.table == ebpf.LRUCPUHash {
			values = "per CPU"
		}
		rows = append(rows, []string{
			fmt.Sprint(c.active), fmt.Sprint(c.room), values, net.text(0), met(net.median < aimedFlowNs),
		})
	}
	return rows
}

func loadFlows(t *testing.T, c flowCase) *ebpf.Program {
	spec, err := bpf.LoadBenchFlows()
	if err != nil {
		t.Fatal(err)
	}
	spec.Maps["flows"].Type = c.table
	spec.Maps["flows"].MaxEntries = uint32(c.room)
	count := uint32(0)
	if c.count {
		count = 1
	}
	return loadAlone(t, spec, nil, "flows_tcx", map[string]any{
		"bench_flows": uint32(c.active), "bench_count": count,
		"flows_wanted": uint32(1), "flow_mask4": ^uint32(0),
		"ephemeral_first": uint32(32768), "ephemeral_last": uint32(60999),
	})
}
