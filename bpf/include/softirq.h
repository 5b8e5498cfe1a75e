/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* How long the network softirqs wait for this CPU, and how long they run. */
#ifndef PACKETSCOPE_SOFTIRQ_H
#define PACKETSCOPE_SOFTIRQ_H

#include "duration.h"

/* include/linux/interrupt.h */
#define NET_TX_SOFTIRQ 2
#define NET_RX_SOFTIRQ 3

struct softirq_times {
	__u64 raised_ns[VECTORS]; /* first raise since the last run, 0 if none */
	__u64 entered_ns[VECTORS]; /* 0 if it does not run, or is not timed */
	__u64 turn[VECTORS]; /* counts the raises, for sampling */
};

/* In place of the time of a raise: neither its wait nor its run is timed. */
#define RAISED_UNTIMED 1

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct softirq_times);
} softirqs SEC(".maps");

static __always_inline struct softirq_times *this_softirq(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&softirqs, &key);
}

static __always_inline void record_softirq(__u32 base, __u32 vector, __u64 since_ns, __u64 now)
{
	struct latency *l = latency_of(base + vector, 0);

	if (l && now >= since_ns)
		record_duration(l, now - since_ns);
}

static __always_inline bool is_net_vector(__u32 vec)
{
	return vec == NET_TX_SOFTIRQ || vec == NET_RX_SOFTIRQ;
}

static __always_inline void softirq_raised(__u32 vec)
{
	struct softirq_times *t;
	__u32 vector = (vec - NET_TX_SOFTIRQ) & 1;

	if (!is_net_vector(vec))
		return;
	t = this_softirq();
	if (!t || t->raised_ns[vector])
		return;
	t->raised_ns[vector] =
		t->turn[vector]++ & sample_mask ? RAISED_UNTIMED : bpf_ktime_get_ns();
}

static __always_inline void softirq_entered(__u32 vec)
{
	struct softirq_times *t;
	__u32 vector = (vec - NET_TX_SOFTIRQ) & 1;
	__u64 raised, now;

	if (!is_net_vector(vec))
		return;
	t = this_softirq();
	if (!t)
		return;
	raised = t->raised_ns[vector];
	t->raised_ns[vector] = 0;
	if (raised <= RAISED_UNTIMED)
		return;
	now = bpf_ktime_get_ns();
	record_softirq(LATENCY_SOFTIRQ_WAIT, vector, raised, now);
	t->entered_ns[vector] = now;
}

static __always_inline void softirq_left(__u32 vec)
{
	struct softirq_times *t;
	__u32 vector = (vec - NET_TX_SOFTIRQ) & 1;

	if (!is_net_vector(vec))
		return;
	t = this_softirq();
	if (!t || !t->entered_ns[vector])
		return;
	record_softirq(LATENCY_SOFTIRQ_RUN, vector, t->entered_ns[vector], bpf_ktime_get_ns());
	t->entered_ns[vector] = 0;
}

#endif
