/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Three ways to read kernel memory, chosen at build or at load.
 *
 * A tracepoint, fentry or netfilter program holds typed pointers and reads
 * through them directly: one instruction, no call. A kprobe program may not, so
 * an object built with PROBE_READ_ONLY copies each field with a helper.
 * Pointers that the kernel keeps as plain numbers (skb->head) can be given a
 * type since Linux 6.2 (bpf_rdonly_cast, commit a35b9af4ec2c); before, they are
 * read with the helper too.
 */
#ifndef PACKETSCOPE_READ_H
#define PACKETSCOPE_READ_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "kernel.h"

#ifdef PROBE_READ_ONLY
#define READ(src, ...) BPF_CORE_READ(src, __VA_ARGS__)
#else
/* READ(a, b, c) is a->b->c, like BPF_CORE_READ. */
#define READ(src, ...) ___arrow(src, __VA_ARGS__)

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;
#endif

/* IPv4 and IPv6 headers, RFC 791 and RFC 8200. */
struct iphdr {
	__u8 version_ihl;
	__u8 tos;
	__be16 tot_len;
	__be16 id;
	__be16 frag_off;
	__u8 ttl;
	__u8 protocol;
	__u16 check;
	__be32 saddr;
	__be32 daddr;
};

struct ipv6hdr {
	__u8 version_flow[4];
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	__be32 saddr[4];
	__be32 daddr[4];
};

/* The ports of UDP, RFC 768; TCP and SCTP have them in the same place. */
struct udphdr {
	__be16 source;
	__be16 dest;
};

/*
 * These read what a flow needs of a header at an address that is known as a number
 * only: field by field, as the verifier wants it of typed memory.
 */
static __always_inline void read_ipv4_header(struct iphdr *to, __u64 l3)
{
#ifndef PROBE_READ_ONLY
	if (bpf_rdonly_cast) {
		const struct iphdr *ip =
			bpf_rdonly_cast((void *)l3, bpf_core_type_id_kernel(struct iphdr));

		to->version_ihl = ip->version_ihl;
		to->protocol = ip->protocol;
		to->frag_off = ip->frag_off;
		to->saddr = ip->saddr;
		to->daddr = ip->daddr;
		return;
	}
#endif
	bpf_probe_read_kernel(to, sizeof(*to), (void *)l3);
}

static __always_inline void read_ipv6_header(struct ipv6hdr *to, __u64 l3)
{
#ifndef PROBE_READ_ONLY
	if (bpf_rdonly_cast) {
		const struct ipv6hdr *ip =
			bpf_rdonly_cast((void *)l3, bpf_core_type_id_kernel(struct ipv6hdr));

		to->nexthdr = ip->nexthdr;
		for (int i = 0; i < 4; i++) {
			to->saddr[i] = ip->saddr[i];
			to->daddr[i] = ip->daddr[i];
		}
		return;
	}
#endif
	bpf_probe_read_kernel(to, sizeof(*to), (void *)l3);
}

static __always_inline void read_udp_header(struct udphdr *to, __u64 l4)
{
#ifndef PROBE_READ_ONLY
	if (bpf_rdonly_cast) {
		const struct udphdr *udp =
			bpf_rdonly_cast((void *)l4, bpf_core_type_id_kernel(struct udphdr));

		to->source = udp->source;
		to->dest = udp->dest;
		return;
	}
#endif
	bpf_probe_read_kernel(to, sizeof(*to), (void *)l4);
}

static __always_inline __u8 read_ipv4_protocol(const unsigned char *l3)
{
	__u8 protocol = 0;

#ifndef PROBE_READ_ONLY
	if (bpf_rdonly_cast) {
		const struct iphdr *ip = bpf_rdonly_cast(l3, bpf_core_type_id_kernel(struct iphdr));

		return ip->protocol;
	}
#endif
	bpf_probe_read_kernel(&protocol, sizeof(protocol),
			      l3 + __builtin_offsetof(struct iphdr, protocol));
	return protocol;
}

static __always_inline __u8 read_ipv6_next_header(const unsigned char *l3)
{
	__u8 next = 0;

#ifndef PROBE_READ_ONLY
	if (bpf_rdonly_cast) {
		const struct ipv6hdr *ip =
			bpf_rdonly_cast(l3, bpf_core_type_id_kernel(struct ipv6hdr));

		return ip->nexthdr;
	}
#endif
	bpf_probe_read_kernel(&next, sizeof(next),
			      l3 + __builtin_offsetof(struct ipv6hdr, nexthdr));
	return next;
}

/* How many wire packets the skb stands for: 1 if it was not merged by GRO and will not be cut. */
static __always_inline __u32 read_segments(struct sk_buff *skb)
{
	const void *shinfo = READ(skb, head) + READ(skb, end);
	__u16 segments = 0;

#ifndef PROBE_READ_ONLY
	if (bpf_rdonly_cast) {
		const struct skb_shared_info *info =
			bpf_rdonly_cast(shinfo, bpf_core_type_id_kernel(struct skb_shared_info));

		segments = info->gso_segs;
		return segments ? segments : 1;
	}
#endif
	segments = BPF_CORE_READ((struct skb_shared_info *)shinfo, gso_segs);
	return segments ? segments : 1;
}

/* Any bus device above it makes a device a physical one (see device_class()). */
static __always_inline enum device_class classify(unsigned int flags, const void *parent)
{
	if (flags & IFF_LOOPBACK)
		return CLASS_LOOPBACK;
	return parent ? CLASS_PHYSICAL : CLASS_VIRTUAL;
}

static __always_inline enum device_class device_class(struct net_device *dev)
{
	if (!dev)
		return CLASS_NONE;
	return classify(READ(dev, flags), READ(dev, dev.parent));
}

/* The class of the device that the packet's route leaves by. */
static __always_inline enum device_class route_class(struct sk_buff *skb)
{
	struct dst_entry *dst = (void *)(READ(skb, _skb_refdst) & SKB_DST_PTRMASK);

	if (!dst)
		return CLASS_NONE;
#ifndef PROBE_READ_ONLY
	if (bpf_rdonly_cast) {
		dst = bpf_rdonly_cast(dst, bpf_core_type_id_kernel(struct dst_entry));
		return device_class(dst->dev);
	}
#endif
	return classify(BPF_CORE_READ(dst, dev, flags), BPF_CORE_READ(dst, dev, dev.parent));
}

/* A device's name, NUL padded; all zero where no device is known. */
struct device_name {
	__u64 word[2];
};

/* The name of the device that the packet's route leaves by. */
static __always_inline void read_route_device_name(struct device_name *name, struct sk_buff *skb)
{
	struct dst_entry *dst = (void *)(READ(skb, _skb_refdst) & SKB_DST_PTRMASK);

	if (dst)
		BPF_CORE_READ_INTO(name, dst, dev, name);
}

#endif
