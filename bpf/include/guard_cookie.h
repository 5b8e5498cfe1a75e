/* SPDX-License-Identifier: GPL-2.0 OR MIT */
/*
 * Answers SYNs with cookies of the kernel's own (net/ipv4/syncookies.c), before anything
 * is allocated for them. A cookie holds what the kernel needs to know of the SYN when the
 * ACK comes, so nothing is kept.
 *
 * bpf_tcp_gen_syncookie() makes one only where the kernel would, that is if its queue of
 * half-open connections is full (or net.ipv4.tcp_syncookies is 2), and notes that the
 * listener has sent cookies, without which the kernel takes none. While there is room in
 * the queue the SYN is left to the kernel. So no sysctl has to be changed, and a cookie
 * that is sent is one that is taken. (Cookies of bpf_tcp_raw_gen_syncookie_ipv4() would
 * be refused by listeners that have sent none of their own.)
 */
#ifndef PACKETSCOPE_GUARD_COOKIE_H
#define PACKETSCOPE_GUARD_COOKIE_H

#include "guard_socket.h"

/*
 * Whether a segment is signed (RFC 2385, RFC 5925): then so must be the answer. Where the
 * loop is stands in memory, so that the verifier does not tell its ways apart.
 */
__noinline int guard_is_signed(struct guard_segment *s)
{
	if (!s)
		return 0;
	s->at = sizeof(struct guard_tcp);
#pragma nounroll
	for (int i = 0; i < GUARD_MAX_OPTIONS; i++) {
		__u32 at = *(volatile __u32 *)&s->at;
		__u8 kind = s->bytes[at & (GUARD_TCP_SPACE - 1)], size;

		if (at >= s->size || !kind)
			break;
		if (kind == 19 || kind == 29)
			return 1;
		size = s->bytes[(at + 1) & (GUARD_TCP_SPACE - 1)];
		if (kind == 1)
			size = 1;
		else if (size < 2)
			break;
		s->at = at + size;
	}
	return 0;
}

/*
 * What the answer says that depends on the host: a window of which no kernel offers less,
 * the hops of packets, and what fits the device.
 */
static __always_inline void guard_note_host(struct xdp_md *ctx, struct guard_segment *s,
					    struct bpf_sock *sk, __u32 headers)
{
	struct tcp_sock *tcp = bpf_skc_to_tcp_sock(sk);
	__u32 mtu = 0;

	s->window = 0;
	s->ttl = 64;
	if (tcp) {
		struct sock *listener = (struct sock *)tcp;
		__u32 space = listener->sk_rcvbuf;

		space /= 4; /* tcp_win_from_space takes half of it, or less */
		s->window = space < GUARD_MAX_WINDOW ? space : GUARD_MAX_WINDOW;
		s->ttl = listener->__sk_common.skc_net.net->ipv4.sysctl_ip_default_ttl;
	}
	s->mss = 1460;
	if (!bpf_check_mtu(ctx, 0, &mtu, 0, 0) && mtu > headers + 88)
		s->mss = mtu - headers;
	if (s->mss > 65535)
		s->mss = 65535;
}

/*
 * Makes a cookie for a SYN to a listener of this host; returns whether there is one. It
 * then stands in w->cookie, and what guard_answer() needs in guard_segments.
 */
__noinline int guard_make_cookie(struct xdp_md *ctx, struct guard_walk *w)
{
	struct guard_segment *s = guard_only(&guard_segments);
	struct bpf_sock *sk;
	__s64 cookie = -1;
	__u32 headers;

	if (!w || !s || w->packet.fragment || guard_note_packet(ctx, w) != GUARD_TCP)
		return 0;
	/* Linux takes no segment from a frame to a group, whose address is none to answer from. */
	if (w->packet.destination_mac[0] & 1)
		return 0;
	if (!guard_load_segment(ctx, &w->packet, s) || guard_is_signed(s))
		return 0;
	headers = guard_network_size(&w->packet);
	sk = bpf_skc_lookup_tcp(ctx, &w->tuple, guard_tuple_size(w), BPF_F_CURRENT_NETNS, 0);
	if (!sk)
		return 0;
	if (sk->state == TCP_LISTEN) {
		cookie = bpf_tcp_gen_syncookie(sk, &s->ipv6, headers, (void *)&s->tcp,
					       guard_segment_size(s));
		if (cookie >= 0)
			guard_note_host(ctx, s, sk, headers + sizeof(struct guard_tcp));
	}
	bpf_sk_release(sk);
	w->cookie = cookie;
	return cookie >= 0;
}

