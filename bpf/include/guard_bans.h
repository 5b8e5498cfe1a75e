/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Bans: sources that are dropped for a time, between the failsafe and feeds.
 * Policy.Judge of the Go half says what that means. User space writes them; that they
 * end is seen here, so they do without an agent as well.
 */
#ifndef PACKETSCOPE_GUARD_BANS_H
#define PACKETSCOPE_GUARD_BANS_H

#include "guard_bans_abi.h"
#include "guard_clock.h"
#include "guard_count.h"
#include "guard_gcra.h"
#include "guard_kept.h"

/* Constants of a generation. */
const volatile __u32 guard_ask_bans;
const volatile __u32 guard_ban_credit; /* what bans do: enum guard_credit */
const volatile __u32 guard_ask_bannings; /* rules ask for bans */

/*
 * Who is banned. The entry of the longest prefix tells of all bans around an address.
 * Outlives a generation. Written when that changes; until and last also per packet.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, GUARD_MAX_BANS);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct guard_ban_prefix);
	__type(value, struct guard_ban);
} guard_bans SEC(".maps");

/* By some bits of addresses, see guard_ban_near(): whether any with these is banned. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__uint(value_size, GUARD_BAN_NEAR / 4);
} guard_ban_filter SEC(".maps");

/* What bans were credited with. Index: the origin. Written per packet, read per scrape. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, GUARD_BAN_CLASSES);
	__type(key, __u32);
	__type(value, struct guard_counts);
} guard_ban_counts SEC(".maps");

/*
 * How often a source was hit by a rule that bans whom it hits too often. Value: when the
 * next hit is due, in ns of CLOCK_BOOTTIME. When it is full, those go that were not hit
 * for the longest time.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GUARD_BAN_RATES);
	__type(key, struct guard_ban_source);
	__type(value, __u64);
} guard_ban_rates SEC(".maps");

/*
 * Whom rules want banned: struct guard_ban_request. The agent reads it; what finds no
 * room is asked for again with the next packet.
 */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} guard_ban_requests SEC(".maps");

/*
 * The bit of an address in the filter: the first 16 of IPv4, and of IPv6 those behind
 * the first 12, by which providers differ.
 */
static __always_inline __u32 guard_ban_near(const struct guard_packet *p)
{
	if (p->family == 4)
		return bpf_ntohl(p->source[0]) >> 16;
	return GUARD_BAN_NEAR + (bpf_ntohl(p->source[0]) >> 4 & (GUARD_BAN_NEAR - 1));
}

/* Whether a source may be banned: if nobody is, this is all that it costs. */
static __always_inline bool guard_may_be_banned(const struct guard_packet *p)
{
	const __u64 *filter = guard_only(&guard_ban_filter);
	__u32 near;

	if (!filter || !p->family) /* ARP has addresses too */
		return false;
	near = guard_ban_near(p);
	/* Or clang knows the range, leaves out the mask, and Linux 6.12 does not know it. */
	asm volatile("" : "+r"(near));
	return filter[near >> 6 & (2 * GUARD_BAN_NEAR / 64 - 1)] >> (near & 63) & 1;
}

static __always_inline struct guard_ban *guard_ban_of(const struct guard_packet *p)
{
	struct guard_ban_prefix key = { .bits = 32 + 128, .of.family = p->family };

	guard_copy16(key.of.address, p->source);
	if (p->family == 4)
		key.bits = 32 + 32;
	return bpf_map_lookup_elem(&guard_bans, &key);
}

/*
 * Has a ban last on as its source still sends. One in a second is enough, so that CPUs do
 * not fight for the entry in a flood.
 */
static __always_inline void guard_renew(struct guard_ban *ban, __u64 now)
{
	const __u64 second = 1000000000;

	if (!ban->renew || now < ban->last + second)
		return;
	ban->last = now;
	if (ban->until < now + ban->renew)
		ban->until = now + ban->renew;
}

