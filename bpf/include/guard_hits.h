/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Notes whom rules hit that do not simply pass: by source, and by the port that the
 * packet was for. The first GUARD_EXACT_HITS in a jiffy of a CPU are noted each; of
 * those beyond, one of GUARD_HIT_WEIGHT on average, which stands for as many. Which
 * ones is left to chance, so sums are right on average, and no sender can see to it
 * that only others are noted. So a flood from forged sources, each of which is new to
 * the table, costs little more than its packets' verdicts.
 */
#ifndef PACKETSCOPE_GUARD_HITS_H
#define PACKETSCOPE_GUARD_HITS_H

#include "guard_clock.h"

/*
 * Pairs of a source and a rule. When it is full, those go that were not hit for the
 * longest time. Written per noted hit, read when somebody asks.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GUARD_MAX_HITS);
	__type(key, struct guard_hit_key);
	__type(value, struct guard_hit);
} guard_hits SEC(".maps");

/* By port, so that no choice of ports fills it. Written and read as guard_hits. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, GUARD_SERVICES);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct guard_service);
} guard_services SEC(".maps");

/* How many hits this one stands for; 0 if it is not noted. */
static __always_inline __u32 guard_weight(struct guard_pace *p)
{
	guard_now(p);
	if (p->hits < GUARD_EXACT_HITS) {
		p->hits++;
		return 1;
	}
	if (guard_likely(p->skip)) {
		p->skip--;
		return 0;
	}
	/* From 0 to twice the weight less 2: its mean is one less than the weight. */
	p->skip = bpf_get_prandom_u32() % (2 * GUARD_HIT_WEIGHT - 1);
	return GUARD_HIT_WEIGHT;
}

static __always_inline void guard_key_of(struct guard_hit_key *key, const struct guard_packet *p)
{
	if (p->family == 6) {
		key->family = 6;
		key->source[1] = p->source[1];
	} else if (p->family == 4 || p->has & GUARD_HAS_ARP) {
		key->family = 4;
	}
	if (key->family)
		key->source[0] = p->source[0];
}

static __always_inline void guard_note_service(const struct guard_walk *w, __u32 credit,
					       __u32 weight)
{
	const struct guard_packet *p = &w->packet;
	struct guard_service *s;
	struct guard_count *c;
	__u32 at = p->destination_port;

	if (!(p->has & GUARD_HAS_PORTS) || (credit != GUARD_DROP && credit != GUARD_WOULD_DROP))
		return;
	if (p->protocol == GUARD_UDP)
		at += GUARD_SERVICES / 2;
	else if (p->protocol != GUARD_TCP)
		return;
	s = bpf_map_lookup_elem(&guard_services, &at);
	if (!s)
		return;
	c = credit == GUARD_DROP ? &s->dropped : &s->would_drop;
	__sync_fetch_and_add(&c->packets, weight);
	__sync_fetch_and_add(&c->bytes, (__u64)weight * w->size);
}

/* Notes a hit that stands for so many. */
__noinline int guard_note_hit(struct guard_walk *w, __u32 slot, __u32 credit, __u32 weight)
{
	struct guard_pace *pace = guard_only(&guard_paces);
	struct guard_hit_key key = { .slot = slot };
	const struct guard_packet *p;
	struct guard_hit *h;

	if (!w || !pace)
		return 0;
	p = &w->packet;
	guard_note_service(w, credit, weight);
	guard_key_of(&key, p);
	h = bpf_map_lookup_elem(&guard_hits, &key);
	if (!h) {
		struct guard_hit fresh = { .first = pace->now };

		/* Another CPU may have been faster: then it is there as well. */
		bpf_map_update_elem(&guard_hits, &key, &fresh, BPF_NOEXIST);
		h = bpf_map_lookup_elem(&guard_hits, &key);
		if (!h)
			return 0;
	}
	__sync_fetch_and_add(&h->packets, weight);
	__sync_fetch_and_add(&h->bytes, (__u64)weight * w->size);
	h->last = pace->now;
	h->ether_type = p->ether_type;
	h->port = p->destination_port;
	h->protocol = p->protocol;
	h->flags |= p->flags;
	h->icmp_type = p->icmp_type;
	h->credit = credit;
	return 0;
}

/* Notes that a rule was credited with a packet, unless it simply passes it. */
static __always_inline void guard_hit(struct guard_walk *w, __u32 slot, __u32 credit)
{
	struct guard_pace *pace;
	__u32 weight;

	if (credit == GUARD_PASS)
		return;
	pace = guard_only(&guard_paces);
	if (!pace)
		return;
	weight = guard_weight(pace);
	if (weight)
		guard_note_hit(w, slot, credit, weight);
}

#endif
