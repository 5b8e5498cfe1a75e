/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* How long connects take and how they end. */
#ifndef PACKETSCOPE_TCP_CONNECT_H
#define PACKETSCOPE_TCP_CONNECT_H

#include "tcp_segment.h"

static __always_inline enum result result_of(struct sock *sk, int state)
{
	if (state == TCP_ESTABLISHED)
		return RESULT_ESTABLISHED;
	switch (READ(sk, sk_err)) {
	case ECONNREFUSED:
		return RESULT_REFUSED;
	case ETIMEDOUT:
		return RESULT_TIMEOUT;
	case ENETUNREACH:
	case EHOSTUNREACH:
		return RESULT_UNREACHABLE;
	}
	return RESULT_ABORTED;
}

static __always_inline void record_connect(struct sock *sk, enum role role, enum result result,
					   __u64 ns)
{
	record_tcp(TCP_DURATION_CONNECT + (socket_family(sk) * ROLES + role) * RESULTS + result, sk,
		   ns);
}

/*
 * A peer's connect is complete. It began with our SYN-ACK; if that was sent once only,
 * the socket's first round trip is the time since. Of one sent again the round trip
 * is that of the last.
 */
static __always_inline void accepted(struct sock *sk)
{
	struct tcp_sock *tp = tcp_of(sk);
	__u64 *first_ns, now;
	struct flow f;
	__u32 srtt;

	if (!tp)
		return;
	srtt = tp->srtt_us >> 3;
	if (!tp->total_retrans) {
		if (srtt)
			record_connect(sk, ROLE_PASSIVE, RESULT_ESTABLISHED,
				       (__u64)srtt * NSEC_PER_USEC);
		return;
	}
	read_socket_flow(&f, sk);
	first_ns = bpf_map_lookup_elem(&tcp_requests, &f);
	now = bpf_ktime_get_ns();
	if (!first_ns || !*first_ns || *first_ns > now)
		return;
	record_connect(sk, ROLE_PASSIVE, RESULT_ESTABLISHED, now - *first_ns);
	bpf_map_delete_elem(&tcp_requests, &f);
}

static __always_inline void begin_connect(struct sock *sk)
{
	struct tcp_spells *spells = spells_of(sk, true);

	if (spells)
		spells->connect_ns = bpf_ktime_get_ns();
	else
		count_loss(LOSS_TCP_SOCKETS);
}

static __always_inline void end_connect(struct sock *sk, int before, int after)
{
	struct tcp_spells *spells = spells_of(sk, false);

	if (spells && spells->connect_ns) {
		record_connect(sk, ROLE_ACTIVE, result_of(sk, after),
			       bpf_ktime_get_ns() - spells->connect_ns);
		bpf_sk_storage_delete(&tcp_by_socket, sk);
	} else if (before == TCP_SYN_RECV && after == TCP_ESTABLISHED) {
		accepted(sk);
	}
}

static __always_inline void state_changed(struct sock *sk, int before, int after)
{
	if (READ(sk, sk_protocol) != IPPROTO_TCP || !socket_in_scope(sk))
		return;
	if (after == TCP_SYN_SENT)
		begin_connect(sk);
	else if ((before == TCP_SYN_SENT || before == TCP_SYN_RECV) &&
		 (after == TCP_ESTABLISHED || after == TCP_CLOSE))
		end_connect(sk, before, after);
	else if (before == TCP_ESTABLISHED)
		end_zero_windows(sk);
}

#endif
