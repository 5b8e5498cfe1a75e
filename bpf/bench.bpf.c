//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What probes cost at the least: for each kind of hook a program that does
 * nothing, and one that only reads the clock twice, as timing a stage takes.
 * Loaded by the benchmarks alone, which set what they are attached to.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Keeps the compiler from dropping a clock that nobody looks at. */
volatile __u64 clock_sink;

static __always_inline void read_clock_twice(void)
{
	__u64 begin = bpf_ktime_get_ns();

	clock_sink = bpf_ktime_get_ns() - begin;
}

#define TWINS(name, section, verdict) \
	SEC(section)                  \
	int empty_##name(void *ctx)   \
	{                             \
		return verdict;       \
	}                             \
	SEC(section)                  \
	int clocks_##name(void *ctx)  \
	{                             \
		read_clock_twice();   \
		return verdict;       \
	}

TWINS(tracepoint, "tp_btf/netif_receive_skb", 0)
TWINS(trampoline, "fentry/ip_local_deliver", 0)
TWINS(netfilter, "netfilter", NF_ACCEPT)
TWINS(tcx, "tcx/ingress", TCX_CONTINUE)
