/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The body behind each hook, whatever family the hook is of. */
#ifndef PACKETSCOPE_ARRIVE_H
#define PACKETSCOPE_ARRIVE_H

#include "station.h"

/*
 * A number that names an skb: its distance from a variable of ours, whose address
 * is the same for all programs. A typed pointer may not be hashed, but the verifier
 * lets a privileged program subtract two pointers, which costs one instruction
 * where copying the pointer through a helper costs a call. A kprobe's pointer is a
 * number to begin with, so there it is the variable's address that must become one.
 */
static __always_inline __u64 address_of(const void *skb)
{
#ifdef PROBE_READ_ONLY
	volatile void *variable = &stations_attached;
	__u64 base = 0;

	bpf_probe_read_kernel(&base, sizeof(base), &variable);
	return (__u64)skb - base;
#else
	return (__u64)skb - (__u64)&stations_attached;
#endif
}

/* A packet enters the stack, before anything has looked at its network header. */
static __always_inline void arrive_from_device(struct sk_buff *skb)
{
	struct arrival a = { .skb = skb };

	if (!in_scope(READ(skb, dev)))
		return;
	a.address = address_of(skb);
	a.network = network_at_data(skb);
	a.bytes = READ(skb, len) - (a.network.l3 - READ(skb, data));
	a.segments = read_segments(skb);
	arrive(STATION_LINK_RECEIVE, &a);
}

/*
 * A packet whose network header is set. protocol is the network protocol in host
 * order, because on output skb->protocol is set later than some hooks.
 */
static __always_inline struct stamp *arrive_with_header(enum station at, struct sk_buff *skb,
							__u16 protocol, bool segments,
							bool unguarded)
{
	struct arrival a = { .skb = skb, .unguarded = unguarded };

	a.address = address_of(skb);
	a.network = network_of(skb);
	a.network.protocol = protocol;
	a.bytes = READ(skb, len) + (READ(skb, data) - a.network.l3);
	if (segments)
		a.segments = read_segments(skb);
	return arrive(at, &a);
}

/* A forwarded packet is on its way out too, but it never was at this host's transport layer. */
static __always_inline bool is_forwarded(struct sk_buff *skb)
{
	return READ(skb, skb_iif) != 0;
}

#endif
