/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Tells user space about packets that a filter chooses, wherever they are seen. */
#ifndef PACKETSCOPE_TRACE_H
#define PACKETSCOPE_TRACE_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "read.h"
#include <bpf/bpf_tracing.h>
#include "trace_abi.h"
#include "trace_every.h"
#include "trace_frame.h"

/* Read by user space as they come. Full: the event is counted as lost. */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 8 * 1024 * 1024);
} trace_events SEC(".maps");

/* Index: enum trace_count. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TRACE_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} trace_counts SEC(".maps");

/*
 * Scratch memory, one for each program that can run on a CPU at a time: a task's is
 * interrupted by that of a softirq, and that by an interrupt's.
 */
struct trace_slot {
	__u64 busy;
	struct trace_scratch scratch;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TRACE_NESTING);
	__type(key, __u32);
	__type(value, struct trace_slot);
} trace_slots SEC(".maps");

struct tracked {
	__u64 first_ns;
	__u64 signature;
	__u64 inner; /* the signature that it had before a tunnel's headers, or 0 */
	__u64 entered; /* hook and interface by which the packet came first, or 0 */
	__u64 given; /* the skb, from when a driver gets it until the driver has taken it; or 0 */
	__u64 woken; /* the skb of which the owner of a socket was told last, or 0 */
};

/* The packets that were chosen, by their buffer. Full: the one unseen longest is forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TRACE_PACKETS);
	__type(key, __u64);
	__type(value, struct tracked);
} trace_packets SEC(".maps");

/* Whether events have a stack. */
const volatile bool trace_stacks;

/* Whether the filter looks at what is known of a packet beside its bytes. */
const volatile bool trace_looks_beside = true;

static __always_inline void trace_count(enum trace_count which)
{
	__u32 key = which;
	__u64 *n = bpf_map_lookup_elem(&trace_counts, &key);

	if (n)
		__sync_fetch_and_add(n, 1); /* programs interrupt each other */
}

/* Returns scratch memory that no other program uses until its busy is 0, or NULL. */
static __always_inline struct trace_slot *trace_claim(void)
{
	for (__u32 i = 0; i < TRACE_NESTING; i++) {
		__u32 key = i;
		struct trace_slot *slot = bpf_map_lookup_elem(&trace_slots, &key);

		if (slot && !__sync_lock_test_and_set(&slot->busy, 1))
			return slot;
	}
	return NULL;
}

/*
 * Whether the filter chooses a packet. The loader puts another function in its place; this
 * one chooses all.
 */
static __noinline int trace_filter(struct trace_scratch *s)
{
	int all = 1;

	asm volatile("" : "+r"(all) : "r"(s) : "memory");
	return all;
}

static __always_inline __u32 trace_netns(struct net *net)
{
	return net ? FIELD(net, ns.inum) : 0;
}

static __always_inline void trace_place(struct trace_scratch *s, struct sk_buff *skb,
					struct sock *sk, __u32 hook)
{
	struct net_device *dev = trace_device(skb, hook);

	s->process = bpf_get_current_pid_tgid() >> 32;
	s->interface = FIELD(skb, skb_iif);
	s->netns = 0;
	s->family = 0;
	s->cgroup = 0;
	if (dev) {
		s->interface = FIELD(dev, ifindex);
		s->netns = trace_netns(FIELD(dev, nd_net.net));
	}
	if (sk) {
		struct cgroup *cgroup = FIELD(sk, sk_cgrp_data.cgroup);
		struct kernfs_node *node = cgroup ? FIELD(cgroup, kn) : NULL;

		s->family = FIELD(sk, __sk_common.skc_family);
		if (!s->netns)
			s->netns = trace_netns(FIELD(sk, __sk_common.skc_net.net));
		if (node)
			s->cgroup = FIELD(node, id);
	}
}

/*
 * What tells packets apart that use a buffer one after the other, and neither translation of
 * addresses nor marks of congestion and class change, nor that IPv4 puts fragments together:
 * IP's identification and offset or flow label, TCP's numbers, the length of UDP and the words
 * behind.
 */
