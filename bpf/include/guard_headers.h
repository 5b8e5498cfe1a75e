/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * The headers that the parser reads, and its access to the frame. All offsets count
 * from the beginning of the frame and are below GUARD_REACH: the verifier believes a
 * mask, but on Linux 6.1 forgets what a comparison taught it once a value went to
 * the stack.
 */
#ifndef PACKETSCOPE_GUARD_HEADERS_H
#define PACKETSCOPE_GUARD_HEADERS_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <stdbool.h>
#include "guard_abi.h"

#define guard_likely(x) __builtin_expect(!!(x), 1)
#define guard_unlikely(x) __builtin_expect(!!(x), 0)

/* More than 2 tags, the IPv6 header and twice 6 extension headers of 2,048 bytes need. */
#define GUARD_REACH 0x8000

enum {
	GUARD_ETHER_IPV4 = 0x0800,
	GUARD_ETHER_ARP = 0x0806,
	GUARD_ETHER_VLAN = 0x8100,
	GUARD_ETHER_IPV6 = 0x86dd,
	GUARD_ETHER_QINQ = 0x88a8,
};

enum {
	GUARD_HOP_BY_HOP = 0,
	GUARD_ICMPV4 = 1,
	GUARD_TCP = 6,
	GUARD_UDP = 17,
	GUARD_DCCP = 33,
	GUARD_ROUTING = 43,
	GUARD_FRAGMENT = 44,
	GUARD_AUTHENTICATION = 51,
	GUARD_ICMPV6 = 58,
	GUARD_DESTINATION = 60,
	GUARD_SCTP = 132,
	GUARD_UDPLITE = 136,
};

struct guard_ether {
	__u8 destination[6];
	__u8 source[6];
	__be16 type;
};

struct guard_tag {
	__be16 control;
	__be16 type;
};

struct guard_arp {
	__be16 hardware;
	__be16 protocol;
	__u8 hardware_size;
	__u8 protocol_size;
	__be16 operation;
};

struct guard_ipv4 {
	__u8 version_size;
	__u8 service;
	__be16 length;
	__be16 id;
	__be16 fragment;
	__u8 ttl;
	__u8 protocol;
	__be16 checksum;
	__be32 source;
	__be32 destination;
};

struct guard_ipv6 {
	__be32 version_flow;
	__be16 length;
	__u8 next;
	__u8 hops;
	__be32 source[4];
	__be32 destination[4];
};

struct guard_extension {
	__u8 next;
	__u8 size;
	union {
		__u8 routing_type;
		__be16 offset; /* of a fragment, with its flags */
	};
	__be32 rest;
};

struct guard_tcp {
	__be16 source;
	__be16 destination;
	__be32 sequence;
	__be32 acknowledgement;
	__u8 offset;
	__u8 flags;
	__be16 window;
	__be16 checksum;
	__be16 urgent;
};

struct guard_udp {
	__be16 source;
	__be16 destination;
	__be16 length;
	__be16 checksum;
};

/* An option of neighbour discovery; size counts 8 bytes. */
struct guard_neighbour_option {
	__u8 kind;
	__u8 size;
	__u8 address[6];
};

struct guard_icmp {
	__u8 type;
	__u8 code;
	__be16 checksum;
	__be16 unused;
	__be16 mtu; /* of ICMP; that of ICMPv6 takes unused too */
};

static __always_inline void *guard_start(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data;
}

static __always_inline void *guard_end(struct xdp_md *ctx)
{
	return (void *)(long)ctx->data_end;
}

/*
 * Where the header at an offset is, or NULL if it ends behind the frame. Inlined, so
 * that size is a constant.
 */
static __always_inline void *guard_frame_header(struct xdp_md *ctx, __u32 at, __u32 size)
{
	void *header = guard_start(ctx) + (at & (GUARD_REACH - 1));

	if (header + size > guard_end(ctx))
		return NULL;
	__builtin_assume(header != NULL);
	return header;
}

/* The same of a header that must not end behind end either. */
static __always_inline void *guard_header(struct xdp_md *ctx, __u32 at, __u32 end, __u32 size)
{
	return at + size > end ? NULL : guard_frame_header(ctx, at, size);
}

/*
 * Addresses lie on no boundary in the frame; amd64 and arm64 take that. Without these
 * the compiler copies them in pieces of two or four bytes.
 */
typedef __u64 __attribute__((may_alias)) guard_word;
typedef __u32 __attribute__((may_alias)) guard_half;

static __always_inline void guard_copy12(void *to, const void *from)
{
	((guard_word *)to)[0] = ((const guard_word *)from)[0];
	((guard_half *)to)[2] = ((const guard_half *)from)[2];
}

/* Copies an IPv4 address; the rest is 0. */
static __always_inline void guard_copy4(void *to, __be32 address)
{
	((guard_word *)to)[0] = address;
	((guard_word *)to)[1] = 0;
}

static __always_inline void guard_copy16(void *to, const void *from)
{
	((guard_word *)to)[0] = ((const guard_word *)from)[0];
	((guard_word *)to)[1] = ((const guard_word *)from)[1];
}

/* The reason of a header that ends behind the packet: see walk.cut of the Go half. */
static __always_inline int guard_cut(struct xdp_md *ctx, const struct guard_packet *p)
{
	__u32 size = guard_end(ctx) - guard_start(ctx);

	if (p->fragment & GUARD_FRAGMENT_FIRST && p->network + p->length <= size)
		return GUARD_TINY_FRAGMENT;
	return GUARD_TRUNCATED;
}

/* What part of a packet a fragment is: see fragmentOf of the Go half. */
static __always_inline __u8 guard_fragment_of(__u32 offset, bool more, __u32 length)
{
	__u8 f = 0;

	if (offset)
		f = GUARD_FRAGMENT_LATER | (more ? 0 : GUARD_FRAGMENT_LAST);
	else if (more)
		f = GUARD_FRAGMENT_FIRST;
	if (offset == 8)
		f |= GUARD_FRAGMENT_OFFSET_ONE;
	if (offset && offset + length > 65535)
		f |= GUARD_FRAGMENT_PAST_END;
	return f;
}

static __always_inline bool guard_has_ports(__u8 protocol)
{
	return protocol == GUARD_TCP || protocol == GUARD_UDP || protocol == GUARD_SCTP ||
	       protocol == GUARD_UDPLITE || protocol == GUARD_DCCP;
}

#endif
