//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/*
 * The stack probes on the network's own hooks: netfilter links (Linux 6.4, attached
 * per network namespace) and TCX (Linux 6.6, attached per device). They see the
 * packet and let it pass, always.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include "arrive.h"
#include "hooktime.h"
#include "socket.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

extern void *bpf_cast_to_kern_ctx(void *obj) __ksym;

static __always_inline __u16 netfilter_protocol(const struct bpf_nf_ctx *ctx)
{
	return ctx->state->pf == AF_INET ? ETH_P_IP : ETH_P_IPV6;
}

/* LOCAL_IN, before all rules. */
SEC("netfilter")
int network_receive_netfilter(struct bpf_nf_ctx *ctx)
{
	arrive_with_header(STATION_NETWORK_RECEIVE, ctx->skb, netfilter_protocol(ctx), false,
			   false);
	return NF_ACCEPT;
}

/* LOCAL_IN, after all rules. */
SEC("netfilter")
int transport_receive_netfilter(struct bpf_nf_ctx *ctx)
{
	hand_over(arrive_with_header(STATION_TRANSPORT_RECEIVE, ctx->skb, netfilter_protocol(ctx),
				     false, false));
	return NF_ACCEPT;
}

/* FORWARD, before all rules. */
SEC("netfilter")
int network_forward_netfilter(struct bpf_nf_ctx *ctx)
{
	arrive_with_header(STATION_NETWORK_FORWARD, ctx->skb, netfilter_protocol(ctx), false,
			   false);
	return NF_ACCEPT;
}

/* LOCAL_OUT, before all rules. */
SEC("netfilter")
int transport_transmit_netfilter(struct bpf_nf_ctx *ctx)
{
	arrive_with_header(STATION_TRANSPORT_TRANSMIT, ctx->skb, netfilter_protocol(ctx), false,
			   true);
	return NF_ACCEPT;
}

/* POST_ROUTING, before all rules. */
SEC("netfilter")
int network_transmit_netfilter(struct bpf_nf_ctx *ctx)
{
	if (!is_forwarded(ctx->skb))
		arrive_with_header(STATION_NETWORK_TRANSMIT, ctx->skb, netfilter_protocol(ctx),
				   false, true);
	return NF_ACCEPT;
}

SEC("netfilter")
int netfilter_first_netfilter(struct bpf_nf_ctx *ctx)
{
	enter_hook(ctx->skb, ctx->state);
	return NF_ACCEPT;
}

SEC("netfilter")
int netfilter_last_netfilter(struct bpf_nf_ctx *ctx)
{
	leave_hook(ctx->skb, ctx->state);
	return NF_ACCEPT;
}

/* The kernel has set the network header by now, unlike at the tracepoint. */
SEC("tcx/ingress")
int link_receive_tcx(struct __sk_buff *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);

	if (in_scope(READ(skb, dev)))
		arrive_with_header(STATION_LINK_RECEIVE, skb, bpf_ntohs(READ(skb, protocol)), true,
				   false);
	return TCX_CONTINUE;
}

SEC("tcx/egress")
int qdisc_transmit_tcx(struct __sk_buff *ctx)
{
	struct sk_buff *skb = bpf_cast_to_kern_ctx(ctx);

	if (in_scope(READ(skb, dev)))
		arrive_with_header(STATION_QDISC_TRANSMIT, skb, bpf_ntohs(READ(skb, protocol)),
				   false, false);
	return TCX_CONTINUE;
}