static __always_inline __u64 trace_signature(const struct trace_scratch *s)
{
	const __u8 *ip = s->data + ETHER_HEADER;
	__u32 which = 0, words[2] = {};
	__u8 upper;

	if (s->data[12] == 0x81 || s->data[12] == 0x88)
		ip += 4;
	if (ip[0] >> 4 == 6) {
		__builtin_memcpy(&which, ip, 4);
		which &= bpf_htonl(0xf00fffff); /* without the traffic class */
		__builtin_memcpy(words, ip + 44, 8);
		upper = ip[6];
	} else {
		__builtin_memcpy(&which, ip + 4, 4);
		which &= bpf_htonl(0xffff1fff); /* without "may not" and "more fragments" */
		__builtin_memcpy(words, ip + 24, 8);
		upper = ip[9];
	}
	if (upper == IPPROTO_UDP)
		words[0] &= bpf_htonl(0xffff0000); /* the checksum is filled in late */
	return (__u64)which << 32 ^ words[0] ^ (__u64)words[1] * 0x9e3779b97f4a7c15;
}

/*
 * Where a packet comes in, or goes out to. That it came there first it does once: the next
 * is another that looks the same.
 */
static __always_inline __u64 trace_entry(__u32 hook, const struct trace_scratch *s)
{
	if (hook == TRACE_NAPI_GRO_RECEIVE_ENTRY || hook == TRACE_NETIF_RX ||
	    hook == TRACE_NET_DEV_QUEUE)
		return (__u64)(hook + 1) << 32 | s->interface;
	return 0;
}

static __always_inline void trace_tell(void *ctx, struct sk_buff *skb, struct sock *sk,
				       struct trace_scratch *s, const struct tracked *t, __u64 head,
				       __u64 now, __u32 hook, __s32 value, __u64 location)
{
	struct trace_event *e = bpf_ringbuf_reserve(&trace_events, sizeof(*e), 0);
	struct net_device *dev = trace_device(skb, hook);
	struct skb_shared_info *shared;
	long size = 0;

	if (!e) {
		trace_count(TRACE_COUNT_LOST);
		return;
	}
	e->ktime_ns = now;
	e->first_ns = t->first_ns;
	e->head = head;
	e->skb = (__u64)skb;
	e->location = location;
	e->inode = 0;
	e->hook = hook;
	e->value = value;
	e->cpu = bpf_get_smp_processor_id();
	e->thread = bpf_get_current_pid_tgid();
	shared = (void *)(head + FIELD(skb, end));
	e->segments = FIELD(shared, gso_segs);
	bpf_get_current_comm(e->command, sizeof(e->command));
	__builtin_memset(e->device, 0, sizeof(e->device));
	if (dev)
		bpf_probe_read_kernel(e->device, sizeof(e->device), dev->name);
	if (sk) {
		struct socket *socket = FIELD(sk, sk_socket);
		struct socket_alloc *file = (void *)socket;

		if (socket)
			e->inode = FIELD(file, vfs_inode.i_ino);
	}
	bpf_probe_read_kernel(&e->packet, sizeof(e->packet), s);
	if (trace_stacks)
		size = bpf_get_stack(ctx, e->stack, sizeof(e->stack), 0);
	e->frames = size > 0 ? size : 0;
	bpf_ringbuf_submit(e, 0);
}

/*
 * Whether UDP has yet to write its header, as where udp_send_skb begins: what is there is of
 * the buffer's former life. No device is known then.
 */
static __always_inline bool trace_unwritten(const struct trace_scratch *s, struct sk_buff *skb)
{
	const __u8 *ip = s->data + ETHER_HEADER;
	__be16 length;

	if (FIELD(skb, dev))
		return false;
	if (ip[0] == 0x45 && ip[9] == IPPROTO_UDP) {
		__builtin_memcpy(&length, ip + 24, 2);
		return bpf_ntohs(length) != (__u16)(s->length - ETHER_HEADER - 20);
	}
	if (ip[0] >> 4 == 6 && ip[6] == IPPROTO_UDP) {
		__builtin_memcpy(&length, ip + 44, 2);
		return bpf_ntohs(length) != (__u16)(s->length - ETHER_HEADER - 40);
	}
	return false;
}

/* Whether the buffer of a packet that is freed here is free then: no clone has it. */
static __always_inline bool trace_ends(struct sk_buff *skb, __u64 head, __u32 hook)
{
	struct skb_shared_info *shared = (void *)(head + FIELD(skb, end));

	return (hook == TRACE_CONSUME_SKB || hook == TRACE_KFREE_SKB) &&
	       (FIELD(shared, dataref.counter) & 0xffff) == 1;
}

/*
 * Whether a packet is that which was known by its buffer, as t has it now. Then t gets what it
 * was before.
 *
 * A device that a packet is given to may be a tunnel, which puts headers in front of it and
 * sends it on, all before the device has taken it: then it looks another way when it is seen
 * next, and as it did before at the other end.
 */
