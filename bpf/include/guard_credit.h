/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Credits rules with packets. */
#ifndef PACKETSCOPE_GUARD_CREDIT_H
#define PACKETSCOPE_GUARD_CREDIT_H

#include "guard_bans.h"
#include "guard_count.h"
#include "guard_hits.h"
#include "guard_sample.h"

/* Notes whom a rule hits, and whether it wants a copy of the packet. */
static __always_inline void guard_watch(struct guard_walk *w, __u32 key, __u32 slot)
{
	if (guard_ask_hits)
		guard_hit(w, slot, guard_credit_of(key));
	if (guard_ask_samples)
		guard_want_sample(w, key);
}

/*
 * The same for a rule that counts, not inlined: it is called in a loop, and Linux 6.1
 * would look at each way through it in each turn, at more than a million instructions.
 */
__noinline int guard_watch_counting(struct guard_walk *w, __u32 key)
{
	if (!w)
		return 0;
	guard_watch(w, key, *guard_slots_at(key >> GUARD_CREDIT_BITS));
	return 0;
}

/* Credits a rule with the packet and returns what it does. */
static __always_inline __u32 guard_credit(struct guard_walk *w, __u32 key, bool counting)
{
	__u32 slot = *guard_slots_at(key >> GUARD_CREDIT_BITS), credit = guard_credit_of(key);
	struct guard_counts *counts;

	counts = bpf_map_lookup_elem(&guard_counts, &slot);
	if (counts)
		guard_add(&counts->of[(credit == GUARD_SAMPLE ? GUARD_COUNT : credit) & 3],
			  w->size);
	if (guard_ask_bannings && !counting && credit != GUARD_PASS)
		guard_ask_ban(w, key);
	if (!counting)
		guard_watch(w, key, slot);
	else if (guard_ask_hits || guard_ask_samples)
		guard_watch_counting(w, key);
	return credit;
}

#endif
