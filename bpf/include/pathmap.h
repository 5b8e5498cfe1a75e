/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Chooses a few packets and tells user space wherever they are seen, within a budget. */
#ifndef PACKETSCOPE_PATHMAP_H
#define PACKETSCOPE_PATHMAP_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "read.h"
#include "pathmap_abi.h"

#define ETH_P_ARP 0x0806
#define NO_OFFSET 0xffff
#define FOLLOWED_NS 1000000000ULL /* for so long a packet is followed */
#define AT_ONCE_NS 1000000ULL /* so long after it arrived a packet wakes its reader */

/* Read by user space when a turn ends. Full: the event is counted as lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 512 * 1024);
} path_events SEC(".maps");

/* Written by user space, one entry. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_turn);
} path_turns SEC(".maps");

/* Read by user space, one entry. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_count);
} path_counts SEC(".maps");

/* A packet that was chosen. */
struct chosen {
	__u64 head;
	__u64 first_ns;
	__u64 signature;
	__u64 entered; /* hook and interface by which it came, or 0 */
	__u16 ether;
	__u16 protocol;
	__be16 dport;
	__u16 padding;
	__u32 turn;
};

/* By a hash of the buffer's address; a newer packet takes the slot of an older one. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PATH_SLOTS);
	__type(key, __u32);
	__type(value, struct chosen);
} path_slots SEC(".maps");

/* What this CPU did in a turn, and the packet that it brings to a socket. */
struct path_cpu {
	__u64 skb; /* 0: none that was chosen */
	__u64 arrived_ns;
	struct chosen packet;
	__u32 turn;
	__u32 runs;
	__u32 events;
	__u32 drops;
	__u32 spent;
	__u32 padding;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct path_cpu);
} path_cpus SEC(".maps");

/* The namespace whose packets are chosen, 0 for all. */
const volatile __u32 path_netns;

/* What a program works with. */
struct path {
	struct path_turn *turn;
	struct path_cpu *cpu;
	struct path_count *count;
};

static __always_inline void path_spend(struct path *p)
{
	struct path_spent s = { .turn = p->turn->turn, .cpu = bpf_get_smp_processor_id() };

	p->cpu->spent = 1;
	p->count->spent++;
	bpf_ringbuf_output(&path_events, &s, sizeof(s), BPF_RB_FORCE_WAKEUP);
}

/* Whether there is anything left to do in this turn. */
static __always_inline bool path_begin(struct path *p)
{
	__u32 zero = 0;

	p->turn = bpf_map_lookup_elem(&path_turns, &zero);
	p->cpu = bpf_map_lookup_elem(&path_cpus, &zero);
	p->count = bpf_map_lookup_elem(&path_counts, &zero);
	if (!p->turn || !p->cpu || !p->count)
		return false;
	p->count->runs++;
	if (p->cpu->turn != p->turn->turn) {
		p->cpu->turn = p->turn->turn;
		p->cpu->runs = 0;
		p->cpu->events = 0;
		p->cpu->drops = 0;
		p->cpu->spent = 0;
		p->cpu->skb = 0;
	}
	if (p->cpu->spent || !p->turn->turn)
		return false;
	if (++p->cpu->runs > p->turn->runs) {
		path_spend(p);
		return false;
	}
	return true;
}

/* Where the network header of an skb is. */
static __always_inline unsigned char *path_network(struct sk_buff *skb, __u64 head, bool arriving)
{
	unsigned char *data = READ(skb, data);
	__u16 network = READ(skb, network_header);

	/* Nobody has set it yet where packets come in; it is that of a former life. */
	return arriving || !network || network == NO_OFFSET ? data :
							      (unsigned char *)head + network;
}

/*
 * Fills in what is read of headers. The signature tells packets apart that use a buffer one
 * after the other, and neither translation of addresses nor marks of congestion and class
 * change it, nor that IPv4 puts fragments together: IP's identification and offset or flow
 * label, TCP's numbers, the length of UDP and the words behind.
 */
static __always_inline void path_headers(struct chosen *c, struct sk_buff *skb, bool arriving)
{
	unsigned char *ip = path_network(skb, c->head, arriving), *upper;
	__u32 which = 0, words[3] = {};
	__u8 first = 0, protocol = 0;

	c->ether = bpf_ntohs(READ(skb, protocol));
	if (c->ether != ETH_P_IP && c->ether != ETH_P_IPV6)
		return;
	bpf_probe_read_kernel(&first, 1, ip);
	if (first >> 4 == 6) {
		bpf_probe_read_kernel(&protocol, 1, ip + 6);
		bpf_probe_read_kernel(&which, 4, ip);
		which &= bpf_htonl(0xf00fffff); /* without the traffic class */
		upper = ip + 40;
	} else {
		bpf_probe_read_kernel(&protocol, 1, ip + 9);
		bpf_probe_read_kernel(&which, 4, ip + 4);
		which &= bpf_htonl(0xffff1fff); /* without "may not" and "more fragments" */
		upper = ip + (first & 0xf) * 4;
	}
	bpf_probe_read_kernel(words, sizeof(words), upper);
	c->protocol = protocol;
	c->dport = words[0] >> 16; /* both are as on the wire, on a little endian */
	if (protocol == IPPROTO_UDP)
		words[1] &= bpf_htonl(0xffff0000); /* the checksum is filled in late */
	c->signature = (__u64)which << 32 ^ words[1] ^ (__u64)words[2] * 0x9e3779b97f4a7c15;
}

