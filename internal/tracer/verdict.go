package tracer

import (
	"slices"
	"strings"
)

// A Verdict is what a place where packets are judged decided, as far as it can be told.
type Verdict struct {
	// Place is "netfilter input", "xdp", "tc ingress" and so on.
	Place string
	// Verdict is "passed", "dropped" or "rejected". A packet passed a hook of netfilter if it
	// was seen behind: whether a rule looked at it is not known.
	Verdict string
	// By is the function that judged; "" if it is not known.
	By string
	// Answer is what the sender was told, by a packet of its own; "" if nothing was seen.
	Answer string
}

func (v Verdict) String() string {
	text := v.Place + " " + v.Verdict
	if v.By != "" {
		text += " in " + v.By
	}
	if v.Answer != "" {
		text += ", answered by " + v.Answer
	}
	return text
}

// netfilterCallers are functions that ask a hook of netfilter: the hook.
var netfilterCallers = map[string]string{
	"ip_rcv": "prerouting", "ipv6_rcv": "prerouting", "ip_list_rcv": "prerouting", "ipv6_list_rcv": "prerouting", "ip_sublist_rcv": "prerouting", "ip6_sublist_rcv": "prerouting",
	"ip_local_deliver": "input", "ip6_input": "input", "ip_forward": "forward", "ip6_forward": "forward",
	"__ip_local_out": "output", "ip_local_out": "output", "__ip6_local_out": "output", "ip6_local_out": "output", "ip6_xmit": "output", "raw_send_hdrinc": "output", "rawv6_send_hdrinc": "output",
	"ndisc_send_skb": "output", "mld_sendpack": "output",
	"ip_output": "postrouting", "ip_mc_output": "postrouting", "ip6_output": "postrouting",
	"__netif_receive_skb_core": "ingress", "__dev_queue_xmit": "egress", "arp_rcv": "arp input", "arp_xmit": "arp output",
	"br_handle_frame": "bridge prerouting", "br_pass_frame_up": "bridge input", "__br_forward": "bridge forward", "br_forward_finish": "bridge postrouting",
}

// behind are functions behind a hook that has let the packet go on.
var behind = []struct {
	hooks     []string
	functions []string
}{
	{[]string{"prerouting"}, []string{"ip_rcv_finish", "ip6_rcv_finish", "ip_forward", "ip6_forward", "ip_forward_finish", "ip6_forward_finish", "ip_local_deliver", "ip6_input"}},
	{[]string{"forward"}, []string{"ip_forward_finish", "ip6_forward_finish"}},
	{[]string{"prerouting", "input"}, []string{
		"ip_local_deliver_finish", "ip_protocol_deliver_rcu", "ip6_input_finish", "ip6_protocol_deliver_rcu",
		"tcp_v4_rcv", "tcp_v6_rcv", "udp_rcv", "udpv6_rcv", "icmp_rcv", "icmpv6_rcv",
	}},
	{[]string{"output"}, []string{"ip_output", "ip6_output", "ip_mc_output"}},
	{[]string{"postrouting"}, []string{"ip_finish_output", "ip_finish_output2", "__ip_finish_output", "ip6_finish_output", "ip6_finish_output2"}},
}

// received are functions by which a packet comes to its protocol, and handled those of protocols.
var (
	received = []string{"__netif_receive_skb_one_core", "__netif_receive_skb_list_core", "ip_list_rcv", "ipv6_list_rcv"}
	handled  = []string{"ip_local_deliver_finish", "ip_protocol_deliver_rcu", "ip6_input_finish", "ip6_protocol_deliver_rcu"}
	sending  = []string{"ip_output", "ip6_output", "ip_mc_output"}
)

// forwarded tells whether a stack goes from where packets are received to where they are sent,
// without a protocol that would send another.
func forwarded(stack []string) bool {
	has := func(names []string) bool {
		return slices.ContainsFunc(stack, func(f string) bool { return slices.Contains(names, f) })
	}
	return has(received) && has(sending) && !has(handled)
}

// ofPacket cuts off what was done with another packet, to which this one is an answer.
func ofPacket(stack []string) []string {
	for i := len(stack) - 1; i >= 0; i-- {
		if !slices.Contains(handled, stack[i]) {
			continue
		}
		for j, f := range stack[i:] {
			if slices.Contains(sending, f) || netfilterCallers[f] == "output" {
				return stack[i+j:]
			}
		}
		break
	}
	return stack
}

