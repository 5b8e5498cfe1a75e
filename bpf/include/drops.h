/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Packets that the kernel throws away: why, where, of which kind and on which way. */
#ifndef PACKETSCOPE_DROPS_H
#define PACKETSCOPE_DROPS_H

#include "station.h"

/*
 * How many arguments the tracepoint kfree_skb passes: skb and location, the reason
 * from Linux 5.17 (commit c504e5c2f964), the receiving socket from 6.11 (commit
 * c53795d48ee8). What a kernel lacks is not read: the verifier removes it.
 */
const volatile __u32 kfree_skb_args;

/* The arguments of kfree_skb, with what is missing at zero. */
struct dropped {
	struct sk_buff *skb;
	__u64 location;
	__u32 reason;
	struct sock *receiver; /* a plain number: may be NULL though Linux 6.12 says it is not */
};

static __always_inline void read_dropped(struct dropped *d, __u64 *ctx)
{
	d->skb = (struct sk_buff *)ctx[0];
	d->location = ctx[1];
	d->reason = kfree_skb_args >= 3 ? (__u32)ctx[2] : 0;
	d->receiver = 0;
	if (kfree_skb_args >= 4)
		bpf_probe_read_kernel(&d->receiver, sizeof(d->receiver), &ctx[3]);
}

/*
 * Some layers keep other things where skb->dev and skb->sk are (UDP its dev_scratch,
 * defragmentation its offsets). No such thing looks like an address of the kernel.
 */
static __always_inline bool is_kernel_address(const void *p)
{
	return (__s64)p < 0;
}

static __always_inline struct dst_entry *dst_of(struct sk_buff *skb)
{
	struct dst_entry *dst = (void *)(READ(skb, _skb_refdst) & SKB_DST_PTRMASK);

	return dst && !(BPF_CORE_READ(dst, flags) & DST_METADATA) ? dst : 0;
}

static __always_inline struct net_device *device_of(struct sk_buff *skb)
{
	struct net_device *dev = READ(skb, dev);

	return is_kernel_address(dev) ? dev : 0;
}

static __always_inline __u32 netns_of_socket(struct sock *sk)
{
	return BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum);
}

/*
 * The namespace that a dropped packet was in, 0 if nothing tells. The device comes
 * before the sender, who stays known until the IP layer of another namespace has the
 * packet.
 */
static __always_inline __u32 netns_of(const struct dropped *d)
{
	struct sk_buff *skb = d->skb;
	struct sock *sk = BPF_CORE_READ(skb, sk);
	struct net_device *dev = device_of(skb);
	struct dst_entry *dst = dst_of(skb);

	if (d->receiver)
		return netns_of_socket(d->receiver);
	if (dev)
		return READ(dev, nd_net.net, ns.inum);
	if (is_kernel_address(sk))
		return netns_of_socket(sk);
	return dst ? BPF_CORE_READ(dst, dev, nd_net.net, ns.inum) : 0;
}

/* A packet that tells no namespace counts in each: better one too many than a loss unseen. */
static __always_inline bool drop_in_scope(const struct dropped *d)
{
	__u32 netns = scope_netns ? netns_of(d) : 0;

	return !netns || netns == scope_netns;
}

static __always_inline struct network dropped_network(struct sk_buff *skb)
{
	return READ(skb, network_header) ? network_of(skb) : network_at_data(skb);
}

/* Whether the route of a received packet leads on to another host. */
static __always_inline bool leads_on(struct dst_entry *dst, __u16 protocol)
{
	if (protocol == ETH_P_IP)
		return BPF_CORE_READ((struct rtable *)dst, rt_type) == RTN_UNICAST;
	if (protocol == ETH_P_IPV6)
		return !(BPF_CORE_READ((struct rt6_info *)dst, rt6i_flags) &
			 (RTF_LOCAL | RTF_ANYCAST | RTF_REJECT));
	return false;
}

/*
 * skb_iif is set as a packet enters the stack, and stays as it is forwarded. Before
 * that a packet of this host has a sender or a route. A packet that arrived and has
 * no route (yet, or any more) is forwarded if it is at another device by now.
 */
static __always_inline __u8 drop_direction(const struct dropped *d)
{
	struct sk_buff *skb = d->skb;
	struct dst_entry *dst = dst_of(skb);
	struct net_device *dev = device_of(skb);
	int arrived_at = READ(skb, skb_iif);

	if (d->receiver)
		return DIRECTION_RECEIVE;
	if (!arrived_at)
		return is_kernel_address(BPF_CORE_READ(skb, sk)) || dst ? DIRECTION_TRANSMIT :
									  DIRECTION_UNKNOWN;
	if (dst)
		return leads_on(dst, bpf_ntohs(READ(skb, protocol))) ? DIRECTION_FORWARD :
								       DIRECTION_RECEIVE;
	return dev && READ(dev, ifindex) != arrived_at ? DIRECTION_FORWARD : DIRECTION_RECEIVE;
}

static __always_inline void read_drop_place(struct drop_place *place, const struct dropped *d,
					    const struct network *n)
{
	place->location = d->location;
	place->reason = d->reason;
	place->kind = kind_of(n);
	place->direction = drop_direction(d);
}

#endif
