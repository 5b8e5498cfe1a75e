/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What a socket iterator tells of a socket: a record for each, written to whoever reads
 * the iterator. Nothing is added up here, because the same records make the metrics and
 * the list, and user space adds up ten thousand of them in less than a millisecond.
 */
#ifndef PACKETSCOPE_SOCKETS_H
#define PACKETSCOPE_SOCKETS_H

#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>
#include "abi.h"
#include "kernel.h"

/* What every socket has, minisocks of connections that begin or end included. */
static __always_inline void record_addresses(struct socket_record *r, struct sock_common *skc)
{
	r->state = skc->skc_state;
	r->local_port = skc->skc_num;
	r->peer_port = bpf_ntohs(skc->skc_dport);
	r->device = skc->skc_bound_dev_if;
	if (skc->skc_family == AF_INET6) {
		r->version = 6;
		__builtin_memcpy(r->local, &skc->skc_v6_rcv_saddr, sizeof(r->local));
		__builtin_memcpy(r->peer, &skc->skc_v6_daddr, sizeof(r->peer));
	} else {
		r->version = 4;
		r->local[0] = skc->skc_rcv_saddr;
		r->peer[0] = skc->skc_daddr;
	}
}

/* What only full sockets have. */
static __always_inline void record_sock(struct socket_record *r, struct sock *sk)
{
	struct socket *owner = sk->sk_socket;

	/* Packets that came while the application held the lock wait in the backlog. */
	r->receive_bytes = sk->sk_backlog.rmem_alloc.counter + sk->sk_backlog.len;
	if (owner) /* at the beginning of struct socket_alloc */
		r->inode = BPF_CORE_READ((struct socket_alloc *)owner, vfs_inode.i_ino);
	if (bpf_core_field_exists(sk->sk_cgrp_data.cgroup))
		r->cgroup = BPF_CORE_READ(sk, sk_cgrp_data.cgroup, kn, id);
}

static __always_inline void record_tcp(struct socket_record *r, struct tcp_sock *tp)
{
	struct sock *sk = &tp->inet_conn.icsk_inet.sk;
	int unread;

	record_sock(r, sk);
	r->transmit_bytes = sk->sk_wmem_queued;
	if (r->state == TCP_LISTEN) {
		/* Connections that wait for accept, and how many may. */
		r->receive_queue = sk->sk_ack_backlog;
		r->transmit_queue = sk->sk_max_ack_backlog;
		return;
	}
	unread = tp->rcv_nxt - tp->copied_seq;
	r->receive_queue = unread > 0 ? unread : 0; /* less after a FIN was read */
	r->transmit_queue = tp->write_seq - tp->snd_una;
}

static __always_inline void record_udp(struct socket_record *r, struct udp_sock *up)
{
	struct sock *sk = &up->inet.sk;

	record_sock(r, sk);
	/* One is the socket's own reference. */
	r->transmit_bytes = sk->sk_wmem_alloc.refs.counter - 1;
	r->transmit_queue = r->transmit_bytes;
	/* Less what was read and not yet given back. */
	r->receive_queue = sk->sk_backlog.rmem_alloc.counter - up->forward_deficit;
}

#endif
