/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Copies packets to user space, as many as rules ask for. That is decided where a rule
 * is credited; the copy is made when the verdict is known, in a function of its own.
 */
#ifndef PACKETSCOPE_GUARD_SAMPLE_H
#define PACKETSCOPE_GUARD_SAMPLE_H

#include "guard_clock.h"
#include "guard_count.h"

/* The record that is being made. */
struct guard_draft {
	struct guard_sample head;
	__u8 data[GUARD_MAX_SNAP];
};

/* One entry. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_draft);
} guard_drafts SEC(".maps");

static __always_inline bool guard_may_sample(const struct guard_sampling *s, __u64 now)
{
	return s->interval && s->due <= now + s->burst;
}

/* The entry of a rule, by its key, or of packets that cannot be read. */
static __always_inline struct guard_sampling *guard_sampling_of(__u32 key)
{
	__u32 rule = key >> GUARD_CREDIT_BITS;

	return guard_samplings_at(key == GUARD_NONE ? GUARD_SAMPLING_UNPARSABLE :
						      GUARD_SAMPLING_RULES + rule);
}

/*
 * Notes that the rule with a key, or GUARD_NONE, wants a copy of the packet, if it may
 * have one now. Under a flood this is all that a packet pays. Of more than GUARD_MAX_WANTED
 * rules that match the same packet, the others get the next one that they match.
 */
static __always_inline void guard_want_sample(struct guard_walk *w, __u32 key)
{
	struct guard_pace *pace = guard_only(&guard_paces);

	if (!pace)
		return;
	if (!guard_may_sample(guard_sampling_of(key), guard_now(pace)) ||
	    w->wants >= GUARD_MAX_WANTED)
		return;
	w->wanted[w->wants & (GUARD_MAX_WANTED - 1)] = key;
	w->wants++;
}

/* Takes one from an entry; false if another CPU was faster, or all together are too many. */
static __always_inline bool guard_take(struct guard_sampling *s, __u64 now)
{
	__u64 due = s->due, next = (due > now ? due : now) + s->interval;

	return guard_may_sample(s, now) && __sync_val_compare_and_swap(&s->due, due, next) == due;
}

static __always_inline void guard_copy_sample(struct xdp_md *ctx, struct guard_walk *w,
					      struct guard_draft *d, __u32 snap)
{
	/* At least 1: helpers take no empty range, and Linux 6.1 believes masks alone. */
	__u32 size = ((w->size < snap ? w->size : snap) - 1) & (GUARD_MAX_SNAP - 1);

	size++;
	d->head.captured = size;
	if (bpf_xdp_load_bytes(ctx, 0, d->data, size) ||
	    bpf_ringbuf_output(&guard_samples, d, sizeof(d->head) + size, 0))
		guard_total(GUARD_TOTAL_SAMPLES_LOST, w->size);
	else
		guard_total(GUARD_TOTAL_SAMPLED, w->size);
}

/* Copies the packet for those that want it. */
__noinline int guard_sample_all(struct xdp_md *ctx, struct guard_walk *w, int verdict)
{
	struct guard_draft *d = guard_only(&guard_drafts);
	__u64 now = bpf_ktime_get_ns();

	if (!w || !d)
		return 0;
	for (int i = 0; i < w->wants && i < GUARD_MAX_WANTED; i++) {
		__u32 key = w->wanted[i & (GUARD_MAX_WANTED - 1)];
		struct guard_sampling *s = guard_sampling_of(key);

		if (!guard_take(s, now))
			continue;
		if (!guard_take(guard_samplings_at(GUARD_SAMPLING_ALL), now)) {
			guard_total(GUARD_TOTAL_SAMPLES_LOST, w->size);
			continue;
		}
		d->head.time = now;
		d->head.device = w->packet.interface;
		d->head.length = w->size;
		d->head.verdict = verdict;
		d->head.reason = w->packet.reason;
		if (key == GUARD_NONE) {
			d->head.slot = GUARD_NONE;
			d->head.credit = guard_unparsable;
		} else {
			d->head.slot = *guard_slots_at(key >> GUARD_CREDIT_BITS);
			d->head.credit = guard_credit_of(key);
		}
		guard_copy_sample(ctx, w, d, s->snap);
	}
	return 0;
}

#endif
