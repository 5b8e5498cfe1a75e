package stack

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/cilium/ebpf"

	"github.com/packetscope/packetscope/bpf"
	"github.com/packetscope/packetscope/internal/kernel"
)

// Drops is what was lost on this host. Only what occurred is listed, in a fixed order.
type Drops struct {
	Packets []Drop
	// Netfilter is empty unless Config.NetfilterTiming is set and hooks can be timed.
	Netfilter []NetfilterDrops
	// Devices are those of the namespace that the engine was opened in; their counts
	// are the kernel's, since the device was made.
	Devices []DeviceDrops
	// Overflows are by kind: "receive_queue", "udp_buffer", "udp_memory",
	// "memory_limit", "backlog".
	Overflows map[string]uint64
	// ICMPErrors are those that this host sent.
	ICMPErrors []ICMPErrors
	// RouteFailures are by family, "ipv4" or "ipv6": the kernel's count of packets
	// without a route, since the namespace that the engine was opened in was made.
	RouteFailures map[string]uint64
	// NeighborFailures are by family, "ipv4" or "ipv6".
	NeighborFailures map[string]uint64
}

// A Drop counts the packets (skbs) that were dropped for one reason by one function.
type Drop struct {
	// Reason is the kernel's name for it without its prefix, such as
	// "SOCKET_RCVBUFF"; "reason_<n>" if the kernel has no name for the number, and
	// "unknown" before Linux 5.17.
	Reason    string
	Severity  Severity
	Layer     Layer
	Direction Direction
	Kind      Kind
	// Function is the kernel function that dropped them.
	Function string
	Packets  uint64
}

// NetfilterDrops counts the packets that the rules of one hook dropped.
type NetfilterDrops struct {
	// Family and Hook are as in [NetfilterHook].
	Family, Hook string
	Packets      uint64
}

// ICMPErrors counts the errors of one type and code (RFC 792).
type ICMPErrors struct {
	// Type and Code are -1 where the kernel gave numbers that no error has.
	Type, Code int
	Errors     uint64
}

// unknownReason stands for the reason on kernels that give none.
const unknownReason = "unknown"

var overflowNames = map[bpf.Overflow]string{
	bpf.OverflowReceiveQueue: "receive_queue",
	bpf.OverflowUDPBuffer:    "udp_buffer",
	bpf.OverflowUDPMemory:    "udp_memory",
	bpf.OverflowMemoryLimit:  "memory_limit",
}

// overflowBacklog is the kind of overflow that is a drop with a reason of its own.
const overflowBacklog, reasonBacklog = "backlog", "SOCKET_BACKLOG"

// OverflowKinds lists the keys of [Drops.Overflows].
func OverflowKinds() []string {
	kinds := []string{overflowBacklog}
	for _, name := range overflowNames {
		kinds = append(kinds, name)
	}
	slices.Sort(kinds)
	return kinds
}

func dropProbes() []probe {
	one := func(name, program, target string) probe {
		return probe{name, GroupDrops, 0, []hook{tracepoint(program, target)}}
	}
	return []probe{
		one("drop_reason", "drop_reason_tracepoint", "kfree_skb"),
		one("receive_queue_full", "receive_queue_full_tracepoint", "sock_rcvqueue_full"),
		one("udp_queue_full", "udp_queue_full_tracepoint", "udp_fail_queue_rcv_skb"),
		one("socket_memory_limit", "socket_memory_limit_tracepoint", "sock_exceed_buf_limit"),
		one("icmp_error", "icmp_error_tracepoint", "icmp_send"),
		one("neighbor_failure", "neighbor_failure_tracepoint", "neigh_timer_handler"),
	}
}

// dropConstants returns the switches of the drop programs.
func dropConstants(cfg Config, types *kernel.BTF) map[string]any {
	args, _ := types.TracepointArgs("kfree_skb")
	constants := map[string]any{"kfree_skb_args": uint32(args)}
	if number, ok := types.DropReasons().Number("NETFILTER_DROP"); ok && cfg.NetfilterTiming {
		constants["netfilter_reason"] = number
	}
	return constants
}

// A dropReader gives names to what the drop programs count.
type dropReader struct {
	// reasons is nil if the kernel gives none.
	reasons  *kernel.DropReasons
	severity map[string]Severity
	symbols  *kernel.Symbols
	routes   *routeFailures
}

// openDrops returns nil if the group is disabled.
func (e *Engine) openDrops() (*dropReader, error) {
	if slices.Contains(e.cfg.Disable, GroupDrops) {
		return nil, nil
	}
	spec, err := e.objects.types.Kernel()
	if err != nil {
		return nil, err
	}
	return newDropReader(e.cfg, kernel.NewBTF(spec))
}

// newDropReader opens what must be opened while the privileges are there.
func newDropReader(cfg Config, types *kernel.BTF) (*dropReader, error) {
	r := &dropReader{severity: cfg.DropSeverity}
	if args, _ := types.TracepointArgs("kfree_skb"); args >= 3 {
		r.reasons = types.DropReasons()
	}
	var err error
	if r.symbols, err = kernel.OpenSymbols(); err != nil {
		return nil, err
	}
	if r.routes, err = openRouteFailures(); err != nil {
		r.symbols.Close()
		return nil, err
	}
	return r, nil
}

// Close closes the files.
func (r *dropReader) Close() {
	r.symbols.Close()
	r.routes.Close()
}

