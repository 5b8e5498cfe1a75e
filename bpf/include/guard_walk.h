/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Judges a packet by the tables of a generation. Package compile of the Go half
 * explains the tables with an example; its walk takes the same steps.
 */
#ifndef PACKETSCOPE_GUARD_WALK_H
#define PACKETSCOPE_GUARD_WALK_H

#include "guard_atoms.h"
#include "guard_find.h"
#include "guard_fragments.h"
#include "guard_hits.h"
#include "guard_kept.h"
#include "guard_sample.h"

/* A packet's rows: of addresses, where they begin; the others themselves. */
struct guard_columns {
	const __u64 *rows;
	const __u64 *source_port, *destination_port, *kind;
	__u32 source, destination;
	__u32 source_words, destination_words; /* of the summary that is looked at */
	__u64 source_has, destination_has; /* the summary itself */
};

/*
 * The words of a summary that all rows have something in. All of c is set in all
 * summaries: what an early return leaves from the one before is another state to the
 * verifier, which then looks at 544,000 instructions for 10,000 rules, not at 143,000.
 */
static __always_inline __u64 guard_candidates(struct guard_columns *c, __u32 s)
{
	__u32 source = c->source + GUARD_ROW_SUMMARIES + 2 * s;
	__u32 destination = c->destination + GUARD_ROW_SUMMARIES + 2 * s;
	__u64 both;

	c->source_has = c->rows[source & guard_rows_mask];
	c->destination_has = c->rows[destination & guard_rows_mask];
	c->source_words = c->source + GUARD_ROW_SUMMARIES + 2 * guard_summaries +
			  (__u32)c->rows[(source + 1) & guard_rows_mask];
	c->destination_words = c->destination + GUARD_ROW_SUMMARIES + 2 * guard_summaries +
			       (__u32)c->rows[(destination + 1) & guard_rows_mask];
	both = c->source_has & c->destination_has;
	both &= c->destination_port[s] & c->kind[s];
	if (guard_ask_source_port)
		both &= c->source_port[s];
	return both;
}

/* The lines of a word that match the packet but for their condition. */
static __always_inline __u64 guard_common(const struct guard_columns *c, __u32 s, __u32 word,
					  __u64 bit)
{
	__u64 at = guard_summaries + (word & guard_first_mask);
	__u64 x = c->destination_port[at] & c->kind[at];
	__u64 source = guard_source_words[s & (GUARD_MAX_SUMMARIES - 1)];
	__u64 destination = guard_destination_words[s & (GUARD_MAX_SUMMARIES - 1)];

	if (guard_ask_source_port)
		x &= c->source_port[at];
	if (source & bit)
		x &= c->rows[(c->source_words +
			      guard_count_bits(c->source_has & source & (bit - 1))) &
			     guard_rows_mask];
	if (destination & bit)
		x &= c->rows[(c->destination_words +
			      guard_count_bits(c->destination_has & destination & (bit - 1))) &
			     guard_rows_mask];
	return x;
}

/* Clears lines whose condition is false: see guard_clear_false(). */
static __always_inline __u64 guard_filter(struct xdp_md *ctx, struct guard_walk *w,
					  const struct guard_filter *filters, __u64 x, __u32 word,
					  bool all)
{
	const struct guard_filter *f;
	bool unusual = w->traits != 1 << GUARD_TRAIT_ALWAYS;

	f = &filters[(word * 2 + unusual) & guard_filters_mask];
	x &= f->possible;
	if (x & f->conditional)
		x = guard_clear_false(ctx, w, x, f->conditional, word << 1 | all);
	return x;
}

/* False never happens, but the verifier does not know. */
static __always_inline bool guard_columns_of(struct guard_columns *c, const struct guard_walk *w)
{
	/* Linux 6.1 takes no key from what a function was given a pointer to. */
	__u32 destination_port = w->destination_port, kind = w->kind, source_port = w->source_port;

	c->rows = guard_only(&guard_rows);
	c->source = w->source;
	c->destination = w->destination;
	c->destination_port = bpf_map_lookup_elem(&guard_dense, &destination_port);
	c->kind = bpf_map_lookup_elem(&guard_dense, &kind);
	c->source_port = c->kind;
	if (guard_ask_source_port)
		c->source_port = bpf_map_lookup_elem(&guard_dense, &source_port);
	return c->rows && c->destination_port && c->kind && c->source_port;
}

