package pathmap

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/internal/tracer"
)

// at is an event of a packet with a stack, the outermost function first.
func at(when time.Duration, hook tracer.Hook, stack string) tracer.Event {
	e := tracer.Event{Time: when, Hook: hook, Stack: strings.Fields(stack)}
	e.Context = tracer.Softirq
	if strings.HasPrefix(stack, "do_syscall_64 ") {
		e.Context = tracer.System
	}
	return e
}

func packet(events ...tracer.Event) *tracer.Packet {
	events[0].Frame = append(make([]byte, 12), 0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17)
	return &tracer.Packet{Events: events}
}

const (
	up    = "handle_softirqs net_rx_action __napi_poll process_backlog __netif_receive_skb_one_core "
	socks = up + "ip_local_deliver_finish udp_queue_rcv_one_skb sock_def_readable"
)

// loop is a datagram from a socket of the host to another.
func loop() *tracer.Packet {
	const down = "do_syscall_64 ksys_write udp_sendmsg ip_output __dev_queue_xmit"
	return packet(
		at(1000, "net_dev_queue", down),
		at(1300, "net_dev_start_xmit", down+" dev_hard_start_xmit"),
		at(1400, "netif_rx", down+" dev_hard_start_xmit veth_xmit netif_rx_internal"),
		at(1600, "net_dev_xmit", down+" dev_hard_start_xmit"),
		at(2600, "netif_receive_skb", up+"__netif_receive_skb_core"),
		at(4600, "sk_data_ready", socks),
	)
}

func rows(m *Map, most int) (list []string) {
	for _, s := range m.Steps(most) {
		list = append(list, strings.Join([]string{s.Source, s.Target, string(s.Direction), s.Protocol, s.Times.Sum.String()}, " "))
	}
	return list
}

func TestFatesAreNoFunctions(t *testing.T) {
	for _, f := range []tracer.Fate{tracer.Dropped, tracer.Delivered, tracer.Sent, tracer.Consumed, tracer.Merged, tracer.Unseen} {
		if name := FateName(f, "NO_SOCKET"); LayerOf(name) != Fates {
			t.Errorf("%q is of the layer %s", name, LayerOf(name))
		}
	}
}

func TestEdgesAreWhatStacksTell(t *testing.T) {
	var m Map
	m.Add(loop())
	want := []string{
		"__dev_queue_xmit dev_hard_start_xmit transmit udp 500ns", // 300 to begin, and 200 at the end
		"__napi_poll process_backlog receive udp 0s",
		"__netif_receive_skb_one_core __netif_receive_skb_core receive udp 0s",
		"__netif_receive_skb_one_core ip_local_deliver_finish receive udp 2µs",
		"dev_hard_start_xmit __napi_poll receive udp 1µs", // it waited there
		"dev_hard_start_xmit veth_xmit transmit udp 100ns",
		"ip_local_deliver_finish udp_queue_rcv_one_skb receive udp 0s",
		"ip_output __dev_queue_xmit transmit udp 0s",
		"ksys_write udp_sendmsg transmit udp 0s",
		"process_backlog __netif_receive_skb_one_core receive udp 0s",
		"sock_def_readable delivered receive udp 0s",
		"udp_queue_rcv_one_skb sock_def_readable receive udp 0s",
		"udp_sendmsg ip_output transmit udp 0s",
		"veth_xmit netif_rx_internal transmit udp 0s",
	}
	if diff := cmp.Diff(want, rows(&m, 0)); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]Ended{{End{"delivered", "udp"}, 1}}, m.Ends()); diff != "" {
		t.Errorf("ends (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]uint64{"udp": 1}, m.Graph(0).Packets); diff != "" {
		t.Errorf("packets (-want +got):\n%s", diff)
	}
}

func TestForwardedPacketsAreKnownWithoutFunctions(t *testing.T) {
	var m Map
	m.Add(packet(
		at(1000, "netif_receive_skb", up+"__netif_receive_skb_core"),
		at(2000, "net_dev_queue", up+"ip_output __dev_queue_xmit"),
		at(3000, "net_dev_xmit", up+"ip_output __dev_queue_xmit dev_hard_start_xmit"),
	))
	for _, s := range m.Steps(0) {
		if s.Direction != Forward {
			t.Errorf("%s > %s has the direction %s", s.Source, s.Target, s.Direction)
		}
	}
	if got := m.Ends(); got[0].Fate != "sent" {
		t.Errorf("ends %v", got)
	}
}

func TestAnswersBeginWhereTheyAreCaused(t *testing.T) {
	var m Map
	m.Add(packet(at(1000, "net_dev_queue", up+"ip_local_deliver_finish tcp_v4_rcv tcp_rcv_established __tcp_send_ack __tcp_transmit_skb ip_output __dev_queue_xmit")))
	want := []string{
		"__tcp_send_ack __tcp_transmit_skb transmit udp 0s",
		"__tcp_transmit_skb ip_output transmit udp 0s",
		"ip_output __dev_queue_xmit transmit udp 0s",
		"tcp_rcv_established __tcp_send_ack transmit udp 0s",
	}
	if diff := cmp.Diff(want, rows(&m, 0)); diff != "" {
		t.Errorf("edges (-want +got):\n%s", diff)
	}
}

func TestDropsEndInTheirReason(t *testing.T) {
	drop := at(2000, "kfree_skb", up+"ip_local_deliver_finish __udp4_lib_rcv sk_skb_reason_drop")
	drop.Reason = "NO_SOCKET"
	var m Map
	m.Add(packet(at(1000, "netif_receive_skb", up+"__netif_receive_skb_core"), drop))
	want := "__udp4_lib_rcv dropped: NO_SOCKET receive udp 0s"
	if got := rows(&m, 0); !strings.Contains(strings.Join(got, "\n"), want) {
		t.Errorf("no %q in %q", want, got)
	}
	if !IsDrop("dropped: NO_SOCKET") || IsDrop("delivered") || !IsFate("delivered") || IsFate("udp_rcv") {
		t.Error("fates are not told apart from functions")
	}
}

