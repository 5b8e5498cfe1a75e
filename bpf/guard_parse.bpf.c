//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Guarder's parser alone, for its tests and its measurement: one program writes what
 * it found to a map, one only returns its reason, one does nothing.
 */
#include "guard_parse.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* One entry: the last frame. Written by guard_parse_record, read by tests. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_packet);
} guard_parsed SEC(".maps");

SEC("xdp")
int guard_parse_record(struct xdp_md *ctx)
{
	struct guard_packet p = {}; /* for tests, what is not there is 0 */
	__u32 key = 0;

	guard_parse(ctx, &p);
	bpf_map_update_elem(&guard_parsed, &key, &p, BPF_ANY);
	return XDP_PASS;
}

SEC("xdp")
int guard_parse_only(struct xdp_md *ctx)
{
	struct guard_packet p;
	int reason = guard_parse(ctx, &p);

	/* Else the compiler leaves out what nobody looks at. */
	asm volatile("" : : "r"(&p) : "memory");
	return reason == GUARD_OK ? XDP_PASS : XDP_DROP;
}

SEC("xdp")
int guard_parse_nothing(struct xdp_md *ctx)
{
	return XDP_PASS;
}
