package stack

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
)

// ErrNoFlows is returned by [Engine.Flows] if flows are not counted.
var ErrNoFlows = errors.New("flows are not counted")

// flowChunk is how many entries are read at a time. A bucket of the hash is read as a
// whole and must fit.
const flowChunk = 4096

// Flows reads the table of flows.
//
// It takes about 1 us per entry. The counts of an entry are read one after the
// other while packets are counted, so that bytes and packets may differ by what came
// in between. Returns [ErrNoFlows] if flows are not counted: [GroupFlows] is disabled,
// or none of the stations they are counted at could be attached.
func (e *Engine) Flows() (FlowTable, error) {
	m, totals := e.objects.maps["flows"], e.objects.maps["flow_totals"]
	if !e.cfg.wantsFlows() || m == nil || totals == nil || !e.seesFlows() {
		return FlowTable{}, ErrNoFlows
	}
	t := FlowTable{Time: time.Now(), Capacity: int(m.MaxEntries())}
	d := e.flowDecoder()
	if err := eachFlow(m, func(k *bpf.FlowKey, v *bpf.FlowEntry) { t.Flows = append(t.Flows, d.flow(k, v)) }); err != nil {
		return FlowTable{}, err
	}
	// After the flows, so that the sum is never less than its parts.
	var created uint64
	err := sumArray(totals, func(_ int, sum *bpf.FlowTotals) {
		t.Total = t.Total.Plus(flowCounts(sum.Counts))
		created += sum.Created
	})
	if err != nil {
		return FlowTable{}, err
	}
	// Nothing else takes an entry out. One that was made after the table was read
	// counts as evicted until the next time; the greatest number ever is what is true.
	t.Evicted = created - min(created, uint64(len(t.Flows)))
	return t, nil
}

// seesFlows reports whether packets are counted in either direction.
func (e *Engine) seesFlows() bool {
	return slices.ContainsFunc(e.fixtures, func(x *fixture) bool { return x.attached && x.countsFlows() })
}

// eachFlow calls use for each entry; the pointers are valid during the call only.
func eachFlow(m *ebpf.Map, use func(*bpf.FlowKey, *bpf.FlowEntry)) error {
	var (
		cursor ebpf.MapBatchCursor
		keys   = make([]bpf.FlowKey, flowChunk)
		values = make([]bpf.FlowEntry, flowChunk)
	)
	for {
		n, err := m.BatchLookup(&cursor, keys, values, nil)
		if err != nil && !errors.Is(err, ebpf.ErrKeyNotExist) {
			return fmt.Errorf("read map %q: %w", name(m), err)
		}
		for i := range n {
			use(&keys[i], &values[i])
		}
		if err != nil {
			return nil
		}
	}
}

// A flowDecoder turns entries of the table into flows.
type flowDecoder struct {
	v4, v6   int
	bootTime time.Time
	tick     int64
}

func (e *Engine) flowDecoder() flowDecoder {
	v4, v6 := e.cfg.Flows.prefixes()
	return flowDecoder{v4: v4, v6: v6, bootTime: bootTime(), tick: clockTick()}
}

func (d flowDecoder) flow(k *bpf.FlowKey, v *bpf.FlowEntry) Flow {
	remote := decodeEnd(k.Remote, 0).Addr()
	bits := d.v6
	if remote.Is4() {
		bits = d.v4
	}
	first := d.bootTime.Add(time.Duration(v.FirstNs))
	return Flow{
		FlowKey: FlowKey{
			Remote: netip.PrefixFrom(remote, bits), ServicePort: k.ServicePort,
			Protocol: k.Protocol, Role: FlowRole(k.Role),
		},
		FlowCounts: flowCounts(v.Counts),
		RTT:        time.Duration(v.SrttUs) * time.Microsecond,
		FirstSeen:  first,
		LastSeen:   first.Add(time.Duration(int64(v.LastJiffies-min(v.FirstJiffies, v.LastJiffies)) * d.tick)),
		Address:    decodeEnd(v.Address, 0).Addr(),
		Socket:     v.Inode,
		Cgroup:     v.Cgroup,
	}
}

func flowCounts(c bpf.FlowCounts) FlowCounts {
	return FlowCounts{
		ReceivedBytes: c.ReceiveBytes, ReceivedPackets: c.ReceivePackets,
		SentBytes: c.TransmitBytes, SentPackets: c.TransmitPackets,
		Retransmits: c.Retransmits,
	}
}

// listeningPorts returns the ports of the listening sockets in a file such as
// /proc/net/tcp: proc_net_tcp.txt in the kernel's documentation.
func listeningPorts(table string) []uint16 {
	const stateListen = "0A"
	var ports []uint16
	for line := range strings.Lines(table) {
		fields := strings.Fields(line)
		if len(fields) < 4 || fields[3] != stateListen {
			continue
		}
		_, hex, _ := strings.Cut(fields[1], ":")
		if port, err := strconv.ParseUint(hex, 16, 16); err == nil {
			ports = append(ports, uint16(port))
		}
	}
	return ports
}
