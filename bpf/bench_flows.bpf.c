//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What flows cost a packet, with as many flows as asked for. Loaded by the benchmarks
 * alone.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "arrive.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;

/* Set by the benchmarks. */
const volatile __u32 bench_flows; /* the address of the packet is one of so many */
const volatile __u32 bench_count; /* 0 to do all but count the flow */

volatile __u32 bench_turn;

/* As count_flow_of() does for a packet that is not sampled. */
SEC("tcx/ingress")
int flows_tcx(struct __sk_buff *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);
	struct network n = network_of(skb);
	struct flow_packet p = { .end = FLOW_FROM_REMOTE, .bytes = ctx->len };
	struct flow f = {};

	/* Spread like addresses of strangers, in an order that a cache cannot guess. */
	bench_turn = (bench_turn + 48271) % bench_flows;
	if (!bench_count)
		return TCX_CONTINUE;
	read_flow(&f, &n);
	f.saddr[3] ^= bpf_htonl(bench_turn);
	count_flow(&f, &p);
	return TCX_CONTINUE;
}
