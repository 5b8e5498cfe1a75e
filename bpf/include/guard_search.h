/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Finds the first rule that matches a packet, from its rows: walk.verdict of the Go half. */
#ifndef PACKETSCOPE_GUARD_SEARCH_H
#define PACKETSCOPE_GUARD_SEARCH_H

#include "guard_atoms.h"
#include "guard_find.h"

/* A packet's rows: where they begin in guard_rows and guard_dense. */
struct guard_columns {
	__u32 source, destination;
	__u32 source_port, destination_port, kind;
	/* Of the summary that is looked at: */
	__u32 source_words, destination_words; /* where the words begin */
	__u64 source_there, destination_there; /* which words these are */
	__u64 source_asked, destination_asked; /* in which words lines ask for the address */
};

static __always_inline struct guard_columns guard_columns_of(const struct guard_walk *w)
{
	return (struct guard_columns){
		.source = w->source,
		.destination = w->destination,
		.source_port = w->source_port,
		.destination_port = w->destination_port,
		.kind = w->kind,
	};
}

static __always_inline __u64 guard_row(__u32 at)
{
	return *guard_rows_at(at);
}

/* What the rows of ports and kinds have in common in one of their words. */
static __always_inline __u64 guard_dense_common(const struct guard_columns *c, __u32 word)
{
	__u64 x = *guard_dense_at(c->destination_port + word);

	x &= *guard_dense_at(c->kind + word);
	if (guard_ask_source_port)
		x &= *guard_dense_at(c->source_port + word);
	return x;
}

/* The words of a section, of those of a summary, that all rows have something in. */
static __always_inline __u64 guard_candidates(struct guard_columns *c, __u32 s,
					      enum guard_section section)
{
	__u32 source = c->source + GUARD_ROW_SUMMARIES + 2 * s;
	__u32 destination = c->destination + GUARD_ROW_SUMMARIES + 2 * s;
	__u32 words = GUARD_ROW_SUMMARIES + 2 * guard_summaries();
	__u64 source_has = guard_row(source), destination_has = guard_row(destination);
	__u64 both = source_has & destination_has & guard_dense_common(c, s);

	s &= GUARD_MAX_SUMMARIES - 1;
	c->source_asked = guard_source_words[s];
	c->destination_asked = guard_destination_words[s];
	c->source_there = source_has & c->source_asked;
	c->destination_there = destination_has & c->destination_asked;
	c->source_words = c->source + words + (__u32)guard_row(source + 1);
	c->destination_words = c->destination + words + (__u32)guard_row(destination + 1);
	if (guard_ask_sections)
		both &= guard_sections[section][s];
	return both;
}

/* The lines of a word, whose bit in the summary is given, that match but for their condition. */
static __always_inline __u64 guard_common(const struct guard_columns *c, __u32 word, __u64 bit)
{
	__u64 x = guard_dense_common(c, guard_summaries() + word);

	if (c->source_asked & bit)
		x &= guard_row(c->source_words + guard_count_bits(c->source_there & (bit - 1)));
	if (c->destination_asked & bit)
		x &= guard_row(c->destination_words +
			       guard_count_bits(c->destination_there & (bit - 1)));
	return x;
}

/* Clears lines whose condition is false: see guard_clear_false(). */
static __always_inline __u64 guard_filter(struct xdp_md *ctx, struct guard_walk *w, __u64 x,
					  __u32 word, bool all)
{
	const struct guard_filter *f;
	bool unusual = w->traits != 1 << GUARD_TRAIT_ALWAYS;

	f = guard_filters_at(word * 2 + unusual);
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
		__u64 candidates = guard_candidates(c, s, section);

#pragma nounroll
		for (int i = 0; i < 64; i++) {
			__u64 bit = candidates & -candidates, x;
			__u32 word, key;

			if (!candidates)
				break;
			candidates ^= bit;
			word = s * 64 + guard_lowest(bit);
			if (*guard_first_at(word) >= *best)
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

/*
 * Finds the first rule that ends the search, and the first audited one before it. All
 * that it starts from was written behind w, so that the verifier looks at it once.
 */
static __always_inline void guard_search(struct xdp_md *ctx, struct guard_walk *w)
{
	struct guard_columns c = guard_columns_of(w);
	__u64 source, destination;
	__u32 audited;

	source = guard_row(c.source + GUARD_ROW_BEST);
	destination = guard_row(c.destination + GUARD_ROW_BEST);
	w->terminal = (__u32)source < (__u32)destination ? source : destination;
	audited = source >> 32 < destination >> 32 ? source >> 32 : destination >> 32;
	guard_scan(ctx, w, &c, GUARD_SECTION_TERMINAL, &w->terminal);
	w->audited = audited < w->terminal ? audited : w->terminal;
	if (guard_ask_audited)
		guard_scan(ctx, w, &c, GUARD_SECTION_AUDITED, &w->audited);
}

#endif
