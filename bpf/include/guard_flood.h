/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Whether there is a flood of SYNs: package flood of the Go half, for all CPUs together. */
#ifndef PACKETSCOPE_GUARD_FLOOD_H
#define PACKETSCOPE_GUARD_FLOOD_H

#include "guard_cookie.h"
#include "guard_gcra.h"

/*
 * Key: the identity of the rule's state. Outlives a generation, so that a flood is not
 * forgotten when a policy is replaced. User space adds entries before a generation needs
 * them; written per SYN that such a rule matches, read per scrape.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_MAX_FLOODS);
	__type(key, __u64);
	__type(value, struct guard_flood);
} guard_floods SEC(".maps");

/*
 * Counts a SYN and tells whether it belongs to a flood. Of the CPUs that see a second end,
 * one ends it; the others go on counting, so that a few SYNs may be counted in either.
 */
static __always_inline bool guard_count_syn(struct guard_flood *f, const struct guard_state *s,
					    __u64 now)
{
	__u64 began = f->began, seen;
	__s64 age = now - began;

	if (age >= GUARD_FLOOD_SECOND &&
	    __sync_val_compare_and_swap(&f->began, began, now) == began) {
		if (age >= 2ll * GUARD_FLOOD_SECOND || f->seen < s->tolerance)
			f->active = 0;
		f->seen = 0;
	}
	seen = __sync_fetch_and_add(&f->seen, 1) + 1;
	if (seen > s->interval && !f->active)
		f->active = 1;
	return f->active;
}

/* A SYN: answered, if there is a flood and the kernel has no room. */
static __always_inline int guard_is_flood(struct xdp_md *ctx, struct guard_walk *w,
					  struct guard_flood *f, const struct guard_state *s)
{
	if (!guard_count_syn(f, s, guard_time(w)))
		return 0;
	if (s->of & GUARD_OF_AUDIT)
		return guard_truth(ctx, w, 0) == 1 << GUARD_SOCKET_LISTEN;
	if (!guard_make_cookie(ctx, w)) {
		__sync_fetch_and_add(&f->left, 1);
		return 0;
	}
	__sync_fetch_and_add(&f->sent, 1);
	w->answers = 1;
	return 1;
}

/* An ACK: dropped during a flood, if it belongs to no connection and opens none. */
static __always_inline int guard_is_stray(struct xdp_md *ctx, struct guard_walk *w,
					  struct guard_flood *f)
{
	__u32 truth;

	if (!f->active || (__s64)(guard_time(w) - f->began) >= 2ll * GUARD_FLOOD_SECOND)
		return 0;
	truth = guard_truth(ctx, w, 0) & ((1 << GUARD_SEQUENCE_SHIFT) - 1);
	if (w->vouched)
		__sync_fetch_and_add(&f->valid, 1);
	if (truth != 1 << GUARD_SOCKET_LISTEN)
		return 0;
	__sync_fetch_and_add(&f->invalid, 1);
	return 1;
}

/* Whether a rule that answers SYNs does something with a packet. */
__noinline int guard_is_flooded(struct xdp_md *ctx, struct guard_walk *w, __u32 rule)
{
	const struct guard_state *s = guard_states_at(rule);
	__u64 identity = s->identity;
	struct guard_flood *f;

	if (!w)
		return 0;
	f = bpf_map_lookup_elem(&guard_floods, &identity);
	if (!f)
		return 0;
	if (w->packet.flags & GUARD_SYN)
		return guard_is_flood(ctx, w, f, s);
	return guard_is_stray(ctx, w, f);
}

#endif
