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

/* End of the trial, as CLOCK_MONOTONIC in ns. */
const volatile __u64 guard_deadline;

/*
 * What devices run while a policy is on trial: after the deadline it leads to the policy
 * before, in entry 1, so that it is taken back also if the agent has died. The coarse
 * clock (Linux 5.11) is some milliseconds late at most.
 */
SEC("xdp")
int guard_trial(struct xdp_md *ctx)
{
	__u32 entry = bpf_ktime_get_coarse_ns() < guard_deadline ? 0 : 1;

	bpf_tail_call(ctx, &guard_generation, entry);
	return XDP_PASS; /* there was none before */
}

SEC("xdp")
int guard_policy(struct xdp_md *ctx)
{
	return guard_classify(ctx);
}
