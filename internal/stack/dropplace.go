package stack

import (
	"strings"

	"github.com/packetscope/packetscope/bpf"
)

// A course is what a reason tells about the way of the packets it is given for.
type course uint8

const (
	anyway   course = iota // nothing
	incoming               // only packets that were received have it
	outgoing               // only packets that are being sent have it
)

// A reasonRow is what is known about a drop reason. The zero value stands for a
// reason that is not in the table.
type reasonRow struct {
	severity Severity
	// layer is where packets with the reason are; layered is false if the reason is
	// given in several layers, so that the dropping function decides.
	layer   Layer
	layered bool
	course  course
}

// functionLayers tells the layer from the beginning of the name of the dropping
// function; the first row that fits counts.
var functionLayers = []struct {
	prefix string
	layer  Layer
}{
	{"tcp_", Transport}, {"__tcp_", Transport}, {"udp", Transport}, {"__udp", Transport},
	{"icmp", Transport}, {"__icmp", Transport}, {"ping_", Transport}, {"raw_", Transport}, {"raw6_", Transport},
	{"rawv6_", Transport}, {"sctp_", Transport}, {"igmp", Transport}, {"mld_", Transport}, {"ndisc_", Transport},
	{"ip_", Network}, {"__ip_", Network}, {"ip6", Network}, {"__ip6", Network}, {"ipv4_", Network}, {"ipv6_", Network}, {"ip4_", Network},
	{"nf_", Network}, {"nft_", Network}, {"ipt_", Network}, {"xfrm", Network}, {"arp_", Network}, {"neigh", Network},
	{"__neigh", Network}, {"inet_frag", Network}, {"dst_", Network}, {"rt6_", Network}, {"fib", Network}, {"seg6_", Network},
	{"sock_", Socket}, {"__sock_", Socket}, {"sk_", Socket}, {"__sk_", Socket}, {"unix_", Socket}, {"netlink_", Socket}, {"nfnetlink_", Socket},
	{"packet_", Socket}, {"tpacket_", Socket}, {"skb_release", Socket}, {"skb_copy_datagram", Socket}, {"skb_free_datagram", Socket},
	{"skb_queue_purge", Socket}, {"inet_", Socket}, {"vsock_", Socket}, {"__skb_try_recv", Socket}, {"skb_recv_", Socket},
	{"__netif_receive", Link}, {"netif_receive", Link}, {"netif_rx", Link}, {"enqueue_to_backlog", Link}, {"process_backlog", Link},
	{"do_xdp_", Link}, {"bpf_prog_run_generic", Link}, {"generic_xdp", Link}, {"napi_", Link}, {"gro_", Link}, {"dev_gro", Link},
	{"flush_backlog", Link}, {"eth_", Link}, {"vlan_", Link}, {"br_", Link}, {"bond_", Link}, {"__dev_forward", Link},
	{"sch_handle_ingress", Link}, {"tcf_", Link}, {"tc_", Link}, {"ovs_", Link}, {"llc_", Link}, {"skb_defer", Link},
	{"__dev_queue_xmit", Qdisc}, {"__dev_xmit", Qdisc}, {"qdisc_", Qdisc}, {"__qdisc", Qdisc}, {"sch_", Qdisc}, {"dev_qdisc", Qdisc},
	{"pfifo", Qdisc}, {"bfifo", Qdisc}, {"tbf_", Qdisc}, {"htb_", Qdisc}, {"fq_", Qdisc}, {"codel_", Qdisc}, {"netem_", Qdisc},
	{"noop_", Qdisc}, {"red_", Qdisc}, {"cake_", Qdisc}, {"prio_", Qdisc}, {"sfq_", Qdisc}, {"validate_xmit", Qdisc}, {"dev_deactivate", Qdisc},
	{"__rtnl_unlock", Qdisc}, {"rtnl_kfree_skbs", Qdisc}, // what a queue held that is removed
}

// layerOf returns where a packet was dropped. The reason decides if it is given in
// one layer only; then the function. Drivers have names of all kinds, so what is not
// known is one.
func layerOf(reason, function string) Layer {
	if row := reasonTable[reason]; row.layered {
		return row.layer
	}
	for _, f := range functionLayers {
		if strings.HasPrefix(function, f.prefix) {
			return f.layer
		}
	}
	return Driver
}

// unspecifiedReason is what the kernel calls a drop whose reason nobody wrote down.
const unspecifiedReason = "NOT_SPECIFIED"

// functionSeverities tells what a drop without a reason means, from the beginning of
// the name of the function. Generic XDP gives none, as of Linux 6.18, and netlink
// drops what it has read, on some kernels.
var functionSeverities = []struct {
	prefix   string
	severity Severity
}{
	{"do_xdp_generic", Policy}, {"netif_receive_generic_xdp", Policy}, {"bpf_prog_run_generic_xdp", Policy}, {"veth_xdp_rcv", Policy},
	{"nfnetlink_", Benign}, {"netlink_", Benign},
}

// severityAt returns what a drop means. Where the kernel gives no reason, the
// function may do.
func severityAt(reason, function string) Severity {
	if reason == unspecifiedReason || reason == unknownReason {
		for _, f := range functionSeverities {
			if strings.HasPrefix(function, f.prefix) {
				return f.severity
			}
		}
	}
	return SeverityOf(reason)
}

// directionOf returns which way a packet was going. Told is what the packet tells:
// that it arrived, is on its way through or out, or nothing.
func directionOf(reason string, told uint8) Direction {
	way := reasonTable[reason].course
	switch {
	case told == bpf.UnknownDirection && way == outgoing:
		return Transmit
	case told == bpf.UnknownDirection || way == incoming:
		return Receive
	case Direction(told) == Receive && way == outgoing:
		return Forward // it arrived, and is being sent
	}
	return Direction(told)
}
