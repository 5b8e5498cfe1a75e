/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Finds a packet's row in each dimension: walk.rows of the Go half. */
#ifndef PACKETSCOPE_GUARD_FIND_H
#define PACKETSCOPE_GUARD_FIND_H

#include "guard_maps.h"

/* Marks what a trie holds as a node, and is beyond its mask; without it, it is a row. */
#define GUARD_NODE 0x80000000u

/* An IPv4 trie: 12 bits of the address, then 4 at a time. */
enum {
	GUARD_ROOT_BITS = 12,
	GUARD_STRIDE = 4,
	GUARD_FAN = 1 << GUARD_STRIDE,
};

/* What stands where in the row of an address. */
enum {
	GUARD_ROW_COMPARE, /* value and mask of an IPv4 address; if it differs, the row is another */
	GUARD_ROW_BEST, /* keys of the first pure rules, terminal and audited */
	GUARD_ROW_SUMMARIES, /* pairs of a summary, and the place of its first word */
};

/* What stands where in a node of an IPv6 trie. */
enum {
	GUARD_NODE_HIGH,
	GUARD_NODE_HIGH_MASK,
	GUARD_NODE_LOW,
	GUARD_NODE_LOW_MASK,
	GUARD_NODE_CHOICE, /* row of other addresses; shift, half << 6, mask << 8 */
	GUARD_NODE_CHILDREN, /* two in a word */
};

/* What stands where in guard_index. */
enum {
	GUARD_INDEX_SOURCE_PORT = 0,
	GUARD_INDEX_DESTINATION_PORT = 256,
	GUARD_INDEX_ICMP4 = 512,
	GUARD_INDEX_PROTOCOL4 = 1024,
	GUARD_INDEX_FLAGS4 = 1536,
};

static __always_inline __u32 guard_look4(__u32 root, __u32 address)
{
	__u32 e = *guard_trie4_at(root + (address >> (32 - GUARD_ROOT_BITS)));
	int shift = 32 - GUARD_ROOT_BITS;
	__u64 compare;

#pragma unroll
	for (int i = 0; i < (32 - GUARD_ROOT_BITS) / GUARD_STRIDE; i++) {
		if (!(e & GUARD_NODE))
			break;
		shift -= GUARD_STRIDE;
		e = *guard_trie4_at(e + (address >> shift & (GUARD_FAN - 1)));
	}
	compare = *guard_rows_at(e + GUARD_ROW_COMPARE);
	if ((address ^ (__u32)compare) & (__u32)(compare >> 32))
		e = *guard_rows_at(e + GUARD_ROW_SUMMARIES + 1) >> 32;
	return e;
}

/* How many nodes a path has at most: maxDepth6 of the Go half. */
#define GUARD_DEPTH6 40

static __always_inline __u32 guard_look6(__u32 e, const __be32 *address)
{
	__u64 high = bpf_be64_to_cpu(((const guard_word *)address)[0]);
	__u64 low = bpf_be64_to_cpu(((const guard_word *)address)[1]);

#pragma nounroll
	for (int i = 0; i < GUARD_DEPTH6; i++) {
		__u64 n = e, other, choice, way;

		if (!(e & GUARD_NODE))
			break;
		other = (high ^ *guard_trie6_at(n + GUARD_NODE_HIGH)) &
			*guard_trie6_at(n + GUARD_NODE_HIGH_MASK);
		other |= (low ^ *guard_trie6_at(n + GUARD_NODE_LOW)) &
			 *guard_trie6_at(n + GUARD_NODE_LOW_MASK);
		choice = *guard_trie6_at(n + GUARD_NODE_CHOICE);
		if (other)
			return choice;
		way = choice >> 38 & 1 ? low : high;
		way = way >> (choice >> 32 & 63) & choice >> 40;
		e = *guard_trie6_at(n + GUARD_NODE_CHILDREN + (way >> 1)) >> ((way & 1) * 32);
	}
	return e;
}

/* Not inlined, so that the verifier does not look at it once per way to it. */
__noinline int guard_find6(struct guard_walk *w)
{
	if (!w)
		return 0;
	w->source = guard_look6(guard_source6, w->packet.source);
	w->destination = guard_look6(guard_destination6, w->packet.destination);
	return 0;
}

/* The row in a page of 256 that an entry of the index leads to. */
static __always_inline __u32 guard_page(__u32 entry, __u8 at)
{
	return *guard_index_at(*guard_index_at(entry) + at);
}

static __always_inline __u32 guard_find_kind(const struct guard_packet *p)
{
	__u32 six = p->family == 6 ? 256 : 0;

	if (p->protocol == GUARD_TCP && p->has & GUARD_HAS_PORTS)
		return *guard_index_at(GUARD_INDEX_FLAGS4 + six + p->flags);
	if (p->has & GUARD_HAS_ICMP)
		return guard_page(GUARD_INDEX_ICMP4 + six + p->icmp_type, p->icmp_code);
	return *guard_index_at(GUARD_INDEX_PROTOCOL4 + six + p->protocol);
}

static __always_inline void guard_find(struct guard_walk *w)
{
	struct guard_packet *p = &w->packet;

	w->source = guard_no_source;
	w->destination = guard_no_destination;
	w->kind = guard_not_ip;
	if (p->family == 4) {
		w->source = guard_look4(0, bpf_ntohl(p->source[0]));
		w->destination = guard_look4(1 << GUARD_ROOT_BITS, bpf_ntohl(p->destination[0]));
	} else if (p->family == 6) {
		guard_find6(w);
	}
	if (p->family)
		w->kind = guard_find_kind(p);
	w->source_port = guard_no_source_port;
	w->destination_port = guard_no_destination_port;
	if (p->has & GUARD_HAS_PORTS) {
		__u16 port = p->destination_port;

		w->destination_port = guard_page(GUARD_INDEX_DESTINATION_PORT + (port >> 8), port);
		port = p->source_port;
		if (guard_ask_source_port)
			w->source_port = guard_page(GUARD_INDEX_SOURCE_PORT + (port >> 8), port);
	}
}

#endif
