/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Which feeds list an address. A table of feeds is made of the blocks that sets have, see
 * guard_blocks.h, but in maps of its own, which take the place of those before while
 * programs run: where those of sets are constants of a program, these are looked up.
 *
 * What each packet asks, whether its source is near any that is listed, is a map of one
 * value, whose size the verifier knows: two lookups, both of which the kernel inlines. Those
 * of the rest are calls, as it can be of any size, and few packets make them.
 */
#ifndef PACKETSCOPE_GUARD_FEED_BLOCKS_H
#define PACKETSCOPE_GUARD_FEED_BLOCKS_H

#include "guard_blocks.h"
#include "guard_feeds_abi.h"

/*
 * A table: lines, of which the first is the head. It is as large as it has to be, which
 * the verifier need not know, as it is a map inside of another one (Linux 5.10). That it
 * can be mapped has its lines be lines of the cache. User space writes it before it is in
 * force, and nobody after.
 */
struct guard_feed_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_INNER_MAP | BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, sizeof(struct guard_feed_line));
};

/* Beside each table. Written and read as that is. */
struct guard_feed_filter {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, sizeof(struct guard_feed_near));
};

/*
 * The table in force and its filter, in entry 0 of each map. Entry 1 has the same: what
 * entry 0 had before is there until no program can be using it.
 *
 * The two change one after the other. A packet that the filter lets by is judged by the
 * filter's table; any other by the table that it then finds, whose blocks need no filter to
 * be exact.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, GUARD_FEED_TABLES);
	__type(key, __u32);
	__array(values, struct guard_feed_filter);
} guard_feed_filters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, GUARD_FEED_TABLES);
	__type(key, __u32);
	__array(values, struct guard_feed_table);
} guard_feed_tables SEC(".maps");

/* A word of a part of a table; 0 beyond its end, which says that nothing is listed. */
static __always_inline __u64 guard_feed_word(void *table, __u32 part, __u32 i)
{
	__u32 at = part + i / GUARD_FEED_LINE;
	const struct guard_feed_line *line = bpf_map_lookup_elem(table, &at);

	return line ? line->words[i & (GUARD_FEED_LINE - 1)] : 0;
}

static __always_inline bool guard_feed_near4(const struct guard_feed_near *n, __u32 address)
{
	__u32 near = address >> (n->shift4 & 31), at = near >> 6;

	/* Or clang may know the range and leave out the mask, which the verifier needs here. */
	asm volatile("" : "+r"(at));
	return n->any4[at & (GUARD_FEED_ANY4 - 1)] >> (near & 63) & 1;
}

static __always_inline bool guard_feed_near6(const struct guard_feed_near *n, __u64 high)
{
	__u64 hash = (high >> (n->skip6 & 63)) * 0x9e3779b97f4a7c15ull;
	__u64 both = 1ull << (hash >> 32 & 63) | 1ull << (hash >> 38 & 63);
	__u64 at = hash >> (n->shift6 & 63);

	asm volatile("" : "+r"(at));
	return (n->any6[at & (GUARD_FEED_ANY6 - 1)] & both) == both;
}

/* guard_page_class() of a table. */
static __always_inline __u32 guard_feed_page(void *table, __u32 pages, __u64 leaf, __u32 last)
{
	__u32 at = pages + ((__u32)leaf >> 2), word = last >> 6 & 3, run;
	const struct guard_feed_line *page = bpf_map_lookup_elem(table, &at);
	__u64 classes;

	if (!page)
		return 0;
	run = (leaf >> (32 + 8 * word) & 255) +
	      guard_count_bits(page->words[word] << (63 - (last & 63))) - 1;
	if ((leaf & 3) == GUARD_LEAF_LONG)
		classes = guard_feed_word(table, pages,
					  (__u32)page->words[GUARD_PAGE_CLASSES] + (run >> 2));
	else
		classes = page->words[(GUARD_PAGE_CLASSES + (run >> 2)) & (GUARD_FEED_LINE - 1)];
	return classes >> ((run & 3) * 16) & 0xffff;
}

