//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What judging a packet costs: Guarder's program on one packet over and over, or on
 * a trace of different ones, and beside each the same without judging. And whether a
 * packet is ever judged by a mixture of two policies that take turns. Loaded by
 * benchmarks and tests alone.
 */
#include "bench_linear.h"
#include "bench_source.h"
#include "guard_walk.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

#define BENCH_FRAMES 8192
#define BENCH_FRAME 96 /* bytes */

struct bench_frame {
	__u64 words[BENCH_FRAME / 8];
};

/* The trace; written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_FRAMES);
	__type(key, __u32);
	__type(value, struct bench_frame);
} bench_frames SEC(".maps");

/* Which frame of the trace is next. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_turn SEC(".maps");

/* Copies the next frame of the trace over the packet. */
static __always_inline bool bench_next(struct xdp_md *ctx)
{
	struct bench_frame *to = guard_start(ctx), *from;
	__u32 *turn = guard_only(&bench_turn), n;

	if (!turn || (void *)(to + 1) > guard_end(ctx))
		return false;
	n = (*turn)++ & (BENCH_FRAMES - 1);
	from = bpf_map_lookup_elem(&bench_frames, &n);
	if (!from)
		return false;
#pragma unroll
	for (int i = 0; i < BENCH_FRAME / 8; i++)
		to->words[i] = from->words[i];
	return true;
}

SEC("xdp")
int bench_empty(struct xdp_md *ctx)
{
	return XDP_PASS;
}

SEC("xdp")
int bench_drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

/* Sends live frames of BPF_PROG_TEST_RUN to a device. */
const volatile __u32 bench_device;

SEC("xdp")
int bench_send(struct xdp_md *ctx)
{
	return bpf_redirect(bench_device, 0);
}

SEC("xdp")
int bench_parse(struct xdp_md *ctx)
{
	struct guard_walk *w = guard_only(&guard_walks);

	if (!w)
		return XDP_ABORTED;
	return guard_parse(ctx, &w->packet) == GUARD_OK ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int bench_linear(struct xdp_md *ctx)
{
	struct guard_walk *w = guard_only(&guard_walks);

	if (!w || guard_parse(ctx, &w->packet) != GUARD_OK)
		return XDP_DROP;
	return bench_scan(&w->packet);
}

SEC("xdp")
int bench_policy(struct xdp_md *ctx)
{
	return guard_classify(ctx);
}

SEC("xdp")
int bench_trace_copy(struct xdp_md *ctx)
{
	return bench_next(ctx) ? XDP_PASS : XDP_ABORTED;
}

SEC("xdp")
int bench_trace_policy(struct xdp_md *ctx)
{
	return bench_next(ctx) ? guard_classify(ctx) : XDP_ABORTED;
}

/* Gives an IPv4 packet a source of its own, as floods have it. */
static __always_inline bool bench_forge(struct xdp_md *ctx)
{
	struct guard_ipv4 *ip = guard_start(ctx) + sizeof(struct guard_ether);

	if ((void *)(ip + 1) > guard_end(ctx))
		return false;
	ip->source = bpf_get_prandom_u32();
	return true;
}

SEC("xdp")
int bench_forge_only(struct xdp_md *ctx)
{
	return bench_forge(ctx) ? XDP_PASS : XDP_ABORTED;
}

SEC("xdp")
int bench_forge_policy(struct xdp_md *ctx)
{
	return bench_forge(ctx) ? guard_classify(ctx) : XDP_ABORTED;
}

/* The same after a packet that may have been answered, which changes its size. */
static __always_inline bool bench_anew(struct xdp_md *ctx)
{
	int size = guard_end(ctx) - guard_start(ctx);

	return !bpf_xdp_adjust_tail(ctx, BENCH_FRAME - size) && bench_next(ctx);
}

SEC("xdp")
int bench_anew_copy(struct xdp_md *ctx)
{
	return bench_anew(ctx) ? XDP_PASS : XDP_ABORTED;
}

SEC("xdp")
int bench_anew_policy(struct xdp_md *ctx)
{
	return bench_anew(ctx) ? guard_classify(ctx) : XDP_ABORTED;
}

/* Sends the trace to a device, or packets of which each has another source. */
SEC("xdp")
int bench_send_trace(struct xdp_md *ctx)
{
	return bench_anew(ctx) ? bpf_redirect(bench_device, 0) : XDP_ABORTED;
}

/*
 * Gives a packet of the trace one of 32 sources, of which its checksums are the same: what
 * one half of the address gains the other one loses.
 */
static __always_inline bool bench_vary(struct xdp_md *ctx)
{
	__u32 more = bpf_get_prandom_u32() & 31, low;
	struct guard_ipv4 *ip = guard_start(ctx) + sizeof(struct guard_ether);
	__be16 *half = (__be16 *)&ip->source;

	if ((void *)(ip + 1) > guard_end(ctx))
		return false;
	low = bpf_ntohs(half[1]);
	half[0] = bpf_htons(bpf_ntohs(half[0]) + more);
	half[1] = bpf_htons(low - more - (low < more));
	return true;
}

SEC("xdp")
int bench_send_varied(struct xdp_md *ctx)
{
	return bench_anew(ctx) && bench_vary(ctx) ? bpf_redirect(bench_device, 0) : XDP_ABORTED;
}

SEC("xdp")
int bench_send_forged(struct xdp_md *ctx)
{
	return bench_forge(ctx) ? bpf_redirect(bench_device, 0) : XDP_ABORTED;
}

/* The rules that end the search of a frame, by each of two policies. */
struct bench_expected {
	__u32 rule[2];
};

/* By frame of the trace; written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, BENCH_FRAMES);
	__type(key, __u32);
	__type(value, struct bench_expected);
} bench_expectations SEC(".maps");

/*
 * How often the rule was that of the first policy, of the second one alone, neither, and
 * how often there was no policy.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} bench_outcomes SEC(".maps");

static __always_inline void bench_count(__u32 outcome)
{
	__u64 *n = bpf_map_lookup_elem(&bench_outcomes, &outcome);

	if (n)
		(*n)++;
}

/* As guard_entry, on the next frame of the trace. */
SEC("xdp")
int bench_swap_entry(struct xdp_md *ctx)
{
	if (bench_next(ctx))
		bpf_tail_call(ctx, &guard_generation, 0);
	bench_count(3); /* no policy was there */
	return XDP_ABORTED;
}

SEC("xdp")
int bench_swap_policy(struct xdp_md *ctx)
{
	struct guard_walk *w = guard_only(&guard_walks);
	__u32 *turn = guard_only(&bench_turn), n;
	struct bench_expected *e;

	guard_classify(ctx);
	if (!w || !turn)
		return XDP_ABORTED;
	n = (*turn - 1) & (BENCH_FRAMES - 1);
	e = bpf_map_lookup_elem(&bench_expectations, &n);
	if (!e)
		return XDP_ABORTED;
	if (guard_rule_of(w->terminal) == e->rule[0])
		bench_count(0);
	else if (guard_rule_of(w->terminal) == e->rule[1])
		bench_count(1);
	else
		bench_count(2);
	return XDP_PASS;
}
