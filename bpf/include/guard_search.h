/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Finds the first rule that matches a packet, from its rows: walk.verdict of the Go half. */
#ifndef PACKETSCOPE_GUARD_SEARCH_H
#define PACKETSCOPE_GUARD_SEARCH_H

#include "guard_atoms.h"
#include "guard_find.h"

/* What the rows of ports, kinds and memberships have in common in one of their words. */
static __always_inline __u64 guard_dense_common(const struct guard_columns *c, long word)
{
	__u64 x = c->destination_port[word] & c->kind[word];

	if (guard_ask_source_port)
		x &= c->source_port[word];
	if (guard_ask_source_in)
		x &= c->source_in[word];
	if (guard_ask_destination_in)
		x &= c->destination_in[word];
	return x;
}

/* Whether a packet has traits; if nothing asks for them, that does not matter. */
static __always_inline __u32 guard_is_unusual(const struct guard_walk *w)
{
	return guard_ask_conditions ? w->unusual & 1 : 0;
}

/* The words of a section, of those of a summary, that all rows have something in. */
static __always_inline __u64 guard_candidates(const struct guard_walk *w, struct guard_columns *c,
					      __u32 s, enum guard_section section)
{
	long before = -1 - (long)s;
	__u64 all = c->source[before] & c->destination[before] & guard_dense_common(c, before);

	if (guard_ask_sections)
		/* Constants, so that the verifier knows where a section has no words. */
		all &= guard_sections[section][s] |
		       (guard_unusual_words[section][s] & -(__u64)guard_is_unusual(w));
	c->source_asked = guard_source_words[s];
	c->destination_asked = guard_destination_words[s];
	return all;
}

/* The number of the word that has a bit in a summary. */
static __always_inline __u64 guard_word_of(__u32 s, __u64 bit)
{
	__u64 word = s * 64 + guard_lowest(bit);

	asm("%0 &= %1" : "+r"(word) : "i"(GUARD_OPERAND + GUARD_FIRST));
	return word;
}

/*
 * A word of the row of an address. They stand where a product says, whose multiplier was
 * found for the row, so that no two of its words have the same place; the lowest bits of
 * the multiplier are the shift.
 */
static __always_inline __u64 guard_row_word(const __u64 *row, __u64 word)
{
	__u32 hash = row[GUARD_ROW_HASH];
	__u64 at = (__u32)word * hash >> (hash & 31);

	asm("%0 &= %1" : "+r"(at) : "i"(GUARD_OPERAND + GUARD_FIRST));
	return row[GUARD_ROW_WORDS + at];
}

/* The lines of a word, whose bit in the summary is given, that match but for their condition. */
static __always_inline __u64 guard_common(const struct guard_columns *c, __u64 word, __u64 bit)
{
	__u64 x = guard_dense_common(c, word);

	if (c->source_asked & bit)
		x &= guard_row_word(c->source, word);
	if (c->destination_asked & bit)
		x &= guard_row_word(c->destination, word);
	return x;
}

/* Clears lines whose condition is false: see guard_clear_false(). */
static __always_inline __u64 guard_filter(struct xdp_md *ctx, struct guard_walk *w, __u64 x,
					  __u32 word, bool all)
{
	const struct guard_filter *f = guard_filters_at(word * 2 + guard_is_unusual(w));

	x &= f->possible;
	if (x & f->conditional)
		x = guard_clear_false(ctx, w, x, f->conditional, word << 1 | all);
	return x;
}

/*
 * Makes best the first rule of a section that matches, if that comes before it. What
 * is behind a pointer the verifier does not follow, so that it has less to tell apart.
 */
static __always_inline void guard_scan(struct xdp_md *ctx, struct guard_walk *w,
				       struct guard_columns *c, enum guard_section section,
				       __u32 *best)
{
#pragma nounroll
	for (__u32 s = 0; s < guard_summaries(); s++) {
		__u64 candidates = guard_candidates(w, c, s, section);

#pragma nounroll
		for (int i = 0; i < 64; i++) {
			__u64 bit = candidates & -candidates, word, x;
			__u32 key;

			if (!candidates)
				break;
			candidates ^= bit;
			word = guard_word_of(s, bit);
			if (guard_first[word] >= *best)
				continue;
			x = guard_common(c, word, bit);
			if (guard_ask_conditions && x)
				x = guard_filter(ctx, w, x, word, false);
			if (!x)
				continue;
			key = guard_line(word, x);
			if (key < *best)
				*best = key;
		}
	}
}

/* The earlier ones of two pairs of rules, terminal and audited. */
static __always_inline __u64 guard_earlier(__u64 one, __u64 other)
{
	__u64 low = (__u32)one < (__u32)other ? one : other;
	__u64 high = one >> 32 < other >> 32 ? one : other;

	return (high & ~0xffffffffull) | (__u32)low;
}

/* The first rules that ask for nothing but one of the addresses. */
static __always_inline __u64 guard_best(struct guard_walk *w, const struct guard_columns *c)
{
	__u64 best = guard_earlier(c->source[GUARD_ROW_BEST], c->destination[GUARD_ROW_BEST]);

	if (guard_ask_source_sets || guard_ask_source_own)
		best = guard_earlier(best, guard_source_membership(w)->source);
	if (guard_ask_destination_sets || guard_ask_destination_own)
		best = guard_earlier(best, guard_destination_membership(w)->destination);
	return best;
}

/*
 * Finds the first rule that ends the search, and the first audited one before it. All
 * that it starts from was written behind w, so that the verifier looks at it once.
 */
static __always_inline void guard_search(struct xdp_md *ctx, struct guard_walk *w,
					 struct guard_columns *c)
{
	__u64 best = guard_best(w, c);
	__u32 audited = best >> 32;

	w->terminal = best;
	guard_scan(ctx, w, c, GUARD_SECTION_TERMINAL, &w->terminal);
	w->audited = audited < w->terminal ? audited : w->terminal;
	if (guard_ask_audited)
		guard_scan(ctx, w, c, GUARD_SECTION_AUDITED, &w->audited);
}

#endif
