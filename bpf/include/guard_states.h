/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Rules with a state. The search does not look for them; behind it, those before the rule
 * that ended it are asked in their order, as States of package policy in the Go half are.
 *
 * A new kind of state is a case of guard_is_over(), and enum guard_state_kind. (If it needs
 * the context, all functions on the way have to use that: clang passes nothing for what it
 * sees to be unused, which the verifier refuses.)
 */
#ifndef PACKETSCOPE_GUARD_STATES_H
#define PACKETSCOPE_GUARD_STATES_H

#include "guard_credit.h"
#include "guard_flood.h"
#include "guard_gcra.h"
#include "guard_search.h"
#include "guard_spread.h"

/* Counts a packet in one level of a limit; without room, in the wider one. */
__noinline int guard_charge_level(struct guard_walk *w, __u32 level)
{
	const struct guard_state *s = guard_states_at(level);
	__u32 wider = s->wider;
	int charged;

	if (!w)
		return GUARD_LIGHT;
	charged =
		guard_charge(guard_bucket_key(w, level), guard_time(w), s->interval, s->tolerance);
	if (charged != GUARD_NO_ROOM)
		return charged;
	guard_total(GUARD_TOTAL_LIMIT_FULL, w->size);
	if (!wider)
		return GUARD_LIGHT;
	s = guard_states_at(wider);
	return guard_charge(guard_bucket_key(w, wider), guard_time(w), s->interval, s->tolerance);
}

/*
 * Whether a packet is beyond the rate of a rule: at the first of its levels where its key
 * is not light.
 */
__noinline int guard_is_limited(struct guard_walk *w, __u32 rule)
{
	if (!w)
		return 0;
#pragma nounroll
	for (__u32 i = 0; i < GUARD_MAX_LEVELS; i++) {
		int charged = guard_charge_level(w, rule);

		if (charged != GUARD_LIGHT)
			return charged == GUARD_OVER;
		rule = guard_states_at(rule)->level;
		if (!rule)
			break;
	}
	return 0;
}

/* Asks the state of a rule whether it does something with the packet. */
__noinline int guard_is_over(struct xdp_md *ctx, struct guard_walk *w, __u32 rule)
{
	if (!w)
		return 0;
	switch (guard_states_at(rule)->kind) {
	case GUARD_STATE_LIMIT:
		return guard_is_limited(w, rule);
	case GUARD_STATE_SPREAD:
		return guard_is_spread(w, rule);
	case GUARD_STATE_SYNCOOKIE:
		return guard_ask_cookies ? guard_is_flooded(ctx, w, rule) : 0;
	}
	return 0;
}

/* Lets a rule do what it does, as its state says so. */
__noinline int guard_act(struct guard_walk *w, __u32 key)
{
	struct guard_result *r;

	if (!w)
		return 0;
	switch (guard_credit_of(key)) {
	case GUARD_COUNT:
	case GUARD_SAMPLE:
		/* Or clang knows the credit, leaves out a mask, and Linux 6.1 refuses the index. */
		asm volatile("" : "+r"(key));
		guard_credit(w, key, true);
		if (!guard_explain)
			return 0;
		r = guard_only(&guard_results);
		if (!r)
			return 0;
		if (r->counted < GUARD_MAX_COUNTED)
			r->counts[r->counted & (GUARD_MAX_COUNTED - 1)] = guard_rule_of(key);
		r->counted++;
		return 0;
	case GUARD_WOULD_DROP:
		/* Behind a feed or ban that would have dropped the packet, it is that one's. */
		if (key < w->audited && !((guard_ask_feeds || guard_ask_bans) && w->fed))
			w->audited = key;
		return 0;
	}
	w->terminal = key;
	return 0;
}

/* Asks the rules of a word that are from w->ask_from to w->ask_to. */
__noinline int guard_visit_word(struct xdp_md *ctx, struct guard_walk *w, __u64 x, __u32 word)
{
	if (!w)
		return 0;
	for (int i = 0; i < 64 && x; i++) {
		__u32 key = guard_line(word, x);

		x &= x - 1;
		if (key >= w->ask_to || key >= w->terminal)
			break;
		if (key < w->ask_from || key == w->stated)
			continue;
		w->stated = key; /* a rule has several lines, side by side */
		if (guard_is_over(ctx, w, guard_rule_of(key)))
			guard_act(w, key);
	}
	return 0;
}

/* Asks the rules that have a state, from one key to another, or to the end of the search. */
static __always_inline void guard_visit_states(struct xdp_md *ctx, struct guard_walk *w,
					       struct guard_columns *c, __u32 from, __u32 to)
{
	w->stated = GUARD_NONE;
	w->ask_from = from;
	w->ask_to = to;
#pragma nounroll
	for (__u32 s = 0; s < guard_summaries(); s++) {
		__u64 candidates = guard_candidates(w, c, s, GUARD_SECTION_STATEFUL);

#pragma nounroll
		for (int i = 0; i < 64; i++) {
			__u64 bit = candidates & -candidates, word, x;

			if (!candidates)
				break;
			candidates ^= bit;
			word = guard_word_of(s, bit);
			x = guard_common(c, word, bit);
			if (guard_ask_conditions && x)
				x = guard_filter(ctx, w, x, word, true);
			if (x)
				guard_visit_word(ctx, w, x, word);
		}
	}
}

#endif
