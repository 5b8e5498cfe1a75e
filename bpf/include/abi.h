/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the kernel half and the Go half agree on. Every struct here becomes a Go
 * type through abi.bpf.c; every enum has a label table in internal/stack that a
 * test compares with it.
 */
#ifndef PACKETSCOPE_ABI_H
#define PACKETSCOPE_ABI_H

#include <linux/types.h>

enum layer {
	LAYER_LINK,
	LAYER_NETWORK,
	LAYER_TRANSPORT,
	LAYER_SOCKET,
	LAYER_QDISC,
	LAYER_DRIVER,
	LAYERS,
};

enum direction {
	DIRECTION_RECEIVE,
	DIRECTION_TRANSMIT,
	DIRECTION_FORWARD,
	DIRECTIONS,
};

/* Family and protocol in one number, because few of their pairs can occur. */
enum kind {
	KIND_TCP4,
	KIND_UDP4,
	KIND_ICMP4,
	KIND_SCTP4,
	KIND_OTHER4,
	KIND_TCP6,
	KIND_UDP6,
	KIND_ICMP6,
	KIND_SCTP6,
	KIND_OTHER6,
	KIND_NON_IP,
	KINDS,
};

enum { IP_KINDS = KIND_NON_IP };

enum device_class {
	CLASS_NONE,
	CLASS_PHYSICAL,
	CLASS_VIRTUAL,
	CLASS_LOOPBACK,
	CLASSES,
};

/* Where a packet, or a read or write of a socket, is counted. */
enum station {
	STATION_NONE,
	STATION_LINK_RECEIVE,
	STATION_NETWORK_RECEIVE,
	STATION_TRANSPORT_RECEIVE,
	STATION_NETWORK_FORWARD,
	STATION_TRANSPORT_TRANSMIT,
	STATION_NETWORK_TRANSMIT,
	STATION_QDISC_TRANSMIT,
	STATION_DRIVER_TRANSMIT,
	STATION_SOCKET_READ,
	STATION_SOCKET_WRITE,
	STATIONS,
};

/* The ways between stations that are counted and timed. */
enum span {
	SPAN_NONE,
	SPAN_RECEIVE_LINK_NETWORK,
	SPAN_RECEIVE_NETWORK_TRANSPORT,
	SPAN_RECEIVE_LINK_TRANSPORT,
	SPAN_RECEIVE_TRANSPORT_SOCKET,
	SPAN_FORWARD_LINK_NETWORK,
	SPAN_FORWARD_NETWORK_QDISC,
	SPAN_FORWARD_LINK_QDISC,
	SPAN_TRANSMIT_TRANSPORT_NETWORK,
	SPAN_TRANSMIT_NETWORK_QDISC,
	SPAN_TRANSMIT_QDISC_DRIVER,
	SPAN_TRANSMIT_TRANSPORT_DRIVER,
	SPAN_TRANSMIT_TRANSPORT_QDISC,
	SPANS,
};

/*
 * How a packet came to its station: its path began there (the number of the
 * station), or it crossed a span, or it completed a whole path with its last span.
 * Counting packets by their way counts stations and spans at once.
 */
enum way {
	WAY_SPAN = STATIONS, /* + span */
	WAY_WHOLE_RECEIVE = WAY_SPAN + SPANS, /* link to network to transport */
	WAY_WHOLE_TRANSMIT, /* transport to network to qdisc to driver */
	WAYS,
};

enum cause {
	CAUSE_DROPPED,
	CAUSE_DEPARTED,
	CAUSE_MISSED,
	CAUSE_STALE,
	CAUSE_CLOCK,
	CAUSES,
};

/* Where an update is lost if a map is full. */
enum loss {
	LOSS_WATCHED_TRAFFIC,
	LOSS_WATCHED_LATENCY,
	LOSS_SOCKETS_READY,
	LOSS_FLOWS,
	LOSS_TCP_SOCKETS,
	LOSS_DROPS,
	LOSSES,
};

enum {
	DEVICE_SLOTS = 64,
	MAX_WATCHES = 64,
	DURATION_SLOTS = 128,
	POLL_SLOTS = 13,
};

enum softirq_vector {
	VECTOR_NET_TX,
	VECTOR_NET_RX,
	VECTORS,
};