/* Finds the first rule that ends the search, and the first audited one. */
__noinline int guard_search(struct xdp_md *ctx, struct guard_walk *w)
{
	const struct guard_filter *filters = guard_only(&guard_filters);
	const __u64 *lines = guard_only(&guard_lines);
	const __u32 *first = guard_only(&guard_first);
	__u32 terminal, audited;
	struct guard_columns c;
	__u64 one, other;

	if (!w || !filters || !lines || !first || !guard_columns_of(&c, w))
		return 0;
	one = c.rows[(c.source + GUARD_ROW_BEST) & guard_rows_mask];
	other = c.rows[(c.destination + GUARD_ROW_BEST) & guard_rows_mask];
	terminal = (__u32)one < (__u32)other ? one : other;
	audited = one >> 32 < other >> 32 ? one >> 32 : other >> 32;
#pragma nounroll
	for (__u32 s = 0; s < guard_summaries; s++) {
		__u64 candidates = guard_candidates(&c, s);

#pragma nounroll
		for (int i = 0; i < 64; i++) {
			__u64 bit = candidates & -candidates, x;
			__u32 word, limit = terminal, rule;

			if (!candidates)
				break;
			candidates ^= bit;
			word = s * 64 + guard_lowest(bit);
			if (word >= guard_first_audited && audited < limit)
				limit = audited;
			if (first[word & guard_first_mask] >= limit)
				continue;
			x = guard_common(&c, s, word, bit);
			if (guard_ask_conditions && x)
				x = guard_filter(ctx, w, filters, x, word, false);
			if (!x)
				continue;
			rule = lines[(word * 64 + guard_lowest(x)) & guard_lines_mask];
			if (rule >= limit)
				continue;
			if (word >= guard_first_audited)
				audited = rule;
			else
				terminal = rule;
		}
	}
	w->terminal = terminal;
	w->audited = audited;
	return 0;
}

/* Notes whom a rule hits, and whether it wants a copy of the packet. */
static __always_inline void guard_watch(struct guard_walk *w, __u32 rule, __u32 slot, __u32 credit)
{
	if (guard_ask_hits)
		guard_hit(w, slot, credit);
	if (guard_ask_samples)
		guard_want_sample(w, GUARD_SAMPLING_RULES + rule);
}

/*
 * The same for a rule that counts, not inlined: it is called in a loop, and Linux 6.1
 * would look at each way through it in each turn, at more than a million instructions.
 */
__noinline int guard_watch_counting(struct guard_walk *w, __u32 rule)
{
	const struct guard_rule *rules = guard_only(&guard_rules);

	if (!w || !rules)
		return 0;
	guard_watch(w, rule, rules[rule & guard_rules_mask].slot,
		    rules[rule & guard_rules_mask].credit);
	return 0;
}

/* Credits a rule with the packet and returns what it does. */
static __always_inline __u32 guard_credit(struct guard_walk *w, __u32 rule, bool counting)
{
	const struct guard_rule *rules = guard_only(&guard_rules);
	struct guard_counts *counts;
	__u32 slot, credit;

	if (!rules)
		return GUARD_PASS;
	slot = rules[rule & guard_rules_mask].slot;
	credit = rules[rule & guard_rules_mask].credit;
	counts = bpf_map_lookup_elem(&guard_counts, &slot);
	if (counts)
		guard_add(&counts->of[(credit == GUARD_SAMPLE ? GUARD_COUNT : credit) & 3],
			  w->size);
	if (!counting)
		guard_watch(w, rule, slot, credit);
	else if (guard_ask_hits || guard_ask_samples)
		guard_watch_counting(w, rule);
	return credit;
}

