package stack

import (
	"fmt"
	"slices"
	"strings"

	"github.com/packetscope/packetscope/bpf"
)

// An attachment is one program and the place in the kernel it is attached to.
type attachment struct {
	program string
	// target is what the program is attached to: a tracepoint or a function, or
	// for netfilter and TCX the hook by the name that operators know.
	target string
	// returns marks a program that runs when the function returns.
	returns bool
	// last marks a netfilter program that runs behind all rules.
	last bool
	// kprobe marks the one function of a trampoline hook that the kernel has no
	// trampoline for.
	kprobe bool
}

// familyIn returns the family of an attachment of a hook.
func (a attachment) familyIn(h hook) HookFamily {
	if a.kprobe {
		return Kprobe
	}
	return h.family
}

// A hook is one way to make a probe work.
type hook struct {
	family      HookFamily
	attachments []attachment
}

// A probe is a measurement point and the ways to hang it into the kernel.
type probe struct {
	name  string
	group string
	// station is where the probe counts packets, 0 if it is no station.
	station bpf.Station
	// hooks are in order of preference.
	hooks []hook
}

// The groups of probes.
const (
	// GroupStack counts and times packets from layer to layer.
	GroupStack = "stack"
	// GroupSocket counts reads and writes and times readable data.
	GroupSocket = "socket"
	// GroupDevice times queueing disciplines and drivers, and counts NAPI polls.
	GroupDevice = "device"
	// GroupSoftirq times the network softirqs.
	GroupSoftirq = "softirq"
	// GroupDrops counts what is lost: see [Engine.Drops].
	GroupDrops = "drops"
	// GroupNetfilter times netfilter hooks; off unless Config.NetfilterTiming.
	GroupNetfilter = "netfilter"
	// GroupFlows counts by remote network and service: see [Engine.Flows].
	GroupFlows = "flows"
)

// ProbeGroups returns the names of the groups of probes, for Config.Disable.
func ProbeGroups() []string {
	return []string{GroupStack, GroupSocket, GroupDevice, GroupSoftirq, GroupDrops, GroupNetfilter, GroupFlows, GroupTCP}
}

// ProbeNames returns the names of all probes, for Config.Hooks.
func ProbeNames() []string {
	var names []string
	for _, p := range probes() {
		names = append(names, p.name)
	}
	return names
}

func tracepoint(program, name string) hook {
	return hook{Tracepoint, []attachment{{program: program, target: name}}}
}

func netHook(attachments ...attachment) hook { return hook{Net, attachments} }

// functions returns the fentry hook and its kprobe twin on functions, given as
// program and function by turns.
func functions(pairs ...string) (trampoline, kprobe hook) {
	var as []attachment
	for pair := range slices.Chunk(pairs, 2) {
		as = append(as, attachment{program: pair[0], target: pair[1]})
	}
	return hook{Trampoline, as}, hook{Kprobe, as}
}

// withKprobe returns a trampoline hook with a kprobe on one of its functions, for
// functions of more than six arguments, which trampolines pass on since Linux 6.6
// only (commit 473e3150e30a).
func withKprobe(h hook, function string) hook {
	h.attachments = slices.Clone(h.attachments)
	for i := range h.attachments {
		h.attachments[i].kprobe = h.attachments[i].target == function
	}
	return h
}

// calls returns the hooks on the return of functions. A kprobe needs a second
// program at the entry, because the return has lost the arguments.
func calls(pairs ...string) (trampoline, kprobe hook) {
	var exits, both []attachment
	for pair := range slices.Chunk(pairs, 2) {
		exits = append(exits, attachment{program: pair[0], target: pair[1], returns: true})
		both = append(both,
			attachment{program: pair[0], target: pair[1]},
			attachment{program: pair[0] + "_return", target: pair[1], returns: true})
	}
	return hook{Trampoline, exits}, hook{Kprobe, both}
}