/* guard_class4() of a table, without the filter. */
static __always_inline __u32 guard_feed_class4(void *table, const struct guard_feed_head *head,
					       __u32 address)
{
	__u32 block = address >> GUARD_BLOCK_BITS, first, pages = head->pages, words = head->words;
	__u32 at = head->blocks4 + block / 4; /* struct guard_block, of two words */
	__u64 network = 1ull << (address >> 8 & 63), has, leaf, other;
	const struct guard_feed_line *line;

	line = bpf_map_lookup_elem(table, &at);
	if (!line)
		return 0;
	has = line->words[(block & 3) * 2];
	first = line->words[(block & 3) * 2 + 1];
	if (!(has & network))
		return 0;
	if (first & GUARD_WHOLE)
		return first & ~GUARD_WHOLE;
	leaf = guard_feed_word(table, words, first + guard_count_bits(has & (network - 1)));
	if ((leaf & 3) >= GUARD_LEAF_PAGE)
		return guard_feed_page(table, pages, leaf, address & 255);
	if ((leaf & 3) == GUARD_LEAF_LIST) {
		other = leaf >> 16 ^ (address & 255) * GUARD_EACH_BYTE;
		if (!((other - GUARD_EACH_BYTE) & ~other & GUARD_EACH_BYTE << 7))
			return 0;
	}
	return leaf >> 2 & 0x3fff;
}

/* guard_area_class() of a table: no area is on two lines. */
static __noinline __u32 guard_feed_area(void *table, const struct guard_feed_head *head, __u32 at,
					__u64 high, __u64 low)
{
#pragma nounroll
	for (int i = 0; i < GUARD_MAX_AROUND; i++) {
		__u32 number = head->words + at / GUARD_FEED_LINE, in = at & (GUARD_FEED_LINE - 1);
		const struct guard_feed_line *line;
		__u64 about, other, length;

		if (!at)
			break;
		line = bpf_map_lookup_elem(table, &number);
		if (!line)
			break;
		about = line->words[in];
		other = high ^ line->words[(in + 1) & (GUARD_FEED_LINE - 1)];
		length = about >> 48 & 255;
		if (length > 64 && !other) {
			other = low ^ line->words[(in + 2) & (GUARD_FEED_LINE - 1)];
			length -= 64;
		}
		if (length <= 64 && !(other >> (64 - length)))
			return about >> 32 & 0xffff;
		at = about;
	}
	return head->outside6;
}

/* guard_class6() of a table, without the filter. */
static __always_inline __u32 guard_feed_class6(void *table, const struct guard_feed_head *head,
					       __u64 high, __u64 low)
{
	__u64 slot = head->root6;
	__u32 at = 0, words = head->words, outside = head->outside6;

#pragma nounroll
	for (int i = 0; i < GUARD_MAX_BRANCHES; i++) {
		__u32 from = slot >> 32 & 127, n = slot >> 39 & 31;

		if (slot >> 62 != GUARD_SLOT_BRANCH)
			break;
		if (slot >> 44 & 1 &&
		    guard_bits_at(high, low, at, from - at) != (slot >> 45 & 0x1ffff))
			return outside;
		slot = guard_feed_word(table, words,
				       (__u32)slot + guard_bits_at(high, low, from, n));
		at = from + n;
	}
	if (slot >> 62 == GUARD_SLOT_TAIL) {
		if (guard_bits_at(high, low, at, slot >> 14 & 63) != (slot >> 20 & 0x3ffffffffff))
			return outside;
		return slot & 0x3fff;
	}
	if (guard_bits_at(high, low, at, slot >> 32 & 31) != slot >> 37)
		return outside;
	return guard_feed_area(table, head, slot, high, low);
}

/* The upper and the lower half of an IPv6 address. */
static __always_inline __u64 guard_high_of(const __be32 *address)
{
	return bpf_be64_to_cpu(((const guard_word *)address)[0]);
}

static __always_inline __u64 guard_low_of(const __be32 *address)
{
	return bpf_be64_to_cpu(((const guard_word *)address)[1]);
}

#endif
