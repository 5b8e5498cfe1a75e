//go:build linux

package tracer

import (
	"errors"
	"maps"
	"slices"

	"github.com/packetscope/packetscope/internal/kernel"
)

// A HookInfo says whether a kernel has a hook.
type HookInfo struct {
	Hook Hook
	// Meaning is when packets come there.
	Meaning string
	// Missing is nil if it can be used.
	Missing error
}

// Hooks returns all hooks, in the order in which packets that are received, then sent, come
// to them.
func Hooks(types *kernel.BTF) []HookInfo {
	var list []HookInfo
	for _, number := range slices.Sorted(maps.Keys(hooks)) {
		h := hooks[number]
		list = append(list, HookInfo{h.hook, hookMeanings[h.hook], h.missing(types)})
	}
	return list
}

// missing returns why a kernel does not have a hook as it is needed, or nil.
func (h hookPoint) missing(types *kernel.BTF) error {
	switch arguments, ok := types.TracepointArgs(string(h.hook)); {
	case !ok:
		return errors.New("this kernel has no such tracepoint")
	case arguments < h.arguments:
		return errors.New("this kernel's tracepoint does not have the packet among its arguments")
	}
	return nil
}

var hookMeanings = map[Hook]string{
	"napi_gro_receive_entry":  "a driver hands over what it received, before packets are joined (GRO)",
	"netif_rx":                "a device without a queue of its own, such as lo or veth, hands over a packet",
	"netif_receive_skb":       "the stack begins with a packet that was received",
	"net_dev_queue":           "a packet comes to the device by which it is to be sent",
	"qdisc_enqueue":           "it is put into the queue of that device",
	"qdisc_dequeue":           "it leaves that queue",
	"net_dev_start_xmit":      "the driver gets it",
	"net_dev_xmit":            "the driver has taken it, or not",
	"skb_copy_datagram_iovec": "a program reads it, by bytes",
	"tcp_probe":               "TCP takes it for an established connection",
	"tcp_retransmit_skb":      "TCP sends it once more",
	"tcp_send_reset":          "TCP answers by a reset",
	"tcp_bad_csum":            "TCP's checksum is wrong",
	"udp_fail_queue_rcv_skb":  "it does not fit into the receive buffer of UDP",
	"sk_data_ready":           "it is in the queue of a UDP socket, whose owner is told that there is something to read",
	"icmp_send":               "the kernel answers by an error of ICMP",
	"consume_skb":             "it is freed, after it was used",
	"kfree_skb":               "it is dropped, for a reason",
}
