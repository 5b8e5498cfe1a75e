/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Which large sets an address is in, and whether it is this host's. Blocks of the Go
 * half explains the tables; its methods take the same steps.
 */
#ifndef PACKETSCOPE_GUARD_BLOCKS_H
#define PACKETSCOPE_GUARD_BLOCKS_H

#include "guard_bits.h"
#include "guard_maps.h"

/* How many bits of an IPv4 address are within a block. */
#define GUARD_BLOCK_BITS 14

/* Marks guard_block.first as a class. */
#define GUARD_WHOLE 0x80000000u

/* Kinds of leaves, in their lowest bits. */
enum {
	GUARD_LEAF_WHOLE,
	GUARD_LEAF_LIST,
	GUARD_LEAF_PAGE,
	GUARD_LEAF_LONG,
};

/* A page: words of bits, then classes. */
enum {
	GUARD_PAGE_WORDS = 8,
	GUARD_PAGE_CLASSES = 4,
};

#define GUARD_EACH_BYTE 0x010101010101ull

/* The class of an address by the page that its leaf names. */
__noinline __u32 guard_page_class(__u64 leaf, __u32 last)
{
	__u32 place = guard_pages + ((__u32)leaf >> 2) * GUARD_PAGE_WORDS, word = last >> 6 & 3;
	const __u64 *page = guard_words_at(place);
	__u32 run = (leaf >> (32 + 8 * word) & 255) +
		    guard_count_bits(page[word] << (63 - (last & 63))) - 1;

	place += GUARD_PAGE_CLASSES;
	if ((leaf & 3) == GUARD_LEAF_LONG)
		place = guard_pages + (__u32)page[GUARD_PAGE_CLASSES];
	return *guard_words_at(place + (run >> 2)) >> ((run & 3) * 16) & 0xffff;
}

static __always_inline __u32 guard_leaf_class(__u64 leaf, __u32 last)
{
	__u32 class = leaf >> 2 & 0x3fff;
	__u64 other;

	if ((leaf & 3) >= GUARD_LEAF_PAGE)
		return guard_page_class(leaf, last);
	if ((leaf & 3) == GUARD_LEAF_WHOLE)
		return class;
	/* Whether one of the bytes of the leaf is that of the address: then it becomes 0. */
	other = leaf >> 16 ^ last * GUARD_EACH_BYTE;
	return (other - GUARD_EACH_BYTE) & ~other & GUARD_EACH_BYTE << 7 ? class : 0;
}

static __always_inline __u32 guard_class4(__u32 address)
{
	__u32 near = address >> guard_any4_shift;
	__u64 network = 1ull << (address >> 8 & 63);
	const struct guard_block *b;

	if (!(*guard_any4_at(near >> 6) >> (near & 63) & 1))
		return 0;
	b = guard_blocks4_at(address >> GUARD_BLOCK_BITS);
	if (!(b->has & network))
		return 0;
	if (b->first & GUARD_WHOLE)
		return b->first & ~GUARD_WHOLE;
	return guard_leaf_class(
		*guard_words_at(b->first + guard_count_bits(b->has & (network - 1))),
		address & 255);
}

/* What a slot is, in its upper two bits. */
enum {
	GUARD_SLOT_AREA,
	GUARD_SLOT_TAIL,
	GUARD_SLOT_BRANCH,
};

/* How many branches there are above an area, and areas around one, at most. */
#define GUARD_MAX_BRANCHES 66
#define GUARD_MAX_AROUND 64

/* Bits of an address, which are all in one half. */
static __always_inline __u64 guard_bits_at(__u64 high, __u64 low, __u32 from, __u32 n)
{
	return (from >= 64 ? low : high) << (from & 63) >> 1 >> (63 - n);
}

/* The class of an address by an area, or one of those around it. */
__noinline __u32 guard_area_class(__u32 at, __u64 high, __u64 low)
{
#pragma nounroll
	for (int i = 0; i < GUARD_MAX_AROUND; i++) {
		const __u64 *area = guard_words_at(at);
		__u64 about = area[0], other = high ^ area[1], length = about >> 48 & 255;

		if (!at)
			break;
		if (length > 64 && !other) {
			other = low ^ area[2];
			length -= 64;
		}
		if (length <= 64 && !(other >> (64 - length)))
			return about >> 32 & 0xffff;
		at = about;
	}
	return guard_outside6;
}

