/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Feeds: lists of source addresses, tried between the failsafe and the policy stage as
 * rules of the latter would be. Policy.Judge of the Go half says what that means.
 *
 * A table is two maps, see guard_feed_blocks.h. User space makes new ones and never changes
 * those in force. A packet is judged by one table, whatever the policy.
 */
#ifndef PACKETSCOPE_GUARD_FEEDS_H
#define PACKETSCOPE_GUARD_FEEDS_H

#include "guard_count.h"
#include "guard_feed_blocks.h"
#include "guard_kept.h"

/* Constants of a generation: its feeds in their order, as enum guard_feed_entry says. */
const volatile __u32 guard_ask_feeds;
const volatile __u32 guard_feeds[GUARD_MAX_FEEDS];

/* What feeds were credited with. Index: the feed's bit. Written per packet, read per scrape. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_MAX_FEEDS);
	__type(key, __u32);
	__type(value, struct guard_counts);
} guard_feed_counts SEC(".maps");

/* Whether a source may be listed: most are not, and most of those are told here. */
static __always_inline bool guard_may_be_listed(const struct guard_packet *p)
{
	void *filter = guard_only(&guard_feed_filters);
	const struct guard_feed_near *near;

	if (!filter || !p->family) /* ARP has addresses too */
		return false;
	near = guard_only(filter);
	if (!near)
		return false;
	if (p->family == 4)
		return guard_feed_near4(near, bpf_ntohl(p->source[0]));
	return near->outside6 || guard_feed_near6(near, guard_high_of(p->source));
}

/* The feeds that list a source, by bit. */
static __always_inline __u32 guard_lists(const struct guard_packet *p)
{
	void *table = guard_only(&guard_feed_tables);
	const struct guard_feed_head *head;
	__u32 class;

	if (!table)
		return 0;
	head = guard_only(table);
	if (!head)
		return 0;
	if (p->family == 4)
		class = guard_feed_class4(table, head, bpf_ntohl(p->source[0]));
	else
		class = guard_feed_class6(table, head, guard_high_of(p->source),
					  guard_low_of(p->source));
	if (!class)
		return 0;
	return guard_feed_word(table, head->classes, class >> 1) >> ((class & 1) * 32);
}

static __always_inline void guard_credit_feed(const struct guard_walk *w, __u32 slot, __u32 credit)
{
	struct guard_counts *counts = bpf_map_lookup_elem(&guard_feed_counts, &slot);

	if (counts)
		guard_add(&counts->of[credit & 3], w->size);
}

/* Lets the feeds that list a source judge the packet: sets guard_walk.fed. */
__noinline int guard_judge_listed(struct guard_walk *w)
{
	bool kept = false;
	__u32 lists;

	if (!w)
		return 0;
	lists = guard_lists(&w->packet);
	if (!lists)
		return 0;
	if (guard_keep_connections || guard_protect_applier)
		kept = guard_is_kept(w);
#pragma nounroll
	for (__u32 i = 0; i < GUARD_MAX_FEEDS; i++) {
		__u32 feed = guard_feeds[i], credit = guard_credit_of(feed);
		__u32 slot = feed >> GUARD_FEED_SLOT & (GUARD_MAX_FEEDS - 1);

		if (!(feed & GUARD_FEED_THERE))
			break;
		if (!(lists >> slot & 1))
			continue;
		if (credit == GUARD_WOULD_DROP && (w->fed || w->audited < guard_first_policy))
			continue; /* it is another's */
		if (credit == GUARD_COUNT || !kept)
			guard_credit_feed(w, slot, credit);
		if (credit == GUARD_COUNT)
			continue;
		w->fed |= kept ? GUARD_FED_KEPT : 0;
		if (credit == GUARD_DROP) {
			w->fed |= kept ? GUARD_FED_ENDED : GUARD_FED_ENDED | GUARD_FED_DROPPED;
			break;
		}
		w->fed |= kept ? 0 : GUARD_FED_WOULD_DROP;
	}
	/* What rules of the policy stage would have done is nothing any more. */
	if (w->fed && w->audited >= guard_first_policy)
		w->audited = GUARD_NONE;
	if (w->fed & GUARD_FED_ENDED)
		w->terminal = guard_first_policy; /* the rules before it still count */
	return 0;
}

#endif
