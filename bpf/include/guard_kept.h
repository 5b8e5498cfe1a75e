/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What rules of the policy stage do not drop: packets of connections that were there
 * when the policy was put in force, and those of the peer that did so. Package policy
 * of the Go half says what that means (Kept).
 */
#ifndef PACKETSCOPE_GUARD_KEPT_H
#define PACKETSCOPE_GUARD_KEPT_H

#include "guard_maps.h"

/* Constants of a generation; policies that keep nothing pay nothing. */
const volatile __u32 guard_keep_connections, guard_protect_applier;
const volatile __u32 guard_first_policy; /* keys from here on are of the policy stage */

/*
 * Value: the time of CLOCK_MONOTONIC, in ns, until which the entry counts; 0 means as
 * long as it is there. Outlives a generation. User space adds connections when a policy
 * is put in force, and removes them some seconds after they were closed. What does not
 * fit is judged like all other packets; the agent says so.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_MAX_KEPT);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct guard_kept);
	__type(value, __u64);
} guard_kept SEC(".maps");

static __always_inline bool guard_keeps(const struct guard_kept *key)
{
	const __u64 *until = bpf_map_lookup_elem(&guard_kept, key);

	return until && (!*until || bpf_ktime_get_ns() < *until);
}

/* Tells whether a packet is kept: Kept.Has of the Go half. */
__noinline int guard_is_kept(struct guard_walk *w)
{
	const __u8 syn = 0x02, ack = 0x10;
	struct guard_kept key = {};
	struct guard_packet *p;

	if (!w)
		return 0;
	p = &w->packet;
	if (!p->family) /* ARP has addresses too */
		return 0;
	key.family = p->family;
	__builtin_memcpy(key.remote, p->source, sizeof(key.remote));
	if (guard_protect_applier && guard_keeps(&key))
		return 1;
	if (!guard_keep_connections || p->protocol != GUARD_TCP || !(p->has & GUARD_HAS_PORTS) ||
	    (p->flags & (syn | ack)) == syn)
		return 0;
	key.protocol = p->protocol;
	__builtin_memcpy(key.local, p->destination, sizeof(key.local));
	key.remote_port = p->source_port;
	key.local_port = p->destination_port;
	return guard_keeps(&key);
}

/*
 * Gives up what rules of the policy stage would do to a packet that is kept. Returns
 * whether one of them had ended the search, so that the packet passes.
 */
static __always_inline bool guard_spare(struct guard_walk *w)
{
	bool audited, ended = false;

	if (w->audited >= w->terminal)
		w->audited = GUARD_NONE;
	audited = w->audited != GUARD_NONE && w->audited >= guard_first_policy;
	if (w->terminal != GUARD_NONE && w->terminal >= guard_first_policy)
		ended = guard_credit_of(w->terminal) == GUARD_DROP;
	if ((!audited && !ended) || !guard_is_kept(w))
		return false;
	w->kept = audited ? w->audited : w->terminal;
	if (audited)
		w->audited = GUARD_NONE;
	if (ended)
		w->terminal = GUARD_NONE;
	return ended;
}

#endif
