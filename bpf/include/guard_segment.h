/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* The headers of a segment of TCP in memory, where helpers of the kernel can read them. */
#ifndef PACKETSCOPE_GUARD_SEGMENT_H
#define PACKETSCOPE_GUARD_SEGMENT_H

#include "guard_maps.h"

enum {
	GUARD_SYN = 0x02,
	GUARD_RST = 0x04,
	GUARD_ACK = 0x10,
	GUARD_TCP_SPACE = 64, /* bytes for a header of TCP; a power of two */
	GUARD_MAX_WINDOW = 65535,
};

/* A SYN or ACK as the helpers want it, then the answer. */
struct guard_segment {
	union {
		struct guard_ipv4 ipv4;
		struct guard_ipv6 ipv6;
		__be16 words[20];
	};
	union {
		struct guard_tcp tcp;
		__u8 bytes[GUARD_TCP_SPACE];
		__be16 halves[GUARD_TCP_SPACE / 2];
	};
	__u32 size; /* of the header of TCP */
	__u32 at; /* the option of TCP that is looked at */
	__u32 window;
	__u32 mss; /* what this host can receive */
	__u32 ttl;
	__u32 padding;
};

/* One entry: what a CPU is at. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct guard_segment);
} guard_segments SEC(".maps");

/* The size of its header, from 20 to 60; Linux 6.1 believes masks alone. */
static __always_inline __u32 guard_segment_size(const struct guard_segment *s)
{
	return ((s->size - 1) & (GUARD_TCP_SPACE - 1)) + 1;
}

/* Copies the headers of a segment; false if that is not possible, which it always is. */
static __always_inline bool guard_load_segment(struct xdp_md *ctx, const struct guard_packet *p,
					       struct guard_segment *s)
{
	struct guard_tcp *h = guard_header(ctx, p->transport, p->end, sizeof(*h));
	__u32 size;

	if (!h)
		return false;
	size = (h->offset >> 4) * 4;
	if (size < sizeof(*h))
		return false;
	s->size = size;
	if (p->family == 6 ? bpf_xdp_load_bytes(ctx, p->network, &s->ipv6, sizeof(s->ipv6)) :
			     bpf_xdp_load_bytes(ctx, p->network, &s->ipv4, sizeof(s->ipv4)))
		return false;
	return !bpf_xdp_load_bytes(ctx, p->transport, s->bytes, guard_segment_size(s));
}

static __always_inline __u32 guard_network_size(const struct guard_packet *p)
{
	return p->family == 6 ? sizeof(struct guard_ipv6) : sizeof(struct guard_ipv4);
}

#endif
