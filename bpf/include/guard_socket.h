/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * What the host's sockets say of a packet: Env.Truth of the Go half. Cold like
 * guard_cold.h: a socket is looked up for the first test that asks for it, so once per
 * packet at most, and for no packet if nothing asks.
 */
#ifndef PACKETSCOPE_GUARD_SOCKET_H
#define PACKETSCOPE_GUARD_SOCKET_H

#include "guard_blocks.h"
#include "guard_count.h"
#include "guard_segment.h"
#include "guard_tracked.h"
#include "kernel.h"

/* The result of a lookup, as a truth. */
static __always_inline __u32 guard_truth_of(enum guard_socket result, __u32 sequence)
{
	return 1u << result | sequence << GUARD_SEQUENCE_SHIFT;
}

/* Sorts the states of include/net/tcp_states.h. */
static __always_inline enum guard_socket guard_tcp_state(__u32 state)
{
	switch (state) {
	case TCP_LISTEN:
		return GUARD_SOCKET_LISTEN;
	case TCP_SYN_SENT:
		return GUARD_SOCKET_SYN_SENT;
	case TCP_SYN_RECV:
	case TCP_NEW_SYN_RECV:
		return GUARD_SOCKET_SYN_RECV;
	case TCP_TIME_WAIT:
		return GUARD_SOCKET_TIME_WAIT;
	}
	return GUARD_SOCKET_ESTABLISHED;
}

/* Whether a quoted number was sent and is not acknowledged (tcp_v4_err). */
static __always_inline __u32 guard_sent(const struct tcp_sock *tcp, __u32 sequence)
{
	__u32 first = tcp->snd_una;

	return sequence - first <= tcp->snd_nxt - first ? GUARD_SEQUENCE_IN : GUARD_SEQUENCE_OUT;
}

/* Where a segment is in the window of its receiver (tcp_sequence). */
static __always_inline __u32 guard_received(const struct tcp_sock *tcp, __u32 sequence,
					    __u32 segment)
{
	__u32 next = tcp->rcv_nxt, acked = tcp->rcv_wup;
	__s32 left = acked + tcp->rcv_wnd - next;

	if (sequence == next)
		return GUARD_SEQUENCE_NEXT;
	if (left < 0)
		left = 0;
	if ((__s32)(sequence + segment - acked) < 0 || (__s32)(next + left - sequence) < 0)
		return GUARD_SEQUENCE_OUT;
	return GUARD_SEQUENCE_IN;
}

static __always_inline __u32 guard_tuple_size(const struct guard_walk *w)
{
	return w->packet.family == 6 ? sizeof(w->tuple.ipv6) : sizeof(w->tuple.ipv4);
}

/*
 * Whether a segment to a listener acknowledges a cookie that the kernel takes, so that it
 * opens a connection, although nothing is known of that.
 */
static __always_inline bool guard_has_cookie(struct xdp_md *ctx, struct guard_walk *w,
					     struct bpf_sock *sk)
{
	struct guard_segment *s = guard_only(&guard_segments);

	if (!s || (w->packet.flags & (GUARD_SYN | GUARD_RST | GUARD_ACK)) != GUARD_ACK ||
	    !guard_load_segment(ctx, &w->packet, s))
		return false;
	return !bpf_tcp_check_syncookie(sk, &s->ipv6, guard_network_size(&w->packet),
					(void *)&s->tcp, guard_segment_size(s));
}

/*
 * Both lookups are functions of their own: the verifier does not take one instruction
 * that reads what either has found.
 */
