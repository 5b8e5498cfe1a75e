/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* ICMP and ICMPv6 with the packet that an error quotes; cold like guard_cold.h. */
#ifndef PACKETSCOPE_GUARD_ICMP_H
#define PACKETSCOPE_GUARD_ICMP_H

#include "guard_cold.h"

enum {
	GUARD_FRAGMENTATION_NEEDED = 4,
	GUARD_V4_UNREACHABLE = 3,
	GUARD_V4_SOURCE_QUENCH = 4,
	GUARD_V4_REDIRECT = 5,
	GUARD_V4_TIME_EXCEEDED = 11,
	GUARD_V4_PARAMETER_PROBLEM = 12,
	GUARD_V6_UNREACHABLE = 1,
	GUARD_V6_PACKET_TOO_BIG = 2,
	GUARD_V6_PARAMETER_PROBLEM = 4,
	GUARD_V6_ROUTER_SOLICIT = 133,
	GUARD_V6_ROUTER_ADVERTISE = 134,
	GUARD_V6_SOLICIT = 135,
	GUARD_V6_ADVERTISE = 136,
	GUARD_V6_REDIRECT = 137,
};

/* Options: RFC 4861 section 4.6.1. */
#define GUARD_SOURCE_LINK_ADDRESS 1
#define GUARD_TARGET_LINK_ADDRESS 2
#define GUARD_QUOTED_TRANSPORT 8 /* bytes behind the headers of IP: RFC 792, and Linux */

/* Whether messages of a type quote a packet: isError of the Go half. */
static __always_inline bool guard_is_error(bool v6, __u8 type)
{
	if (v6)
		return type < 128;
	return (type >= GUARD_V4_UNREACHABLE && type <= GUARD_V4_REDIRECT) ||
	       type == GUARD_V4_TIME_EXCEEDED || type == GUARD_V4_PARAMETER_PROBLEM;
}

/* Reads what is there of a quoted transport header, or what Linux takes for one. */
static __always_inline void guard_read_quoted_transport(struct xdp_md *ctx, struct guard_packet *p,
							__u32 at, __u8 icmp)
{
	struct guard_quoted *q = &p->quoted;
	__be16 *ports;
	__be32 *sequence;
	__u8 *type;

	if (guard_has_ports(q->protocol)) {
		ports = guard_header(ctx, at, p->end, 4);
		if (!ports)
			return;
		q->has |= GUARD_HAS_PORTS;
		q->source_port = bpf_ntohs(ports[0]);
		q->destination_port = bpf_ntohs(ports[1]);
		if (q->protocol != GUARD_TCP)
			return;
		sequence = guard_header(ctx, at + 4, p->end, 4);
		if (!sequence)
			return;
		q->has |= GUARD_HAS_SEQUENCE;
		q->sequence = bpf_ntohl(*sequence);
	} else if (q->protocol == icmp) {
		type = guard_header(ctx, at, p->end, 1);
		if (!type)
			return;
		q->has |= GUARD_HAS_ICMP;
		q->icmp_type = *type;
	}
}

/*
 * Whether what rules look at of a quoted packet, whose transport header begins at an
 * offset, comes in the second fragment: see walk.hides of the Go half.
 */
static __always_inline bool guard_hides(const struct guard_packet *p, __u32 at)
{
	return p->fragment & GUARD_FRAGMENT_FIRST && at + GUARD_QUOTED_TRANSPORT > p->end;
}

static __always_inline int guard_read_quoted_ipv4(struct xdp_md *ctx, struct guard_packet *p,
						  __u32 at)
{
	struct guard_ipv4 *ip = guard_header(ctx, at, p->end, sizeof(*ip));
	struct guard_quoted *q = &p->quoted;
	__u32 size = sizeof(*ip);

	if (ip)
		size = (ip->version_size & 0xf) * 4;
	if (guard_hides(p, at + size))
		return guard_cut(ctx, p);
	if (!ip || size < sizeof(*ip))
		return GUARD_OK;
	p->has |= GUARD_HAS_QUOTED;
	__builtin_memset(q, 0, sizeof(*q));
	q->family = 4;
	q->source[0] = ip->source;
	q->destination[0] = ip->destination;
	q->protocol = ip->protocol;
	q->length = bpf_ntohs(ip->length);
	if (ip->fragment & bpf_htons(0x4000))
		q->has |= GUARD_DONT_FRAGMENT;
	if (ip->fragment & bpf_htons(0x1fff))
		q->has |= GUARD_LATER_FRAGMENT;
	guard_read_quoted_transport(ctx, p, at + size, GUARD_ICMPV4);
	return GUARD_OK;
}

