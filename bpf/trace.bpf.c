//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The Tracer at tracepoints, which all kernels have, and at functions. The arguments of
 * tracepoints are those of Linux 6.18's BTF.
 */
#include "trace.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Which arguments there are: they came later than the tracepoints. */
const volatile bool trace_kfree_has_reason;

#define TRACE_AT(name, hook, at, value)                                              \
	SEC("tp_btf/" #name)                                                         \
	int trace_##name(__u64 *ctx)                                                 \
	{                                                                            \
		return trace_packet(ctx, (struct sk_buff *)ctx[at], hook, value, 0); \
	}

TRACE_AT(napi_gro_receive_entry, TRACE_NAPI_GRO_RECEIVE_ENTRY, 0, 0)
TRACE_AT(netif_rx, TRACE_NETIF_RX, 0, 0)
TRACE_AT(netif_receive_skb, TRACE_NETIF_RECEIVE_SKB, 0, 0)
TRACE_AT(net_dev_queue, TRACE_NET_DEV_QUEUE, 0, 0)
TRACE_AT(qdisc_enqueue, TRACE_QDISC_ENQUEUE, 2, 0)
TRACE_AT(qdisc_dequeue, TRACE_QDISC_DEQUEUE, 3, 0)
TRACE_AT(net_dev_start_xmit, TRACE_NET_DEV_START_XMIT, 0, 0)
TRACE_AT(net_dev_xmit, TRACE_NET_DEV_XMIT, 0, ctx[1])
TRACE_AT(skb_copy_datagram_iovec, TRACE_SKB_COPY_DATAGRAM_IOVEC, 0, ctx[1])
TRACE_AT(tcp_probe, TRACE_TCP_PROBE, 1, 0)
TRACE_AT(tcp_retransmit_skb, TRACE_TCP_RETRANSMIT_SKB, 1, 0)
TRACE_AT(tcp_send_reset, TRACE_TCP_SEND_RESET, 1, 0)
TRACE_AT(tcp_bad_csum, TRACE_TCP_BAD_CSUM, 0, 0)
TRACE_AT(udp_fail_queue_rcv_skb, TRACE_UDP_FAIL_QUEUE_RCV_SKB, 2, ctx[0])
TRACE_AT(icmp_send, TRACE_ICMP_SEND, 0, ctx[1] << 8 | ctx[2])

SEC("tp_btf/kfree_skb")
int trace_kfree_skb(__u64 *ctx)
{
	__s32 reason = trace_kfree_has_reason ? ctx[2] : 0;

	return trace_packet(ctx, (struct sk_buff *)ctx[0], TRACE_KFREE_SKB, reason, ctx[1]);
}

SEC("tp_btf/consume_skb")
int trace_consume_skb(__u64 *ctx)
{
	return trace_packet(ctx, (struct sk_buff *)ctx[0], TRACE_CONSUME_SKB, 0, 0);
}

SEC("tp_btf/sk_data_ready")
int trace_sk_data_ready(__u64 *ctx)
{
	return trace_wake(ctx, (struct sock *)ctx[0]);
}

/*
 * At the beginning of functions that the loader chooses, by which argument is the packet. The
 * cookie says which function it is. Many functions have one of the first programs together,
 * where the kernel has fprobes (Linux 5.18); else each has a copy of one of the second.
 */
#define TRACE_FUNCTIONS(n)                                                                       \
	SEC("kprobe.multi")                                                                      \
	int trace_probe_##n(struct pt_regs *ctx)                                                 \
	{                                                                                        \
		return trace_packet(ctx, (struct sk_buff *)PT_REGS_PARM##n(ctx), TRACE_FUNCTION, \
				    0, bpf_get_attach_cookie(ctx));                              \
	}                                                                                        \
	SEC("fentry/bpf_fentry_test1")                                                           \
	int trace_entry_##n(__u64 *ctx)                                                          \
	{                                                                                        \
		return trace_packet(ctx, (struct sk_buff *)ctx[n - 1], TRACE_FUNCTION, 0,        \
				    bpf_get_attach_cookie(ctx));                                 \
	}

TRACE_FUNCTIONS(1)
TRACE_FUNCTIONS(2)
TRACE_FUNCTIONS(3)
TRACE_FUNCTIONS(4)
TRACE_FUNCTIONS(5)
