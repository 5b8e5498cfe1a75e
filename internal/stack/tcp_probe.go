package stack

import (
	"strings"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
)

// GroupTCP watches how TCP fares: retransmits, resets, windows, connects.
const GroupTCP = "tcp"

// tcpProbes returns the table of the probes of TCP. All are tracepoints; the functions
// behind them are inlined here and there, so nothing else would see as much.
func tcpProbes() []probe {
	return []probe{
		{"tcp_retransmit", GroupTCP, 0, []hook{tracepoint("tcp_retransmit_tracepoint", "tcp_retransmit_skb")}},
		{"tcp_synack", GroupTCP, 0, []hook{tracepoint("tcp_synack_tracepoint", "tcp_retransmit_synack")}},
		{"tcp_reset_sent", GroupTCP, 0, []hook{tracepoint("tcp_reset_sent_tracepoint", "tcp_send_reset")}},
		{"tcp_reset_received", GroupTCP, 0, []hook{tracepoint("tcp_reset_received_tracepoint", "tcp_receive_reset")}},
		{"tcp_state", GroupTCP, 0, []hook{tracepoint("tcp_state_tracepoint", "inet_sock_set_state")}},
		{"tcp_segment", GroupTCP, 0, []hook{tracepoint("tcp_segment_tracepoint", "tcp_probe")}},
		{"tcp_read", GroupTCP, 0, []hook{tracepoint("tcp_read_tracepoint", "tcp_rcv_space_adjust")}},
		{"tcp_congestion", GroupTCP, 0, []hook{tracepoint("tcp_congestion_tracepoint", "tcp_cong_state_set")}},
		{"tcp_checksum", GroupTCP, 0, []hook{tracepoint("tcp_checksum_tracepoint", "tcp_bad_csum")}},
	}
}

// tcpArguments tells the programs which arguments the tracepoints of this kernel
// have. A switch stays off without BTF, but then nothing can be loaded anyway.
func tcpArguments(spec *ebpf.CollectionSpec, args func(tracepoint string) (int, bool)) error {
	for name, want := range map[string]struct {
		tracepoint string
		args       int
	}{
		"retransmit_has_error": {"tcp_retransmit_skb", 3},
		"reset_has_reason":     {"tcp_send_reset", 3},
	} {
		v := spec.Variables[name]
		if v == nil {
			continue
		}
		n, ok := args(want.tracepoint)
		if err := v.Set(bit(ok && n >= want.args)); err != nil {
			return err
		}
	}
	return nil
}

// resetReasonPrefix begins the names in the kernel's enum sk_rst_reason.
const resetReasonPrefix = "SK_RST_REASON_"

// resetReasons returns the names of the kernel's reasons for a reset, by number;
// empty before Linux 6.10, which has none.
func resetReasons(types *btf.Spec) map[int]string {
	names := make(map[int]string)
	var reasons *btf.Enum
	if types.TypeByName("sk_rst_reason", &reasons) != nil {
		return names
	}
	for _, v := range reasons.Values {
		if name := strings.TrimPrefix(v.Name, resetReasonPrefix); name != "MAX" {
			names[int(v.Value)] = name
		}
	}
	return names
}