__noinline int guard_look_tcp(struct xdp_md *ctx, struct guard_walk *w, __u32 inner)
{
	enum guard_socket result;
	struct tcp_sock *tcp;
	struct bpf_sock *sk;
	__u32 place = 0;

	if (!w)
		return 0;
	sk = bpf_skc_lookup_tcp(ctx, &w->tuple, guard_tuple_size(w), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return guard_truth_of(GUARD_SOCKET_NONE, 0);
	result = guard_tcp_state(sk->state);
	if (result == GUARD_SOCKET_LISTEN && !inner && guard_has_cookie(ctx, w, sk)) {
		w->vouched = 1;
		result = GUARD_SOCKET_SYN_RECV;
	}
	if (w->sequenced &&
	    (result == GUARD_SOCKET_ESTABLISHED || (inner && result == GUARD_SOCKET_SYN_SENT))) {
		tcp = bpf_skc_to_tcp_sock(sk);
		if (tcp && inner)
			place = guard_sent(tcp, w->sequence);
		else if (tcp)
			place = guard_received(tcp, w->sequence, w->segment);
	}
	bpf_sk_release(sk);
	return guard_truth_of(result, place);
}

__noinline int guard_look_udp(struct xdp_md *ctx, struct guard_walk *w)
{
	enum guard_socket result = GUARD_SOCKET_LISTEN;
	struct bpf_sock *sk;

	if (!w)
		return 0;
	sk = bpf_sk_lookup_udp(ctx, &w->tuple, guard_tuple_size(w), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return guard_truth_of(GUARD_SOCKET_NONE, 0);
	if (sk->state == TCP_ESTABLISHED) /* connected */
		result = GUARD_SOCKET_ESTABLISHED;
	bpf_sk_release(sk);
	return guard_truth_of(result, 0);
}

/* Notes the ends of a socket: where a packet comes from that it receives, and goes to. */
static __always_inline void guard_note_ends(struct guard_walk *w, const __be32 *remote,
					    const __be32 *local, __u16 remote_port,
					    __u16 local_port)
{
	struct bpf_sock_tuple *t = &w->tuple;

	if (w->packet.family == 6) {
		guard_copy16(t->ipv6.saddr, remote);
		guard_copy16(t->ipv6.daddr, local);
		t->ipv6.sport = bpf_htons(remote_port);
		t->ipv6.dport = bpf_htons(local_port);
		return;
	}
	t->ipv4.saddr = remote[0];
	t->ipv4.daddr = local[0];
	t->ipv4.sport = bpf_htons(remote_port);
	t->ipv4.dport = bpf_htons(local_port);
}

/*
 * Notes what to look up; returns the protocol, or 0 if the packet has no ends of TCP or
 * UDP: question of the Go half.
 */
static __always_inline __u8 guard_note_packet(struct xdp_md *ctx, struct guard_walk *w)
{
	const __u32 fin = 1, syn = 2;
	struct guard_packet *p = &w->packet;
	struct guard_tcp *h;

	if (!(p->has & GUARD_HAS_PORTS))
		return 0;
	w->sequenced = 0;
	if (p->protocol == GUARD_TCP) {
		h = guard_header(ctx, p->transport, p->end, sizeof(*h));
		if (!h) /* never: it was read */
			return 0;
		w->sequenced = 1;
		w->sequence = bpf_ntohl(h->sequence);
		w->segment = p->network + p->length - p->payload;
		w->segment += (p->flags & fin) + !!(p->flags & syn);
	}
	guard_note_ends(w, p->source, p->destination, p->source_port, p->destination_port);
	return p->protocol;
}

static __always_inline __u8 guard_note_quoted(struct guard_walk *w)
{
	struct guard_quoted *q = &w->packet.quoted;

	if (!(w->packet.has & GUARD_HAS_QUOTED) || !(q->has & GUARD_HAS_PORTS))
		return 0;
	w->sequenced = q->has & GUARD_HAS_SEQUENCE;
	w->sequence = q->sequence;
	guard_note_ends(w, q->destination, q->source, q->destination_port, q->source_port);
	return q->protocol;
}

/* Whether the local address is one of this host. */
static __always_inline bool guard_asks_own(struct guard_walk *w, bool inner)
{
	if (inner)
		return guard_may_be_own(w->packet.quoted.source) &&
		       guard_is_own(w, GUARD_ADDRESS_QUOTED_SOURCE);
	return guard_may_be_own(w->packet.destination) &&
	       guard_is_own(w, GUARD_ADDRESS_DESTINATION);
}

/*
 * Whether a packet that no connection of a socket is found for is of one nevertheless, which
 * another than this host's sockets has. A listener gets each datagram, and each SYN.
 */
__noinline int guard_look_tracked(struct xdp_md *ctx, struct guard_walk *w, __u32 found,
				  __u32 inner)
{
	__u8 protocol;

	if (!w)
		return 0;
	protocol = inner ? w->packet.quoted.protocol : w->packet.protocol;
	if (found & 1 << GUARD_SOCKET_LISTEN && !inner &&
	    (protocol != GUARD_TCP || (w->packet.flags & (GUARD_SYN | GUARD_ACK)) == GUARD_SYN))
		return 0;
	return guard_is_tracked(ctx, &w->tuple, guard_tuple_size(w), protocol);
}

/* Whether it is in a VLAN; a tag may have a priority alone: inVLAN of the Go half. */
static __always_inline bool guard_in_vlan(const struct guard_packet *p)
{
	return (p->tag_count > 0 && p->tags[0]) || (p->tag_count > 1 && p->tags[1]);
}

/* Finds what is known of the socket of the packet, or of the one that it quotes. */
__noinline int guard_find_socket(struct xdp_md *ctx, struct guard_walk *w, __u32 inner)
{
	const __u32 vague = 1 << GUARD_SOCKET_NONE | 1 << GUARD_SOCKET_LISTEN;
	__u32 truth = guard_truth_of(GUARD_SOCKET_UNKNOWN, GUARD_SEQUENCE_UNKNOWN);
	__u8 protocol;

	if (!w)
		return 0;
	inner &= 1;
	w->looked |= 1 << inner;
	w->vouched = 0;
	w->truth[inner] = 0;
	protocol = inner ? guard_note_quoted(w) : guard_note_packet(ctx, w);
	if (protocol != GUARD_TCP && protocol != GUARD_UDP)
		return 0;
	if (guard_look_sockets && guard_asks_own(w, inner)) {
		__u32 found = protocol == GUARD_TCP ? guard_look_tcp(ctx, w, inner) :
						      guard_look_udp(ctx, w);

		/* A socket may be bound to the device of the VLAN, where nobody looks. */
		if (!(found & vague) ||
		    (!guard_in_vlan(&w->packet) &&
		     !(guard_ask_conntrack && guard_look_tracked(ctx, w, found, inner))))
			truth = found;
	}
	if (protocol == GUARD_UDP || !w->sequenced)
		truth &= (1 << GUARD_SEQUENCE_SHIFT) - 1;
	w->truth[inner] = truth;
	guard_total(GUARD_TOTAL_SOCKET + guard_lowest(truth), w->size);
	return 0;
}

/* What is known of a socket: bits of enum guard_socket and, above, guard_sequence. */
static __always_inline __u32 guard_truth(struct xdp_md *ctx, struct guard_walk *w, __u32 inner)
{
	inner &= 1;
	if (!(w->looked >> inner & 1))
		guard_find_socket(ctx, w, inner);
	return w->truth[inner];
}

#endif
