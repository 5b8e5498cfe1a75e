//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/* What the flows need beside the packets, which the stations count: see flows.h. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "socket.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Set by the loader: the tracepoint comes for failures too, with an error (6.18 does, 6.12 not). */
const volatile __u32 retransmit_has_error;

static __always_inline void count_retransmit(struct sock *sk)
{
	struct flow_totals *t = this_flow_totals();
	struct flow_key k = {};
	struct flow_entry *e;
	struct flow f;

	if (!t || !stations_attached || !socket_in_scope(sk))
		return;
	read_socket_flow(&f, sk);
	flow_key_of(&k, &f, FLOW_FROM_REMOTE);
	e = flow_of(&k, f.saddr);
	__sync_fetch_and_add(&t->counts.retransmits, 1);
	if (e)
		__sync_fetch_and_add(&e->counts.retransmits, 1);
}

SEC("tp_btf/tcp_retransmit_skb")
int flow_retransmit_tracepoint(__u64 *ctx)
{
	if (retransmit_has_error && (int)ctx[2])
		return 0;
	count_retransmit((struct sock *)ctx[0]);
	return 0;
}

/*
 * An accepted connection begins as a copy of its listener, so that leaving the state
 * is not always the end of a listener. When it is, the socket has already given back
 * a port that the kernel chose, but still has its number for the packets.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(flow_listen_tracepoint, struct sock *sk, int before, int after)
{
	bool begins = after == TCP_LISTEN && before != TCP_LISTEN;
	bool ends = before == TCP_LISTEN && after == TCP_CLOSE;
	__u32 port, *listeners;

	if ((!begins && !ends) || READ(sk, sk_protocol) != IPPROTO_TCP || !socket_in_scope(sk))
		return 0;
	port = bpf_ntohs(BPF_CORE_READ((struct inet_sock *)sk, inet_sport));
	listeners = bpf_map_lookup_elem(&flow_listeners, &port);
	if (!listeners)
		return 0;
	if (begins)
		__sync_fetch_and_add(listeners, 1);
	else if (*listeners)
		__sync_fetch_and_add(listeners, -1);
	return 0;
}
