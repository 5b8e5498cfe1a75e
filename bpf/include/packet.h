/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What kind of packet an skb is, and which flow it belongs to. */
#ifndef PACKETSCOPE_PACKET_H
#define PACKETSCOPE_PACKET_H

#include <bpf/bpf_endian.h>
#include "abi.h"
#include "read.h"

#define IPPROTO_HOPOPTS 0
#define IPPROTO_ICMP 1
#define IPPROTO_TCP 6
#define IPPROTO_UDP 17
#define IPPROTO_ROUTING 43
#define IPPROTO_FRAGMENT 44
#define IPPROTO_AH 51
#define IPPROTO_ICMPV6 58
#define IPPROTO_DSTOPTS 60
#define IPPROTO_SCTP 132

/*
 * Hop-by-hop, destination (twice), routing, fragment, AH: RFC 8200 section 4.1
 * names no more before the upper layer. Longer chains are of kind OTHER6.
 */
#define MAX_EXTENSION_HEADERS 6
#define MAX_VLAN_TAGS 2

/* Where the network header starts, and the network protocol in host order. */
struct network {
	const unsigned char *l3;
	__u16 protocol;
};

static __always_inline enum kind ipv4_kind(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return KIND_TCP4;
	case IPPROTO_UDP:
		return KIND_UDP4;
	case IPPROTO_ICMP:
		return KIND_ICMP4;
	case IPPROTO_SCTP:
		return KIND_SCTP4;
	}
	return KIND_OTHER4;
}

static __always_inline enum kind ipv6_kind(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_TCP:
		return KIND_TCP6;
	case IPPROTO_UDP:
		return KIND_UDP6;
	case IPPROTO_ICMPV6:
		return KIND_ICMP6;
	case IPPROTO_SCTP:
		return KIND_SCTP6;
	}
	return KIND_OTHER6;
}

static __always_inline bool is_extension(__u8 next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING || next == IPPROTO_FRAGMENT ||
	       next == IPPROTO_DSTOPTS || next == IPPROTO_AH;
}

/*
 * Follows the chain of extension headers and moves *l4 behind it, or to NULL if
 * the packet is a fragment without the upper header. A chain that is too long or
 * cannot be read ends in the extension it was left at.
 */
static __noinline __u8 skip_extensions(const unsigned char **l4, __u8 next)
{
	for (int i = 0; i < MAX_EXTENSION_HEADERS && is_extension(next); i++) {
		__u8 header[4] = {}; /* next header, length, fragment offset */
		__u32 length;

		if (bpf_probe_read_kernel(header, sizeof(header), *l4))
			return next;
		if (next == IPPROTO_FRAGMENT)
			length = 8;
		else if (next == IPPROTO_AH)
			length = (header[1] + 2) * 4; /* RFC 4302 section 2.2 */
		else
			length = (header[1] + 1) * 8;
		if (next == IPPROTO_FRAGMENT && (header[2] || header[3] & 0xf8)) {
			*l4 = 0;
			return header[0];
		}
		*l4 += length;
		next = header[0];
	}
	return next;
}

/* The network header of an skb that the IP layer has seen. */
static __always_inline struct network network_of(struct sk_buff *skb)
{
	struct network n = {
		.l3 = READ(skb, head) + READ(skb, network_header),
		.protocol = bpf_ntohs(READ(skb, protocol)),
	};

	return n;
}

/*
 * The network header of an skb that enters the stack: the driver has pulled the
 * Ethernet header, and nobody has set skb->network_header yet. A tag that the
 * card did not strip stands in the data.
 */
static __always_inline struct network network_at_data(struct sk_buff *skb)
{
	struct network n = {
		.l3 = READ(skb, data),
		.protocol = bpf_ntohs(READ(skb, protocol)),
	};

	for (int i = 0; i < MAX_VLAN_TAGS; i++) {
		__be16 tag[2] = {}; /* TCI, inner protocol: IEEE 802.1Q */

		if (n.protocol != ETH_P_8021Q && n.protocol != ETH_P_8021AD)
			break;
		bpf_probe_read_kernel(tag, sizeof(tag), n.l3);
		n.protocol = bpf_ntohs(tag[1]);
		n.l3 += sizeof(tag);
	}
	return n;
}

static __always_inline enum kind kind_of(const struct network *n)
{
	const unsigned char *l4;
	__u8 next;

	if (n->protocol == ETH_P_IP)
		return ipv4_kind(read_ipv4_protocol(n->l3));
	if (n->protocol != ETH_P_IPV6)
		return KIND_NON_IP;
	next = read_ipv6_next_header(n->l3);
	if (is_extension(next)) {
		l4 = n->l3 + sizeof(struct ipv6hdr);
		next = skip_extensions(&l4, next);
	}
	return ipv6_kind(next);
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static __always_inline void read_ports(struct flow *f, const unsigned char *l4)
{
	__be16 ports[2] = {};

	if (!l4 || !has_ports(f->protocol))
		return;
	bpf_probe_read_kernel(ports, sizeof(ports), l4);
	f->sport = bpf_ntohs(ports[0]);
	f->dport = bpf_ntohs(ports[1]);
}

/* Reads the flow; ports stay 0 in a fragment that does not carry them. */
static __noinline void read_flow(struct flow *f, const unsigned char *l3, __u16 protocol)
{
	__builtin_memset(f, 0, sizeof(*f));
	if (protocol == ETH_P_IP) {
		struct iphdr ip = {};

		bpf_probe_read_kernel(&ip, sizeof(ip), l3);
		f->saddr[2] = f->daddr[2] = bpf_htonl(0xffff);
		f->saddr[3] = ip.saddr;
		f->daddr[3] = ip.daddr;
		f->protocol = ip.protocol;
		if (!(ip.frag_off & bpf_htons(0x1fff)))
			read_ports(f, l3 + (ip.version_ihl & 0xf) * 4);
	} else if (protocol == ETH_P_IPV6) {
		const unsigned char *l4 = l3 + sizeof(struct ipv6hdr);
		struct ipv6hdr ip = {};

		bpf_probe_read_kernel(&ip, sizeof(ip), l3);
		__builtin_memcpy(f->saddr, ip.saddr, sizeof(f->saddr));
		__builtin_memcpy(f->daddr, ip.daddr, sizeof(f->daddr));
		f->protocol = ip.nexthdr;
		if (is_extension(f->protocol))
			f->protocol = skip_extensions(&l4, f->protocol);
		read_ports(f, l4);
	}
}

#endif