/* The hooks in the order of enum nf_inet_hooks, for IPv4 and then IPv6. */
enum { NETFILTER_HOOKS = 5 };

/* Entries of the map latency. Device slot 0 of each kind is "other". */
enum latency_entry {
	/* + ((span * IP_KINDS) + kind) * (CLASSES - 1) + class - 1 */
	LATENCY_SPAN = 0,
	/* + kind */
	LATENCY_READ_WAIT = SPANS * IP_KINDS * (CLASSES - 1),
	/* + device slot */
	LATENCY_QDISC_WAIT = LATENCY_READ_WAIT + IP_KINDS,
	LATENCY_DRIVER_XMIT = LATENCY_QDISC_WAIT + DEVICE_SLOTS + 1,
	/* + vector */
	LATENCY_SOFTIRQ_WAIT = LATENCY_DRIVER_XMIT + DEVICE_SLOTS + 1,
	LATENCY_SOFTIRQ_RUN = LATENCY_SOFTIRQ_WAIT + VECTORS,
	/* + family * NETFILTER_HOOKS + hook */
	LATENCY_NETFILTER = LATENCY_SOFTIRQ_RUN + VECTORS,
	LATENCY_ENTRIES = LATENCY_NETFILTER + 2 * NETFILTER_HOOKS,
};

/*
 * Entries of the map traffic: (way * KINDS + kind) * CLASSES + class, and again for
 * runs of a program that interrupted itself: see count_traffic().
 */
enum { TRAFFIC_ENTRIES = WAYS * KINDS * CLASSES };

struct traffic {
	__u64 packets;
	__u64 bytes;
	__u64 segments; /* wire packets, see shinfo gso_segs */
};

/* Addresses are in network order, IPv4 as ::ffff:a.b.c.d; ports in host order. */
struct flow {
	__u32 saddr[4];
	__u32 daddr[4];
	__u16 sport;
	__u16 dport;
	__u8 protocol; /* IPPROTO_* */
	__u8 version; /* 4 or 6 */
	__u8 pad[2];
};

/*
 * A histogram of durations with its slowest recent packet. What every packet
 * touches stands first, in one cache line. The slow packet is whole if begun ==
 * done, else it is being written.
 */
struct latency {
	__u64 sum_ns;
	__u64 slow_ns;
	__u64 slow_ktime_ns; /* CLOCK_MONOTONIC */
	__u32 slow_jiffies;
	__u32 slow_begun;
	__u32 slow_done;
	__u32 pad;
	__u64 slots[DURATION_SLOTS]; /* by duration_slot() */
	struct flow slow_flow;
};

/* Key of the map watched_traffic. */
struct watched_station {
	__u32 entry; /* as the index of traffic */
	__u32 watch; /* id, never 0 */
};

/* Key of the map watched_latency. */
struct watched_entry {
	__u32 entry; /* as the index of latency */
	__u32 watch; /* id, never 0 */
};

/*
 * A flow filter. One end of the flow must fit address and ports, the other end
 * the peer's, in either direction. A zero mask fits all.
 */
struct watch {
	__u32 address[4];
	__u32 mask[4];
	__u32 peer_address[4];
	__u32 peer_mask[4];
	__u16 port_first;
	__u16 port_last;
	__u16 peer_port_first;
	__u16 peer_port_last;
	__u8 device[16]; /* NUL padded; all zero for any */
	__u8 protocol; /* IPPROTO_*, 0 for any */
	__u8 version; /* 4, 6, or 0 for both: ::/0 would fit mapped IPv4 too */
	__u8 id; /* 1..255, never 0 */
	__u8 pad[5];
};

/* Value of the map polls. */
struct polls {
	__u64 packets;
	__u64 exhausted;
	__u64 slots[POLL_SLOTS]; /* 0, 1, 2, 3-4, 5-8, ... */
};

/* Flows: who talks to whom. */

/* What this host is in a flow. */
enum flow_role {
	FLOW_PEER, /* the protocol has no ports */
	FLOW_CLIENT,
	FLOW_SERVER,
	FLOW_FORWARD, /* neither end is here */
	FLOW_ROLES,
};

