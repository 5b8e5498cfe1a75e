//go:build linux

package tracer

import (
	"slices"
	"testing"

	"github.com/cilium/ebpf"
)

// TestFramesOfTheTracerAreLeftOut, also where the kernel tells no names of programs: then the
// program's frame has that of the last function of some module.
func TestFramesOfTheTracerAreLeftOut(t *testing.T) {
	for _, c := range []struct {
		name  string
		stack []string
		want  int
	}{
		{"by a tracepoint", []string{"bpf_prog_1f_path_netif_rx", "bpf_trace_run1", "__bpf_trace_net_dev_template", "netif_rx_internal", "netif_rx"}, 3},
		{"by a tracepoint that is called", []string{"bpf_prog_1f_path_netif_rx", "bpf_trace_run1", "__traceiter_netif_rx", "netif_rx_internal"}, 3},
		{"by a tracepoint, without names of programs", []string{"exit_sg", "bpf_trace_run1", "__bpf_trace_net_dev_template", "netif_rx_internal", "netif_rx"}, 3},
		{"by a trampoline", []string{"bpf_prog_1f_trace_entry_1", "bpf_trampoline_6442", "ip_rcv", "net_rx_action"}, 2},
		{"by fprobes", []string{"ip_rcv_finish", "ip_rcv", "net_rx_action"}, 0},
		{"without any names", []string{"unknown", "unknown", "unknown"}, 3},
		{"a tracepoint far outside", []string{"ip_rcv", "a", "b", "c", "d", "e", "bpf_trace_run1"}, 0},
		{"empty", nil, 0},
	} {
		if got := foreign(c.stack); got != c.want {
			t.Errorf("%s: %d frames of ours in %q, want %d", c.name, got, c.stack, c.want)
		}
	}
}

func TestFunctionsThatBeginAreTheInnermost(t *testing.T) {
	probes, trampolines := &Session{}, &Session{entries: []*ebpf.Program{nil}}
	for _, c := range []struct {
		name        string
		s           *Session
		stack, want []string
	}{
		{"fprobes are called before the function has a frame", probes, []string{"net_rx_action", "ip_rcv"}, []string{"net_rx_action", "ip_rcv", "f"}},
		{"a kernel whose function has one", probes, []string{"net_rx_action", "f"}, []string{"net_rx_action", "f"}},
		{"it was called before", probes, []string{"f", "dev_hard_start_xmit", "vlan_dev_hard_start_xmit"}, []string{"f", "dev_hard_start_xmit", "vlan_dev_hard_start_xmit", "f"}},
		{"trampolines are called by it", trampolines, []string{"net_rx_action", "f"}, []string{"net_rx_action", "f"}},
		{"trampolines without names of programs", trampolines, []string{"net_rx_action", "f", "exit_sg", "exit_sg"}, []string{"net_rx_action", "f"}},
	} {
		if got := c.s.beginning(c.stack, "f"); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