static __always_inline int guard_read_quoted_ipv6(struct xdp_md *ctx, struct guard_packet *p,
						  __u32 at)
{
	struct guard_ipv6 *ip = guard_header(ctx, at, p->end, sizeof(*ip));
	struct guard_quoted *q = &p->quoted;
	struct guard_chain c = {};
	int reason;

	if (!ip)
		return guard_hides(p, p->end) ? guard_cut(ctx, p) : GUARD_OK;
	c.next = ip->next;
	c.at = at + sizeof(*ip);
	c.end = p->end;
	c.claimed = p->end;
	reason = guard_walk_extensions(ctx, &c);
	if (reason == GUARD_TOO_MANY_EXTENSIONS)
		return reason;
	if (guard_hides(p, reason == GUARD_OK ? c.at : p->end))
		return guard_cut(ctx, p);
	p->has |= GUARD_HAS_QUOTED;
	__builtin_memset(q, 0, sizeof(*q));
	q->family = 6;
	guard_copy16(q->source, ip->source);
	guard_copy16(q->destination, ip->destination);
	q->length = bpf_ntohs(ip->length) + sizeof(*ip);
	q->protocol = c.next;
	if (c.fragment & GUARD_FRAGMENT_LATER)
		q->has |= GUARD_LATER_FRAGMENT;
	if (reason == GUARD_OK && !(q->has & GUARD_LATER_FRAGMENT))
		guard_read_quoted_transport(ctx, p, c.at, GUARD_ICMPV6);
	return GUARD_OK;
}

/*
 * Where the options of a message of neighbour discovery begin, behind its first 8 bytes:
 * neighbourOptions of the Go half.
 */
static __always_inline __u32 guard_neighbour_options(__u8 type)
{
	if (type == GUARD_V6_ROUTER_SOLICIT)
		return 0;
	if (type == GUARD_V6_ROUTER_ADVERTISE)
		return 8;
	return type == GUARD_V6_REDIRECT ? 32 : 16;
}

/*
 * Reads the link-layer address that a message of neighbour discovery tells, among its
 * options: ICMP.linkAddress of the Go half. Returns a reason.
 */
__noinline int guard_read_link_address(struct xdp_md *ctx, struct guard_packet *p, __u32 at,
				       __u8 kind)
{
	const struct guard_neighbour_option *o;

	if (!p)
		return GUARD_TRUNCATED;
	for (int i = 0; i < GUARD_MAX_NEIGHBOUR_OPTIONS; i++) {
		o = guard_header(ctx, at, p->end, sizeof(*o));
		if (!o || !o->size)
			return GUARD_OK;
		if (o->kind == kind) {
			p->has |= GUARD_HAS_LINK_ADDRESS;
			__builtin_memcpy(p->sender_mac, o->address, 6);
			return GUARD_OK;
		}
		at += o->size * 8;
	}
	return at < p->end ? GUARD_TOO_MANY_EXTENSIONS : GUARD_OK;
}

/* Reads the message at p->transport; returns a reason. */
__noinline int guard_read_icmp(struct xdp_md *ctx, struct guard_packet *p)
{
	struct guard_icmp *h;
	__be32 *target = NULL;
	__u32 at, mtu = 0;
	int reason;
	bool v6;

	if (!p)
		return GUARD_TRUNCATED;
	at = p->transport;
	v6 = p->family == 6;
	h = guard_header(ctx, at, p->end, sizeof(*h));
	if (!h)
		return guard_cut(ctx, p);
	if (v6 && h->type >= GUARD_V6_SOLICIT && h->type <= GUARD_V6_REDIRECT) {
		target = guard_header(ctx, at + sizeof(*h), p->end, 16);
		if (!target)
			return guard_cut(ctx, p);
	}
	if (v6 && h->type >= GUARD_V6_ROUTER_SOLICIT && h->type <= GUARD_V6_REDIRECT) {
		reason = guard_read_link_address(
			ctx, p, at + sizeof(*h) + guard_neighbour_options(h->type),
			h->type >= GUARD_V6_ADVERTISE ? GUARD_TARGET_LINK_ADDRESS :
							GUARD_SOURCE_LINK_ADDRESS);
		if (reason != GUARD_OK)
			return reason;
	}
	if (guard_is_error(v6, h->type)) {
		if (v6)
			reason = guard_read_quoted_ipv6(ctx, p, at + sizeof(*h));
		else
			reason = guard_read_quoted_ipv4(ctx, p, at + sizeof(*h));
		if (reason != GUARD_OK)
			return reason;
	}
	if (v6 && h->type == GUARD_V6_PACKET_TOO_BIG)
		mtu = (__u32)bpf_ntohs(h->unused) << 16 | bpf_ntohs(h->mtu);
	else if (!v6 && h->type == GUARD_V4_UNREACHABLE && h->code == GUARD_FRAGMENTATION_NEEDED)
		mtu = bpf_ntohs(h->mtu); /* RFC 1191 section 4 */
	p->mtu = mtu;
	p->icmp_type = h->type;
	p->icmp_code = h->code;
	p->has |= GUARD_HAS_ICMP;
	if (target) {
		guard_copy16(p->target, target);
		p->has |= GUARD_HAS_TARGET;
	}
	return GUARD_OK;
}

#endif
