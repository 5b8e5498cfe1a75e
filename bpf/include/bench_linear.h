/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The simplest packet filter: compares a packet with one rule after the other. What
 * Guarder's search is measured against.
 */
#ifndef PACKETSCOPE_BENCH_LINEAR_H
#define PACKETSCOPE_BENCH_LINEAR_H

#include "guard_parse.h"

#define BENCH_RULES 32

/* What a packet over IPv4 is compared with. A range is of everything if it is 0 to 65,535. */
struct bench_rule {
	__be32 source, source_mask;
	__be32 destination, destination_mask;
	__u16 source_ports[2]; /* first, last */
	__u16 destination_ports[2];
	__u8 protocol; /* 0 for any */
	__u8 flags, flag_mask;
	__u8 has_type, type; /* of ICMP */
	__u8 padding[3];
};

const volatile struct bench_rule bench_rules[BENCH_RULES];

static __always_inline bool bench_is_of(const volatile struct bench_rule *r,
					const struct guard_packet *p)
{
	if ((p->source[0] ^ r->source) & r->source_mask ||
	    (p->destination[0] ^ r->destination) & r->destination_mask)
		return false;
	if (r->protocol && p->protocol != r->protocol)
		return false;
	if (p->source_port < r->source_ports[0] || p->source_port > r->source_ports[1] ||
	    p->destination_port < r->destination_ports[0] ||
	    p->destination_port > r->destination_ports[1])
		return false;
	if (r->has_type && p->icmp_type != r->type)
		return false;
	return (p->flags & r->flag_mask) == r->flags;
}

/* Drops what a rule matches. */
static __always_inline int bench_scan(struct guard_packet *p)
{
	if (p->family != 4)
		return XDP_PASS;
	for (int i = 0; i < BENCH_RULES; i++)
		if (bench_is_of(&bench_rules[i], p))
			return XDP_DROP;
	return XDP_PASS;
}

#endif
