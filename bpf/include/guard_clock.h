/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* A clock that is cheap enough to be read per packet. */
#ifndef PACKETSCOPE_GUARD_CLOCK_H
#define PACKETSCOPE_GUARD_CLOCK_H

#include "guard_maps.h"

/* What a CPU remembers of the jiffy that it is in. */
struct guard_pace {
	__u64 jiffy;
	__u64 now; /* ns, of CLOCK_MONOTONIC, at the first look in this jiffy */
	__u32 hits; /* of rules in this jiffy, that were noted each */
	__u32 skip; /* how many hits are not noted until the next one is */
	__u32 requests; /* for bans, in this jiffy */
	__u32 padding;
};

/* One entry. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_pace);
} guard_paces SEC(".maps");

/*
 * The time in ns, late by up to a jiffy: the clock costs a call, bpf_jiffies64() is
 * inlined.
 */
static __always_inline __u64 guard_now(struct guard_pace *p)
{
	__u64 jiffy = bpf_jiffies64();

	if (guard_unlikely(p->jiffy != jiffy)) {
		p->jiffy = jiffy;
		p->now = bpf_ktime_get_ns();
		p->hits = p->requests = 0;
	}
	return p->now;
}

#endif
