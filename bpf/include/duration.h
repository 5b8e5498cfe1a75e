/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Histograms of durations, and the slowest recent packet of each. */
#ifndef PACKETSCOPE_DURATION_H
#define PACKETSCOPE_DURATION_H

#include "maps.h"
#include "packet.h"

/* How long a slow packet stays an example before a faster one may replace it. */
#define SLOW_JIFFIES 5000

/*
 * duration_bound[i] is the greatest number of nanoseconds in slot i:
 * floor(2^((i - 96) / 4) * 10^9), the bucket bounds of a Prometheus native
 * histogram of schema 2. Set by the loader, so that Go and C use one table.
 */
const volatile __u64 duration_bound[DURATION_SLOTS];

/* The slot of a duration, by binary search without branches. */
static __always_inline __u32 duration_slot(__u64 ns)
{
	__u32 slot = 0;

	for (__u32 step = DURATION_SLOTS / 2; step; step /= 2)
		slot += ns > duration_bound[(slot + step - 1) & (DURATION_SLOTS - 1)] ? step : 0;
	return slot & (DURATION_SLOTS - 1);
}

/* Keeps the compiler from moving memory accesses across. */
#define barrier() asm volatile("" ::: "memory")

static __always_inline void count_loss(enum loss loss)
{
	__u32 key = loss;
	__u64 *n = bpf_map_lookup_elem(&losses, &key);

	if (n)
		(*n)++;
}

/* The entry for a packet of the given watch; falls back to the unwatched entry. */
static __always_inline struct latency *latency_of(__u32 entry, __u32 watch)
{
	struct watched_entry key = { .entry = entry, .watch = watch };
	struct latency *l;

	if (!watch)
		return bpf_map_lookup_elem(&latency, &entry);
	l = bpf_map_lookup_elem(&watched_latency, &key);
	if (l)
		return l;
	/* The zeroed entry 0 of the unwatched map (no span 0) is the initial value. */
	entry = 0;
	l = bpf_map_lookup_elem(&latency, &entry);
	if (!l)
		return 0;
	bpf_map_update_elem(&watched_latency, &key, l, BPF_NOEXIST);
	l = bpf_map_lookup_elem(&watched_latency, &key);
	if (l)
		return l;
	count_loss(LOSS_WATCHED_LATENCY);
	entry = key.entry;
	return bpf_map_lookup_elem(&latency, &entry);
}

static __always_inline void record_duration(struct latency *l, __u64 ns)
{
	l->sum_ns += ns;
	l->slots[duration_slot(ns)]++;
}

/* Whether a packet that took ns should become the histogram's example. */
static __always_inline bool is_slow(const struct latency *l, __u64 ns)
{
	return ns >= l->slow_ns || (__u32)bpf_jiffies64() - l->slow_jiffies > SLOW_JIFFIES;
}

/* Rare: at most once per new maximum and once per SLOW_JIFFIES and CPU. */
__noinline int record_slow(struct latency *l, struct flow *f, __u64 ns, __u64 now)
{
	if (!l || !f)
		return 0;
	l->slow_begun++;
	barrier();
	l->slow_ns = ns;
	l->slow_ktime_ns = now;
	l->slow_flow = *f;
	l->slow_jiffies = bpf_jiffies64();
	barrier();
	l->slow_done = l->slow_begun;
	return 0;
}

#endif
