/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Counts packets by what became of them, and ICMP by its types. */
#ifndef PACKETSCOPE_GUARD_COUNT_H
#define PACKETSCOPE_GUARD_COUNT_H

#include "guard_maps.h"

static __always_inline void guard_add(struct guard_count *c, __u32 size)
{
	c->packets++;
	c->bytes += size;
}

static __always_inline void guard_total(__u32 which, __u32 size)
{
	struct guard_count *c = bpf_map_lookup_elem(&guard_totals, &which);

	if (c)
		guard_add(c, size);
}

/* Counts what became of a packet; of more than one fate, in the same cache line. */
static __always_inline void guard_count_fate(const struct guard_walk *w, int verdict,
					     bool would_drop, bool unmatched)
{
	__u32 device = w->packet.interface;
	struct guard_counts *c;

	if (device >= GUARD_MAX_DEVICES)
		device = 0;
	c = bpf_map_lookup_elem(&guard_devices, &device);
	if (!c)
		return;
	guard_add(&c->of[verdict == XDP_DROP ? GUARD_FATE_DROPPED : GUARD_FATE_PASSED], w->size);
	if (would_drop)
		guard_add(&c->of[GUARD_FATE_WOULD_DROP], w->size);
	if (unmatched)
		guard_add(&c->of[GUARD_FATE_UNMATCHED], w->size);
}

/* The class of an ICMP error, or GUARD_ERRORS if it is none. */
static __always_inline __u32 guard_error_of(const struct guard_packet *p)
{
	bool v6 = p->family == 6;

	switch (p->icmp_type) {
	case GUARD_V6_UNREACHABLE:
		return v6 ? GUARD_ERROR_UNREACHABLE : GUARD_ERRORS;
	case GUARD_V6_PACKET_TOO_BIG:
		return v6 ? GUARD_ERROR_PACKET_TOO_BIG : GUARD_ERRORS;
	case GUARD_V4_UNREACHABLE: /* in ICMPv6, time exceeded */
		if (v6)
			return GUARD_ERROR_TIME_EXCEEDED;
		return p->icmp_code == GUARD_FRAGMENTATION_NEEDED ? GUARD_ERROR_PACKET_TOO_BIG :
								    GUARD_ERROR_UNREACHABLE;
	case GUARD_V4_SOURCE_QUENCH: /* in ICMPv6, a parameter problem */
		return v6 ? GUARD_ERROR_PARAMETER_PROBLEM : GUARD_ERROR_SOURCE_QUENCH;
	case GUARD_V4_REDIRECT:
		return v6 ? GUARD_ERRORS : GUARD_ERROR_REDIRECT;
	case GUARD_V4_TIME_EXCEEDED:
		return v6 ? GUARD_ERRORS : GUARD_ERROR_TIME_EXCEEDED;
	case GUARD_V4_PARAMETER_PROBLEM:
		return v6 ? GUARD_ERRORS : GUARD_ERROR_PARAMETER_PROBLEM;
	case GUARD_V6_REDIRECT:
		return v6 ? GUARD_ERROR_REDIRECT : GUARD_ERRORS;
	}
	return GUARD_ERRORS;
}

static __always_inline __u32 guard_cited_of(const struct guard_packet *p)
{
	if (!(p->has & GUARD_HAS_QUOTED))
		return GUARD_CITED_NONE;
	if (p->quoted.protocol == GUARD_TCP)
		return GUARD_CITED_TCP;
	if (p->quoted.protocol == GUARD_UDP)
		return GUARD_CITED_UDP;
	if (p->quoted.protocol == (p->family == 6 ? GUARD_ICMPV6 : GUARD_ICMPV4))
		return GUARD_CITED_ICMP;
	return GUARD_CITED_OTHER;
}

static __always_inline void guard_count_message(__u32 entry)
{
	__u64 *n = bpf_map_lookup_elem(&guard_icmp, &entry);

	if (n)
		(*n)++;
}

/* Counts a message of ICMP by its type and, if it is an error, by what it quotes. */
__noinline int guard_count_icmp(struct guard_walk *w)
{
	const struct guard_packet *p;
	__u32 error;
	bool v6;

	if (!w)
		return 0;
	p = &w->packet;
	v6 = p->family == 6;
	guard_count_message((v6 ? GUARD_ICMP_TYPE6 : GUARD_ICMP_TYPE4) + p->icmp_type);
	error = guard_error_of(p);
	if (error != GUARD_ERRORS)
		guard_count_message((v6 ? GUARD_ICMP_ERROR6 : GUARD_ICMP_ERROR4) +
				    error * GUARD_CITEDS + guard_cited_of(p));
	return 0;
}

#endif
