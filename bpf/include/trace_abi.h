/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the Tracer's programs and the Go half agree on. */
#ifndef PACKETSCOPE_TRACE_ABI_H
#define PACKETSCOPE_TRACE_ABI_H

#include <linux/types.h>

enum trace_limit {
	TRACE_SNAP = 256, /* bytes of a frame */
	TRACE_FRAMES = 48, /* of a stack */
	TRACE_PACKETS = 8192, /* that are followed at a time */
	TRACE_NESTING = 4, /* programs that run on a CPU, each interrupted by the next */
	TRACE_WOKEN = 4, /* datagrams that the owner of a socket may be told of at a time */
};

/* Where a packet was seen. */
enum trace_hook {
	TRACE_NAPI_GRO_RECEIVE_ENTRY,
	TRACE_NETIF_RX,
	TRACE_NETIF_RECEIVE_SKB,
	TRACE_NET_DEV_QUEUE,
	TRACE_QDISC_ENQUEUE,
	TRACE_QDISC_DEQUEUE,
	TRACE_NET_DEV_START_XMIT,
	TRACE_NET_DEV_XMIT,
	TRACE_SKB_COPY_DATAGRAM_IOVEC,
	TRACE_TCP_PROBE,
	TRACE_TCP_RETRANSMIT_SKB,
	TRACE_TCP_SEND_RESET,
	TRACE_TCP_BAD_CSUM,
	TRACE_UDP_FAIL_QUEUE_RCV_SKB,
	TRACE_SK_DATA_READY,
	TRACE_ICMP_SEND,
	TRACE_CONSUME_SKB,
	TRACE_KFREE_SKB,
	TRACE_FUNCTION, /* the location says which */
	TRACE_HOOKS,
};

/* Entries of the map trace_counts. */
enum trace_count {
	TRACE_COUNT_SEEN, /* packets at hooks */
	TRACE_COUNT_CHOSEN,
	TRACE_COUNT_LOST, /* chosen, and there was no room in the ring buffer */
	TRACE_COUNT_MISSED, /* not looked at, as too many programs had interrupted each other */
	TRACE_COUNTS,
};

/*
 * What a filter looks at: Scratch of package filter. The frame begins with Ethernet's
 * header, which is made up (zero addresses) where a packet has none.
 */
struct trace_scratch {
	__u32 length; /* of the frame */
	__u32 captured; /* bytes of data that are there */
	__u32 interface; /* index */
	__u32 process; /* of the running task */
	__u32 netns; /* inode */
	__u32 family; /* of the socket, AF_…, or 0 */
	__u64 cgroup; /* of the socket, or 0 */
	__u8 data[TRACE_SNAP];
};

/*
 * A packet at a hook. A packet is its head, the address of its buffer, together with when it
 * was first seen there: clones share the buffer, and it is used again when it is free.
 */
struct trace_event {
	__u64 ktime_ns;
	__u64 first_ns;
	__u64 head;
	__u64 skb;
	__u64 location; /* of kfree_skb: who called; of a function: its cookie */
	__u64 inode; /* of the socket, or 0 */
	__u32 hook; /* enum trace_hook */
	__s32 value; /* drop reason, return code, or error, by hook */
	__u32 cpu;
	__u32 thread; /* of the running task */
	__u32 segments; /* that a packet stands for, 0 if it is one */
	__u32 frames; /* bytes of stack that are there */
	char command[16]; /* of the running task */
	char device[16];
	struct trace_scratch packet;
	__u64 stack[TRACE_FRAMES]; /* the innermost first */
};

_Static_assert(sizeof(struct trace_scratch) == 288, "holes in struct trace_scratch");
_Static_assert(sizeof(struct trace_event) == 776, "holes in struct trace_event");

#endif