// judges are functions that carry out what rules say, by the prefix of their names.
var judges = []string{"nft_do_chain", "ipt_do_table", "ip6t_do_table", "arpt_do_table", "ebt_do_table", "nf_conntrack_in", "ipv4_conntrack_", "nf_nat_", "nf_confirm", "bpf_prog_", "nf_hook_run_bpf", "nf_defrag", "selinux_", "smack_", "ip_vs_"}

// judgedReasons are drops by something that judges other than netfilter: where.
var judgedReasons = map[string]string{
	"XDP": "xdp", "TC_INGRESS": "tc ingress", "TC_EGRESS": "tc egress", "BPF_CGROUP_EGRESS": "cgroup egress",
	"SOCKET_FILTER": "socket filter", "XFRM_POLICY": "ipsec policy",
}

// Verdicts returns what was decided about a packet, in the order in which it was seen. What is
// not there is not known: a rule that let a packet go on is seen by nobody, and one that gave it
// to a program (NFQUEUE) or took it away (NF_STOLEN) leaves no more than a packet that is not seen again.
func (p *Packet) Verdicts() []Verdict {
	var list []Verdict
	answer := ""
	for i := range p.Events {
		e := &p.Events[i]
		stack := ofPacket(ownStack(e.Stack, e.Context))
		list = passed(list, stack)
		switch {
		case e.Hook == "icmp_send" && rejects(stack):
			answer = "ICMP " + e.Detail()
		case e.Hook == "kfree_skb" && e.Reason == "NETFILTER_DROP":
			v := Verdict{"netfilter", "dropped", judgeOf(stack), answer}
			if hook := netfilterHook(stack); hook != "" {
				v.Place += " " + hook
			}
			if answer != "" {
				v.Verdict = "rejected"
			}
			list = append(list, v)
		case e.Hook == "kfree_skb" && judgedReasons[e.Reason] != "":
			list = append(list, Verdict{Place: judgedReasons[e.Reason], Verdict: "dropped", By: e.Function()})
		}
	}
	return list
}

// passed adds the hooks that a stack is behind. A packet may go through one several times, as
// through those of several namespaces; what is not known twice is said once.
func passed(list []Verdict, stack []string) []Verdict {
	for _, b := range behind {
		if !slices.ContainsFunc(stack, func(f string) bool { return slices.Contains(b.functions, f) }) {
			continue
		}
		hooks := b.hooks
		if hooks[0] == "output" && forwarded(stack) {
			hooks = []string{"prerouting", "forward"}
		}
		for _, hook := range hooks {
			if v := (Verdict{Place: "netfilter " + hook, Verdict: "passed"}); !slices.Contains(list, v) {
				list = append(list, v)
			}
		}
	}
	return list
}

// netfilterHook returns the hook by the function that asked it.
func netfilterHook(stack []string) string {
	for i := len(stack) - 1; i >= 0; i-- {
		if hook, ok := netfilterCallers[stack[i]]; ok {
			return hook
		}
	}
	return ""
}

// judgeOf returns the innermost function that carries out rules.
func judgeOf(stack []string) string {
	for i := len(stack) - 1; i >= 0; i-- {
		if slices.ContainsFunc(judges, func(prefix string) bool { return strings.HasPrefix(stack[i], prefix) }) {
			return stack[i]
		}
	}
	for i := len(stack) - 1; i >= 0; i-- {
		if strings.HasPrefix(stack[i], "nf_hook_slow") {
			return stack[i]
		}
	}
	return ""
}

// rejects tells whether a rule sends the answer.
func rejects(stack []string) bool {
	return slices.ContainsFunc(stack, func(f string) bool {
		return strings.HasPrefix(f, "nf_send_unreach") || strings.HasPrefix(f, "nft_reject") || strings.HasPrefix(f, "reject_tg") || strings.HasPrefix(f, "nf_hook_slow")
	})
}

// verdictText joins verdicts to one line, "" if there are none.
func verdictText(list []Verdict) string {
	var parts, passed []string
	for _, v := range list {
		if hook, ok := strings.CutPrefix(v.Place, "netfilter "); ok && v.Verdict == "passed" {
			passed = append(passed, hook)
			continue
		}
		parts = append(parts, v.String())
	}
	if len(passed) > 0 {
		parts = slices.Insert(parts, 0, "netfilter passed "+strings.Join(passed, ", "))
	}
	if len(parts) == 0 {
		return ""
	}
	return "verdicts: " + strings.Join(parts, "; ")
}