static __always_inline bool path_in_scope(struct sk_buff *skb)
{
	struct net_device *dev;

	if (!path_netns)
		return true;
	dev = READ(skb, dev);
	return dev && READ(dev, nd_net.net, ns.inum) == path_netns;
}

static __always_inline void path_tell(void *ctx, struct path *p, const struct chosen *c, __u64 skb,
				      __u64 now, __u32 hook, __s32 value)
{
	struct path_event *e;
	long size;

	if (++p->cpu->events > p->turn->events) {
		path_spend(p);
		return;
	}
	e = bpf_ringbuf_reserve(&path_events, sizeof(*e), 0);
	if (!e) {
		p->count->lost++;
		return;
	}
	p->count->events++;
	e->ktime_ns = now;
	e->first_ns = c->first_ns;
	e->head = c->head;
	e->skb = skb;
	e->hook = hook;
	e->value = value;
	e->cpu = bpf_get_smp_processor_id();
	e->thread = bpf_get_current_pid_tgid();
	e->ether = c->ether;
	e->protocol = c->protocol;
	size = bpf_get_stack(ctx, e->stack, sizeof(e->stack), 0);
	e->frames = size > 0 ? size : 0;
	e->padding = 0;
	e->took_ns = bpf_ktime_get_ns() - now;
	bpf_ringbuf_submit(e, BPF_RB_NO_WAKEUP);
}

static __always_inline bool path_is_source(__u32 hook)
{
	return hook <= PATH_NET_DEV_QUEUE;
}

/*
 * Where a packet comes in, or goes out to. That it came there first it does once: the next
 * is another that looks the same.
 */
static __always_inline __u64 path_entry(__u32 hook, struct sk_buff *skb)
{
	struct net_device *dev;

	if (!path_is_source(hook) || hook == PATH_NETIF_RECEIVE_SKB)
		return 0;
	dev = READ(skb, dev);
	return (__u64)(hook + 1) << 32 | (dev ? READ(dev, ifindex) : 0);
}

/* Whether a packet that was not chosen is now, or is a drop that is told of anyway. */
static __always_inline bool path_choose(struct path *p, struct sk_buff *skb, __u32 hook)
{
	if (hook == PATH_KFREE_SKB) {
		__u16 ether = bpf_ntohs(READ(skb, protocol));

		if ((ether != ETH_P_IP && ether != ETH_P_IPV6 && ether != ETH_P_ARP) ||
		    p->cpu->drops >= p->turn->drops || !path_in_scope(skb))
			return false;
		p->cpu->drops++;
		p->count->drops++;
		return true;
	}
	if (!path_is_source(hook))
		return false;
	p->count->offered++;
	if ((bpf_get_prandom_u32() & p->turn->chance) || !path_in_scope(skb))
		return false;
	p->count->chosen++;
	return true;
}

/* A packet at a hook. */
static __always_inline int path_packet(void *ctx, struct sk_buff *skb, __u32 hook, __s32 value)
{
	bool arriving = hook <= PATH_NETIF_RECEIVE_SKB;
	struct chosen *known, now = {};
	struct path p;
	__u64 time;
	__u32 slot;

	if (!skb || !path_begin(&p))
		return 0;
	if (hook == PATH_NETIF_RECEIVE_SKB)
		p.cpu->skb = 0;
	now.head = (__u64)READ(skb, head);
	slot = (now.head * 0x9e3779b97f4a7c15) >> 54;
	known = bpf_map_lookup_elem(&path_slots, &slot);
	if (!known)
		return 0;
	if (known->head == now.head && known->turn == p.turn->turn) {
		now.entered = path_entry(hook, skb);
		path_headers(&now, skb, arriving);
		time = bpf_ktime_get_ns();
		if (known->signature == now.signature && time - known->first_ns < FOLLOWED_NS &&
		    (!now.entered || known->entered != now.entered)) {
			if (!known->entered)
				known->entered = now.entered;
			now.first_ns = known->first_ns;
			goto tell;
		}
		known->head = 0; /* another packet has the buffer now */
	}
	if (!path_choose(&p, skb, hook))
		return 0;
	time = bpf_ktime_get_ns();
	now.entered = path_entry(hook, skb);
	path_headers(&now, skb, arriving);
	now.first_ns = time;
	now.turn = p.turn->turn;
	if (hook != PATH_KFREE_SKB)
		*known = now;
tell:
	if (hook == PATH_NETIF_RECEIVE_SKB) {
		p.cpu->packet = now;
		p.cpu->arrived_ns = time;
		p.cpu->skb = (__u64)skb;
	}
	path_tell(ctx, &p, &now, (__u64)skb, time, hook, value);
	return 0;
}

/*
 * The owner of a socket is told that there is something to read. The kernel does not say of
 * which packet; it is the one that this CPU brings up, if it is for the socket's port.
 */
static __always_inline int path_wake(void *ctx, struct sock *sk)
{
	struct path p;
	__u64 now, skb;

	if (!sk || !path_begin(&p) || !p.cpu->skb)
		return 0;
	if (READ(sk, __sk_common.skc_num) != bpf_ntohs(p.cpu->packet.dport) ||
	    READ(sk, sk_protocol) != p.cpu->packet.protocol)
		return 0;
	now = bpf_ktime_get_ns();
	skb = p.cpu->skb;
	p.cpu->skb = 0;
	if (now - p.cpu->arrived_ns < AT_ONCE_NS)
		path_tell(ctx, &p, &p.cpu->packet, skb, now, PATH_SK_DATA_READY, 0);
	return 0;
}

#endif
