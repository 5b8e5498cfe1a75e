/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Rates by key, exactly: the generic cell rate algorithm (ITU-T I.371), which needs one
 * number per key. Package limit of the Go half says what it means.
 *
 * Buckets stand in an array of sets, which never grows. A key gets one when it is not
 * light any more, that is when it has used up half of its burst; until then it is counted
 * in a sketch. It takes a free bucket of its set, or that which says least: whose packets
 * are the fewest that are not due yet, and no more than its own. Its key begins anew then,
 * which is to its advantage. So forged sources push out each other, and never a bucket that
 * is nearer to its limit. Only if all of a set are nearer to theirs, there is no room.
 */
#ifndef PACKETSCOPE_GUARD_GCRA_H
#define PACKETSCOPE_GUARD_GCRA_H

#include "guard_maps.h"

const volatile __u32 guard_bucket_sets; /* how many, less one: a mask */
const volatile __u32 guard_sketch_blocks; /* the same */
const volatile __u32 guard_ask_sketch;
const volatile __u32 guard_fixed_clock; /* the time is that of guard_setup */

/*
 * Outlives a generation. Index: bits of the key's hash. Written per packet of rules with
 * limits, by all CPUs.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GUARD_BUCKET_SETS);
	__type(key, __u32);
	__type(value, struct guard_bucket_set);
} guard_buckets SEC(".maps");

/* The same. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GUARD_SKETCH_BLOCKS);
	__type(key, __u32);
	__type(value, struct guard_sketch_block);
} guard_sketch SEC(".maps");

/* One entry, which user space writes when it makes the state. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_setup);
} guard_setup SEC(".maps");

/* The time of the packet in ns, by CLOCK_MONOTONIC; read at most once. */
static __always_inline __u64 guard_time(struct guard_walk *w)
{
	if (!w->now) {
		const struct guard_setup *setup =
			guard_fixed_clock ? guard_only(&guard_setup) : NULL;

		w->now = setup ? setup->clock : bpf_ktime_get_ns();
	}
	return w->now;
}

