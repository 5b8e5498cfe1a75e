/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Finds a packet's row in each dimension: walk.rows of the Go half. */
#ifndef PACKETSCOPE_GUARD_FIND_H
#define PACKETSCOPE_GUARD_FIND_H

#include "guard_blocks.h"

/* Mark what a trie holds, beyond its mask. */
#define GUARD_NODE 0x80000000u /* a node; without it, it is a row */
#define GUARD_NODE_LOW6 0x40000000u /* that looks at the lower half of IPv6 addresses too */

/* An IPv4 trie: 12 bits of the address, then 4 at a time. */
enum {
	GUARD_ROOT_BITS = 12,
	GUARD_STRIDE = 4,
	GUARD_FAN = 1 << GUARD_STRIDE,
};

/* What stands where in the row of an address; its summaries stand before that. */
enum {
	GUARD_ROW_COMPARE, /* value and mask of an IPv4 address; if it differs, the row is another */
	GUARD_ROW_BEST, /* keys of the first pure rules, terminal and audited */
	GUARD_ROW_HASH, /* where which word stands: see guard_row_word(); above, the other row */
	GUARD_ROW_WORDS,
};

/* What stands where in a node of an IPv6 trie. */
enum {
	GUARD_NODE_HIGH,
	GUARD_NODE_HIGH_MASK,
	GUARD_NODE_CHOICE, /* shift, mask << 8; above, the row of other addresses */
	GUARD_NODE_LOW,
	GUARD_NODE_LOW_MASK,
	GUARD_NODE_CHILDREN,
};

/* What stands where in guard_index. */
enum {
	GUARD_INDEX_SOURCE_PORT = 0,
	GUARD_INDEX_DESTINATION_PORT = 256,
	GUARD_INDEX_ICMP4 = 512,
	GUARD_INDEX_PROTOCOL4 = 1024,
	GUARD_INDEX_FLAGS4 = 1536,
};

/*
 * A row in guard_rows or guard_dense: summaries stand before it, the first one last.
 * That there is room for them, the verifier sees by the constant.
 */
static __always_inline const __u64 *guard_address_row(__u32 at)
{
	return guard_rows_at(at) + GUARD_MAX_SUMMARIES;
}

static __always_inline const __u64 *guard_dense_row(__u32 at)
{
	return guard_dense_at(at) + GUARD_MAX_SUMMARIES;
}

static __always_inline const __u64 *guard_look4(__u32 root, __u32 address)
{
	__u32 e = *guard_trie4_at(root + (address >> (32 - GUARD_ROOT_BITS)));
	int shift = 32 - GUARD_ROOT_BITS;
	const __u64 *row;
	__u64 compare;

#pragma unroll
	for (int i = 0; i < (32 - GUARD_ROOT_BITS) / GUARD_STRIDE; i++) {
		if (!(e & GUARD_NODE))
			break;
		shift -= GUARD_STRIDE;
		e = *guard_trie4_at(e + (address >> shift & (GUARD_FAN - 1)));
	}
	row = guard_address_row(e);
	compare = row[GUARD_ROW_COMPARE];
	if ((address ^ (__u32)compare) & (__u32)(compare >> 32))
		row = guard_address_row(row[GUARD_ROW_HASH] >> 32);
	return row;
}

/* How many nodes a path has at most, and a node ways: maxDepth6 and maxChoice of the Go half. */
#define GUARD_DEPTH6 40
#define GUARD_WAYS6 4096

static __always_inline __u32 guard_look6(__u32 e, const __be32 *address)
{
	__u64 high = bpf_be64_to_cpu(((const guard_word *)address)[0]);
	__u64 low = bpf_be64_to_cpu(((const guard_word *)address)[1]);

#pragma nounroll
	for (int i = 0; i < GUARD_DEPTH6; i++) {
		__u64 choice, other, way = high;
		const __u64 *n;

		if (!(e & GUARD_NODE))
			break;
		n = guard_trie6_at(e);
		choice = n[GUARD_NODE_CHOICE];
		other = (high ^ n[GUARD_NODE_HIGH]) & n[GUARD_NODE_HIGH_MASK];
		if (e & GUARD_NODE_LOW6) {
			other |= (low ^ n[GUARD_NODE_LOW]) & n[GUARD_NODE_LOW_MASK];
			way = low;
		}
		if (other)
			return choice >> 32;
		way = way >> (choice & 63) & choice >> 8 & (GUARD_WAYS6 - 1);
		e = n[GUARD_NODE_CHILDREN + way];
	}
	return e;
}