static __always_inline bool trace_known(const struct tracked *known, struct tracked *t, __u32 hook,
					__u64 skb)
{
	__u64 inner = known->inner;

	if (known->signature != t->signature && (!inner || inner != t->signature)) {
		if (known->given != skb || hook <= TRACE_NETIF_RECEIVE_SKB ||
		    hook == TRACE_NET_DEV_XMIT)
			return false;
		if (!inner)
			inner = known->signature;
	} else if (t->entered && known->entered == t->entered) {
		return false;
	}
	t->first_ns = known->first_ns;
	t->inner = inner;
	t->woken = known->woken;
	if (known->entered)
		t->entered = known->entered;
	if (hook == TRACE_FUNCTION)
		t->given = known->given; /* it may be one of the tunnel's */
	return true;
}

/* Tells of a packet if it is one that was or is chosen. */
static __always_inline void trace_look_at(void *ctx, struct sk_buff *skb, struct sock *sk,
					  struct trace_scratch *s, __u32 hook, __s32 value,
					  __u64 location)
{
	unsigned char *data = FIELD(skb, head);
	__u64 head = (__u64)data, now;
	struct tracked *known = bpf_map_lookup_elem(&trace_packets, &head), t = {};

	trace_copy(s, skb, data, hook);
	if (hook == TRACE_FUNCTION && trace_unwritten(s, skb))
		return;
	if (trace_looks_beside)
		trace_place(s, skb, sk, hook);
	if (!known && !trace_filter(s))
		return; /* as most packets do */
	if (!trace_looks_beside)
		trace_place(s, skb, sk, hook);
	now = bpf_ktime_get_ns();
	t.first_ns = now;
	t.signature = trace_signature(s);
	t.entered = trace_entry(hook, s);
	if (hook == TRACE_NET_DEV_START_XMIT)
		t.given = (__u64)skb;
	if (!known || s->captured <= ETHER_HEADER || !trace_known(known, &t, hook, (__u64)skb)) {
		if ((known && !trace_filter(s)) || !trace_due(now, t.entered))
			return;
	}
	if (hook == TRACE_SK_DATA_READY)
		t.woken = (__u64)skb;
	trace_count(TRACE_COUNT_CHOSEN);
	/* Who gets the buffer next is another packet, though it may look the same. */
	if (trace_ends(skb, head, hook))
		bpf_map_delete_elem(&trace_packets, &head);
	else
		bpf_map_update_elem(&trace_packets, &head, &t, BPF_ANY);
	trace_tell(ctx, skb, sk, s, &t, head, now, hook, value, location);
}

/* A packet at a hook, of a socket if that is known. */
static __always_inline int trace_packet_of(void *ctx, struct sk_buff *skb, struct sock *sk,
					   __u32 hook, __s32 value, __u64 location)
{
	struct trace_slot *slot;

	if (!skb)
		return 0;
	trace_count(TRACE_COUNT_SEEN);
	slot = trace_claim();
	if (!slot) {
		trace_count(TRACE_COUNT_MISSED);
		return 0;
	}
	trace_look_at(ctx, skb, sk, &slot->scratch, hook, value, location);
	*(volatile __u64 *)&slot->busy = 0;
	return 0;
}

static __always_inline int trace_packet(void *ctx, struct sk_buff *skb, __u32 hook, __s32 value,
					__u64 location)
{
	return trace_packet_of(ctx, skb, skb ? FIELD(skb, sk) : NULL, hook, value, location);
}

/*
 * The owner of a socket is told that there is something to read. The kernel does not say what:
 * of UDP, it is among what came last into the queue. Another CPU may have read it by now, or
 * does so: what is read here then is checked as everywhere.
 */
static __always_inline int trace_wake(void *ctx, struct sock *sk)
{
	struct sock___more *queue = (void *)sk;
	struct sk_buff *found = NULL;
	struct sk_buff___more *skb;

	if (FIELD(sk, sk_protocol) != IPPROTO_UDP)
		return 0;
	skb = FIELD(queue, sk_receive_queue.prev);
	for (int i = 0; i < TRACE_WOKEN; i++) {
		struct tracked *known;
		__u64 head;

		if (!skb || (void *)skb == (void *)&queue->sk_receive_queue)
			break;
		head = (__u64)FIELD((struct sk_buff *)skb, head);
		known = bpf_map_lookup_elem(&trace_packets, &head);
		if (known && known->woken != (__u64)skb) {
			found = (void *)skb;
			break;
		}
		skb = FIELD(skb, prev);
	}
	return trace_packet_of(ctx, found, sk, TRACE_SK_DATA_READY, 0, 0);
}

#endif
