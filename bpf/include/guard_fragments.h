/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Fragments that overlap: packet.Tracker of the Go half, whose comments say what
 * counts as one. Only for policies that ask, and only for fragments.
 */
#ifndef PACKETSCOPE_GUARD_FRAGMENTS_H
#define PACKETSCOPE_GUARD_FRAGMENTS_H

#include "guard_maps.h"

/* Names a packet that comes in fragments. */
struct guard_fragmented {
	__be32 source[4];
	__be32 destination[4];
	__u32 id;
	__u8 family;
	__u8 protocol; /* 0 in IPv6 */
	__u8 padding[2];
};

/* A part of a packet, in units of 8 bytes. */
struct guard_part {
	__u16 begin;
	__u16 end;
};

/* What is known of a packet. */
struct guard_parts {
	__u64 begun; /* ns, of the coarse monotonic clock */
	__u32 covered; /* units of 8 bytes */
	__u32 end; /* the same; 0 until the last fragment was seen */
	__u32 poisoned;
	__u32 count; /* of seen */
	struct guard_part seen[GUARD_MAX_FRAGMENTS];
};

/*
 * Packets whose fragments have not all arrived. Written per fragment, read by nobody
 * else. When it is full the oldest ones are forgotten. Two CPUs that see fragments of
 * one packet at the same time may lose a part, and miss an overlap by that.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1); /* GUARD_MAX_FRAGMENTED if the policy asks for overlaps */
	__type(key, struct guard_fragmented);
	__type(value, struct guard_parts);
} guard_fragments SEC(".maps");

const volatile __u32 guard_ask_overlaps;

/* The beginning of a packet; in memory of its own, as it is too large for the stack. */
static const struct guard_parts guard_no_parts;

#define GUARD_FRAGMENT_TIME4 30000000000ull /* ns; ipfrag_time */
#define GUARD_FRAGMENT_TIME6 60000000000ull /* ns; ip6frag_time */

/* Adds a part to those that were seen. */
static __always_inline void guard_add_part(struct guard_parts *f, __u32 begin, __u32 end, bool last)
{
	__u32 count = f->count;

#pragma nounroll
	for (__u32 i = 0; i < GUARD_MAX_FRAGMENTS; i++) {
		__u32 b, e;

		if (i >= count)
			break;
		b = f->seen[i & (GUARD_MAX_FRAGMENTS - 1)].begin;
		e = f->seen[i & (GUARD_MAX_FRAGMENTS - 1)].end;
		if (b == begin && e == end)
			return; /* a copy */
		if (begin < e && b < end)
			f->poisoned = 1;
	}
	if (count >= GUARD_MAX_FRAGMENTS) {
		f->poisoned = 1;
		return;
	}
	f->seen[count & (GUARD_MAX_FRAGMENTS - 1)].begin = begin;
	f->seen[count & (GUARD_MAX_FRAGMENTS - 1)].end = end;
	f->count = count + 1;
	f->covered += end - begin;
	if (last)
		f->end = end;
}

/* Sets GUARD_FRAGMENT_OVERLAP in a fragment that overlaps. */
__noinline int guard_track_fragment(struct guard_walk *w)
{
	__u64 now = bpf_ktime_get_coarse_ns(), wait = GUARD_FRAGMENT_TIME6;
	struct guard_fragmented key = {};
	struct guard_packet *p;
	struct guard_parts *f;
	__u32 begin;

	if (!w)
		return 0;
	p = &w->packet;
	guard_copy16(key.source, p->source);
	guard_copy16(key.destination, p->destination);
	key.id = p->fragment_id;
	key.family = p->family;
	if (p->family == 4) {
		key.protocol = p->protocol;
		wait = GUARD_FRAGMENT_TIME4;
	}
	f = bpf_map_lookup_elem(&guard_fragments, &key);
	if (!f || now - f->begun > wait) {
		bpf_map_update_elem(&guard_fragments, &key, &guard_no_parts, BPF_ANY);
		f = bpf_map_lookup_elem(&guard_fragments, &key);
		if (!f)
			return 0;
		f->begun = now;
	}
	begin = p->fragment_offset / 8;
	guard_add_part(f, begin, begin + ((__u32)p->fragment_size + 7) / 8,
		       p->fragment & GUARD_FRAGMENT_LAST);
	if (f->poisoned)
		p->fragment |= GUARD_FRAGMENT_OVERLAP;
	else if (f->covered == f->end)
		bpf_map_delete_elem(&guard_fragments, &key);
	return 0;
}

#endif