/* Key of the map flows: all packets of one service with one network. */
struct flow_key {
	__u32 remote[4]; /* prefix; in network order, IPv4 as ::ffff:a.b.c.d */
	__u16 service_port; /* host order, 0 if the protocol has no ports */
	__u8 protocol; /* IPPROTO_* */
	__u8 role; /* enum flow_role */
};

/* What a flow carried. Packets are skbs, bytes count from the network header on. */
struct flow_counts {
	__u64 receive_bytes;
	__u64 receive_packets;
	__u64 transmit_bytes;
	__u64 transmit_packets;
	__u64 retransmits; /* of TCP segments */
};

/*
 * Value of the map flows. Written by all CPUs: the counts atomically, of the rest
 * the last one wins.
 */
struct flow_entry {
	struct flow_counts counts;
	__u64 last_jiffies;
	__u64 first_ns; /* CLOCK_MONOTONIC */
	__u64 first_jiffies;
	__u64 cgroup; /* id, of the socket that sent; 0 if not known */
	__u64 inode; /* of the socket that sent; 0 if not known */
	__u32 address[4]; /* one of the remote ones */
	__u32 srtt_us; /* 0 if not known */
	__u32 pad[5]; /* makes the entry with its key and the kernel's own part three cache lines */
};

/* Value of the map flow_totals: all flows, those that are no longer in the map too. */
struct flow_totals {
	struct flow_counts counts;
	__u64 created; /* entries made */
};

_Static_assert(sizeof(struct flow_key) == 20, "struct flow_key has padding");
_Static_assert(sizeof(struct flow_counts) == 40, "struct flow_counts has padding");
_Static_assert(sizeof(struct flow_entry) == 120, "struct flow_entry has padding");
_Static_assert(sizeof(struct flow_totals) == 48, "struct flow_totals has padding");

/* Drops. */

/* Where a drop's direction cannot be told from the packet; its reason may tell. */
enum { DIRECTION_UNKNOWN = DIRECTIONS };

/* Key of the map drops. */
struct drop_place {
	__u64 location; /* the instruction behind the call that dropped */
	__u32 reason; /* enum skb_drop_reason of the running kernel, 0 if it has none */
	__u8 kind;
	__u8 direction; /* enum direction or DIRECTION_UNKNOWN */
	__u8 pad[2];
};

/* A record of the ring buffer drop_events. */
struct drop_event {
	__u64 ktime_ns; /* CLOCK_MONOTONIC */
	struct drop_place place;
	__u32 netns; /* inode, 0 if not known */
	__u32 ifindex; /* of the device, or of the one that received the packet */
	__u8 device[16]; /* NUL padded; all zero if not known */
	struct flow flow; /* all zero if not IP */
	__u32 bytes;
	__u32 pad;
};

/* What became of the drops that a program with a ring buffer saw. */
enum drop_fate {
	FATE_SEEN,
	FATE_UNWANTED, /* left out by the filter */
	FATE_LIMITED, /* beyond the rate */
	FATE_LOST, /* the ring buffer was full */
	FATES,
};

/* How the queue or the memory of a socket had no room. */
enum overflow {
	OVERFLOW_RECEIVE_QUEUE,
	OVERFLOW_UDP_BUFFER,
	OVERFLOW_UDP_MEMORY,
	OVERFLOW_MEMORY_LIMIT,
	OVERFLOWS,
};

/* Entries of the map icmp_errors: type * ICMP_CODES + code; the last is for all others. */
enum { ICMP_CODES = 16, ICMP_ENTRIES = 16 * ICMP_CODES + 1 };

_Static_assert(sizeof(struct drop_place) == 16, "struct drop_place has padding");
_Static_assert(sizeof(struct drop_event) == 96, "struct drop_event has padding");
_Static_assert(sizeof(struct traffic) == 24, "struct traffic has padding");
_Static_assert(sizeof(struct flow) == 40, "struct flow has padding");
_Static_assert(sizeof(struct latency) == 40 + 8 * DURATION_SLOTS + 40,
	       "struct latency has padding");
_Static_assert(sizeof(struct watch) == 96, "struct watch has padding");
_Static_assert(sizeof(struct polls) == 16 + 8 * POLL_SLOTS, "struct polls has padding");

