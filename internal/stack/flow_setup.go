package stack

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"slices"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
	"github.com/packetscope/packetscope/internal/netns"
)

// A FlowConfig says what a flow is and how many there can be. The zero value stands
// for the defaults.
type FlowConfig struct {
	// IPv4Prefix and IPv6Prefix are how many bits of a remote address count; 0 stands
	// for the defaults.
	IPv4Prefix, IPv6Prefix int
	// Max is the capacity of the table; 0 stands for DefaultMaxFlows. The kernel
	// takes FlowBytes of memory for each at once, whatever the number of CPUs.
	Max int
	// Forwarded counts packets that this host forwards too, which on a host of
	// containers are counted at the containers' sockets already.
	Forwarded bool
}

// The defaults of a FlowConfig. Single addresses of strangers would be a series each
// and personal data. The Internet routes no smaller network than a /24, and a /64 is
// one link, so that what is true of a network's path or provider still shows.
const (
	DefaultIPv4Prefix = 24
	DefaultIPv6Prefix = 64
	DefaultMaxFlows   = 65536
)

// MaxMaxFlows is the greatest FlowConfig.Max.
const MaxMaxFlows = 1 << 20

// FlowBytes is the memory for one entry of the table: key, value, the kernel's own
// struct htab_elem and its share of the hash buckets.
const FlowBytes = 24 + 120 + 48 + 16

// FlowPortsBytes is the memory for the table of listening ports, beside the flows.
const FlowPortsBytes = 8 * 65536

func (c FlowConfig) prefixes() (v4, v6 int) {
	v4, v6 = c.IPv4Prefix, c.IPv6Prefix
	if v4 == 0 {
		v4 = DefaultIPv4Prefix
	}
	if v6 == 0 {
		v6 = DefaultIPv6Prefix
	}
	return min(v4, 32), min(v6, 128)
}

func (c FlowConfig) max() int {
	if c.Max == 0 {
		return DefaultMaxFlows
	}
	return min(c.Max, MaxMaxFlows)
}

func (c Config) wantsFlows() bool { return !slices.Contains(c.Disable, GroupFlows) }

// flowProbes returns what flows need beside the stations.
func flowProbes() []probe {
	return []probe{
		{"flow_retransmit", GroupFlows, 0, []hook{tracepoint("flow_retransmit_tracepoint", "tcp_retransmit_skb")}},
		{"flow_listen", GroupFlows, 0, []hook{tracepoint("flow_listen_tracepoint", "inet_sock_set_state")}},
	}
}

// countsFlows reports whether the programs of the probe count packets in flows:
// flow_end_at() in bpf/include/flows.h.
func (p probe) countsFlows() bool {
	switch p.station {
	case bpf.TransportReceive, bpf.TransportTransmit, bpf.NetworkForward:
		return true
	}
	return false
}

// flowConstants returns the switches in bpf/include/flows.h.
func flowConstants(cfg Config) map[string]any {
	v4, v6 := cfg.Flows.prefixes()
	first, last := ephemeralPorts()
	return map[string]any{
		"flows_wanted":         bit(cfg.wantsFlows()),
		"flows_forwarded":      bit(cfg.Flows.Forwarded),
		"flow_mask4":           maskWords(v4)[0],
		"flow_mask6":           maskWords(v6),
		"ephemeral_first":      uint32(first),
		"ephemeral_last":       uint32(last),
		"retransmit_has_error": bit(tracepointArgs("tcp_retransmit_skb") > 2),
	}
}

func bit(b bool) uint32 {
	if b {
		return 1
	}
	return 0
}

// tracepointArgs returns how many arguments a tracepoint of this kernel has, 0 if it
// is not known.
func tracepointArgs(name string) int {
	types, err := kernel.LoadBTF()
	if err != nil {
		return 0
	}
	n, _ := types.TracepointArgs(name)
	return n
}

// maskWords returns a mask of so many bits as words in network order.
func maskWords(bits int) (words [4]uint32) {
	mask, _ := netip.MustParseAddr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff").Prefix(bits)
	bytes := mask.Addr().As16()
	for i := range words {
		words[i] = binary.NativeEndian.Uint32(bytes[4*i:])
	}
	return words
}

// ephemeralPorts returns the range that this namespace gives to clients, or the
// kernel's default.
func ephemeralPorts() (first, last uint16) {
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err == nil {
		_, err = fmt.Sscan(string(text), &first, &last)
	}
	if err != nil {
		return 32768, 60999
	}
	return first, last
}

// sizeFlows gives the maps of flows their sizes; the least there is if they are not
// wanted. They are made at once, so that a full table costs no more than an empty one.
func sizeFlows(spec *ebpf.CollectionSpec, cfg Config) {
	if m := spec.Maps["flows"]; m != nil && cfg.wantsFlows() {
		m.MaxEntries = uint32(cfg.Flows.max())
	} else if m != nil {
		m.MaxEntries = 1
		spec.Maps["flow_listeners"].MaxEntries = 1
	}
}

// countListeners fills in the TCP sockets that listened before the probes were there,
// of all namespaces that can be entered. One that begins to listen meanwhile may
// count twice, which only keeps its port known for longer.
func (e *Engine) countListeners() {
	ports := e.objects.maps["flow_listeners"]
	if !e.cfg.wantsFlows() || ports == nil {
		return
	}
	spaces := []netns.Namespace{e.own}
	if !e.cfg.OwnNamespaceOnly {
		spaces = netns.Find(e.own)
	}
	counts := make(map[uint16]uint32)
	for _, ns := range spaces {
		// One that cannot be entered, or is gone, leaves its listeners unknown.
		_ = ns.Do(func() error {
			for _, file := range []string{"/proc/thread-self/net/tcp", "/proc/thread-self/net/tcp6"} {
				text, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				for _, port := range listeningPorts(string(text)) {
					counts[port]++
				}
			}
			return nil
		})
	}
	for port, n := range counts {
		var already uint32
		_ = ports.Lookup(uint32(port), &already) // an array has every key
		if err := ports.Update(uint32(port), already+n, ebpf.UpdateAny); err != nil {
			e.logger.Warn("listening ports not known", "err", err)
			return
		}
	}
}

// clockTick returns how long a jiffy is.
func clockTick() int64 {
	var ts unix.Timespec
	if err := unix.ClockGetres(unix.CLOCK_MONOTONIC_COARSE, &ts); err != nil {
		return 4e6 // since Linux 2.6.32 there is no error
	}
	return ts.Nano()
}