static __always_inline __u64 guard_mix(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

static __always_inline __u64 guard_mix_address(__u64 hash, const struct guard_packet *p,
					       const struct guard_state *s, const __be32 *address,
					       const __u8 *mac)
{
	const guard_word *words = (const guard_word *)address;
	__u64 link = 0;

	switch (p->family) {
	case 4:
		return guard_mix(hash, address[0] & s->mask4);
	case 6:
		return guard_mix(guard_mix(hash, words[0] & s->mask6[0]), words[1] & s->mask6[1]);
	}
	__builtin_memcpy(&link, mac, 6);
	return guard_mix(hash, link);
}

/*
 * The key of a packet's bucket: a hash of what the state is by. What is not IP has MAC
 * addresses for the others.
 */
__noinline __u64 guard_bucket_key(struct guard_walk *w, __u32 state)
{
	const struct guard_setup *setup = guard_only(&guard_setup);
	const struct guard_state *s = guard_states_at(state);
	struct guard_packet *p;
	__u64 hash;

	if (!w || !setup)
		return 0;
	p = &w->packet;
	hash = guard_mix(setup->seed, s->identity);
	if (s->of & GUARD_OF_SOURCE)
		hash = guard_mix_address(guard_mix(hash, p->family), p, s, p->source,
					 p->source_mac);
	if (s->of & GUARD_OF_DESTINATION)
		hash = guard_mix_address(guard_mix(hash, p->family), p, s, p->destination,
					 p->destination_mac);
	if (s->of & GUARD_OF_FLOW)
		hash = guard_mix(hash, (__u64)p->protocol << 32 | (__u32)p->source_port << 16 |
					       p->destination_port);
	if (s->of & GUARD_OF_INTERFACE)
		hash = guard_mix(hash, p->interface);
	hash = guard_mix(hash, GUARD_OF_INTERFACE);
	return (hash & ~(__u64)GUARD_BUCKET_SCALE) | s->scale;
}

/* Up to how many ns before it is due a packet's key is light; all are heavy without a burst. */
static __always_inline __u64 guard_light(__u64 interval, __u64 tolerance)
{
	if (tolerance < interval)
		return 0;
	return tolerance / 2 < tolerance - interval ? tolerance / 2 : tolerance - interval;
}

/* Takes a packet from a bucket, or a hit of guard_ban_rates, unless it would be over. */
static __always_inline int guard_charge_bucket(__u64 *next, __u64 now, __u64 interval,
					       __u64 tolerance)
{
	__u64 debt = 0;

#pragma nounroll
	for (int i = 0; i < 4; i++) {
		__u64 before = *(volatile __u64 *)next;
		__u64 due = before > now ? before : now;

		debt = due - now;
		if (debt > tolerance)
			return GUARD_OVER;
		if (__sync_val_compare_and_swap(next, before, due + interval) == before)
			break;
	}
	/* If other CPUs were faster each time, theirs are counted, and this one is not. */
	return debt <= guard_light(interval, tolerance) ? GUARD_LIGHT : GUARD_WITHIN;
}

/*
 * Counts a packet of a key that has no bucket. Returns 0 if it is light, else how many ns
 * before it is due it came, and then it is not counted.
 *
 * It is a count-min sketch with conservative update (Estan and Varghese, "New Directions
 * in Traffic Measurement and Accounting", SIGCOMM 2002), whose cells are the numbers of
 * the GCRA: they fall by themselves as time goes by, so that no window has to be begun
 * anew, and the least of a key's cells is never less than its own number would be, as
 * others can only add to it. So a key that is light here is light. One that is not may owe that to
 * others, and has not more held against it than makes it heavy. The cells of a key are in
 * one cache line, one of two in each row.
 *
 * All CPUs write the same cells, as a key's packets may come to any of them, and add to
 * them without care for each other: what two count at the same instant may be one packet.
 */
static __always_inline __u64 guard_estimate(__u64 key, __u64 now, __u64 interval, __u64 light)
{
	__u32 at = key >> 16 & guard_sketch_blocks, rows = key >> 8 & 15;
	struct guard_sketch_block *block = bpf_map_lookup_elem(&guard_sketch, &at);
	__u64 least = ~0ull;

	if (!block)
		return 0;
	for (__u32 row = 0; row < GUARD_SKETCH_ROWS; row++) {
		__u64 next = block->next[(2 * row + (rows >> row & 1)) & 7];

		if (next < least)
			least = next;
	}
	if (least < now)
		least = now;
	if (least - now > light)
		return least - now;
	for (__u32 row = 0; row < GUARD_SKETCH_ROWS; row++) {
		__u64 *next = &block->next[(2 * row + (rows >> row & 1)) & 7];

		if (*next < least + interval)
			*next = least + interval;
	}
	return 0;
}

/*
 * How many packets of a bucket are not due yet, by about half of them, and one more: 0 is one
 * that is free.
 */
static __always_inline __u64 guard_debt(const struct guard_bucket *b, __u64 now)
{
	if (!b->key || b->next <= now)
		return 0;
	return ((b->next - now) >> (b->key & GUARD_BUCKET_SCALE)) + 1;
}

/*
 * The bucket of a set that has the slowest rate, if that is slower than one; else
 * GUARD_BUCKET_WAYS. Not inlined, as the verifier would look at it once for each way through
 * the loop before.
 */
__noinline __u32 guard_slowest(__u32 set, __u32 scale)
{
	struct guard_bucket_set *buckets = bpf_map_lookup_elem(&guard_buckets, &set);
	__u32 at = GUARD_BUCKET_WAYS;

	if (!buckets)
		return at;
#pragma nounroll
	for (__u32 i = 0; i < GUARD_BUCKET_WAYS; i++) {
		__u32 other = buckets->of[i & (GUARD_BUCKET_WAYS - 1)].key & GUARD_BUCKET_SCALE;

		if (other > scale) {
			scale = other;
			at = i;
		}
	}
	return at;
}

/*
 * Counts a packet against the rate of its key: enum guard_charged. Two CPUs that see a key
 * for the first time at once may give it two buckets; the second is never found again.
 */
__noinline int guard_charge(__u64 key, __u64 now, __u64 interval, __u64 tolerance)
{
	__u32 set = key >> 32 & guard_bucket_sets, at = GUARD_BUCKET_WAYS;
	struct guard_bucket_set *buckets = bpf_map_lookup_elem(&guard_buckets, &set);
	__u64 light = guard_light(interval, tolerance), owed = 0, least, before;
	struct guard_bucket *b;

	if (!buckets)
		return GUARD_NO_ROOM;
#pragma nounroll
	for (__u32 i = 0; i < GUARD_BUCKET_WAYS; i++) {
		b = &buckets->of[i & (GUARD_BUCKET_WAYS - 1)];
		if (b->key == key)
			return guard_charge_bucket(&b->next, now, interval, tolerance);
	}
	if (guard_ask_sketch && tolerance >= interval) {
		owed = guard_estimate(key, now, interval, light);
		if (!owed)
			return GUARD_LIGHT;
		if (owed > light + interval)
			owed = light + interval; /* what is more is others' */
	}
	/* That bucket is free, or says less than this packet's will. */
	least = ((owed + interval) >> (key & GUARD_BUCKET_SCALE)) + 2;
#pragma nounroll
	for (__u32 i = 0; i < GUARD_BUCKET_WAYS; i++) {
		__u64 debt = guard_debt(&buckets->of[i & (GUARD_BUCKET_WAYS - 1)], now);

		if (debt < least) {
			least = debt;
			at = i;
		}
	}
	if (guard_unlikely(at == GUARD_BUCKET_WAYS))
		at = guard_slowest(set, key & GUARD_BUCKET_SCALE);
	if (at >= GUARD_BUCKET_WAYS)
		return GUARD_NO_ROOM;
	b = &buckets->of[at & (GUARD_BUCKET_WAYS - 1)];
	before = b->key;
	if (__sync_val_compare_and_swap(&b->key, before, key) == before)
		b->next = now + owed + interval;
	return owed <= light ? GUARD_LIGHT : GUARD_WITHIN;
}

#endif
