/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What Guarder's feeds and the Go half agree on; see guard_abi.h. */
#ifndef PACKETSCOPE_GUARD_FEEDS_ABI_H
#define PACKETSCOPE_GUARD_FEEDS_ABI_H

#include <linux/types.h>

/* Limits of feeds. */
enum guard_feed_limit {
	GUARD_MAX_FEEDS = 32, /* bits of a class */
	GUARD_FEED_TABLES = 2, /* entries for one: programs ask the first, the other holds it too */
	GUARD_FEED_LINE = 8, /* words: a cache line */
	GUARD_FEED_ANY4 = 1 << 16, /* words, that there is room for */
	GUARD_FEED_ANY6 = 1 << 17,
};

/* What stands in guard_feeds beside the credit, in the lower bits. */
enum guard_feed_entry {
	GUARD_FEED_SLOT = 8, /* and from there on: its bit */
	GUARD_FEED_THERE = 1 << 16, /* there is one */
};

/* A value of a table of feeds. */
struct guard_feed_line {
	__u64 words[GUARD_FEED_LINE];
};

/*
 * The first line of a table: where its parts begin, in lines, and what Blocks of the Go
 * half has beside them.
 */
struct guard_feed_head {
	__u64 root6;
	__u32 blocks4, words, pages;
	__u32 classes; /* the feeds of each class, by bit: a half of a word each */
	__u32 outside6;
	__u32 padding[9];
};

/* What tells most strangers from those who may be in a table: Blocks.Any4 and Any6. */
struct guard_feed_near {
	__u32 shift4, skip6, shift6;
	__u32 outside6; /* all of IPv6 may be in it */
	__u32 padding[12];
	__u64 any4[GUARD_FEED_ANY4];
	__u64 any6[GUARD_FEED_ANY6];
};

_Static_assert(sizeof(struct guard_feed_head) == sizeof(struct guard_feed_line),
	       "the head is no line");

#endif
