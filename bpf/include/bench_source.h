/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Packets that have another source each time, made up on the spot, and what looks it
 * up: a policy, the blocks of its sets alone, and what the kernel has for the purpose.
 */
#ifndef PACKETSCOPE_BENCH_SOURCE_H
#define PACKETSCOPE_BENCH_SOURCE_H

#include "guard_walk.h"

/* Where sources of packets come from: sourceOf of the Go half makes the members. */
enum bench_source {
	BENCH_AS_IS4, /* as the packet has it */
	BENCH_ANY4, /* anywhere; hardly ever a member */
	BENCH_SPREAD4, /* members that are spread evenly */
	BENCH_CROWDED4, /* members of which 32 each are in one /24 */
	BENCH_AS_IS6,
	BENCH_ANY6, /* anywhere in 2000::/3; never a member */
	BENCH_NEAR6, /* in the /32 of some member, hardly ever one */
	BENCH_MEMBER6,
};

const volatile __u32 bench_source;
const volatile __u32 bench_members_mask;

/* G. Marsaglia, Xorshift RNGs, 2003. */
static __always_inline __u32 bench_random(__u32 *state)
{
	__u32 x = *state;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return *state = x;
}

#define BENCH_GOLDEN 0x9e3779b1u

static __always_inline __u32 bench_address4(__u32 *state)
{
	__u32 n = bench_random(state), i = n & bench_members_mask;

	if (bench_source == BENCH_SPREAD4)
		return i * BENCH_GOLDEN;
	if (bench_source == BENCH_CROWDED4)
		return ((i >> 5) * BENCH_GOLDEN & ~255u) | ((i & 31) * 8 + (i >> 5 & 7));
	return n;
}

/* Returns the upper half; the lower one is chance but for odd members. */
static __always_inline __u64 bench_address6(__u32 *state, __u64 *low)
{
	__u32 n = bench_random(state), i = n & bench_members_mask;
	__u32 first = (0x2a00 + (i & 15)) << 16 | (i >> 4 & 4095) * BENCH_GOLDEN >> 16;
	__u32 second = i * 0x85ebca6bu;

	*low = (__u64)bench_random(state) << 32 | n;
	if (bench_source == BENCH_ANY6)
		return (__u64)(n >> 3 | 0x20000000) << 32 | bench_random(state);
	if (bench_source == BENCH_NEAR6)
		second = bench_random(state);
	else if (i & 1)
		*low = i * 0x9e3779b97f4a7c15ull;
	return (__u64)first << 32 | second;
}

/* The state of bench_random(). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bench_chance SEC(".maps");

/* Gives the packet another source; returns its words, of which IPv4 has one. */
static __always_inline bool bench_renew(struct xdp_md *ctx, __be32 *words)
{
	void *start = guard_start(ctx);
	__u32 *state = guard_only(&bench_chance);

	if (!state || start + 38 > guard_end(ctx))
		return false;
	if (!*state)
		*state = 1;
	if (bench_source == BENCH_AS_IS4) {
		__builtin_memcpy(words, start + 26, 4);
	} else if (bench_source == BENCH_AS_IS6) {
		__builtin_memcpy(words, start + 22, 16);
	} else if (bench_source < BENCH_AS_IS6) {
		words[0] = bpf_htonl(bench_address4(state));
		__builtin_memcpy(start + 26, words, 4);
	} else {
		__u64 low, high = bench_address6(state, &low);

		words[0] = bpf_htonl(high >> 32);
		words[1] = bpf_htonl(high);
		words[2] = bpf_htonl(low >> 32);
		words[3] = bpf_htonl(low);
		__builtin_memcpy(start + 22, words, 16);
	}
	return true;
}

SEC("xdp")
int bench_source_copy(struct xdp_md *ctx)
{
	__be32 words[4] = {};

	return bench_renew(ctx, words) ? XDP_PASS : XDP_ABORTED;
}

SEC("xdp")
int bench_source_parse(struct xdp_md *ctx)
{
	struct guard_walk *w = guard_only(&guard_walks);
	__be32 words[4] = {};

	if (!w || !bench_renew(ctx, words))
		return XDP_ABORTED;
	return guard_parse(ctx, &w->packet) == GUARD_OK ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int bench_source_policy(struct xdp_md *ctx)
{
	__be32 words[4] = {};

	return bench_renew(ctx, words) ? guard_classify(ctx) : XDP_ABORTED;
}

SEC("xdp")
int bench_source_class(struct xdp_md *ctx)
{
	__be32 words[4] = {};

	if (!bench_renew(ctx, words))
		return XDP_ABORTED;
	return guard_class_of(words, bench_source < BENCH_AS_IS6 ? 4 : 6) ? XDP_DROP : XDP_PASS;
}

/* What the kernel has for the purpose. */
struct bench_prefix {
	__u32 bits;
	__be32 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct bench_prefix);
	__type(value, __u32);
} bench_trie SEC(".maps");

struct bench_host {
	__be32 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, struct bench_host);
	__type(value, __u32);
} bench_hash SEC(".maps");

SEC("xdp")
int bench_source_trie(struct xdp_md *ctx)
{
	struct bench_prefix key = { .bits = bench_source < BENCH_AS_IS6 ? 32 : 128 };

	if (!bench_renew(ctx, key.address))
		return XDP_ABORTED;
	return bpf_map_lookup_elem(&bench_trie, &key) ? XDP_DROP : XDP_PASS;
}

SEC("xdp")
int bench_source_hash(struct xdp_md *ctx)
{
	struct bench_host key = {};

	if (!bench_renew(ctx, key.address))
		return XDP_ABORTED;
	return bpf_map_lookup_elem(&bench_hash, &key) ? XDP_DROP : XDP_PASS;
}

#endif
