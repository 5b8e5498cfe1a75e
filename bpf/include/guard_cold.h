/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The parts of the parser that few packets need. They are global functions: verified
 * once, not once per path that leads to them, and out of the way of the others.
 */
#ifndef PACKETSCOPE_GUARD_COLD_H
#define PACKETSCOPE_GUARD_COLD_H

#include "guard_headers.h"

/*
 * One option of IPv4 or TCP: returns how many bytes it takes, 0 at the end of the
 * list, or -1 if it does not fit into the room left.
 */
static __always_inline int guard_option_size(struct xdp_md *ctx, __u32 at, __u32 end, __u8 *kind)
{
	const __u8 *option = guard_header(ctx, at, end, 1);
	__u8 size;

	if (!option)
		return 0;
	*kind = *option;
	if (*kind <= 1) /* the end, or no operation */
		return *kind;
	option = guard_header(ctx, at, end, 2);
	if (!option)
		return -1;
	size = option[1];
	if (size < 2 || at + size > end)
		return -1;
	return size;
}

/* The bits of the IPv4 options between two offsets, or -1 if one does not fit. */
__noinline int guard_read_ipv4_options(struct xdp_md *ctx, __u32 at, __u32 end)
{
	int found = 0;

	for (int i = 0; i < GUARD_MAX_OPTIONS; i++) {
		__u8 kind = 0;
		int size = guard_option_size(ctx, at, end, &kind);

		if (size < 0)
			return -1;
		if (!size)
			break;
		at += size;
		if (kind == 1)
			continue;
		if (kind == 7)
			found |= GUARD_OPTION_RECORD_ROUTE;
		else if (kind == 68)
			found |= GUARD_OPTION_TIMESTAMP;
		else if (kind == 131)
			found |= GUARD_OPTION_LOOSE_ROUTE;
		else if (kind == 137)
			found |= GUARD_OPTION_STRICT_ROUTE;
		else if (kind == 148)
			found |= GUARD_OPTION_ROUTER_ALERT;
		else
			found |= GUARD_OPTION_OTHER;
	}
	return found;
}

/* Options of TCP: the MSS, Fast Open (RFC 7413), and its experiment (RFC 6994). */
enum {
	GUARD_OPTION_MSS = 2,
	GUARD_OPTION_FAST_OPEN = 34,
	GUARD_OPTION_EXPERIMENT = 254,
	GUARD_FAST_OPEN_MAGIC = 0xf989,
};

/*
 * The options of a SYN: the last MSS that is not 0 and, above, bits of enum
 * guard_tcp_option. They end where Linux sees their end (tcp_parse_options).
 */
__noinline int guard_read_tcp_options(struct xdp_md *ctx, __u32 at, __u32 end)
{
	__u32 mss = 0, found = 0;

	for (int i = 0; i < GUARD_MAX_OPTIONS; i++) {
		__u8 kind = 0;
		int size = guard_option_size(ctx, at, end, &kind);

		if (size <= 0)
			break;
		if (kind == GUARD_OPTION_FAST_OPEN) {
			found |= GUARD_TCP_FAST_OPEN;
		} else if (size >= 4 &&
			   (kind == GUARD_OPTION_MSS || kind == GUARD_OPTION_EXPERIMENT)) {
			__be16 *option = guard_header(ctx, at, end, 4);
			__u16 value = option ? bpf_ntohs(option[1]) : 0;

			if (kind == GUARD_OPTION_EXPERIMENT && value == GUARD_FAST_OPEN_MAGIC)
				found |= GUARD_TCP_FAST_OPEN;
			else if (kind == GUARD_OPTION_MSS && size == 4 && value)
				mss = value;
		}
		at += size;
	}
	return mss | found << 16;
}

/* A walk through extension headers: see chain of the Go half. */
struct guard_chain {
	__u32 at;
	__u32 end;
	__u32 claimed;
	__u32 id; /* of a fragment, with what it is of the packet */
	__u16 offset;
	__u16 size;
	__u16 headers;
	__u16 routing_types;
	__u8 next;
	__u8 fragment;
	__u8 padding[2];
};

static __always_inline __u16 guard_header_bit(__u8 number)
{
	switch (number) {
	case GUARD_HOP_BY_HOP:
		return GUARD_HEADER_HOP_BY_HOP;
	case GUARD_DESTINATION:
		return GUARD_HEADER_DESTINATION;
	case GUARD_ROUTING:
		return GUARD_HEADER_ROUTING;
	case GUARD_FRAGMENT:
		return GUARD_HEADER_FRAGMENT;
	case GUARD_AUTHENTICATION:
		return GUARD_HEADER_AUTHENTICATION;
	}
	return 0;
}

