/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the programs of the path map and the Go half agree on. */
#ifndef PACKETSCOPE_PATHMAP_ABI_H
#define PACKETSCOPE_PATHMAP_ABI_H

#include <linux/types.h>

enum path_limit {
	PATH_FRAMES = 48, /* of a stack */
	PATH_SLOTS = 1024, /* packets that are followed at a time; a power of two */
};

/* Where packets are seen. */
enum path_hook {
	PATH_NAPI_GRO_RECEIVE_ENTRY,
	PATH_NETIF_RX,
	PATH_NETIF_RECEIVE_SKB,
	PATH_NET_DEV_QUEUE,
	/* The ones above are where packets come from: there they are chosen. */
	PATH_QDISC_ENQUEUE,
	PATH_QDISC_DEQUEUE,
	PATH_NET_DEV_START_XMIT,
	PATH_NET_DEV_XMIT,
	PATH_TCP_PROBE,
	PATH_SK_DATA_READY,
	PATH_SKB_COPY_DATAGRAM_IOVEC,
	PATH_CONSUME_SKB,
	PATH_KFREE_SKB,
};

/* The value of the map path_turns: what programs may do until the turn changes. */
struct path_turn {
	__u32 turn; /* counts from 1; 0: nothing may be done */
	__u32 chance; /* one packet of chance + 1 is chosen; a power of two less one */
	__u32 runs; /* of programs, on each CPU */
	__u32 events; /* on each CPU; the drops of packets that were not chosen among them */
	__u32 drops; /* of packets that were not chosen, on each CPU */
	__u32 padding;
};

/* What was done since the programs were loaded: the value of the map path_counts. */
struct path_count {
	__u64 runs; /* of programs */
	__u64 offered; /* packets that came to where they are chosen */
	__u64 chosen;
	__u64 drops; /* that were told of though their packets were not chosen */
	__u64 events;
	__u64 lost; /* events for which the ring buffer had no room */
	__u64 spent; /* turns that ended because they were used up */
};

/* A packet at a hook. */
struct path_event {
	__u64 ktime_ns;
	__u64 first_ns; /* with head: which packet */
	__u64 head; /* address of its buffer */
	__u64 skb;
	__u32 hook; /* enum path_hook */
	__s32 value; /* drop reason, return code or bytes, by hook */
	__u32 cpu;
	__u32 thread; /* of the running task */
	__u16 ether; /* type of Ethernet */
	__u16 protocol; /* number that IP has for what it carries */
	__u32 frames; /* bytes of stack that are there */
	__u32 took_ns; /* to take the stack */
	__u32 padding;
	__u64 stack[PATH_FRAMES]; /* the innermost first */
};

/* Ends a turn that is used up; it is told apart by its size. */
struct path_spent {
	__u32 turn;
	__u32 cpu;
};

_Static_assert(sizeof(struct path_turn) == 24, "holes in struct path_turn");
_Static_assert(sizeof(struct path_count) == 56, "holes in struct path_count");
_Static_assert(sizeof(struct path_event) == 448, "holes in struct path_event");
_Static_assert(sizeof(struct path_spent) == 8, "holes in struct path_spent");

#endif