/* A packet's rows, and what a summary tells of them. */
struct guard_columns {
	const __u64 *source, *destination; /* in guard_rows */
	const __u64 *source_port, *destination_port, *kind; /* words in guard_dense */
	const __u64 *source_in, *destination_in; /* the same */
	__u64 source_asked, destination_asked; /* words in which lines ask for the address */
};

/*
 * Not inlined, so that the verifier does not look at it once per way to it; it cannot
 * return pointers.
 */
__noinline int guard_find6(struct guard_walk *w)
{
	if (!w)
		return 0;
	w->source6 = guard_look6(guard_source6, w->packet.source);
	w->destination6 = guard_look6(guard_destination6, w->packet.destination);
	guard_find_memberships(w, 6);
	return 0;
}

/* The row in a page of 256 that an entry of the index leads to. */
static __always_inline const __u64 *guard_page(__u32 entry, __u8 at)
{
	return guard_dense_row(*guard_index_at(*guard_index_at(entry) + at));
}

static __always_inline const __u64 *guard_find_kind(const struct guard_packet *p)
{
	__u32 six = p->family == 6 ? 256 : 0;

	if (p->protocol == GUARD_TCP && p->has & GUARD_HAS_PORTS)
		return guard_dense_row(*guard_index_at(GUARD_INDEX_FLAGS4 + six + p->flags));
	if (p->has & GUARD_HAS_ICMP)
		return guard_page(GUARD_INDEX_ICMP4 + six + p->icmp_type, p->icmp_code);
	return guard_dense_row(*guard_index_at(GUARD_INDEX_PROTOCOL4 + six + p->protocol));
}

/* Makes the verifier forget which number it is, so that it tells fewer paths apart. */
static __always_inline __u32 guard_any(struct guard_walk *w, __u32 number)
{
	volatile __u32 *memory = &w->any;

	*memory = number;
	return *memory;
}

/* What the addresses' sets and their owner mean. */
static __always_inline const struct guard_membership *guard_source_membership(struct guard_walk *w)
{
	return guard_memberships_at(w->in[GUARD_ADDRESS_SOURCE]);
}

static __always_inline const struct guard_membership *
guard_destination_membership(struct guard_walk *w)
{
	return guard_memberships_at(w->in[GUARD_ADDRESS_DESTINATION]);
}

static __always_inline void guard_find(struct guard_walk *w, struct guard_columns *c)
{
	struct guard_packet *p = &w->packet;

	if (p->family == 4) {
		c->source = guard_look4(0, bpf_ntohl(p->source[0]));
		c->destination = guard_look4(1 << GUARD_ROOT_BITS, bpf_ntohl(p->destination[0]));
		guard_find_memberships(w, 4);
		c->kind = guard_find_kind(p);
	} else if (p->family == 6) {
		guard_find6(w);
		c->source = guard_address_row(w->source6);
		c->destination = guard_address_row(w->destination6);
		c->kind = guard_find_kind(p);
	} else {
		w->in[GUARD_ADDRESS_SOURCE] = w->in[GUARD_ADDRESS_DESTINATION] = 0;
		c->source = guard_address_row(guard_any(w, guard_no_source));
		c->destination = guard_address_row(guard_any(w, guard_no_destination));
		c->kind = guard_dense_row(guard_any(w, guard_not_ip));
	}
	c->source_port = c->kind;
	if (p->has & GUARD_HAS_PORTS) {
		__u16 port = p->destination_port;

		c->destination_port = guard_page(GUARD_INDEX_DESTINATION_PORT + (port >> 8), port);
		port = p->source_port;
		if (guard_ask_source_port)
			c->source_port = guard_page(GUARD_INDEX_SOURCE_PORT + (port >> 8), port);
	} else {
		c->destination_port = guard_dense_row(guard_any(w, guard_no_destination_port));
		if (guard_ask_source_port)
			c->source_port = guard_dense_row(guard_any(w, guard_no_source_port));
	}
	c->source_in = c->destination_in = c->kind;
	if (guard_ask_source_in)
		c->source_in = guard_dense_row(guard_source_membership(w)->source_row);
	if (guard_ask_destination_in)
		c->destination_in =
			guard_dense_row(guard_destination_membership(w)->destination_row);
}

#endif