/* Walks to the first header that is none of the extension headers; returns a reason. */
__noinline int guard_walk_extensions(struct xdp_md *ctx, struct guard_chain *c)
{
	if (!c)
		return GUARD_TRUNCATED;
	/*
	 * Linux 6.1 takes no loop that is closed by falling through (check_cfg of
	 * kernel/bpf/verifier.c), and clang lays this one out so.
	 */
#pragma unroll
	for (int n = 0; n <= GUARD_MAX_EXTENSIONS; n++) {
		__u16 bit = guard_header_bit(c->next);
		struct guard_extension *h;
		__u32 size;

		if (!bit)
			return GUARD_OK;
		if (n == GUARD_MAX_EXTENSIONS || (bit == GUARD_HEADER_HOP_BY_HOP && n) ||
		    (bit & c->headers & GUARD_HEADER_FRAGMENT))
			return GUARD_TOO_MANY_EXTENSIONS;
		h = guard_header(ctx, c->at, c->end, sizeof(*h));
		if (!h)
			return GUARD_TRUNCATED;
		if (bit == GUARD_HEADER_FRAGMENT)
			size = 8;
		else if (bit == GUARD_HEADER_AUTHENTICATION)
			size = (h->size + 2) * 4; /* RFC 4302 section 2.2 */
		else
			size = (h->size + 1) * 8;
		if (c->at + size > c->end)
			return GUARD_TRUNCATED;
		c->at += size;
		c->next = h->next;
		c->headers |= bit;
		if (bit == GUARD_HEADER_ROUTING)
			c->routing_types |= 1 << (h->routing_type > 15 ? 15 : h->routing_type);
		if (bit == GUARD_HEADER_FRAGMENT) {
			__u16 field = bpf_ntohs(h->offset);

			c->fragment =
				guard_fragment_of(field & 0xfff8, field & 1, c->claimed - c->at);
			if (c->fragment) {
				c->id = bpf_ntohl(h->rest);
				c->offset = field & 0xfff8;
				c->size = c->claimed - c->at;
			}
			if (c->fragment & GUARD_FRAGMENT_LATER)
				return GUARD_OK;
		}
	}
	return GUARD_TOO_MANY_EXTENSIONS;
}

/*
 * Reads the extension headers that begin at p->transport with number next; leaves
 * transport and protocol at what follows them. Returns a reason.
 */
__noinline int guard_read_extensions(struct xdp_md *ctx, struct guard_packet *p, __u8 next)
{
	struct guard_chain c = { .next = next };
	int reason;

	if (!p)
		return GUARD_TRUNCATED;
	c.at = p->transport;
	c.end = p->end;
	c.claimed = p->network + p->length;
	reason = guard_walk_extensions(ctx, &c);
	p->transport = c.at;
	p->headers = c.headers;
	p->routing_types = c.routing_types;
	p->fragment = c.fragment;
	p->fragment_id = c.id;
	p->fragment_offset = c.offset;
	p->fragment_size = c.size;
	if (reason == GUARD_TRUNCATED)
		return guard_cut(ctx, p);
	if (reason == GUARD_OK)
		p->protocol = c.next;
	return reason;
}

__noinline int guard_read_arp(struct xdp_md *ctx, struct guard_packet *p, __u32 at)
{
	struct {
		struct guard_arp fixed;
		__u8 sender_mac[6];
		__be16 sender[2];
		__u8 target_mac[6];
		__be16 target[2];
	} *arp;
	struct guard_arp *fixed = guard_header(ctx, at, at + sizeof(*fixed), sizeof(*fixed));

	if (!fixed || !p)
		return GUARD_TRUNCATED;
	if ((fixed->hardware != bpf_htons(1) && fixed->hardware != bpf_htons(6)) ||
	    fixed->protocol != bpf_htons(GUARD_ETHER_IPV4) || fixed->hardware_size != 6 ||
	    fixed->protocol_size != 4)
		return GUARD_OK;
	arp = guard_header(ctx, at, at + sizeof(*arp), sizeof(*arp));
	if (!arp)
		return GUARD_TRUNCATED;
	p->has = GUARD_HAS_ARP;
	p->operation = bpf_ntohs(arp->fixed.operation);
	guard_copy4(p->source, (__u32)arp->sender[1] << 16 | arp->sender[0]);
	guard_copy4(p->destination, (__u32)arp->target[1] << 16 | arp->target[0]);
	__builtin_memcpy(p->sender_mac, arp->sender_mac, 6);
	__builtin_memcpy(p->target_mac, arp->target_mac, 6);
	return GUARD_OK;
}

#endif
