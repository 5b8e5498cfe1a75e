package pathmap

import (
	"slices"
	"strings"
)

// A Direction is which way a packet goes.
type Direction string

// The directions. A packet that a device of the host itself sends and another one receives is
// transmitted first and received then.
const (
	Receive  Direction = "receive"
	Transmit Direction = "transmit"
	Forward  Direction = "forward"
)

// forwarding are functions that only packets come to that go on to another host.
var forwarding = map[string]bool{
	"ip_forward": true, "ip_forward_finish": true, "ip6_forward": true, "ip6_forward_finish": true, "ip_mr_forward": true, "ip6_mr_forward": true,
	"br_forward": true, "__br_forward": true, "br_forward_finish": true, "br_dev_queue_push_xmit": true, "br_flood": true,
	"ovs_dp_process_packet": true, "nf_flow_offload_ip_hook": true, "nf_flow_offload_ipv6_hook": true,
}

// either are called for packets of both directions, though their names say otherwise.
var either = map[string]bool{
	"netif_rx": true, "__netif_rx": true, "netif_rx_internal": true, "enqueue_to_backlog": true,
}

// receives tells whether packets come to a function on their way up.
func receives(function string) bool {
	if either[function] || transmits(function) {
		return false
	}
	for _, part := range []string{"_rcv", "receive", "_recv", "_rx_", "gro_", "deliver", "napi", "backlog", "_input"} {
		if strings.Contains(function, part) {
			return true
		}
	}
	return strings.HasSuffix(function, "_rx") || function == "icmp_echo" || function == "icmp_unreach"
}

// transmits tells whether packets come to a function on their way down.
func transmits(function string) bool {
	for _, part := range []string{"xmit", "sendmsg", "sendto", "_output", "transmit", "retrans", "_send_", "push_one", "push_pending", "local_out", "_connect", "send_skb", "send_ack", "send_synack", "icmp_reply", "send_reset"} {
		if strings.Contains(function, part) {
			return true
		}
	}
	return strings.HasSuffix(function, "_send")
}

// course returns which way a packet goes that was seen in the innermost of some functions, the
// outermost first, and the index of the first of them that is about this packet: one that is
// sent because another was received (an acknowledgement, an answer) begins in the function that
// received the other.
func course(path []string) (Direction, int) {
	if slices.ContainsFunc(path, func(f string) bool { return forwarding[f] }) {
		return Forward, 0
	}
	for i := len(path) - 1; i >= 0; i-- {
		switch {
		case receives(path[i]):
			return Receive, 0
		case transmits(path[i]):
			return Transmit, cause(path[:i])
		}
	}
	return Transmit, 0
}

// cause returns the index of the innermost function that receives, or 0.
func cause(path []string) int {
	for i := len(path) - 1; i > 0; i-- {
		if receives(path[i]) {
			return i
		}
	}
	return 0
}
