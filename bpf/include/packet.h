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
	__u64 protocol;
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
 * Follows the chain of extension headers of an IPv6 packet. Returns how far the upper
 * header is behind the IPv6 header, times 256, plus its protocol. NO_UPPER_HEADER stands for the distance
 * if the packet is a fragment without it. A chain that is too long or cannot be
 * read ends in the extension it was left at.
 *
 * A global function, like others that are rarely called: the verifier looks at it
 * once and not once per caller and path.
 */
#define NO_UPPER_HEADER 0xffff

__noinline __u32 skip_extensions(const struct network *n, __u32 next)
{
	__u32 distance = 0;
	__u64 l4;

	if (!n)
		return next;
	l4 = (__u64)n->l3 + sizeof(struct ipv6hdr);
	for (int i = 0; i < MAX_EXTENSION_HEADERS && is_extension(next); i++) {
		__u8 header[4] = {}; /* next header, length, fragment offset */

		if (bpf_probe_read_kernel(header, sizeof(header), (void *)(l4 + distance)))
			break;
		if (next == IPPROTO_FRAGMENT && (header[2] || header[3] & 0xf8))
			return NO_UPPER_HEADER << 8 | header[0];
		if (next == IPPROTO_FRAGMENT)
			distance += 8;
		else if (next == IPPROTO_AH)
			distance += (header[1] + 2) * 4; /* RFC 4302 section 2.2 */
		else
			distance += (header[1] + 1) * 8;
		next = header[0];
	}
	return distance << 8 | (next & 0xff);
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
	__u8 next;

	if (n->protocol == ETH_P_IP)
		return ipv4_kind(read_ipv4_protocol(n->l3));
	if (n->protocol != ETH_P_IPV6)
		return KIND_NON_IP;
	next = read_ipv6_next_header(n->l3);
	if (is_extension(next))
		next = skip_extensions(n, next);
	return ipv6_kind(next);
}

static __always_inline bool has_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

static __always_inline void read_ports(struct flow *f, __u64 l4)
{
	struct udphdr ports = {};

	if (!has_ports(f->protocol))
		return;
	read_udp_header(&ports, l4);
	f->sport = bpf_ntohs(ports.source);
	f->dport = bpf_ntohs(ports.dest);
}

static __always_inline void read_ipv4_flow(struct flow *f, __u64 l3)
{
	struct iphdr ip = {};

	read_ipv4_header(&ip, l3);
	f->saddr[2] = f->daddr[2] = bpf_htonl(0xffff);
	f->saddr[3] = ip.saddr;
	f->daddr[3] = ip.daddr;
	f->version = 4;
	f->protocol = ip.protocol;
	if (!(ip.frag_off & bpf_htons(0x1fff)))
		read_ports(f, l3 + (ip.version_ihl & 0xf) * 4);
}

static __always_inline void read_ipv6_flow(struct flow *f, const struct network *n)
{
	__u64 l3 = (__u64)n->l3;
	struct ipv6hdr ip = {};
	__u32 upper;

	read_ipv6_header(&ip, l3);
	__builtin_memcpy(f->saddr, ip.saddr, sizeof(f->saddr));
	__builtin_memcpy(f->daddr, ip.daddr, sizeof(f->daddr));
	f->version = 6;
	upper = skip_extensions(n, ip.nexthdr);
	f->protocol = upper;
	if (upper >> 8 != NO_UPPER_HEADER)
		read_ports(f, l3 + sizeof(ip) + (upper >> 8));
}

/*
 * Reads a packet's flow into a zeroed f. Ports stay 0 in a fragment that does not
 * carry them. l3 comes by way of memory because Linux 6.18 gives it a type, which a
 * global function may not be passed. Returns 0; such a function must return.
 */
__noinline int read_flow(struct flow *f, const struct network *n)
{
	if (!f || !n)
		return 0;
	if (n->protocol == ETH_P_IP)
		read_ipv4_flow(f, (__u64)n->l3);
	else if (n->protocol == ETH_P_IPV6)
		read_ipv6_flow(f, n);
	return 0;
}

#endif
