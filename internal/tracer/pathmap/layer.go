package pathmap

import "strings"

// A Layer is a part of the kernel that functions belong to.
type Layer string

// The layers, from the wire to the application; a fate is none of the kernel's.
const (
	Driver    Layer = "driver"
	GRO       Layer = "GRO"
	XDP       Layer = "XDP"
	Link      Layer = "link"
	Qdisc     Layer = "qdisc"
	Bridge    Layer = "bridge"
	Tunnel    Layer = "tunnel"
	Neighbour Layer = "neighbour"
	Netfilter Layer = "netfilter"
	IP        Layer = "IP"
	ICMP      Layer = "ICMP"
	TCP       Layer = "TCP"
	UDP       Layer = "UDP"
	Socket    Layer = "socket"
	Call      Layer = "system call"
	Softirq   Layer = "softirq"
	Fates     Layer = "fate"
	Elsewhere Layer = "elsewhere"
)

// Layers are all of them.
var Layers = []Layer{
	Driver, XDP, GRO, Softirq, Link, Qdisc, Bridge, Tunnel, Neighbour, Netfilter, IP, ICMP, TCP, UDP, Socket, Call, Fates, Elsewhere,
}

// A rule gives a layer to the functions that are called so.
type rule struct {
	layer Layer
	// exact are whole names, and begin, has and end parts of them. A name that begins with
	// underscores is looked up without them.
	exact, begin, has, end []string
}

// rules are tried in this order: the first that fits counts. The kernel has no table of layers;
// its names follow habits, and these are the habits. What fits none is [Elsewhere].
var rules = []rule{
	{layer: XDP, has: []string{"xdp"}},
	{layer: GRO, begin: []string{"napi_gro_", "dev_gro_", "gro_", "skb_gro_"}, has: []string{"_gro_receive", "_gro_complete"}},
	{layer: Netfilter, begin: []string{"nf_", "nft_", "ipt_", "ip6t_", "ebt_", "xt_", "iptable_", "ip6table_", "nfqnl_", "ip_vs_", "br_nf_"}, has: []string{"conntrack"}},
	{layer: Qdisc, begin: []string{"sch_", "qdisc_", "tcf_", "tc_", "fq_", "htb_", "tbf_", "netem_", "sfq_", "pfifo_", "codel_", "cake_", "prio_", "cls_", "tcx_"},
		has: []string{"qdisc"}, exact: []string{"dev_xmit_skb", "dequeue_skb", "net_tx_action"}},
	{layer: Bridge, begin: []string{"br_", "ovs_", "macvlan_", "ipvlan_", "bond_", "team_", "vlan_"}},
	{layer: Tunnel, begin: []string{"vxlan_", "geneve_", "gre_", "ip_tunnel_", "iptunnel_", "ipip_", "ip6_tnl_", "ip6_tunnel_", "wg_", "udp_tunnel_", "xfrm_", "esp_", "ah_", "sit_", "tunnel4_", "tunnel6_"},
		has: []string{"xfrm"}},
	{layer: Neighbour, begin: []string{"neigh_", "arp_", "ndisc_"}},
	{layer: ICMP, begin: []string{"icmp", "ping_", "igmp_", "raw_icmp"}},
	{layer: TCP, begin: []string{"tcp_", "tcp4_", "tcp6_", "inet_csk_", "inet_reqsk_", "mptcp_", "cookie_"}, has: []string{"_tcp_"}},
	{layer: UDP, begin: []string{"udp_", "udp4_", "udp6_", "udpv6_", "udplite_"}, has: []string{"_udp_"}},
	{layer: IP, begin: []string{"ip_", "ip4_", "ip6_", "ipv4_", "ipv6_", "ipv6", "fib_", "fib6_", "raw_", "raw6_", "rawv6_", "dst_", "rt6_", "lwtunnel_", "frag6_", "seg6_", "mld_"}},
	{layer: Socket, begin: []string{"sock_", "sk_", "inet_", "inet6_", "packet_", "tpacket_", "release_sock", "lock_sock", "datagram_", "unix_"}, exact: []string{"skb_copy_datagram_iter", "skb_recv_datagram", "skb_free_datagram", "tpacket_rcv"}},
	{layer: Call, begin: []string{"sys_", "x64_sys", "do_sys", "ksys_", "vfs_", "se_sys", "arm64_sys", "io_", "new_sync_", "do_iter_", "do_writev", "do_readv", "splice_"}},
	{layer: Softirq, begin: []string{"napi_poll", "napi_complete", "napi_busy", "napi_threaded", "napi_schedule"}, exact: []string{"net_rx_action", "process_backlog", "do_softirq", "handle_softirqs", "local_bh_enable_ip", "flush_backlog"}},
	{layer: Link, begin: []string{"netif_", "dev_", "skb_", "validate_xmit", "enqueue_to_backlog", "eth_", "deliver_", "xmit_one", "kfree_skb", "consume_skb"}, exact: []string{"netdev_start_xmit", "loopback_xmit", "deliver_skb"}},
	{layer: Driver, end: []string{"_xmit", "_start_xmit", "_poll", "_xmit_frame", "_clean_rx_irq", "_rx", "_napi", "_xmit_frame_ring", "_receive_skb", "_poll_rx"}, begin: []string{"veth_", "tun_", "virtnet_", "receive_", "ixgbe_", "ice_", "i40e_", "mlx5", "ena_", "igb_", "e1000_", "bnxt_", "gve_"}},
}

// LayerOf returns the layer of a node.
func LayerOf(name string) Layer {
	if IsFate(name) {
		return Fates
	}
	bare := strings.TrimLeft(name, "_")
	for _, r := range rules {
		if r.fits(bare) {
			return r.layer
		}
	}
	return Elsewhere
}

func (r rule) fits(name string) bool {
	for _, whole := range r.exact {
		if name == whole {
			return true
		}
	}
	for _, part := range r.begin {
		if strings.HasPrefix(name, part) {
			return true
		}
	}
	for _, part := range r.has {
		if strings.Contains(name, part) {
			return true
		}
	}
	for _, part := range r.end {
		if strings.HasSuffix(name, part) {
			return true
		}
	}
	return false
}
