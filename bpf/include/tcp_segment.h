/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/* What the segments of established connections tell: windows, duplicates, round trips. */
#ifndef PACKETSCOPE_TCP_SEGMENT_H
#define PACKETSCOPE_TCP_SEGMENT_H

#include "tcp.h"

/* The TCP header, RFC 9293 section 3.1. */
struct tcphdr {
	__be16 source;
	__be16 dest;
	__be32 seq;
	__be32 ack_seq;
	__u8 offset; /* of the data in words << 4 */
	__u8 flags;
	__be16 window;
};

#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04

/*
 * The peer's window became zero, or open again. The packet says which; the socket still has
 * the window of the packet before.
 */
static __always_inline void peer_window_turned(struct sock *sk, bool open)
{
	struct tcp_spells *spells = spells_of(sk, !open);
	__u64 since = spells ? spells->zero_window_ns[SIDE_PEER] : 0, now = bpf_ktime_get_ns();

	if (!open) {
		count_tcp(TCP_COUNT_ZERO_WINDOW + SIDE_PEER, 1);
		if (spells)
			spells->zero_window_ns[SIDE_PEER] = now;
		else
			count_loss(LOSS_TCP_SOCKETS);
	} else if (since) {
		record_tcp(TCP_DURATION_ZERO_WINDOW + SIDE_PEER, sk, now - since);
		spells->zero_window_ns[SIDE_PEER] = 0;
	}
}

/*
 * Our window is zero, or was: the last packet told so. tcp_mstamp is when the socket
 * sent or received that, because the kernel sets it after its tracepoints.
 */
static __always_inline void local_window(struct sock *sk, struct tcp_sock *tp, bool open)
{
	struct tcp_spells *spells;
	__u64 *since, last;

	if (READ(sk, __sk_common.skc_state) != TCP_ESTABLISHED)
		return;
	spells = spells_of(sk, !open);
	if (!spells) {
		if (!open)
			count_loss(LOSS_TCP_SOCKETS);
		return;
	}
	since = &spells->zero_window_ns[SIDE_LOCAL];
	last = tp->tcp_mstamp * NSEC_PER_USEC;
	if (!open && !*since) {
		*since = last;
		count_tcp(TCP_COUNT_ZERO_WINDOW + SIDE_LOCAL, 1);
	} else if (open && *since) {
		record_tcp(TCP_DURATION_ZERO_WINDOW + SIDE_LOCAL, sk, last - *since);
		*since = 0;
	}
}

/*
 * The kernel leaves its fast path, which pred_flags opens, when it announces a window
 * of zero, and takes it again only after the next segment. So only a socket off that
 * path can have had such a window, and others need no look at their storage.
 */
static __always_inline void watch_local_window(struct sock *sk, struct tcp_sock *tp)
{
	if (!tp->rcv_wnd)
		local_window(sk, tp, false);
	else if (!tp->pred_flags)
		local_window(sk, tp, true);
}

/* A connection that is over has no window any more. */
static __always_inline void end_zero_windows(struct sock *sk)
{
	struct tcp_spells *spells = spells_of(sk, false);
	__u64 now;

	if (!spells)
		return;
	now = bpf_ktime_get_ns();
	for (int side = 0; side < SIDES; side++) {
		__u64 since = spells->zero_window_ns[side];

		if (since)
			record_tcp(TCP_DURATION_ZERO_WINDOW + side, sk, now - since);
		spells->zero_window_ns[side] = 0;
	}
}

/*
 * An acknowledgement without data that acknowledges nothing new while data is under way: with
 * the window of the segment before (RFC 5681 section 2), or with a longer header than
 * those of the connection have, which is for selective acknowledgements (RFC 6675
 * section 2): Linux opens the window further while it sends these.
 */
static __always_inline bool is_duplicate(const struct tcphdr *th, struct tcp_sock *tp, __u32 length)
{
	__u32 header = (th->offset >> 4) * 4;

	if (length != header || th->flags & FLAG_FIN || !tp->packets_out)
		return false;
	return header > tp->tcp_header_len ||
	       (__u32)bpf_ntohs(th->window)
			       << BPF_CORE_READ_BITFIELD_PROBED(&tp->rx_opt, snd_wscale) ==
		       tp->snd_wnd;
}

static __always_inline void sample_round_trip(struct sock *sk, struct tcp_sock *tp)
{
	__u32 key = 0, *turn = bpf_map_lookup_elem(&tcp_turns, &key), srtt;

	if (!turn || (*turn)++ & sample_mask)
		return;
	srtt = tp->srtt_us >> 3; /* it is kept in eighths */
	if (srtt)
		record_tcp(TCP_DURATION_RTT + socket_family(sk), sk, (__u64)srtt * NSEC_PER_USEC);
}

/* A segment came for an established connection, which has not looked at it yet. */
static __always_inline void received(struct sock *sk, struct sk_buff *skb)
{
	struct tcp_sock *tp = tcp_of(sk);
	struct tcphdr th = {};

	if (!tp || !socket_in_scope(sk))
		return;
	if (bpf_rdonly_cast) {
		const struct tcphdr *at =
			bpf_rdonly_cast(READ(skb, data), bpf_core_type_id_kernel(struct tcphdr));

		th.ack_seq = at->ack_seq;
		th.offset = *((__u8 *)at + __builtin_offsetof(struct tcphdr, offset));
		th.flags = at->flags;
		th.window = at->window;
	} else {
		bpf_probe_read_kernel(&th, sizeof(th), READ(skb, data));
	}
	if (!(th.flags & (FLAG_SYN | FLAG_RST))) {
		if (!th.window != !tp->snd_wnd)
			peer_window_turned(sk, th.window);
		if (bpf_ntohl(th.ack_seq) == tp->snd_una && is_duplicate(&th, tp, READ(skb, len)))
			count_tcp(TCP_COUNT_DUPLICATE_ACK + socket_family(sk), 1);
	}
	watch_local_window(sk, tp);
	sample_round_trip(sk, tp);
}

#endif
