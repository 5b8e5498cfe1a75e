/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Reads a frame into a struct guard_packet, as packet.Parse of the Go half does; the
 * reasons for what is read and what is refused stand there. Here is the way of the
 * common packet, TCP or UDP over IPv4 or IPv6 without options; guard_cold.h and
 * guard_icmp.h have the rest.
 */
#ifndef PACKETSCOPE_GUARD_PARSE_H
#define PACKETSCOPE_GUARD_PARSE_H

#include "guard_icmp.h"

/* Notes where the payload is; of at least size bytes the caller has made sure. */
static __always_inline int guard_found(struct guard_packet *p, __u32 at, __u32 size)
{
	__u32 length = p->end - (at + size);

	p->payload = at + size;
	p->payload_length = length < GUARD_MAX_PAYLOAD ? length : GUARD_MAX_PAYLOAD;
	return GUARD_OK;
}

static __always_inline int guard_read_tcp(struct xdp_md *ctx, struct guard_packet *p, __u32 at)
{
	struct guard_tcp *h = guard_header(ctx, at, p->end, sizeof(*h));
	__u32 size;

	if (!h)
		return guard_cut(ctx, p);
	size = (h->offset >> 4) * 4;
	if (size < sizeof(*h))
		return GUARD_BAD_HEADER_LENGTH;
	if (at + size > p->end)
		return guard_cut(ctx, p);
	p->source_port = bpf_ntohs(h->source);
	p->destination_port = bpf_ntohs(h->destination);
	p->flags = h->flags;
	p->has |= GUARD_HAS_PORTS;
	if (guard_unlikely(h->flags & 2)) { /* SYN */
		__u32 options = guard_read_tcp_options(ctx, at + sizeof(*h), at + size);

		p->mss = options;
		p->tcp_options = options >> 16;
	}
	return guard_found(p, at, size);
}

static __always_inline int guard_read_udp(struct xdp_md *ctx, struct guard_packet *p, __u32 at)
{
	struct guard_udp *h = guard_header(ctx, at, p->end, sizeof(*h));
	__u32 length;

	if (!h)
		return guard_cut(ctx, p);
	length = bpf_ntohs(h->length);
	if (length < sizeof(*h))
		return GUARD_BAD_HEADER_LENGTH;
	length -= sizeof(*h);
	p->source_port = bpf_ntohs(h->source);
	p->destination_port = bpf_ntohs(h->destination);
	p->has |= GUARD_HAS_PORTS;
	guard_found(p, at, sizeof(*h));
	if (guard_unlikely(length < p->payload_length))
		p->payload_length = length;
	return GUARD_OK;
}

/* SCTP and DCCP have 12 bytes before what they carry, UDP-Lite has 8. */
static __always_inline int guard_read_ports(struct xdp_md *ctx, struct guard_packet *p, __u32 at)
{
	__u32 size = p->protocol == GUARD_UDPLITE ? 8 : 12;
	__be16 *ports = guard_header(ctx, at, p->end, 4);

	if (!ports || at + size > p->end)
		return guard_cut(ctx, p);
	p->source_port = bpf_ntohs(ports[0]);
	p->destination_port = bpf_ntohs(ports[1]);
	p->has |= GUARD_HAS_PORTS;
	return guard_found(p, at, size);
}

static __always_inline int guard_read_transport(struct xdp_md *ctx, struct guard_packet *p,
						__u32 at)
{
	int reason;

	if (guard_unlikely(p->fragment & GUARD_FRAGMENT_LATER))
		return GUARD_OK;
	if (p->protocol == GUARD_TCP)
		return guard_read_tcp(ctx, p, at);
	if (p->protocol == GUARD_UDP)
		return guard_read_udp(ctx, p, at);
	if (p->protocol == (p->family == 6 ? GUARD_ICMPV6 : GUARD_ICMPV4)) {
		reason = guard_read_icmp(ctx, p);
		return reason == GUARD_OK ? guard_found(p, at, sizeof(struct guard_icmp)) : reason;
	}
	if (guard_has_ports(p->protocol))
		return guard_read_ports(ctx, p, at);
	return guard_found(p, at, 0);
}

static __always_inline void guard_bound(struct guard_packet *p, __u32 at, __u32 length, __u32 size)
{
	p->network = at;
	p->length = length;
	p->end = at + length < size ? at + length : size;
}

