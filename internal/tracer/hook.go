package tracer

import "github.com/packetscope/packetscope/bpf"

// A Hook is a tracepoint of the kernel where packets are seen: its name; or [FunctionHook].
type Hook string

// FunctionHook is the beginning of a function of the kernel; [Event.Func] says of which.
const FunctionHook Hook = "function"

// wakes is where the owner of a socket is told of a packet.
const wakes Hook = "sk_data_ready"

// A hookPoint is where a program of the kernel half is attached.
type hookPoint struct {
	hook Hook
	// arguments is how many of them the program needs, by include/trace/events.
	arguments int
	// meaning says what the event's value is.
	meaning meaning
}

// A meaning is what [Event.Value] is.
type meaning int

const (
	nothing    meaning = iota
	dropReason         // enum skb_drop_reason
	code               // what a function returned: below 0 an error, else NET_XMIT_…
	bytesRead
	icmpMessage // type << 8 | code
)

// hooks are those of the kernel half, by number: enum trace_hook.
var hooks = map[bpf.TraceHook]hookPoint{
	bpf.TraceNapiGROReceiveEntry: {"napi_gro_receive_entry", 1, nothing},
	bpf.TraceNetifRx:             {"netif_rx", 1, nothing},
	bpf.TraceNetifReceiveSkb:     {"netif_receive_skb", 1, nothing},
	bpf.TraceNetDevQueue:         {"net_dev_queue", 1, nothing},
	bpf.TraceQdiscEnqueue:        {"qdisc_enqueue", 3, nothing},
	bpf.TraceQdiscDequeue:        {"qdisc_dequeue", 4, nothing},
	bpf.TraceNetDevStartXmit:     {"net_dev_start_xmit", 2, nothing},
	bpf.TraceNetDevXmit:          {"net_dev_xmit", 4, code},
	bpf.TraceSkbCopyDatagram:     {"skb_copy_datagram_iovec", 2, bytesRead},
	bpf.TraceTCPProbe:            {"tcp_probe", 2, nothing},
	bpf.TraceTCPRetransmitSkb:    {"tcp_retransmit_skb", 2, nothing},
	bpf.TraceTCPSendReset:        {"tcp_send_reset", 2, nothing},
	bpf.TraceTCPBadChecksum:      {"tcp_bad_csum", 1, nothing},
	bpf.TraceUDPFailQueue:        {"udp_fail_queue_rcv_skb", 3, code},
	bpf.TraceSkDataReady:         {wakes, 1, nothing},
	bpf.TraceICMPSend:            {"icmp_send", 3, icmpMessage},
	bpf.TraceConsumeSkb:          {"consume_skb", 1, nothing},
	bpf.TraceKfreeSkb:            {"kfree_skb", 2, dropReason},
}