/* Credits the rules of a word that count and come before the end of the search. */
__noinline int guard_count_word(struct guard_walk *w, __u64 x, __u32 word)
{
	const __u64 *lines = guard_only(&guard_lines);
	struct guard_result *result = NULL;

	if (!w || !lines)
		return 0;
	if (guard_explain) {
		result = guard_only(&guard_results);
		/* Before the loop, where clang adds to the pointer already. */
		if (!result)
			return 0;
	}
	for (int i = 0; i < 64 && x; i++) {
		__u32 rule = lines[(word * 64 + guard_lowest(x)) & guard_lines_mask];

		if (rule < w->terminal && rule != w->last) {
			guard_credit(w, rule, true);
			if (result) {
				if (result->counted < GUARD_MAX_COUNTED)
					result->counts[result->counted & (GUARD_MAX_COUNTED - 1)] =
						rule;
				result->counted++;
			}
		}
		w->last = rule; /* a rule has several lines, side by side */
		x &= x - 1;
	}
	return 0;
}

/* Credits all rules that count, up to the one that ended the search. */
__noinline int guard_count_all(struct xdp_md *ctx, struct guard_walk *w)
{
	const struct guard_filter *filters = guard_only(&guard_filters);
	struct guard_columns c;

	if (!w || !filters || !guard_columns_of(&c, w))
		return 0;
	w->last = GUARD_NONE;
#pragma nounroll
	for (__u32 s = 0; s < guard_summaries; s++) {
		__u64 candidates = guard_candidates(&c, s);

#pragma nounroll
		for (int i = 0; i < 64; i++) {
			__u64 bit = candidates & -candidates, x;
			__u32 word;

			if (!candidates)
				break;
			candidates ^= bit;
			word = s * 64 + guard_lowest(bit);
			if (word < guard_first_counting)
				continue;
			x = guard_common(&c, s, word, bit);
			if (guard_ask_conditions && x)
				x = guard_filter(ctx, w, filters, x, word, true);
			if (x)
				guard_count_word(w, x, word);
		}
	}
	return 0;
}

/* The only place where a credit becomes a verdict. */
static __always_inline int guard_verdict(__u32 credit)
{
	return credit == GUARD_DROP ? XDP_DROP : XDP_PASS;
}

/* Judges a packet that was read to its end; returns the credit that decides. */
static __always_inline __u32 guard_judge(struct xdp_md *ctx, struct guard_walk *w)
{
	bool spared = false;

	guard_search(ctx, w);
	if (guard_ask_counting)
		guard_count_all(ctx, w);
	if (guard_keep_connections || guard_protect_applier) {
		w->kept = GUARD_NONE;
		spared = guard_spare(w);
		if (w->kept != GUARD_NONE)
			guard_total(GUARD_TOTAL_KEPT, w->size);
	}
	if (w->audited < w->terminal)
		guard_credit(w, w->audited, false);
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
	r->rule = w->terminal;
	r->would_drop = w->audited < w->terminal ? w->audited : GUARD_NONE;
	r->kept = w->kept;
	r->verdict = verdict;
	r->reason = reason;
}

/* Judges a packet by the generation that the program belongs to. */
static __always_inline int guard_classify(struct xdp_md *ctx)
{
	struct guard_walk *w = guard_only(&guard_walks);
	const __u32 *index = guard_only(&guard_index), *trie4 = guard_only(&guard_trie4);
	const __u64 *rows = guard_only(&guard_rows);
	int reason, verdict;

	if (!w || !index || !trie4 || !rows)
		return XDP_PASS;
	reason = guard_parse(ctx, &w->packet);
	w->size = ctx->data_end - ctx->data;
	w->terminal = w->audited = GUARD_NONE;
	w->wants = 0;
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
			w->known = w->atoms = 0;
			w->traits = guard_traits_of(&w->packet);
		}
		guard_find(w, index, trie4, rows);
		verdict = guard_verdict(guard_judge(ctx, w));
		guard_count_fate(w, verdict, w->audited < w->terminal, w->unmatched);
		if (guard_unlikely(w->packet.has & GUARD_HAS_ICMP))
			guard_count_icmp(w);
	} else {
		guard_total(GUARD_TOTAL_UNPARSABLE + (reason & 7), w->size);
		verdict = guard_verdict(guard_unparsable);
		guard_count_fate(w, verdict, guard_unparsable == GUARD_WOULD_DROP, false);
		if (guard_ask_samples)
			guard_want_sample(w, GUARD_SAMPLING_UNPARSABLE);
	}
	if (guard_ask_samples && w->wants)
		guard_sample_all(ctx, w, verdict);
	if (guard_explain)
		guard_tell(w, reason, verdict);
	return verdict;
}

#endif
