//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Guarder. guard_entry is what devices run; it leads to the guard_generation in
 * force, which is a program with tables of its own. So a policy is replaced by
 * writing one entry of a map, and each packet is judged by one policy alone.
 */
#include "guard_walk.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("xdp")
int guard_entry(struct xdp_md *ctx)
{
	bpf_tail_call(ctx, &guard_generation, 0);
	return XDP_PASS; /* no policy yet */
}

SEC("xdp")
int guard_policy(struct xdp_md *ctx)
{
	return guard_classify(ctx);
}