/* The sum of a header's words, with more of them before; not complemented. */
static __always_inline __u32 guard_sum(__u32 sum, const __be16 *words, int bytes)
{
#pragma unroll
	for (int i = 0; i < bytes / 2; i++)
		sum += words[i];
	return sum;
}

static __always_inline __u16 guard_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

enum {
	GUARD_ANSWER_TCP = sizeof(struct guard_tcp) + 4, /* with the option MSS */
};

static __always_inline void guard_answer_tcp(struct guard_walk *w, struct guard_segment *s)
{
	struct guard_packet *p = &w->packet;
	__be32 sequence = s->tcp.sequence;
	__u32 sum = bpf_htons(GUARD_TCP) + bpf_htons(GUARD_ANSWER_TCP);

	s->tcp.source = bpf_htons(p->destination_port);
	s->tcp.destination = bpf_htons(p->source_port);
	s->tcp.sequence = bpf_htonl(w->cookie);
	s->tcp.acknowledgement = bpf_htonl(bpf_ntohl(sequence) + 1);
	s->tcp.offset = GUARD_ANSWER_TCP / 4 << 4;
	s->tcp.flags = GUARD_SYN | GUARD_ACK;
	s->tcp.window = bpf_htons(s->window);
	s->tcp.checksum = 0;
	s->tcp.urgent = 0;
	s->halves[10] = bpf_htons(2 << 8 | 4);
	s->halves[11] = bpf_htons(s->mss);
	/* Both addresses and their protocol: RFC 9293 section 3.1. */
	sum = guard_sum(sum, (__be16 *)p->source, 16);
	sum = guard_sum(sum, (__be16 *)p->destination, 16);
	s->tcp.checksum = guard_fold(guard_sum(sum, s->halves, GUARD_ANSWER_TCP));
}

static __always_inline void guard_answer_ip(struct guard_walk *w, struct guard_segment *s)
{
	struct guard_packet *p = &w->packet;

	if (p->family == 6) {
		s->ipv6.version_flow = bpf_htonl(6u << 28);
		s->ipv6.length = bpf_htons(GUARD_ANSWER_TCP);
		s->ipv6.next = GUARD_TCP;
		s->ipv6.hops = s->ttl;
		guard_copy16(s->ipv6.source, p->destination);
		guard_copy16(s->ipv6.destination, p->source);
		return;
	}
	s->ipv4.version_size = 0x45;
	s->ipv4.service = 0;
	s->ipv4.length = bpf_htons(sizeof(s->ipv4) + GUARD_ANSWER_TCP);
	s->ipv4.id = 0;
	s->ipv4.fragment = bpf_htons(0x4000); /* as Linux does; so it needs no number */
	s->ipv4.ttl = s->ttl;
	s->ipv4.protocol = GUARD_TCP;
	s->ipv4.checksum = 0;
	s->ipv4.source = p->destination[0];
	s->ipv4.destination = p->source[0];
	s->ipv4.checksum = guard_fold(guard_sum(0, s->words, sizeof(s->ipv4)));
}

/* The least that a frame has on the wire, without its check sequence. */
#define GUARD_ETHER_LEAST 60

/*
 * Turns the SYN into its answer, in the frame: the addresses change places, tags stay, and
 * options of IP are left out. Returns whether it did; if not, the frame is what it was.
 */
__noinline int guard_answer(struct xdp_md *ctx, struct guard_walk *w)
{
	struct guard_segment *s = guard_only(&guard_segments);
	struct guard_ether *ether;
	struct guard_packet *p;
	__u32 headers, size, now;

	if (!w || !s)
		return 0;
	p = &w->packet;
	now = guard_end(ctx) - guard_start(ctx);
	headers = guard_network_size(p);
	size = p->network + headers + GUARD_ANSWER_TCP;
	if (size < GUARD_ETHER_LEAST && now >= GUARD_ETHER_LEAST)
		size = GUARD_ETHER_LEAST; /* what is behind the packet may stay: the sender knows it */
	if (bpf_xdp_adjust_tail(ctx, (int)(size - now)))
		return 0;
	guard_answer_ip(w, s);
	guard_answer_tcp(w, s);
	ether = guard_frame_header(ctx, 0, sizeof(*ether));
	if (!ether) /* never: it was read */
		return 0;
	__builtin_memcpy(ether->destination, p->source_mac, 6);
	__builtin_memcpy(ether->source, p->destination_mac, 6);
	if (p->family == 6)
		bpf_xdp_store_bytes(ctx, p->network, &s->ipv6, sizeof(s->ipv6));
	else
		bpf_xdp_store_bytes(ctx, p->network, &s->ipv4, sizeof(s->ipv4));
	bpf_xdp_store_bytes(ctx, p->network + headers, s->bytes, GUARD_ANSWER_TCP);
	return 1;
}

#endif
