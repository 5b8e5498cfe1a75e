//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What probes cost at the least: for each hook of the stack probes a program that
 * does nothing, and one that only reads the clock twice, as timing a stage takes.
 * Loaded by the benchmarks alone.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Keeps the compiler from dropping a clock that nobody looks at. */
volatile __u64 clock_sink;

static __always_inline void read_clock_twice(void)
{
	__u64 begin = bpf_ktime_get_ns();

	clock_sink = bpf_ktime_get_ns() - begin;
}

#define TRACEPOINT(name)             \
	SEC("tp_btf/" #name)         \
	int empty_##name(void *ctx)  \
	{                            \
		return 0;            \
	}                            \
	SEC("tp_btf/" #name)         \
	int clocks_##name(void *ctx) \
	{                            \
		read_clock_twice();  \
		return 0;            \
	}

TRACEPOINT(netif_receive_skb)
TRACEPOINT(net_dev_queue)
TRACEPOINT(net_dev_start_xmit)
TRACEPOINT(net_dev_xmit)
TRACEPOINT(sk_data_ready)
TRACEPOINT(sock_recv_length)
TRACEPOINT(sock_send_length)
TRACEPOINT(softirq_raise)
TRACEPOINT(softirq_entry)
TRACEPOINT(softirq_exit)
TRACEPOINT(napi_poll)

SEC("netfilter")
int empty_netfilter(struct bpf_nf_ctx *ctx)
{
	return NF_ACCEPT;
}

SEC("netfilter")
int clocks_netfilter(struct bpf_nf_ctx *ctx)
{
	read_clock_twice();
	return NF_ACCEPT;
}
