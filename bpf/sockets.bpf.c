//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The sockets of the network namespace of whoever opens the iterator: of TCP since Linux
 * 5.8, of UDP since 5.9. Each program writes one struct socket_record per socket.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "sockets.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

SEC("iter/tcp")
int sockets_tcp(struct bpf_iter__tcp *ctx)
{
	struct sock_common *skc = ctx->sk_common;
	struct socket_record r = { .protocol = IPPROTO_TCP };
	struct tcp_timewait_sock *tw;
	struct tcp_sock *tp;

	if (!skc) /* the end */
		return 0;
	record_addresses(&r, skc);
	r.uid = ctx->uid;
	if (r.state == TCP_TIME_WAIT) {
		/* Also what waits for the peer's FIN without an owner. */
		tw = bpf_skc_to_tcp_timewait_sock(skc);
		if (tw)
			r.state = tw->tw_sk.tw_substate;
	} else if (r.state != TCP_NEW_SYN_RECV) {
		tp = bpf_skc_to_tcp_sock(skc);
		if (tp)
			record_tcp(&r, tp);
	}
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}

SEC("iter/udp")
int sockets_udp(struct bpf_iter__udp *ctx)
{
	struct udp_sock *up = ctx->udp_sk;
	struct socket_record r = { .protocol = IPPROTO_UDP };

	if (!up) /* the end */
		return 0;
	record_addresses(&r, &up->inet.sk.__sk_common);
	r.uid = ctx->uid;
	record_udp(&r, up);
	bpf_seq_write(ctx->meta->seq, &r, sizeof(r));
	return 0;
}
