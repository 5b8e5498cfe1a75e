//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * Counts the connections that others have open to this host, by prefix: from
 * TCP_ESTABLISHED on, when the source is proven, until the socket is closed. TIME-WAIT
 * does not count, as it holds next to nothing.
 *
 * The kernel leaves an event out if it comes while the program runs on the same CPU. So
 * user space compares the counts with the list of sockets now and then; what is wrong
 * must not make it worse until then. A socket is marked when it is counted, and what is
 * not marked is not taken off; a count that would go below one is removed.
 */
#include "guard_connections.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>
#include "kernel.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Set by the loader. */
const volatile __u32 guard_namespace; /* the inode of the network namespace */
const volatile __u8 guard_lengths4[GUARD_MAX_LENGTHS]; /* of prefixes; 0 for none */
const volatile __u8 guard_lengths6[GUARD_MAX_LENGTHS];

/* Connections that were not counted, as there was no room. */
__u64 guard_uncounted;

struct guard_mark {
	__be32 address[4]; /* of the peer */
	__u8 family; /* 0: it is not counted */
	__u8 asked; /* this host asked for the connection */
	__u8 padding[2];
};

/* By socket, and gone with it. */
struct {
	__uint(type, BPF_MAP_TYPE_SK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct guard_mark);
} guard_marks SEC(".maps");

static __always_inline void guard_opened(const struct guard_prefix *key)
{
	__s32 none = 0, *open = bpf_map_lookup_elem(&guard_connections, key);

	if (!open) {
		bpf_map_update_elem(&guard_connections, key, &none, BPF_NOEXIST);
		open = bpf_map_lookup_elem(&guard_connections, key);
	}
	if (open)
		__sync_fetch_and_add(open, 1);
	else
		__sync_fetch_and_add(&guard_uncounted, 1);
}

/*
 * A connection that is counted between the two steps is lost, and found again by user
 * space; it is not taken off when it ends.
 */
static __always_inline void guard_closed(const struct guard_prefix *key)
{
	__s32 *open = bpf_map_lookup_elem(&guard_connections, key);

	if (open && __sync_fetch_and_add(open, -1) <= 1)
		bpf_map_delete_elem(&guard_connections, key);
}

/* Counts all prefixes of the peer one up or down. */
static __always_inline void guard_count_peer(const struct guard_mark *m, bool opened)
{
	const volatile __u8 *lengths = m->family == 6 ? guard_lengths6 : guard_lengths4;
	struct guard_prefix key;

	for (int i = 0; i < GUARD_MAX_LENGTHS; i++) {
		__u32 bits = lengths[i];

		if (!bits)
			break;
		guard_prefix_of(&key, m->address, m->family, bits);
		if (opened)
			guard_opened(&key);
		else
			guard_closed(&key);
	}
}

/* Notes the peer: an IPv4 address also where the socket is one of IPv6. */
static __always_inline void guard_note_peer(struct guard_mark *m, struct sock *sk)
{
	struct in6_addr a;

	if (BPF_CORE_READ(sk, __sk_common.skc_family) != AF_INET6) {
		m->family = 4;
		m->address[0] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
		return;
	}
	a = BPF_CORE_READ(sk, __sk_common.skc_v6_daddr);
	if (!a.in6_u.u6_addr32[0] && !a.in6_u.u6_addr32[1] &&
	    a.in6_u.u6_addr32[2] == bpf_htonl(0xffff)) {
		m->family = 4;
		m->address[0] = a.in6_u.u6_addr32[3];
		return;
	}
	m->family = 6;
	__builtin_memcpy(m->address, &a, sizeof(m->address));
}

/* Whether a socket is one that this host's policy is about. */
static __always_inline bool guard_counts_socket(struct sock *sk)
{
	return BPF_CORE_READ(sk, sk_protocol) == IPPROTO_TCP &&
	       BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum) == guard_namespace;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(guard_count_connection, struct sock *sk, int before, int after)
{
	bool made = after == TCP_SYN_RECV && before == TCP_SYN_SENT; /* both asked at once */
	bool opens = after == TCP_ESTABLISHED && before == TCP_SYN_RECV;
	struct guard_mark *m;

	if ((!made && !opens && after != TCP_CLOSE) || !guard_counts_socket(sk))
		return 0;
	m = bpf_sk_storage_get(&guard_marks, sk, NULL,
			       after == TCP_CLOSE ? 0 : BPF_SK_STORAGE_GET_F_CREATE);
	if (!m) {
		if (opens)
			__sync_fetch_and_add(&guard_uncounted, 1);
		return 0;
	}
	if (made) {
		m->asked = 1;
	} else if (opens) {
		if (m->asked || m->family)
			return 0;
		guard_note_peer(m, sk);
		guard_count_peer(m, true);
	} else if (m->family) {
		guard_count_peer(m, false);
		m->family = 0;
	}
	return 0;
}
