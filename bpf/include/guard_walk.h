/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Judges a packet by the tables of a generation. Package compile of the Go half
 * explains the tables with an example; its walk takes the same steps.
 */
#ifndef PACKETSCOPE_GUARD_WALK_H
#define PACKETSCOPE_GUARD_WALK_H

#include "guard_bans.h"
#include "guard_feeds.h"
#include "guard_find.h"
#include "guard_fragments.h"
#include "guard_kept.h"
#include "guard_search.h"
#include "guard_states.h"

/* Credits the rules of a word that count and come before the end of the search. */
__noinline int guard_count_word(struct guard_walk *w, __u64 x, __u32 word)
{
	struct guard_result *result = NULL;

	if (!w)
		return 0;
	if (guard_explain) {
		result = guard_only(&guard_results);
		/* Before the loop, where clang adds to the pointer already. */
		if (!result)
			return 0;
	}
	for (int i = 0; i < 64 && x; i++) {
		__u32 key = guard_line(word, x);

		if (key < w->terminal && key != w->last) {
			guard_credit(w, key, true);
			if (result) {
				if (result->counted < GUARD_MAX_COUNTED)
					result->counts[result->counted & (GUARD_MAX_COUNTED - 1)] =
						guard_rule_of(key);
				result->counted++;
			}
		}
		w->last = key; /* a rule has several lines, side by side */
		x &= x - 1;
	}
	return 0;
}

/* Credits all rules that count, up to the one that ended the search. */
static __always_inline void guard_count_all(struct xdp_md *ctx, struct guard_walk *w,
					    struct guard_columns *c)
{
	w->last = GUARD_NONE;
#pragma nounroll
	for (__u32 s = 0; s < guard_summaries(); s++) {
		__u64 candidates = guard_candidates(w, c, s, GUARD_SECTION_COUNTING);

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
				guard_count_word(w, x, word);
		}
	}
}

/* The only place where a credit becomes a verdict: what is not dropped is not answered. */
static __always_inline int guard_verdict(__u32 credit, bool answers)
{
	if (credit != GUARD_DROP)
		return XDP_PASS;
	return answers ? XDP_TX : XDP_DROP;
}

/* Whether the rule that ended the search is the one that made a cookie. */
static __always_inline bool guard_answers(const struct guard_walk *w)
{
	return guard_ask_cookies && w->answers && w->terminal != GUARD_NONE &&
	       guard_states_at(guard_rule_of(w->terminal))->kind == GUARD_STATE_SYNCOOKIE;
}

/* Judges a packet that was read to its end; returns the credit that decides. */
static __always_inline __u32 guard_judge(struct xdp_md *ctx, struct guard_walk *w)
{
	struct guard_columns c;
	bool spared = false;

	guard_find(w, &c);
	if ((guard_ask_other_sets || guard_ask_other_own) &&
	    w->traits & (1 << GUARD_TRAIT_ICMP | 1 << GUARD_TRAIT_NOT_IP))
		guard_find_others(w);
	guard_search(ctx, w, &c);
	if (guard_ask_guard_states && (guard_ask_feeds || guard_ask_bans))
		guard_visit_states(ctx, w, &c, 0, guard_first_policy);
	if (guard_ask_bans && w->terminal >= guard_first_policy && guard_may_be_banned(&w->packet))
		guard_judge_banned(w);
	if (guard_ask_feeds && !(w->fed & GUARD_FED_ENDED) && w->terminal >= guard_first_policy &&
	    guard_may_be_listed(&w->packet))
		guard_judge_listed(w);
	if (guard_ask_states)
		guard_visit_states(ctx, w, &c,
				   guard_ask_feeds || guard_ask_bans ? guard_first_policy : 0,
				   GUARD_NONE);
	if (guard_ask_counting)
		guard_count_all(ctx, w, &c);
	if (guard_keep_connections || guard_protect_applier) {
		w->kept = GUARD_NONE;
		if (!(w->fed & GUARD_FED_ENDED))
			spared = guard_spare(w);
		if (w->kept != GUARD_NONE || w->fed & GUARD_FED_KEPT)
			guard_total(GUARD_TOTAL_KEPT, w->size);
		if (w->fed & GUARD_FED_KEPT)
			w->kept = GUARD_NONE; /* the first was no rule */
	}
	if (w->audited < w->terminal)
		guard_credit(w, w->audited, false);
	if ((guard_ask_bans || guard_ask_feeds) && w->fed & GUARD_FED_ENDED) {
		w->terminal = GUARD_NONE; /* it was no rule */
		return w->fed & GUARD_FED_DROPPED ? GUARD_DROP : GUARD_PASS;
	}
	w->unmatched = w->terminal == GUARD_NONE && !spared;
	if (w->terminal == GUARD_NONE)
		return GUARD_PASS;
	return guard_credit(w, w->terminal, false);
}

/* Writes down how the packet was judged. */
static __always_inline void guard_tell(const struct guard_walk *w, __u32 reason, int verdict)
{
	struct guard_result *r = guard_only(&guard_results);

	if (!r)
		return;
	r->rule = guard_rule_of(w->terminal);
	r->would_drop = w->audited < w->terminal ? guard_rule_of(w->audited) : GUARD_NONE;
	r->kept = guard_rule_of(w->kept);
	r->verdict = verdict;
	r->reason = reason;
}

/* Judges a packet by the generation that the program belongs to. */
static __always_inline int guard_classify(struct xdp_md *ctx)
{
	struct guard_walk *w = guard_only(&guard_walks);
	int reason, verdict;

	if (!w)
		return XDP_PASS;
	reason = guard_parse(ctx, &w->packet);
	w->size = ctx->data_end - ctx->data;
	w->terminal = w->audited = GUARD_NONE;
	w->wants = w->fed = w->unmatched = 0;
	if (guard_ask_states)
		w->now = w->answers = w->looked = 0;
	if (guard_explain) {
		struct guard_result *r = guard_only(&guard_results);

		w->kept = GUARD_NONE;
		if (r)
			r->counted = 0;
	}
	if (reason == GUARD_OK) {
		if (guard_ask_overlaps && guard_unlikely(w->packet.fragment))
			guard_track_fragment(w);
		if (guard_ask_conditions) {
			for (int b = 0; b < GUARD_BANKS; b++)
				w->known[b] = w->atoms[b] = 0;
			w->traits = guard_traits_of(&w->packet);
			w->unusual = w->traits != 1 << GUARD_TRAIT_ALWAYS;
		}
		verdict = guard_judge(ctx, w);
		verdict = guard_verdict(verdict, guard_answers(w));
		guard_count_fate(w, verdict,
				 w->audited < w->terminal || w->fed & GUARD_FED_WOULD_DROP,
				 w->unmatched);
		if (guard_unlikely(w->packet.has & GUARD_HAS_ICMP))
			guard_count_icmp(w);
	} else {
		guard_total(GUARD_TOTAL_UNPARSABLE + (reason & 7), w->size);
		verdict = guard_verdict(guard_unparsable, false);
		guard_count_fate(w, verdict, guard_unparsable == GUARD_WOULD_DROP, false);
		if (guard_ask_samples)
			guard_want_sample(w, GUARD_NONE);
	}
	if (guard_ask_samples && w->wants)
		guard_sample_all(ctx, w, verdict);
	if (guard_explain)
		guard_tell(w, reason, verdict);
	if (guard_ask_cookies && verdict == XDP_TX && !guard_answer(ctx, w))
		verdict = XDP_PASS; /* there was no room for the answer */
	return verdict;
}

#endif