// Drops reads what was lost. It is empty if the group "drops" is disabled.
func (e *Engine) Drops() (Drops, error) {
	var d Drops
	if e.drops == nil {
		return d, nil
	}
	var err error
	if d.Packets, err = e.drops.packets(e.objects.maps["drops"]); err != nil {
		return Drops{}, err
	}
	if d.Devices, err = e.devices.drops(); err != nil {
		return Drops{}, err
	}
	if d.RouteFailures, err = e.drops.routes.read(); err != nil {
		return Drops{}, err
	}
	if err := e.readDropArrays(&d); err != nil {
		return Drops{}, err
	}
	return d, nil
}

// A dropRow is what the rows of the map are added up by.
type dropRow struct {
	reason, function string
	direction        Direction
	kind             Kind
}

// packets reads the map drops.
func (r *dropReader) packets(m *ebpf.Map) ([]Drop, error) {
	counts := make(map[bpf.DropPlace]uint64)
	if err := sumHash(m, func(k bpf.DropPlace, n *uint64) { counts[k] += *n }); err != nil {
		return nil, err
	}
	addresses := make([]uint64, 0, len(counts))
	for place := range counts {
		addresses = append(addresses, place.Location)
	}
	functions, err := r.symbols.Functions(addresses)
	if err != nil {
		return nil, err
	}
	sums := make(map[dropRow]uint64)
	for place, n := range counts {
		reason := r.reason(place.Reason)
		if isNoDrop(reason) {
			continue
		}
		sums[dropRow{
			reason, functions[place.Location],
			directionOf(reason, place.Direction), Kind(place.Kind),
		}] += n
	}
	drops := make([]Drop, 0, len(sums))
	for row, n := range sums {
		drops = append(drops, Drop{
			Reason: row.reason, Severity: r.severityOf(row.reason, row.function), Layer: layerOf(row.reason, row.function),
			Direction: row.direction, Kind: row.kind, Function: row.function, Packets: n,
		})
	}
	slices.SortFunc(drops, func(a, b Drop) int {
		return cmp.Or(cmp.Compare(a.Reason, b.Reason), cmp.Compare(a.Function, b.Function),
			cmp.Compare(a.Direction, b.Direction), cmp.Compare(a.Kind, b.Kind))
	})
	return drops, nil
}

func (r *dropReader) reason(number uint32) string {
	if r.reasons == nil {
		return unknownReason
	}
	return r.reasons.Name(number)
}

// isNoDrop tells whether a reason says that the packet was used, not dropped.
func isNoDrop(reason string) bool {
	return reason == kernel.ReasonConsumed || reason == kernel.ReasonNotDropped
}

func (r *dropReader) severityOf(reason, function string) Severity {
	if s, ok := r.severity[reason]; ok {
		return s
	}
	return severityAt(reason, function)
}

// readDropArrays reads what needs no names of the kernel. Kinds and families are
// listed at zero too, so that a rate can tell none from unknown.
func (e *Engine) readDropArrays(d *Drops) error {
	d.Overflows = map[string]uint64{overflowBacklog: 0}
	for _, name := range overflowNames {
		d.Overflows[name] = 0
	}
	for _, drop := range d.Packets {
		if drop.Reason == reasonBacklog {
			d.Overflows[overflowBacklog] += drop.Packets
		}
	}
	d.NeighborFailures = map[string]uint64{netfilterFamilies[0]: 0, netfilterFamilies[1]: 0}
	hooks := make([]uint64, len(netfilterFamilies)*len(netfilterHooks))
	errors := make(map[int]uint64)
	for _, array := range []struct {
		name string
		add  func(int, *uint64)
	}{
		{"overflows", func(i int, n *uint64) { d.Overflows[overflowNames[bpf.Overflow(i)]] += *n }},
		{"neighbor_failures", func(i int, n *uint64) { d.NeighborFailures[netfilterFamilies[i]] += *n }},
		{"netfilter_drops", func(i int, n *uint64) { hooks[i] += *n }},
		{"icmp_errors", func(i int, n *uint64) { errors[i] += *n }},
	} {
		if err := sumArray(e.objects.maps[array.name], array.add); err != nil {
			return fmt.Errorf("read %s: %w", array.name, err)
		}
	}
	d.ICMPErrors = icmpErrors(errors)
	if e.timesNetfilter() {
		for i, n := range hooks {
			d.Netfilter = append(d.Netfilter, NetfilterDrops{
				netfilterFamilies[i/len(netfilterHooks)], netfilterHooks[i%len(netfilterHooks)], n,
			})
		}
	}
	return nil
}

// timesNetfilter reports whether the programs around the hooks are attached.
func (e *Engine) timesNetfilter() bool {
	return slices.ContainsFunc(e.fixtures, func(x *fixture) bool { return x.group == GroupNetfilter && x.attached })
}

func icmpErrors(byEntry map[int]uint64) []ICMPErrors {
	var list []ICMPErrors
	for entry, n := range byEntry {
		x := ICMPErrors{entry / bpf.ICMPCodes, entry % bpf.ICMPCodes, n}
		if x.Type >= bpf.ICMPCodes { // the last entry, see ICMP_ENTRIES
			x.Type, x.Code = -1, -1
		}
		list = append(list, x)
	}
	slices.SortFunc(list, func(a, b ICMPErrors) int {
		return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Code, b.Code))
	})
	return list
}
