/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* Reads and writes of sockets, and how long data was ready before it was read. */
#ifndef PACKETSCOPE_SOCKET_H
#define PACKETSCOPE_SOCKET_H

#include "station.h"

/*
 * The packet that this CPU handed to the transport layer last. A transport
 * protocol works on one packet at a time, so if a socket's data becomes ready
 * before the next packet comes, it is because of this one.
 */
struct handover {
	__u64 since_ns; /* 0 if not timed */
	__u8 class_kind;
	__u8 watch;
	__u8 pending; /* not yet followed by a socket */
	__u8 turn; /* counts the waits that began on this CPU, for sampling */
};

/* In place of the time: data is ready, but its wait is not timed. */
#define READY_UNTIMED 1

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct handover);
} handovers SEC(".maps");

/*
 * When the oldest unread data of a socket became ready: ktime in ns, 0 if there is
 * none. Whether a wait is timed is decided as it begins: were it timed from a
 * later notice, it would seem shorter than it is.
 */
#ifdef PROBE_READ_ONLY
/* What was ready in a socket; another socket at its address has other ends. */
struct ready {
	__u64 since_ns;
	__u64 ends;
};

/* A kprobe has no typed socket to hang storage on. Full: the least used socket is forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, __u64);
	__type(value, struct ready);
} ready_by_address SEC(".maps");

static __always_inline __u64 *ready_time(struct sock *sk, bool create)
{
	struct ready none = {
		.ends = (__u64)READ(sk, __sk_common.skc_daddr) << 32 |
			READ(sk, __sk_common.skc_num) << 16 | READ(sk, __sk_common.skc_dport),
	};
	__u64 key = (__u64)sk;
	struct ready *ready = bpf_map_lookup_elem(&ready_by_address, &key);

	if (create && (!ready || ready->ends != none.ends)) {
		bpf_map_update_elem(&ready_by_address, &key, &none, BPF_ANY);
		ready = bpf_map_lookup_elem(&ready_by_address, &key);
	} else if (ready && ready->ends != none.ends) {
		ready = 0;
	}
	/*
	 * Or clang asks the caller's "is it NULL?" by comparing ends again, and the
	 * verifier does not see that this is the same question.
	 */
	barrier_var(ready);
	return ready ? &ready->since_ns : 0;
}
#else
/* Freed with its socket, so it cannot become full; creation can fail for want of memory. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, __u64);
} ready_by_socket SEC(".maps");

static __always_inline __u64 *ready_time(struct sock *sk, bool create)
{
	return bpf_sk_storage_get(&ready_by_socket, sk, 0,
				  create ? BPF_SK_STORAGE_GET_F_CREATE : 0);
}
#endif

static __always_inline bool is_inet(struct sock *sk)
{
	__u16 family = READ(sk, __sk_common.skc_family);

	return family == AF_INET || family == AF_INET6;
}

static __always_inline bool socket_in_scope(struct sock *sk)
{
	return !scope_netns || READ(sk, __sk_common.skc_net.net, ns.inum) == scope_netns;
}

static __always_inline bool is_mapped(struct sock *sk)
{
	return READ(sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32[2]) == bpf_htonl(0xffff);
}

static __always_inline __u8 socket_version(struct sock *sk)
{
	return READ(sk, __sk_common.skc_family) == AF_INET || is_mapped(sk) ? 4 : 6;
}

/*
 * The kind of a socket's packets. An IPv6 socket connected to an IPv4 peer counts
 * as IPv4; one that is not connected and may get both counts as IPv6.
 */
static __always_inline enum kind socket_kind(struct sock *sk)
{
	__u8 protocol = READ(sk, sk_protocol);

	return socket_version(sk) == 4 ? ipv4_kind(protocol) : ipv6_kind(protocol);
}

/* The socket's flow, as the packets that it receives carry it: from the peer to this host. */
static __always_inline void read_socket_flow(struct flow *f, struct sock *sk)
{
	__builtin_memset(f, 0, sizeof(*f));
	f->version = socket_version(sk);
	f->protocol = READ(sk, sk_protocol);
	f->sport = bpf_ntohs(READ(sk, __sk_common.skc_dport));
	f->dport = READ(sk, __sk_common.skc_num);
	if (READ(sk, __sk_common.skc_family) == AF_INET) {
		f->saddr[2] = f->daddr[2] = bpf_htonl(0xffff);
		f->saddr[3] = READ(sk, __sk_common.skc_daddr);
		f->daddr[3] = READ(sk, __sk_common.skc_rcv_saddr);
		return;
	}
	for (int i = 0; i < 4; i++) {
		f->saddr[i] = READ(sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32[i]);
		f->daddr[i] = READ(sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32[i]);
	}
}

