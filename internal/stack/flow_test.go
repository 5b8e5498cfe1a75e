package stack

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
)

func TestTopFlowsAreInTheOrderAskedFor(t *testing.T) {
	flow := func(port uint16, c FlowCounts, rtt time.Duration) Flow {
		return Flow{FlowKey: FlowKey{ServicePort: port, Protocol: 6}, FlowCounts: c, RTT: rtt}
	}
	flows := []Flow{
		flow(1, FlowCounts{ReceivedBytes: 100, ReceivedPackets: 9}, 3),
		flow(2, FlowCounts{SentBytes: 900, SentPackets: 1, Retransmits: 2}, 0),
		flow(3, FlowCounts{ReceivedBytes: 450, SentBytes: 450, SentPackets: 4}, 7),
		flow(4, FlowCounts{ReceivedBytes: 50, ReceivedPackets: 1, Retransmits: 5}, 1),
	}
	before := map[FlowKey]FlowCounts{
		flows[1].FlowKey: {SentBytes: 899, SentPackets: 1},
		flows[2].FlowKey: {ReceivedBytes: 451}, // evicted since, and made anew
	}
	for _, c := range []struct {
		order FlowOrder
		n     int
		want  []uint16
	}{
		{ByBytes, -1, []uint16{2, 3, 1, 4}}, // 2 and 3 are equal
		{ByBytes, 2, []uint16{2, 3}},
		{ByBytes, 0, nil},
		{ByBytes, 9, []uint16{2, 3, 1, 4}},
		{ByPackets, -1, []uint16{1, 3, 2, 4}},
		{ByRate, -1, []uint16{3, 1, 4, 2}},
		{ByRetransmits, -1, []uint16{4, 2, 3, 1}},
		{ByRTT, -1, []uint16{3, 1, 4, 2}},
	} {
		var got []uint16
		for _, f := range TopFlows(flows, c.order, before, c.n) {
			got = append(got, f.ServicePort)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%d by %v (-want +got):\n%s", c.n, c.order, diff)
		}
	}
	if flows[0].ServicePort != 1 {
		t.Error("the flows were sorted themselves")
	}
}

func TestFlowProtocolsAreCalledAsInTheLayers(t *testing.T) {
	names := map[string]bool{"other": true}
	for number := range 256 {
		names[FlowKey{Protocol: uint8(number)}.ProtocolName()] = true
	}
	want := make(map[string]bool)
	for _, k := range Kinds {
		want[k.Protocol()] = true
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("protocols (-layers +flows):\n%s", diff)
	}
}

func TestMasksAreInNetworkOrder(t *testing.T) {
	address := netip.MustParseAddr("2001:db8:aaaa:bbbb:cccc:dddd:eeee:ffff")
	for bits := range 129 {
		mask := maskWords(bits)
		got := decodeEnd(mask, 0).Addr()
		prefix, _ := address.Prefix(bits)
		var masked [16]byte
		for i, b := range got.As16() {
			masked[i] = b & address.As16()[i]
		}
		if netip.AddrFrom16(masked) != prefix.Addr() {
			t.Errorf("/%d: %v masks %v to %v", bits, got, address, netip.AddrFrom16(masked))
		}
	}
}

func TestListeningPortsOfATable(t *testing.T) {
	const table = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 00000000:01BB 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0
   1: 0100007F:C383 0100007F:01BB 01 00000000:00000000 00:00000000 00000000     0        0 12346 1 0
   2: 00000000000000000000000001000000:C383 00000000000000000000000000000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 12347 1 0
`
	if diff := cmp.Diff([]uint16{443, 50051}, listeningPorts(table)); diff != "" {
		t.Errorf("ports (-want +got):\n%s", diff)
	}
}

func TestDecodedFlowHasTimesAndPrefix(t *testing.T) {
	boot := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	d := flowDecoder{v4: 24, v6: 64, bootTime: boot, tick: 4e6}
	mapped := netip.MustParseAddr("::ffff:192.0.2.0").As16()
	var words [4]uint32
	for i := range words {
		words[i] = uint32(mapped[4*i]) | uint32(mapped[4*i+1])<<8 | uint32(mapped[4*i+2])<<16 | uint32(mapped[4*i+3])<<24
	}
	got := d.flow(
		&bpf.FlowKey{Remote: words, ServicePort: 443, Protocol: 6, Role: uint8(Server)},
		&bpf.FlowEntry{
			Counts:  bpf.FlowCounts{ReceiveBytes: 1, ReceivePackets: 2, TransmitBytes: 3, TransmitPackets: 4, Retransmits: 5},
			FirstNs: 10e9, FirstJiffies: 1000, LastJiffies: 1250, Cgroup: 6, Inode: 7, Address: words, SrttUs: 8,
		})
	want := Flow{
		FlowKey:    FlowKey{netip.MustParsePrefix("192.0.2.0/24"), 443, 6, Server},
		FlowCounts: FlowCounts{1, 2, 3, 4, 5},
		RTT:        8 * time.Microsecond,
		FirstSeen:  boot.Add(10 * time.Second), LastSeen: boot.Add(11 * time.Second),
		Address: netip.MustParseAddr("192.0.2.0"), Socket: 7, Cgroup: 6,
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestFlowsNeedTheirStationsOnly: whoever wants flows alone does not pay for the layers.
func TestFlowsNeedTheirStationsOnly(t *testing.T) {
	var got []string
	only := slices.DeleteFunc(ProbeGroups(), func(g string) bool { return g == GroupFlows })
	for _, p := range probes() {
		if p.wanted(Config{Disable: only}) {
			got = append(got, p.name)
		}
	}
	want := []string{"transport_receive", "network_forward", "transport_transmit", "flow_retransmit", "flow_listen"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("probes (-want +got):\n%s", diff)
	}
}
