//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The TCP probes, all on BTF raw tracepoints: Linux 5.5, some later. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "tcp_connect.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Fires for attempts that failed too, since it tells whether one did. */
SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(tcp_retransmit_tracepoint, struct sock *sk, struct sk_buff *skb)
{
	if (!retransmit_has_error || !(int)ctx[2])
		retransmitted(sk, skb);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(tcp_synack_tracepoint, struct sock *sk, struct request_sock *req)
{
	synack_retransmitted(sk, req);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int BPF_PROG(tcp_reset_sent_tracepoint, struct sock *sk, struct sk_buff *skb)
{
	reset_sent(sk, skb, reset_has_reason ? (__u32)ctx[2] : 0);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(tcp_reset_received_tracepoint, struct sock *sk)
{
	if (socket_in_scope(sk))
		count_tcp(TCP_COUNT_RESET_RECEIVED + socket_family(sk), 1);
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state_tracepoint, struct sock *sk, int before, int after)
{
	state_changed(sk, before, after);
	return 0;
}

SEC("tp_btf/tcp_probe")
int BPF_PROG(tcp_segment_tracepoint, struct sock *sk, struct sk_buff *skb)
{
	received(sk, skb);
	return 0;
}

/* An application reads: before its window opens again, and after. */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(tcp_read_tracepoint, struct sock *sk)
{
	struct tcp_sock *tp = tcp_of(sk);

	if (tp && socket_in_scope(sk))
		watch_local_window(sk, tp);
	return 0;
}

SEC("tp_btf/tcp_cong_state_set")
int BPF_PROG(tcp_congestion_tracepoint, struct sock *sk, __u8 state)
{
	struct inet_connection_sock *icsk = (void *)sk;

	/* It is set anew where it does not change too. */
	if (socket_in_scope(sk) && state < CONGESTIONS &&
	    state != BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state))
		count_tcp(TCP_COUNT_CONGESTION + state, 1);
	return 0;
}

SEC("tp_btf/tcp_bad_csum")
int BPF_PROG(tcp_checksum_tracepoint, struct sk_buff *skb)
{
	if (in_scope(READ(skb, dev)))
		count_tcp(TCP_COUNT_BAD_CHECKSUM + packet_family(skb), 1);
	return 0;
}
