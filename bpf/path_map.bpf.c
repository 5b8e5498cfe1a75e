//go:build ignore

// SPDX-License-Identifier: GPL-2.0 OR MIT
/* The path map's programs, at tracepoints. Arguments are those of Linux 6.18's BTF. */
#define PROBE_READ_ONLY /* some of the pointers may be NULL, and older kernels do not say so */
#include "pathmap.h"

char LICENSE[] SEC("license") = "Dual MIT/GPL";

/* Whether kfree_skb has a reason: it came later than the tracepoint. */
const volatile bool path_kfree_has_reason;

static __always_inline __u64 argument(__u64 *ctx, int n)
{
	__u64 value = 0;

	bpf_probe_read_kernel(&value, sizeof(value), &ctx[n]);
	return value;
}

#define PATH_AT(name, hook, at, value)                                                     \
	SEC("tp_btf/" #name)                                                               \
	int path_##name(__u64 *ctx)                                                        \
	{                                                                                  \
		return path_packet(ctx, (struct sk_buff *)argument(ctx, at), hook, value); \
	}

PATH_AT(napi_gro_receive_entry, PATH_NAPI_GRO_RECEIVE_ENTRY, 0, 0)
PATH_AT(netif_rx, PATH_NETIF_RX, 0, 0)
PATH_AT(netif_receive_skb, PATH_NETIF_RECEIVE_SKB, 0, 0)
PATH_AT(net_dev_queue, PATH_NET_DEV_QUEUE, 0, 0)
PATH_AT(qdisc_enqueue, PATH_QDISC_ENQUEUE, 2, 0)
PATH_AT(qdisc_dequeue, PATH_QDISC_DEQUEUE, 3, 0)
PATH_AT(net_dev_start_xmit, PATH_NET_DEV_START_XMIT, 0, 0)
PATH_AT(net_dev_xmit, PATH_NET_DEV_XMIT, 0, argument(ctx, 1))
PATH_AT(tcp_probe, PATH_TCP_PROBE, 1, 0)
PATH_AT(skb_copy_datagram_iovec, PATH_SKB_COPY_DATAGRAM_IOVEC, 0, argument(ctx, 1))
PATH_AT(consume_skb, PATH_CONSUME_SKB, 0, 0)

SEC("tp_btf/kfree_skb")
int path_kfree_skb(__u64 *ctx)
{
	__s32 reason = path_kfree_has_reason ? argument(ctx, 2) : 0;

	return path_packet(ctx, (struct sk_buff *)argument(ctx, 0), PATH_KFREE_SKB, reason);
}

SEC("tp_btf/sk_data_ready")
int path_sk_data_ready(__u64 *ctx)
{
	return path_wake(ctx, (struct sock *)argument(ctx, 0));
}
