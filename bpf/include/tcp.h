/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* How TCP fares: what its probes share, and retransmits and resets, which are rare. */
#ifndef PACKETSCOPE_TCP_H
#define PACKETSCOPE_TCP_H

#include "socket.h"

#define TCP_ESTABLISHED 1
#define TCP_SYN_SENT 2
#define TCP_SYN_RECV 3
#define TCP_CLOSE 7

#define TCP_CA_RECOVERY 3
#define TCP_CA_LOSS 4
#define ICSK_TIME_LOSS_PROBE 5

#define ENETUNREACH 101
#define ETIMEDOUT 110
#define ECONNREFUSED 111
#define EHOSTUNREACH 113

#define NSEC_PER_USEC 1000

/* Which arguments the tracepoints of this kernel have, set by the loader. */
const volatile __u32 retransmit_has_error; /* newer than Linux 6.12 */
const volatile __u32 reset_has_reason; /* Linux 6.10 */

/* Written per event, read per scrape. Index: enum tcp_count. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TCP_COUNTS);
	__type(key, __u32);
	__type(value, __u64);
} tcp_counts SEC(".maps");

/* Written per event and per sampled segment, read per scrape. Index: enum tcp_duration. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TCP_DURATIONS);
	__type(key, __u32);
	__type(value, struct latency);
} tcp_durations SEC(".maps");

/* Counts the segments that could be sampled for their round trip time. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} tcp_turns SEC(".maps");

/* What lasts in a socket: since when, as ktime in ns, 0 if it does not. */
struct tcp_spells {
	__u64 connect_ns;
	__u64 zero_window_ns[SIDES];
};

/*
 * Sockets that are connecting or had a window of zero; freed with the socket, so it
 * cannot become full. Where memory is short the spell is counted and not timed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct tcp_spells);
} tcp_by_socket SEC(".maps");

/*
 * When the SYN-ACK of a connection request was first sent, ktime in ns, for those sent
 * again: the kernel forgets it then. Full: the oldest is forgotten, as after a
 * SYN flood, and the connect is not timed.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct flow);
	__type(value, __u64);
} tcp_requests SEC(".maps");

static __always_inline void count_tcp(__u32 entry, __u32 n)
{
	__u64 *count = bpf_map_lookup_elem(&tcp_counts, &entry);

	/* Rare, and two programs share some entries: one may run in a softirq on top of the other. */
	if (count)
		__sync_fetch_and_add(count, n);
}

static __always_inline void record_tcp(__u32 entry, struct sock *sk, __u64 ns)
{
	struct latency *l = bpf_map_lookup_elem(&tcp_durations, &entry);

	if (l)
		record_socket(l, sk, ns, bpf_ktime_get_ns());
}

/* 0 for IPv4, 1 for IPv6. */
static __always_inline __u32 socket_family(struct sock *sk)
{
	return socket_version(sk) == 6;
}

static __always_inline __u32 packet_family(struct sk_buff *skb)
{
	return READ(skb, protocol) == bpf_htons(ETH_P_IPV6);
}

static __always_inline struct tcp_sock *tcp_of(struct sock *sk)
{
	if (bpf_rdonly_cast)
		return bpf_rdonly_cast(sk, bpf_core_type_id_kernel(struct tcp_sock));
	return (struct tcp_sock *)bpf_skc_to_tcp_sock(sk);
}

static __always_inline struct tcp_spells *spells_of(struct sock *sk, bool create)
{
	return bpf_sk_storage_get(&tcp_by_socket, sk, 0, create ? BPF_SK_STORAGE_GET_F_CREATE : 0);
}

/* Why the kernel sends again: it does not say, but its state does. */
static __always_inline enum retransmit retransmit_of(struct sock *sk)
{
	struct inet_connection_sock *icsk = (void *)sk;
	__u8 state = READ(sk, __sk_common.skc_state);
	__u8 congestion = BPF_CORE_READ_BITFIELD_PROBED(icsk, icsk_ca_state);

	if (state == TCP_SYN_SENT)
		return RETRANSMIT_SYN;
	if (state == TCP_SYN_RECV)
		return RETRANSMIT_SYNACK;
	if (congestion == TCP_CA_RECOVERY)
		return RETRANSMIT_FAST;
	if (congestion == TCP_CA_LOSS)
		return RETRANSMIT_RTO;
	/* The timer of a probe is pending until it was sent, and no other sends outside of recovery. */
	if (BPF_CORE_READ(icsk, icsk_pending) == ICSK_TIME_LOSS_PROBE)
		return RETRANSMIT_TLP;
	return RETRANSMIT_OTHER;
}

/*
 * Counts in segments, as the kernel does in RetransSegs and tcpi_total_retrans, but for
 * those that failed here and were never sent.
 */
static __always_inline void retransmitted(struct sock *sk, struct sk_buff *skb)
{
	struct tcp_skb_cb *cb = (void *)&skb->cb;
	__u16 segments = 0;

	if (!socket_in_scope(sk))
		return;
	bpf_core_read(&segments, sizeof(segments), &cb->tcp_gso_segs);
	count_tcp(TCP_COUNT_RETRANSMIT + socket_family(sk) * RETRANSMITS + retransmit_of(sk),
		  segments ? segments : 1);
}

/* The flow of a connection request as read_socket_flow() gives it for its socket. */
static __always_inline void read_request_flow(struct flow *f, struct request_sock *req)
{
	__builtin_memset(f, 0, sizeof(*f));
	f->version = READ(req, __req_common.skc_family) == AF_INET ? 4 : 6;
	f->protocol = IPPROTO_TCP;
	f->sport = bpf_ntohs(READ(req, __req_common.skc_dport));
	f->dport = READ(req, __req_common.skc_num);
	if (f->version == 4) {
		f->saddr[2] = f->daddr[2] = bpf_htonl(0xffff);
		f->saddr[3] = READ(req, __req_common.skc_daddr);
		f->daddr[3] = READ(req, __req_common.skc_rcv_saddr);
		return;
	}
	for (int i = 0; i < 4; i++) {
		f->saddr[i] = READ(req, __req_common.skc_v6_daddr.in6_u.u6_addr32[i]);
		f->daddr[i] = READ(req, __req_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i]);
	}
}

/* A listening socket sent a SYN-ACK again. */
static __always_inline void synack_retransmitted(struct sock *sk, struct request_sock *req)
{
	struct tcp_request_sock *tcp = (void *)req;
	__u32 family = READ(req, __req_common.skc_family) == AF_INET6;
	__u64 first_ns = BPF_CORE_READ(tcp, snt_synack) * NSEC_PER_USEC;
	struct flow f;

	if (!socket_in_scope(sk))
		return;
	count_tcp(TCP_COUNT_RETRANSMIT + family * RETRANSMITS + RETRANSMIT_SYNACK, 1);
	read_request_flow(&f, req);
	bpf_map_update_elem(&tcp_requests, &f, &first_ns, BPF_ANY);
}

/*
 * Either sk or skb may be missing: a packet for no socket, or a reset that no packet
 * caused. The packet is the one that is answered.
 */
static __always_inline void reset_sent(struct sock *sk, struct sk_buff *skb, __u32 reason)
{
	__u32 family;

	if (skb)
		family = packet_family(skb);
	else if (sk)
		family = socket_family(sk);
	else
		return;
	if (sk ? !socket_in_scope(sk) : !in_scope(READ(skb, dev)))
		return;
	if (reason >= RESET_REASONS)
		reason = RESET_REASONS - 1;
	count_tcp(TCP_COUNT_RESET_SENT + family * RESET_REASONS + reason, 1);
}

#endif
