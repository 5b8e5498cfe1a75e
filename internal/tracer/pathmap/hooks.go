//go:build linux

package pathmap

import (
	"fmt"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/netns"
	"github.com/packetscope/packetscope/internal/tracer"
)

// A point is where a program of the kernel half is attached.
type point struct {
	hook tracer.Hook
	// arguments is how many of them the program needs, by include/trace/events.
	arguments int
}

// points are those of the kernel half, by number: enum path_hook.
var points = map[bpf.PathHook]point{
	bpf.PathNapiGROReceiveEntry: {"napi_gro_receive_entry", 1},
	bpf.PathNetifRx:             {"netif_rx", 1},
	bpf.PathNetifReceiveSkb:     {"netif_receive_skb", 1},
	bpf.PathNetDevQueue:         {"net_dev_queue", 1},
	bpf.PathQdiscEnqueue:        {"qdisc_enqueue", 3},
	bpf.PathQdiscDequeue:        {"qdisc_dequeue", 4},
	bpf.PathNetDevStartXmit:     {"net_dev_start_xmit", 2},
	bpf.PathNetDevXmit:          {"net_dev_xmit", 4},
	bpf.PathTCPProbe:            {"tcp_probe", 2},
	bpf.PathSkDataReady:         {wakes, 1},
	bpf.PathSkbCopyDatagram:     {"skb_copy_datagram_iovec", 2},
	bpf.PathConsumeSkb:          {"consume_skb", 1},
	bpf.PathKfreeSkb:            {"kfree_skb", 2},
}

// specOf returns what to load, and the hooks that this kernel does not have as they are needed.
func specOf(c Config, types *kernel.BTF) (*ebpf.CollectionSpec, []tracer.Hook, error) {
	spec, err := bpf.LoadPathMap()
	if err != nil {
		return nil, nil, err
	}
	var missing []tracer.Hook
	for _, p := range points {
		if arguments, ok := types.TracepointArgs(string(p.hook)); !ok || arguments < p.arguments {
			missing = append(missing, p.hook)
			delete(spec.Programs, "path_"+string(p.hook))
		}
	}
	slices.Sort(missing)
	if len(spec.Programs) == 0 {
		return nil, missing, tracer.ErrNothingAttached
	}
	var scope uint64
	if c.OwnNamespaceOnly {
		if scope, err = netns.OfThread(); err != nil {
			return nil, missing, err
		}
	}
	arguments, _ := types.TracepointArgs("kfree_skb")
	for name, value := range map[string]any{"path_kfree_has_reason": arguments > 2, "path_netns": uint32(scope)} {
		if err := spec.Variables[name].Set(value); err != nil {
			return nil, missing, fmt.Errorf("set %q: %w", name, err)
		}
	}
	return spec, missing, nil
}