static __always_inline __u32 socket_watch(struct sock *sk)
{
	struct device_name no_device = {};
	struct flow f;

	if (!watching())
		return 0;
	read_socket_flow(&f, sk);
	return watch_of(&f, &no_device);
}

static __always_inline void record_socket(struct latency *l, struct sock *sk, __u64 ns, __u64 now)
{
	struct flow f;

	record_duration(l, ns);
	if (!is_slow(l, ns))
		return;
	read_socket_flow(&f, sk);
	record_slow(l, &f, ns, now);
}

static __always_inline struct handover *this_handover(void)
{
	__u32 key = 0;

	return bpf_map_lookup_elem(&handovers, &key);
}

/* A packet with the given stamp goes to its transport protocol. */
static __always_inline void hand_over(const struct stamp *s)
{
	struct handover *h = this_handover();

	if (!h || !s)
		return;
	h->since_ns = s->last_ns;
	h->class_kind = s->class_kind;
	h->watch = s->watch;
	h->pending = (s->class_kind & 0xf) != KIND_NON_IP;
}

/* The packet that made a socket's data ready, if that can be told. */
static __always_inline bool is_cause(const struct handover *h, struct sock *sk)
{
	/*
	 * A locked socket works off its backlog when its user lets go; whose data is
	 * ready then cannot be told, so it is left out.
	 */
	return h->pending && !READ(sk, sk_lock.owned) &&
	       (h->class_kind & 0xf) % KIND_TCP6 == socket_kind(sk) % KIND_TCP6;
}

/* Counts the crossing of the packet that made a socket's data ready, and times it unless now is 0. */
static __always_inline void cross_to_socket(struct handover *h, struct sock *sk, __u64 now)
{
	struct latency *l;

	h->pending = 0;
	count_traffic(WAY_SPAN + SPAN_RECEIVE_TRANSPORT_SOCKET, h->class_kind, h->watch, 0, 0,
		      false);
	if (!h->since_ns || !now)
		return;
	l = latency_of(span_entry(SPAN_RECEIVE_TRANSPORT_SOCKET, h->class_kind), h->watch);
	if (l && now >= h->since_ns)
		record_socket(l, sk, now - h->since_ns, now);
	else if (l)
		count_unmatched(SPAN_RECEIVE_TRANSPORT_SOCKET, CAUSE_CLOCK);
}

/* Data of a socket became ready to read. */
static __always_inline void socket_ready(struct sock *sk)
{
	struct handover *h = this_handover();
	__u64 *ready, now = 0;
	bool caused, begins;

	if (!h || !is_inet(sk) || !socket_in_scope(sk))
		return;
	ready = ready_time(sk, true);
	if (!ready)
		count_loss(LOSS_SOCKETS_READY);
	caused = is_cause(h, sk);
	begins = ready && !*ready && !(h->turn++ & sample_mask);
	if (begins || (caused && h->since_ns))
		now = bpf_ktime_get_ns();
	if (ready && !*ready)
		*ready = begins ? now : READY_UNTIMED;
	if (caused)
		cross_to_socket(h, sk, now);
}

/* A read or write moved data. A peek (MSG_PEEK) moves none. */
static __always_inline void socket_moved(enum station at, struct sock *sk, int bytes, int flags)
{
	if (bytes <= 0 || flags & MSG_PEEK || !is_inet(sk) || !socket_in_scope(sk))
		return;
	count_traffic(at, CLASS_NONE << 4 | socket_kind(sk), socket_watch(sk), bytes, 0, false);
}

/*
 * A read got data, so what was ready waits no longer; data left behind waits for the
 * next notice. A read of nothing found an empty datagram or the end of the stream: it
 * is not counted, but nothing waits any longer either.
 */
static __always_inline void socket_read(struct sock *sk, int bytes, int flags)
{
	__u64 *ready, now;
	struct latency *l;

	socket_moved(STATION_SOCKET_READ, sk, bytes, flags);
	if (bytes < 0 || flags & MSG_PEEK || !is_inet(sk) || !socket_in_scope(sk))
		return;
	ready = ready_time(sk, false);
	if (!bytes || !ready || *ready <= READY_UNTIMED) {
		if (ready)
			*ready = 0;
		return;
	}
	now = bpf_ktime_get_ns();
	l = latency_of(LATENCY_READ_WAIT + socket_kind(sk), socket_watch(sk));
	if (l && now >= *ready)
		record_socket(l, sk, now - *ready, now);
	*ready = 0;
}

#endif
