//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * What is lost: drops, sockets without room, errors reported to senders, neighbours
 * that do not answer. These tracepoints fire when something goes wrong, so a healthy
 * path does not pay for them.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "drops.h"
#include "hooktime.h"
#include "socket.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* NETFILTER_DROP of the running kernel, 0 if hooks are not timed or it has no reasons. */
const volatile __u32 netfilter_reason;

/*
 * Written per drop, read per scrape. Allocated at once, because a packet can be
 * dropped wherever allocating is not allowed. Full: the drop is counted as lost.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 2048);
	__type(key, struct drop_place);
	__type(value, __u64);
} drops SEC(".maps");

/* Packets that the rules of a hook dropped. Index: hook_index(). */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * NETFILTER_HOOKS);
	__type(key, __u32);
	__type(value, __u64);
} netfilter_drops SEC(".maps");

/* Index: enum overflow. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, OVERFLOWS);
	__type(key, __u32);
	__type(value, __u64);
} overflows SEC(".maps");

/* ICMP errors that this host sent. Index: see ICMP_ENTRIES. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, ICMP_ENTRIES);
	__type(key, __u32);
	__type(value, __u64);
} icmp_errors SEC(".maps");

/* Neighbours that did not answer. Index: 0 for IPv4, 1 for IPv6. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, __u64);
} neighbor_failures SEC(".maps");

static __always_inline void count_at(void *array, __u32 key)
{
	__u64 *n = bpf_map_lookup_elem(array, &key);

	if (n)
		(*n)++;
}

/* A packet that is dropped between the first and the last program of a hook. */
static __always_inline void count_netfilter_drop(struct sk_buff *skb)
{
	__u64 address = address_of(skb);
	__u32 key = hash_address(address, 6);
	struct passage *p = bpf_map_lookup_elem(&passages, &key);

	if (!p || p->skb != address)
		return;
	p->skb = 0;
	count_at(&netfilter_drops, p->hook);
}

static __always_inline void count_drop(const struct dropped *d)
{
	struct network n = dropped_network(d->skb);
	struct drop_place place = {};
	__u64 *count, one = 1;

	read_drop_place(&place, d, &n);
	count = bpf_map_lookup_elem(&drops, &place);
	if (count)
		(*count)++;
	else if (bpf_map_update_elem(&drops, &place, &one, BPF_NOEXIST))
		count_loss(LOSS_DROPS);
}

SEC("tp_btf/kfree_skb")
int drop_reason_tracepoint(__u64 *ctx)
{
	struct dropped d;

	read_dropped(&d, ctx);
	if (!drop_in_scope(&d))
		return 0;
	count_drop(&d);
	if (netfilter_reason && d.reason == netfilter_reason)
		count_netfilter_drop(d.skb);
	return 0;
}

SEC("tp_btf/sock_rcvqueue_full")
int BPF_PROG(receive_queue_full_tracepoint, struct sock *sk)
{
	if (socket_in_scope(sk))
		count_at(&overflows, OVERFLOW_RECEIVE_QUEUE);
	return 0;
}

SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(udp_queue_full_tracepoint, int rc, struct sock *sk)
{
	if (socket_in_scope(sk))
		count_at(&overflows, rc == -ENOBUFS ? OVERFLOW_UDP_MEMORY : OVERFLOW_UDP_BUFFER);
	return 0;
}

SEC("tp_btf/sock_exceed_buf_limit")
int BPF_PROG(socket_memory_limit_tracepoint, struct sock *sk)
{
	if (socket_in_scope(sk))
		count_at(&overflows, OVERFLOW_MEMORY_LIMIT);
	return 0;
}

/* skb is the packet that the error is about; the error itself is not made yet. */
SEC("tp_btf/icmp_send")
int BPF_PROG(icmp_error_tracepoint, struct sk_buff *skb, int type, int code)
{
	__u32 entry = ICMP_ENTRIES - 1;
	struct dropped about = { .skb = skb };

	if (!drop_in_scope(&about))
		return 0;
	if ((__u32)type < ICMP_ENTRIES / ICMP_CODES && (__u32)code < ICMP_CODES)
		entry = type * ICMP_CODES + code;
	count_at(&icmp_errors, entry);
	return 0;
}

/* The timer has just decided about the neighbour. */
SEC("tp_btf/neigh_timer_handler")
int BPF_PROG(neighbor_failure_tracepoint, struct neighbour *n)
{
	if (READ(n, nud_state) == NUD_FAILED && in_scope(READ(n, dev)))
		count_at(&neighbor_failures, READ(n, tbl, family) != AF_INET);
	return 0;
}