static __always_inline __u32 guard_class6(__u64 high, __u64 low)
{
	__u64 slot = guard_root6, hash, both;
	__u32 at = 0;

	hash = (high >> guard_any6_skip) * 0x9e3779b97f4a7c15ull;
	both = 1ull << (hash >> 32 & 63) | 1ull << (hash >> 38 & 63);
	if ((*guard_any6_at(hash >> guard_any6_shift) & both) != both)
		return guard_outside6;

#pragma nounroll
	for (int i = 0; i < GUARD_MAX_BRANCHES; i++) {
		__u32 from = slot >> 32 & 127, n = slot >> 39 & 31;

		if (slot >> 62 != GUARD_SLOT_BRANCH)
			break;
		if (slot >> 44 & 1 &&
		    guard_bits_at(high, low, at, from - at) != (slot >> 45 & 0x1ffff))
			return guard_outside6;
		slot = *guard_words_at((__u32)slot + guard_bits_at(high, low, from, n));
		at = from + n;
	}
	if (slot >> 62 == GUARD_SLOT_TAIL) {
		if (guard_bits_at(high, low, at, slot >> 14 & 63) != (slot >> 20 & 0x3ffffffffff))
			return guard_outside6;
		return slot & 0x3fff;
	}
	if (guard_bits_at(high, low, at, slot >> 32 & 31) != slot >> 37)
		return guard_outside6;
	return guard_area_class(slot, high, low);
}

static __always_inline __u32 guard_class_of(const __be32 *address, __u8 family)
{
	if (family == 4)
		return guard_class4(bpf_ntohl(address[0]));
	return guard_class6(bpf_be64_to_cpu(((const guard_word *)address)[0]),
			    bpf_be64_to_cpu(((const guard_word *)address)[1]));
}

/* The bit of an address in the filter: ownBit of the Go half. */
static __always_inline __u32 guard_own_bit(const __be32 *a)
{
	return ((a[0] ^ a[1] ^ a[2] ^ a[3]) * 0x9e3779b1u) >> 20;
}

/* Copies an address to a key; returns its family, or 0 if the packet has not got it. */
static __always_inline __u8 guard_copy_address(const struct guard_packet *p, __u8 which, __be32 *to)
{
	const struct guard_quoted *q = &p->quoted;
	bool quoted = p->has & GUARD_HAS_QUOTED, arp = p->has & GUARD_HAS_ARP;

	__builtin_memset(to, 0, 16);
	if (which == GUARD_ADDRESS_SOURCE && p->family) {
		guard_copy16(to, p->source);
		return p->family;
	}
	if (which == GUARD_ADDRESS_DESTINATION && p->family) {
		guard_copy16(to, p->destination);
		return p->family;
	}
	if (which == GUARD_ADDRESS_QUOTED_SOURCE && quoted) {
		guard_copy16(to, q->source);
		return q->family;
	}
	if (which == GUARD_ADDRESS_QUOTED_DESTINATION && quoted) {
		guard_copy16(to, q->destination);
		return q->family;
	}
	if (which == GUARD_ADDRESS_ARP_SENDER && arp) {
		to[0] = p->source[0];
		return 4;
	}
	if (which == GUARD_ADDRESS_ARP_TARGET && arp) {
		to[0] = p->destination[0];
		return 4;
	}
	if (which == GUARD_ADDRESS_ND_TARGET && p->has & GUARD_HAS_TARGET) {
		guard_copy16(to, p->target);
		return 6;
	}
	return 0;
}

/* Whether an address that the filter lets through is this host's. */
__noinline int guard_is_own(struct guard_walk *w, __u32 which)
{
	struct guard_address_of_host key = {};

	if (!w)
		return 0;
	key.family = guard_copy_address(&w->packet, which, key.address);
	return bpf_map_lookup_elem(&guard_own, &key) != NULL;
}

static __always_inline bool guard_may_be_own(const __be32 *address)
{
	const __u64 *filter = guard_only(&guard_own_filter);
	__u32 bit = guard_own_bit(address);

	return filter && filter[bit >> 6 & (GUARD_OWN_FILTER - 1)] >> (bit & 63) & 1;
}

/* Finds the membership of an address, by its sets and its owner as far as rules ask. */
static __always_inline void guard_find_membership(struct guard_walk *w, __u32 which,
						  const __be32 *address, __u8 family, bool sets,
						  bool own)
{
	__u32 n = 0;

	if (sets)
		n = 2 * guard_class_of(address, family);
	if (own && guard_may_be_own(address) && guard_is_own(w, which))
		n++;
	w->in[which] = n;
}

/* Finds the memberships of both addresses of a packet that has them. */
static __always_inline void guard_find_memberships(struct guard_walk *w, __u8 family)
{
	guard_find_membership(w, GUARD_ADDRESS_SOURCE, w->packet.source, family,
			      guard_ask_source_sets, guard_ask_source_own);
	guard_find_membership(w, GUARD_ADDRESS_DESTINATION, w->packet.destination, family,
			      guard_ask_destination_sets, guard_ask_destination_own);
}

/*
 * Finds the memberships of the addresses beside source and destination. Done
 * before the search: where tests look at them, the stack has no room for it.
 */
__noinline int guard_find_others(struct guard_walk *w)
{
	if (!w)
		return 0;
#pragma nounroll
	for (__u32 which = GUARD_ADDRESS_QUOTED_SOURCE; which < GUARD_ADDRESSES; which++) {
		__be32 address[4];
		__u8 family = guard_copy_address(&w->packet, which, address);

		w->in[which] = 0;
		if (family)
			guard_find_membership(w, which, address, family, guard_ask_other_sets,
					      guard_ask_other_own);
	}
	return 0;
}

#endif