/*
 * One socket, as the iterators write it; sockets_tcp and sockets_udp say what the
 * fields are for each kind. Numbers of addresses and ports are as in struct flow but
 * for the ports, which are in host order.
 */
struct socket_record {
	__u64 inode; /* 0 if the application has let go of it */
	__u64 cgroup; /* id in the unified hierarchy, 0 if not known */
	__u32 local[4];
	__u32 peer[4];
	__u32 receive_bytes; /* memory of what waits to be read */
	__u32 transmit_bytes; /* memory of what waits to be sent or acknowledged */
	__u32 receive_queue; /* Recv-Q as ss shows it */
	__u32 transmit_queue; /* Send-Q */
	__u32 uid;
	__u32 device; /* index of the device it is bound to, or 0 */
	__u16 local_port;
	__u16 peer_port;
	__u8 version; /* 4 or 6 */
	__u8 protocol; /* IPPROTO_* */
	__u8 state; /* TCP_* of include/net/tcp_states.h */
	__u8 pad;
};

_Static_assert(sizeof(struct socket_record) == 80, "struct socket_record has padding");

/*
 * TCP. The maps tcp_counts and tcp_durations are tables whose parts begin where
 * enum tcp_count and enum tcp_duration say. An IP version is 0 for IPv4 and 1 for
 * IPv6.
 */
enum { IP_VERSIONS = 2 };

enum retransmit {
	RETRANSMIT_FAST,
	RETRANSMIT_RTO,
	RETRANSMIT_TLP,
	RETRANSMIT_SYN,
	RETRANSMIT_SYNACK,
	RETRANSMIT_OTHER,
	RETRANSMITS,
};

enum role {
	ROLE_ACTIVE,
	ROLE_PASSIVE,
	ROLES,
};

enum result {
	RESULT_ESTABLISHED,
	RESULT_REFUSED,
	RESULT_TIMEOUT,
	RESULT_UNREACHABLE,
	RESULT_ABORTED,
	RESULTS,
};

enum side {
	SIDE_LOCAL,
	SIDE_PEER,
	SIDES,
};

/* In the order of the kernel's enum tcp_ca_state. */
enum congestion {
	CONGESTION_OPEN,
	CONGESTION_DISORDER,
	CONGESTION_CWR,
	CONGESTION_RECOVERY,
	CONGESTION_LOSS,
	CONGESTIONS,
};

/* Room for enum sk_rst_reason, which grows; the last entry is for all beyond. */
enum { RESET_REASONS = 64 };

enum tcp_count {
	/* + version * RETRANSMITS + enum retransmit; in segments */
	TCP_COUNT_RETRANSMIT = 0,
	/* + version * RESET_REASONS + reason */
	TCP_COUNT_RESET_SENT = TCP_COUNT_RETRANSMIT + IP_VERSIONS * RETRANSMITS,
	/* + version */
	TCP_COUNT_RESET_RECEIVED = TCP_COUNT_RESET_SENT + IP_VERSIONS * RESET_REASONS,
	/* + side */
	TCP_COUNT_ZERO_WINDOW = TCP_COUNT_RESET_RECEIVED + IP_VERSIONS,
	/* + enum congestion */
	TCP_COUNT_CONGESTION = TCP_COUNT_ZERO_WINDOW + SIDES,
	/* + version */
	TCP_COUNT_DUPLICATE_ACK = TCP_COUNT_CONGESTION + CONGESTIONS,
	/* + version */
	TCP_COUNT_BAD_CHECKSUM = TCP_COUNT_DUPLICATE_ACK + IP_VERSIONS,
	TCP_COUNTS = TCP_COUNT_BAD_CHECKSUM + IP_VERSIONS,
};

enum tcp_duration {
	/* + version */
	TCP_DURATION_RTT = 0,
	/* + (version * ROLES + role) * RESULTS + result */
	TCP_DURATION_CONNECT = TCP_DURATION_RTT + IP_VERSIONS,
	/* + side */
	TCP_DURATION_ZERO_WINDOW = TCP_DURATION_CONNECT + IP_VERSIONS * ROLES * RESULTS,
	TCP_DURATIONS = TCP_DURATION_ZERO_WINDOW + SIDES,
};

#endif