// probes returns the table of all probes. A tracepoint is preferred where there is
// one; a trampoline costs about the same but follows a function, which can
// change; netfilter links must follow every network namespace; a kprobe is slowest.
func probes() []probe {
	deliver, deliverK := functions(
		"network_receive_ip_local_deliver", "ip_local_deliver",
		"network_receive_ip6_input", "ip6_input")
	transport, transportK := functions(
		"transport_receive_ip_protocol_deliver_rcu", "ip_protocol_deliver_rcu",
		"transport_receive_ip6_protocol_deliver_rcu", "ip6_protocol_deliver_rcu")
	forward, forwardK := functions(
		"network_forward_ip_forward", "ip_forward",
		"network_forward_ip6_forward", "ip6_forward")
	out, outK := functions(
		"transport_transmit_ip_local_out", "__ip_local_out",
		"transport_transmit_ip6_local_out", "__ip6_local_out",
		"transport_transmit_ip6_xmit", "ip6_xmit")
	outMixed := withKprobe(out, "ip6_xmit")
	output, outputK := functions(
		"network_transmit_ip_output", "ip_output",
		"network_transmit_ip_mc_output", "ip_mc_output",
		"network_transmit_ip6_output", "ip6_output")
	ready, readyK := functions("socket_ready_sock_def_readable", "sock_def_readable")
	read, readK := calls(
		"socket_read_inet_recvmsg", "inet_recvmsg",
		"socket_read_inet6_recvmsg", "inet6_recvmsg",
		"socket_read_sock_common_recvmsg", "sock_common_recvmsg")
	write, writeK := calls(
		"socket_write_inet_sendmsg", "inet_sendmsg",
		"socket_write_inet6_sendmsg", "inet6_sendmsg")

	return slices.Concat([]probe{
		{"link_receive", GroupStack, bpf.LinkReceive, []hook{
			tracepoint("link_receive_tracepoint", "netif_receive_skb"),
			netHook(attachment{program: "link_receive_tcx", target: "ingress"}),
		}},
		{"network_receive", GroupStack, bpf.NetworkReceive, []hook{
			deliver, netHook(attachment{program: "network_receive_netfilter", target: "input"}), deliverK,
		}},
		{"transport_receive", GroupStack, bpf.TransportReceive, []hook{
			transport, netHook(attachment{program: "transport_receive_netfilter", target: "input", last: true}), transportK,
		}},
		{"network_forward", GroupStack, bpf.NetworkForward, []hook{
			forward, netHook(attachment{program: "network_forward_netfilter", target: "forward"}), forwardK,
		}},
		{"transport_transmit", GroupStack, bpf.TransportTransmit, []hook{
			out, outMixed, netHook(attachment{program: "transport_transmit_netfilter", target: "output"}), outK,
		}},
		{"network_transmit", GroupStack, bpf.NetworkTransmit, []hook{
			output, netHook(attachment{program: "network_transmit_netfilter", target: "postrouting"}), outputK,
		}},
		{"qdisc_transmit", GroupStack, bpf.QdiscTransmit, []hook{
			tracepoint("qdisc_transmit_tracepoint", "net_dev_queue"),
			netHook(attachment{program: "qdisc_transmit_tcx", target: "egress"}),
		}},
		{"driver_transmit", GroupStack, bpf.DriverTransmit, []hook{
			tracepoint("driver_transmit_tracepoint", "net_dev_start_xmit"),
		}},
		{"drop", GroupStack, 0, []hook{tracepoint("drop_tracepoint", "kfree_skb")}},
		{"socket_ready", GroupSocket, 0, []hook{
			tracepoint("socket_ready_tracepoint", "sk_data_ready"), ready, readyK,
		}},
		{"socket_read", GroupSocket, bpf.SocketRead, []hook{
			tracepoint("socket_read_tracepoint", "sock_recv_length"), read, readK,
		}},
		{"socket_write", GroupSocket, bpf.SocketWrite, []hook{
			tracepoint("socket_write_tracepoint", "sock_send_length"), write, writeK,
		}},
		{"qdisc_wait", GroupDevice, 0, []hook{{Tracepoint, []attachment{
			{program: "qdisc_enqueue_tracepoint", target: "qdisc_enqueue"},
			{program: "qdisc_dequeue_tracepoint", target: "qdisc_dequeue"},
		}}}},
		{"driver_done", GroupDevice, 0, []hook{tracepoint("driver_done_tracepoint", "net_dev_xmit")}},
		{"napi_poll", GroupDevice, 0, []hook{tracepoint("napi_poll_tracepoint", "napi_poll")}},
		{"softirq", GroupSoftirq, 0, []hook{{Tracepoint, []attachment{
			{program: "softirq_raise_tracepoint", target: "softirq_raise"},
			{program: "softirq_entry_tracepoint", target: "softirq_entry"},
			{program: "softirq_exit_tracepoint", target: "softirq_exit"},
		}}}},
		{"netfilter_hook", GroupNetfilter, 0, []hook{netHook(timedHooks()...)}},
	}, flowProbes(), tcpProbes(), dropProbes())
}

func timedHooks() []attachment {
	var as []attachment
	for _, target := range netfilterHooks {
		as = append(as,
			attachment{program: "netfilter_first_netfilter", target: target},
			attachment{program: "netfilter_last_netfilter", target: target, last: true})
	}
	return as
}

// describe names the places of a hook, such as "fentry:ip_local_deliver,ip6_input";
// what is attached in another way comes last, "+kprobe:ip6_xmit".
func (h hook) describe() string {
	kind := map[HookFamily]string{Tracepoint: "tp_btf", Trampoline: "fentry", Kprobe: "kprobe", Net: "netfilter"}[h.family]
	if h.family == Net && isTCX(h.attachments[0]) {
		kind = "tcx"
	}
	if h.family == Trampoline && h.attachments[0].returns {
		kind = "fexit"
	}
	var targets []string
	others := ""
	for _, a := range h.attachments {
		switch {
		case a.kprobe:
			others += "+kprobe:" + a.target
		case !slices.Contains(targets, a.target):
			targets = append(targets, a.target)
		}
	}
	return kind + ":" + strings.Join(targets, ",") + others
}

// candidates returns the hooks of p to try under cfg, best first. Where a family
// is forced, only that one is left.
func (p probe) candidates(cfg Config) ([]hook, error) {
	if f := cfg.Hooks[p.name]; f != Auto {
		if only := p.ofFamily(f); only != nil {
			return only, nil
		}
		return nil, fmt.Errorf("probe %q has no %s hook", p.name, f)
	}
	if only := p.ofFamily(cfg.Hooks[""]); only != nil {
		return only, nil
	}
	return p.hooks, nil
}

func (p probe) ofFamily(f HookFamily) []hook {
	var only []hook
	for _, h := range p.hooks {
		if h.family == f {
			only = append(only, h)
		}
	}
	return only
}

// wanted reports whether cfg asks for the probe.
func (p probe) wanted(cfg Config) bool {
	if p.group == GroupNetfilter && !cfg.NetfilterTiming {
		return false
	}
	if p.countsFlows() && cfg.wantsFlows() {
		return true
	}
	return !slices.Contains(cfg.Disable, p.group)
}
