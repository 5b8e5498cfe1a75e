package stack

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/dropreason"
)

func TestEveryReasonIsExplained(t *testing.T) {
	if diff := cmp.Diff(dropreason.Names(), slices.Sorted(slices.Values(Reasons()))); diff != "" {
		t.Errorf("reasons with a text and with a severity (-text +severity):\n%s", diff)
	}
}

func TestSeverityIsThatOfTheReason(t *testing.T) {
	for reason, want := range map[string]Severity{
		"SOCKET_RCVBUFF": Loss, "QDISC_DROP": Loss, "NEIGH_FAILED": Loss, "UDP_CSUM": Loss, "NOT_SPECIFIED": Loss,
		"NETFILTER_DROP": Policy, "XDP": Policy, "TC_EGRESS": Policy, "BPF_CGROUP_EGRESS": Policy,
		"OTHERHOST": Benign, "TCP_OLD_ACK": Benign, "QUEUE_PURGE": Benign, "SOCKET_CLOSE": Benign,
		"NEWER_THAN_THIS": Loss, "reason_200": Loss, unknownReason: Loss,
	} {
		if got := SeverityOf(reason); got != want {
			t.Errorf("%s is %v, want %v", reason, got, want)
		}
	}
	r := &dropReader{severity: map[string]Severity{"NETFILTER_DROP": Benign, "reason_200": Policy}}
	for _, c := range []struct {
		reason, function string
		want             Severity
	}{
		{"NETFILTER_DROP", "nft_do_chain", Benign}, {"reason_200", "any", Policy}, {"OTHERHOST", "ip_rcv_core", Benign},
		{"NOT_SPECIFIED", "do_xdp_generic", Policy}, {unknownReason, "do_xdp_generic", Policy}, {"NOMEM", "do_xdp_generic", Loss},
		{"NOT_SPECIFIED", "nfnetlink_rcv_batch", Benign},
	} {
		if got := r.severityOf(c.reason, c.function); got != c.want {
			t.Errorf("%s in %s is %v, want %v", c.reason, c.function, got, c.want)
		}
	}
	for _, s := range Severities {
		if got, err := ParseSeverity(s.String()); got != s || err != nil {
			t.Errorf("ParseSeverity(%q) = %v, %v", s, got, err)
		}
	}
	if _, err := ParseSeverity("bad"); err == nil {
		t.Error("severity \"bad\" is taken")
	}
}

func TestLayerIsThatOfTheReasonAndElseOfTheFunction(t *testing.T) {
	for _, c := range []struct {
		reason, function string
		want             Layer
	}{
		{"SOCKET_RCVBUFF", "udp_queue_rcv_one_skb", Socket},
		{"NO_SOCKET", "__udp4_lib_rcv", Transport},
		{"QDISC_DROP", "__dev_queue_xmit", Qdisc},
		{"OTHERHOST", "anything", Network},
		{"FULL_RING", "tun_net_xmit", Driver},
		{"XDP", "anything", Link},
		{"NOT_SPECIFIED", "tcp_v4_rcv", Transport},
		{"NOT_SPECIFIED", "ip_forward", Network},
		{"NOT_SPECIFIED", "unix_release_sock", Socket},
		{"NOT_SPECIFIED", "__netif_receive_skb_core", Link},
		{"NOMEM", "__dev_queue_xmit", Qdisc},
		{"reason_200", "e1000_xmit_frame", Driver},
		{unknownReason, "unknown", Driver},
	} {
		if got := layerOf(c.reason, c.function); got != c.want {
			t.Errorf("%s in %s is at the %v layer, want %v", c.reason, c.function, got, c.want)
		}
	}
}

func TestFunctionsShadowNoLaterOne(t *testing.T) {
	for i, f := range functionLayers {
		for _, g := range functionLayers[:i] {
			if strings.HasPrefix(f.prefix, g.prefix) && f.layer == g.layer {
				t.Errorf("%q is told by %q already", f.prefix, g.prefix)
			}
		}
	}
}

func TestDirectionIsWhatPacketAndReasonTell(t *testing.T) {
	const unknown = bpf.UnknownDirection
	for _, c := range []struct {
		reason string
		told   uint8
		want   Direction
	}{
		{"NETFILTER_DROP", uint8(Receive), Receive},
		{"NETFILTER_DROP", uint8(Transmit), Transmit},
		{"NETFILTER_DROP", uint8(Forward), Forward},
		{"NETFILTER_DROP", unknown, Receive},
		{"CPU_BACKLOG", unknown, Receive},
		{"XDP", uint8(Transmit), Receive}, // before the receiver has marked it
		{"QDISC_DROP", unknown, Transmit},
		{"QDISC_DROP", uint8(Receive), Forward},
		{"QDISC_DROP", uint8(Transmit), Transmit},
		{"reason_200", uint8(Forward), Forward},
	} {
		if got := directionOf(c.reason, c.told); got != c.want {
			t.Errorf("%s, told %d: %v, want %v", c.reason, c.told, got, c.want)
		}
	}
}

func TestRouteFailuresAreReadFromAllTables(t *testing.T) {
	got := make(map[string]uint64)
	for _, text := range []string{
		"Ip: Forwarding OutNoRoutes ReasmTimeout\nIp: 1 7 4\nUdp: OutNoRoutes\nUdp: 99\n",
		"TcpExt: InNoRoutes\nTcpExt: 98\nIpExt: InNoRoutes InTruncatedPkts\nIpExt: 4 3\n",
		"Ip6InReceives 50\nIp6InNoRoutes 2\nIp6OutNoRoutes 3\n",
		"Ip: broken\nIp: 1 2 3\n\n",
	} {
		addRouteFailures(got, text)
	}
	if diff := cmp.Diff(map[string]uint64{"ipv4": 11, "ipv6": 5}, got); diff != "" {
		t.Errorf("failures (-want +got):\n%s", diff)
	}
}

func TestICMPErrorsAreTakenApart(t *testing.T) {
	got := icmpErrors(map[int]uint64{3*16 + 3: 5, 11 * 16: 7, 256: 2})
	want := []ICMPErrors{{-1, -1, 2}, {3, 3, 5}, {11, 0, 7}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("errors (-want +got):\n%s", diff)
	}
}