static __always_inline int guard_read_ipv4(struct xdp_md *ctx, struct guard_packet *p, __u32 at)
{
	__u32 frame = guard_end(ctx) - guard_start(ctx);
	struct guard_ipv4 *h = guard_frame_header(ctx, at, sizeof(*h));
	__u32 size, length;
	__u16 fragment;
	int options = 0;

	if (!h)
		return GUARD_TRUNCATED;
	if (h->version_size >> 4 != 4)
		return GUARD_BAD_VERSION;
	size = (h->version_size & 0xf) * 4;
	length = bpf_ntohs(h->length);
	if (size < sizeof(*h) || length < size)
		return GUARD_BAD_HEADER_LENGTH;
	if (guard_unlikely(size > sizeof(*h))) {
		if (at + size > frame)
			return GUARD_TRUNCATED;
		options = guard_read_ipv4_options(ctx, at + sizeof(*h), at + size);
		if (options < 0)
			return GUARD_BAD_HEADER_LENGTH;
	}
	guard_bound(p, at, length, frame);
	p->family = 4;
	p->ttl = h->ttl;
	p->protocol = h->protocol;
	guard_copy4(p->source, h->source);
	guard_copy4(p->destination, h->destination);
	p->options = options;
	fragment = bpf_ntohs(h->fragment);
	if (fragment & 0x4000)
		p->has = GUARD_DONT_FRAGMENT;
	if (guard_unlikely(fragment & 0x3fff)) {
		p->fragment_offset = fragment << 3;
		p->fragment_size = length - size;
		p->fragment_id = bpf_ntohs(h->id);
		p->fragment = guard_fragment_of(p->fragment_offset, fragment & 0x2000, length);
	}
	p->transport = at + size;
	return guard_read_transport(ctx, p, at + size);
}

static __always_inline int guard_read_ipv6(struct xdp_md *ctx, struct guard_packet *p, __u32 at)
{
	__u32 frame = guard_end(ctx) - guard_start(ctx);
	struct guard_ipv6 *h = guard_frame_header(ctx, at, sizeof(*h));
	int reason;

	if (!h)
		return GUARD_TRUNCATED;
	if (*(__u8 *)h >> 4 != 6)
		return GUARD_BAD_VERSION;
	guard_bound(p, at, sizeof(*h) + bpf_ntohs(h->length), frame);
	p->family = 6;
	p->ttl = h->hops;
	guard_copy16(p->source, h->source);
	guard_copy16(p->destination, h->destination);
	at += sizeof(*h);
	p->transport = at;
	if (guard_likely(!guard_header_bit(h->next))) {
		p->protocol = h->next;
	} else {
		reason = guard_read_extensions(ctx, p, h->next);
		if (reason != GUARD_OK)
			return reason;
		at = p->transport;
	}
	return guard_read_transport(ctx, p, at);
}

static __always_inline bool guard_is_tag(__be16 type)
{
	return type == bpf_htons(GUARD_ETHER_VLAN) || type == bpf_htons(GUARD_ETHER_QINQ);
}

static __always_inline int guard_read_link(struct xdp_md *ctx, struct guard_packet *p)
{
	struct guard_ether *h = guard_frame_header(ctx, 0, sizeof(*h));
	__u32 at = sizeof(*h);
	struct guard_tag *tag;
	__be16 type;

	if (!h)
		return GUARD_TRUNCATED;
	guard_copy12(p->destination_mac, h); /* and source_mac */
	type = h->type;
	p->ether_type = bpf_ntohs(type);
	for (int i = 0; i < GUARD_MAX_TAGS && guard_is_tag(type); i++) {
		tag = guard_frame_header(ctx, at, sizeof(*tag));
		if (!tag)
			return GUARD_TRUNCATED;
		p->tags[i] = bpf_ntohs(tag->control) & 0xfff;
		p->tag_count = i + 1;
		type = tag->type;
		p->ether_type = bpf_ntohs(type);
		at += sizeof(*tag);
	}
	if (type == bpf_htons(GUARD_ETHER_IPV4))
		return guard_read_ipv4(ctx, p, at);
	if (type == bpf_htons(GUARD_ETHER_IPV6))
		return guard_read_ipv6(ctx, p, at);
	if (type == bpf_htons(GUARD_ETHER_ARP))
		return guard_read_arp(ctx, p, at);
	return guard_is_tag(type) ? GUARD_TOO_MANY_TAGS : GUARD_OK;
}

/* How much of a struct guard_packet is cleared first, from end on. */
#define GUARD_CLEARED (sizeof(struct guard_packet) - __builtin_offsetof(struct guard_packet, end))

/* Fills p, whatever is in it; returns the reason, which is in p too. */
static __always_inline int guard_parse(struct xdp_md *ctx, struct guard_packet *p)
{
	__builtin_memset(__builtin_assume_aligned(&p->end, 8), 0, GUARD_CLEARED);
	p->interface = ctx->ingress_ifindex;
	p->reason = guard_read_link(ctx, p);
	return p->reason;
}

#endif