// many are packets that went many ways.
func many() (list []*tracer.Packet) {
	for i := range 40 {
		list = append(list, loop(), packet(at(1, "net_dev_queue", "do_syscall_64 udp_sendmsg f"+string(rune('A'+i))+" __dev_queue_xmit")))
	}
	return list
}

func TestOrderOfPacketsDoesNotMatter(t *testing.T) {
	packets := many()
	var want []string
	for range 20 {
		var m Map
		for _, p := range packets {
			m.Add(p)
		}
		if got := rows(&m, 20); want == nil {
			want = got
		} else if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("edges (-first +then):\n%s", diff)
		}
		rand.Shuffle(len(packets), func(i, j int) { packets[i], packets[j] = packets[j], packets[i] })
	}
}

func TestLimitsLoseNoSample(t *testing.T) {
	var all, limited Map
	limited.Limit = 10
	for _, p := range many() {
		all.Add(p)
		limited.Add(p)
	}
	sum := func(steps []Step) (n uint64) {
		for _, s := range steps {
			n += s.Samples
		}
		return n
	}
	want := sum(all.Steps(0))
	if got := all.Steps(10); sum(got) != want || len(got) > 10+2 || got[len(got)-1].Source != Other {
		t.Errorf("%d edges with %d samples, there are %d", len(got), sum(got), want)
	}
	fates := func(steps []Step) map[string]uint64 {
		n := make(map[string]uint64)
		for _, s := range steps {
			if IsFate(s.Target) {
				n[s.Target] += s.Samples
			}
		}
		return n
	}
	ends := fates(all.Steps(0))
	if got := limited.Steps(0); sum(got) != want || len(got) > 10+2+len(ends) {
		t.Errorf("%d edges with %d samples, there are %d", len(got), sum(got), want)
	}
	if diff := cmp.Diff(ends, fates(limited.Steps(0))); diff != "" {
		t.Errorf("what became of packets (-want +got):\n%s", diff)
	}
	if got := limited.Functions(); len(got) > 10+2 {
		t.Errorf("%d functions", len(got))
	}
}

func TestGraphsDoNotGrow(t *testing.T) {
	var m Map
	m.Add(loop())
	before, again := m.Graph(0), m.Graph(0)
	m.Add(loop())
	if diff := cmp.Diff(again, before, cmp.AllowUnexported(Times{})); diff != "" {
		t.Errorf("the graph changed with the map:\n%s", diff)
	}
	if after := m.Graph(0); after.Steps[0].Samples != 2 || after.Packets[ProtocolUDP] != 2 {
		t.Errorf("the map counts %+v", after)
	}
}

func TestLayersOfFunctions(t *testing.T) {
	for function, want := range map[string]Layer{
		"napi_gro_receive": GRO, "inet_gro_receive": GRO, "tcp4_gro_receive": GRO, "__napi_poll": Softirq, "process_backlog": Softirq,
		"__netif_receive_skb_core": Link, "__dev_queue_xmit": Link, "dev_hard_start_xmit": Link, "sch_direct_xmit": Qdisc, "__qdisc_run": Qdisc,
		"fq_codel_enqueue": Qdisc, "ip_output": IP, "ip6_input_finish": IP, "ip_rcv": IP, "nf_hook_slow": Netfilter, "nft_do_chain": Netfilter,
		"icmp_rcv": ICMP, "icmpv6_rcv": ICMP, "tcp_v4_rcv": TCP, "__tcp_transmit_skb": TCP, "tcp_rcv_established": TCP, "udp_queue_rcv_one_skb": UDP,
		"__udp_enqueue_schedule_skb": UDP, "udpv6_sendmsg": UDP, "sock_def_readable": Socket, "inet_sendmsg": Socket, "__sk_receive_skb": Socket,
		"veth_xmit": Driver, "loopback_xmit": Link, "virtnet_poll": Driver, "br_forward": Bridge, "vxlan_rcv": Tunnel, "arp_rcv": Neighbour,
		"neigh_resolve_output": Neighbour, "vfs_write": Call, "ksys_write": Call, "__x64_sys_connect": Call, "delivered": Fates,
		"dropped: NO_SOCKET": Fates, "bpf_prog_run_generic_xdp": XDP, "frobnicate": Elsewhere,
	} {
		if got := LayerOf(function); got != want {
			t.Errorf("%s is of layer %s, want %s", function, got, want)
		}
	}
}

func TestProtocolsOfFrames(t *testing.T) {
	ether := func(rest ...byte) []byte { return append(make([]byte, 12), rest...) }
	for name, c := range map[string]struct {
		frame []byte
		want  string
	}{
		"tcp over IPv4":  {ether(0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6), ProtocolTCP},
		"behind a tag":   {ether(0x81, 0x00, 0, 7, 0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17), ProtocolUDP},
		"ICMPv6":         {ether(0x86, 0xdd, 0x60, 0, 0, 0, 0, 0, 58), ProtocolICMPv6},
		"ARP":            {ether(0x08, 0x06), ProtocolARP},
		"cut off":        {ether(0x08, 0x00, 0x45), OtherProtocol},
		"nothing":        {nil, OtherProtocol},
		"something else": {ether(0x88, 0xcc), OtherProtocol},
	} {
		if got := protocolOf(c.frame); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
