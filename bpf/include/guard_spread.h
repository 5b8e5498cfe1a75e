/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * How many different ports a key has been seen with: by 64 bits, one of which a port has by
 * a hash. Two ports may share one, so that there are never more bits than ports: what is
 * over is over, and it takes some more ports to be seen (of 64 bits, 20 are set by 24
 * ports, 40 by 62). The hash has a secret, or a scan could keep to the ports of one bit.
 */
#ifndef PACKETSCOPE_GUARD_SPREAD_H
#define PACKETSCOPE_GUARD_SPREAD_H

#include "guard_gcra.h"

/*
 * Outlives a generation. Key: that of a bucket. Written per packet of rules with such
 * limits, by all CPUs; what was not seen for longest makes room.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GUARD_MAX_SPREADS);
	__type(key, __u64);
	__type(value, struct guard_spread);
} guard_spreads SEC(".maps");

/*
 * Whether the key of a packet has had more ports than the rule allows, s->tolerance, within
 * the time, s->interval. Who is over stays so until it was silent for as long.
 */
__noinline int guard_is_spread(struct guard_walk *w, __u32 rule)
{
	const struct guard_setup *setup = guard_only(&guard_setup);
	const struct guard_state *s = guard_states_at(rule);
	struct guard_spread *have, fresh = {};
	__u64 key, now, bit;

	if (!w || !setup || !(w->packet.has & GUARD_HAS_PORTS))
		return 0;
	now = guard_time(w);
	key = guard_bucket_key(w, rule);
	bit = s->distinct == GUARD_DISTINCT_SOURCE_PORT ? w->packet.source_port :
							  w->packet.destination_port;
	bit = 1ull << (guard_mix(setup->seed, bit) >> 58);
	have = bpf_map_lookup_elem(&guard_spreads, &key);
	if (!have) {
		fresh.since = now;
		fresh.seen = bit;
		bpf_map_update_elem(&guard_spreads, &key, &fresh, BPF_ANY);
		return 0;
	}
	if (now > have->since && now - have->since > s->interval) {
		have->since = now;
		have->seen = bit;
		return 0;
	}
	if (!(have->seen & bit))
		__sync_fetch_and_or(&have->seen, bit);
	if (__builtin_popcountll(have->seen) <= s->tolerance)
		return 0;
	have->since = now;
	return 1;
}

#endif