/* Lets the ban of a source, if there is one, judge the packet: sets guard_walk.fed. */
__noinline int guard_judge_banned(struct guard_walk *w)
{
	struct guard_counts *counts;
	__u32 credit = guard_ban_credit, origin;
	struct guard_ban *ban;
	__u64 now;

	if (!w)
		return 0;
	ban = guard_ban_of(&w->packet);
	if (!ban)
		return 0;
	now = bpf_ktime_get_boot_ns();
	if (now >= ban->until) {
		if (now >= ban->audited)
			return 0;
		credit = GUARD_WOULD_DROP;
	}
	if (credit == GUARD_WOULD_DROP && w->audited < guard_first_policy)
		return 0; /* it is another's */
	if ((guard_keep_connections || guard_protect_applier) && guard_is_kept(w)) {
		w->fed = GUARD_FED_KEPT | (credit == GUARD_DROP ? GUARD_FED_ENDED : 0);
	} else {
		origin = ban->origin & (GUARD_BAN_CLASSES - 1);
		counts = bpf_map_lookup_elem(&guard_ban_counts, &origin);
		if (counts)
			guard_add(&counts->of[credit & 3], w->size);
		if (credit == GUARD_DROP) {
			guard_renew(ban, now);
			w->fed = GUARD_FED_ENDED | GUARD_FED_DROPPED;
		} else {
			w->fed = GUARD_FED_WOULD_DROP;
		}
	}
	/* What rules of the policy stage would have done is nothing any more. */
	if (w->audited >= guard_first_policy)
		w->audited = GUARD_NONE;
	if (w->fed & GUARD_FED_ENDED)
		w->terminal = guard_first_policy; /* the rules before it still count */
	return 0;
}

/* The address of a source, but for what is behind a prefix of it. */
static __always_inline void guard_ban_cut(__be32 *to, const struct guard_packet *p,
					  const struct guard_banning *b)
{
	const __be64 *from = (const __be64 *)p->source;
	__u64 high = ~0ull, low = 0;

	if (p->family == 4) {
		to[0] = p->source[0] & bpf_htonl(0xffffffffu << (32 - b->bits4 & 31));
		return;
	}
	if (b->bits6 > 64)
		low = ~0ull << (128 - b->bits6 & 63);
	else
		high <<= 64 - b->bits6 & 63;
	((__be64 *)to)[0] = from[0] & bpf_cpu_to_be64(high);
	((__be64 *)to)[1] = from[1] & bpf_cpu_to_be64(low);
}

/*
 * Whether a rule hits a source more often than it lets be: as limits count, but with an
 * entry of its own for each source. What limits have for all of their keys may take others'
 * packets for a key's, or have no room (guard_charge()): a packet less does no harm, a ban
 * does.
 */
static __always_inline bool guard_too_often(const struct guard_walk *w,
					    const struct guard_banning *b, __u32 slot, __u64 now)
{
	struct guard_ban_source key
		__attribute__((aligned(8))) = { .slot = slot, .family = w->packet.family };
	__u64 *due, next;

	if (!b->interval)
		return true;
	guard_ban_cut(key.address, &w->packet, b);
	due = bpf_map_lookup_elem(&guard_ban_rates, &key);
	if (!due) {
		next = now + b->interval;
		/* Another CPU may have been faster; then one hit is not seen. */
		bpf_map_update_elem(&guard_ban_rates, &key, &next, BPF_NOEXIST);
		return false;
	}
	return guard_charge_bucket(due, now, b->interval, b->burst) == GUARD_OVER;
}

/* Asks for the source to be banned, as the rule with a key has dropped it, or would have. */
__noinline int guard_ask_ban(struct guard_walk *w, __u32 key)
{
	struct guard_pace *pace = guard_only(&guard_paces);
	struct guard_ban_request request = { .credit = guard_credit_of(key) };
	const struct guard_banning *b;
	struct guard_ban *ban;
	__u64 now;

	if (!w || !pace || !w->packet.family)
		return 0;
	b = guard_bannings_at(key >> GUARD_CREDIT_BITS);
	if (!b->bits4)
		return 0;
	now = bpf_ktime_get_boot_ns();
	ban = guard_ban_of(&w->packet);
	if (ban && now < ban->until) { /* a rule of the guard stage, which comes before */
		if (request.credit == GUARD_DROP)
			guard_renew(ban, now);
		return 0;
	}
	if (ban && now < ban->audited && request.credit == GUARD_WOULD_DROP)
		return 0;
	request.slot = *guard_slots_at(key >> GUARD_CREDIT_BITS);
	if (!guard_too_often(w, b, request.slot, now))
		return 0;
	guard_now(pace);
	if (pace->requests >= GUARD_BAN_REQUESTS)
		return 0;
	pace->requests++;
	request.time = now;
	request.of.family = w->packet.family;
	guard_copy16(request.of.address, w->packet.source);
	bpf_ringbuf_output(&guard_ban_requests, &request, sizeof(request), 0);
	return 0;
}

#endif
