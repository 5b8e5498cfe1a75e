/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Reads packets out of the kernel's buffers for trace.h. */
#ifndef PACKETSCOPE_TRACE_FRAME_H
#define PACKETSCOPE_TRACE_FRAME_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "read.h"
#include "trace_abi.h"

#define ETHER_HEADER 14
#define ETHER_ADDRESSES 12
#define ARPHRD_ETHER 1
#define ARPHRD_LOOPBACK 772
#define PAYLOAD (TRACE_SNAP - ETHER_HEADER - 4)
#define SIGNED 52 /* bytes of IP and above that tell packets apart: see trace_signature() */
#define NO_OFFSET 0xffff

/*
 * A field of the kernel's struct that a pointer is said to be of, which may be NULL, or that of
 * what is freed: 0 then. Linux 6.2 reads it without a call.
 */
#define FIELD(p, field)                                                                \
	({                                                                             \
		typeof((p)->field) field_is;                                           \
                                                                                       \
		if (bpf_rdonly_cast)                                                   \
			field_is = ((typeof(p))bpf_rdonly_cast(                        \
					    p, bpf_core_type_id_kernel(typeof(*(p))))) \
					   ->field;                                    \
		else                                                                   \
			bpf_core_read(&field_is, sizeof(field_is), &(p)->field);       \
		field_is;                                                              \
	})

/* Where the network header of an skb is, from its head. */
static __always_inline __u32 trace_network_offset(struct sk_buff *skb, __u32 data, bool arriving)
{
	__u16 network = FIELD(skb, network_header);

	/* Nobody has set it yet where packets come in; it is that of a former life. */
	return arriving || !network || network == NO_OFFSET ? data : network;
}

/*
 * The protocol of what is at the network header, by its first byte where nobody has set it yet,
 * as IP does on the way out.
 */
static __always_inline __be16 trace_protocol(struct sk_buff *skb, const unsigned char *network)
{
	__be16 protocol = FIELD(skb, protocol);
	__u8 version = 0;

	if (protocol || !FIELD(skb, network_header))
		return protocol;
	bpf_probe_read_kernel(&version, sizeof(version), network);
	if (version >> 4 == 4)
		return bpf_htons(ETH_P_IP);
	if (version >> 4 == 6)
		return bpf_htons(ETH_P_IPV6);
	return 0;
}

/*
 * The protocol of the tag that a packet has beside its frame, or 0. Before Linux 6.2 it stays
 * there when the tag is taken off.
 */
static __always_inline __be16 trace_tag(struct sk_buff *skb)
{
	struct sk_buff___more *more = (void *)skb;

	if (bpf_core_field_exists(more->vlan_present) &&
	    !BPF_CORE_READ_BITFIELD_PROBED(more, vlan_present))
		return 0;
	return FIELD(skb, vlan_proto);
}

/* Reads bytes of a frame, no more than most, which is a constant. */
static __always_inline void trace_read(__u8 *to, __u32 size, __u32 most, const void *from)
{
	/* Linux 6.1 forgets what was known of a number that had to leave its register. */
	asm volatile("" : "+r"(size));
	if (size <= most)
		bpf_probe_read_kernel(to, size, from);
}

/* The device of a packet. In the queue of a socket UDP keeps something else in its place. */
static __always_inline struct net_device *trace_device(struct sk_buff *skb, __u32 hook)
{
	return hook == TRACE_SK_DATA_READY ? NULL : FIELD(skb, dev);
}

/* Copies a frame into the scratch, with an Ethernet header in front. */
static __always_inline void trace_copy(struct trace_scratch *s, struct sk_buff *skb,
				       unsigned char *head, __u32 hook)
{
	bool arriving = hook <= TRACE_NETIF_RECEIVE_SKB;
	__u32 data = FIELD(skb, data) - head, network = trace_network_offset(skb, data, arriving);
	__u32 tail = FIELD(skb, tail), size, at;
	struct net_device *dev = trace_device(skb, hook);
	__u16 mac = FIELD(skb, mac_header), type = 0;
	__be16 protocol = trace_protocol(skb, head + network), tag = trace_tag(skb);
	bool addresses;

	if (dev)
		type = FIELD(dev, type);
	addresses = (type == ARPHRD_ETHER || type == ARPHRD_LOOPBACK) && mac != NO_OFFSET &&
		    mac + ETHER_HEADER <= network;
	/* A tag that was written into the frame, for a driver, is in front of the network header. */
	if (addresses &&
	    (protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD)))
		network = mac + ETHER_HEADER;
	size = tail > network ? tail - network : 0;
	if (size > PAYLOAD)
		size = PAYLOAD;
	/* A short frame has no bytes of the one before it behind its end: see trace_signature(). */
	__builtin_memset(s->data + ETHER_HEADER, 0, 4 + SIGNED);
	/* Ways of their own, so that the verifier knows where each writes. */
	if (tag) {
		__be16 tci = bpf_htons(FIELD(skb, vlan_tci));

		__builtin_memset(s->data, 0, ETHER_ADDRESSES);
		if (addresses)
			bpf_probe_read_kernel(s->data, ETHER_ADDRESSES, head + mac);
		at = ETHER_HEADER + 4;
		__builtin_memcpy(s->data + ETHER_ADDRESSES, &tag, 2);
		__builtin_memcpy(s->data + ETHER_ADDRESSES + 2, &tci, 2);
		__builtin_memcpy(s->data + ETHER_ADDRESSES + 4, &protocol, 2);
		trace_read(s->data + ETHER_HEADER + 4, size, PAYLOAD, head + network);
	} else {
		at = ETHER_HEADER;
		if (addresses && mac + ETHER_HEADER == network) {
			trace_read(s->data, ETHER_HEADER + size, ETHER_HEADER + PAYLOAD,
				   head + mac);
		} else {
			__builtin_memset(s->data, 0, ETHER_ADDRESSES);
			if (addresses)
				bpf_probe_read_kernel(s->data, ETHER_ADDRESSES, head + mac);
			trace_read(s->data + ETHER_HEADER, size, PAYLOAD, head + network);
		}
		__builtin_memcpy(s->data + ETHER_ADDRESSES, &protocol, 2);
	}
	s->captured = at + size;
	/* What is in front of the network header is in len or not, by where the packet is. */
	s->length = FIELD(skb, len) + at - (network - data);
}

#endif
